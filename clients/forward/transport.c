#include "clients/forward/transport.h"

#include "proto/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct transport *const transports[] = {
    &transport_http, &transport_mail, &transport_upload, &transport_directory, &transport_newswire};

void verdict_set(struct verdict *v, enum verdict_outcome outcome, const char *format, ...) {
    char text[1024];
    va_list arguments;
    *v = (struct verdict){.outcome = outcome};
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    codec_mend_utf8(text);
    char *harmless = text_harmless(slice_of(text));
    if (harmless != NULL)
        snprintf(v->text, sizeof v->text, "%s", harmless);
    codec_mend_utf8(v->text); /* it may have been cut within a character */
    free(harmless);
}

const struct transport *transport_find(const char *url) {
    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++)
        for (const char *const *scheme = transports[i]->schemes; *scheme != NULL; scheme++) {
            size_t len = strlen(*scheme);
            if (strncmp(url, *scheme, len) == 0 && strncmp(url + len, "://", 3) == 0)
                return transports[i];
        }
    return NULL;
}
