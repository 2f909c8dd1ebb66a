#include "clients/alert/finding.h"

#include "proto/article.h"
#include "proto/codec.h"
#include "proto/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line is read on a telephone. */
enum { LINE_BYTES = 400, TEXT_BYTES = 4096 };

static const char more[] = "…";

const char *finding_brief(struct arena *a, const char *text, size_t most) {
    size_t n = codec_fit_utf8(text, most);
    char *brief = text[n] == '\0' ? arena_strndup(a, text, n) : arena_alloc(a, n + sizeof more);
    if (brief != NULL && text[n] != '\0') {
        memcpy(brief, text, n);
        memcpy(brief + n, more, sizeof more);
    }
    return brief;
}

/* A cut within a character, far beyond what is kept, is mended first. */
static const char *one_line(struct arena *a, char *text) {
    codec_mend_utf8(text);
    char *harmless = text_harmless(slice_of(text));
    const char *line = harmless == NULL ? NULL : finding_brief(a, harmless, LINE_BYTES);
    free(harmless);
    return line;
}

int findings_add(struct findings *f, const struct finding *finding, const char *format, ...) {
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct finding *copy = arena_alloc(f->arena, sizeof *copy);
    if (copy == NULL)
        return -ENOMEM;
    *copy = *finding;
    copy->subject = arena_strndup(f->arena, finding->subject, strlen(finding->subject));
    copy->text = one_line(f->arena, text);
    if (copy->subject == NULL || copy->text == NULL)
        return -ENOMEM;
    return article_push(f->arena, (void ***)&f->items, &f->n, copy);
}
