#include "proto/fault.h"

#include "proto/codec.h"
#include "proto/translation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int fault_set_va(struct fault *f, const char *field, const char *format, va_list arguments) {
    const char *local = translated(format);
    va_list again;
    va_copy(again, arguments);
    fault_clear(f);
    snprintf(f->field, sizeof f->field, "%s", field);
    vsnprintf(f->reason, sizeof f->reason, format, arguments);
    if (local != format)
        vsnprintf(f->local, sizeof f->local, local, again);
    va_end(again);
    codec_mend_utf8(f->field);
    codec_mend_utf8(f->reason);
    codec_mend_utf8(f->local);
    return -EINVAL;
}

int fault_set(struct fault *f, const char *field, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fault_set_va(f, field, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

static void add(char *text, size_t size, const char *joint, const char *cause) {
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%s%s", joint, cause);
    codec_mend_utf8(text);
}

int fault_say(struct fault *f, const char *field, const char *sentence) {
    const char *local = translated(sentence);
    fault_clear(f);
    add(f->field, sizeof f->field, "", field);
    add(f->reason, sizeof f->reason, "", sentence);
    if (local != sentence)
        add(f->local, sizeof f->local, "", local);
    return -EINVAL;
}

void fault_add(struct fault *f, const char *cause, const char *local) {
    const char *joint = N_(": ");
    if (*f->local != '\0')
        add(f->local, sizeof f->local, translated(joint), local);
    add(f->reason, sizeof f->reason, joint, cause);
}

int fault_set_error(struct fault *f, int error, const char *field, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fault_set_va(f, field, format, arguments);
    va_end(arguments);
    const char *word = strerror(error < 0 ? -error : error);
    fault_add(f, word, translated(word));
    return -EINVAL;
}

const char *fault_local(const struct fault *f) {
    return *f->local == '\0' ? f->reason : f->local;
}
