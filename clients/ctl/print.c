#include "clients/ctl/ctl.h"

#include "proto/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TEXTS = 4, TEXT_BYTES = 4096, TIME_BYTES = 32 };

long long ctl_number(const json_t *object, const char *key) {
    return (long long)json_integer_value(json_object_get(object, key));
}

const char *ctl_harmless(const char *text) {
    static char buffers[TEXTS][TEXT_BYTES];
    static unsigned next;
    char *copy = buffers[next++ % TEXTS],
         *harmless = text_harmless(slice_of(text == NULL ? "" : text));
    snprintf(copy, TEXT_BYTES, "%s", harmless == NULL ? "" : harmless);
    free(harmless);
    return copy;
}

const char *ctl_text(const json_t *object, const char *key) {
    return ctl_harmless(json_string_value(json_object_get(object, key)));
}

const char *ctl_time(int64_t usec) {
    static char buffers[TEXTS][TIME_BYTES];
    static unsigned next;
    char *text = buffers[next++ % TEXTS];
    time_t when = (time_t)(usec / 1000000);
    struct tm tm;
    strftime(text, TIME_BYTES, "%F %T", localtime_r(&when, &tm));
    return text;
}

void ctl_print_json(const json_t *value, size_t flags) {
    json_dumpf(value, stdout, flags | JSON_ENCODE_ANY);
    putchar('\n');
}
