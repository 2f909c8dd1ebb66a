#include "proto/write.h"

#include "proto/formats/newsml.h"
#include "proto/formats/ninjs.h"
#include "proto/formats/nitf.h"
#include "proto/json.h"

#include <errno.h>
#include <string.h>

static int write_text(FILE *out, struct arena *a, const struct entry *e, const Article *article,
                      const char *version, const struct text_style *style) {
    (void)a, (void)version;
    return text_entry(out, e, article, style);
}

static int write_json(FILE *out, struct arena *a, const struct entry *e, const Article *article,
                      const char *version, const struct text_style *style) {
    (void)a, (void)version, (void)style;
    return json_write_line(out, json_entry(e, article));
}

static const char *const newsml_versions[] = {"2.35", NULL};
static const char *const nitf_versions[] = {"3.6", NULL};

const struct write_format write_formats[] = {
    {"text", NULL, ".txt", "text/plain", write_text},
    {"json", NULL, ".json", "application/json", write_json},
    {"ninjs", ninjs_versions, ".json", "application/json", ninjs_write},
    {"newsml-g2", newsml_versions, ".xml", "application/vnd.iptc.g2.newsitem+xml", newsml_write},
    {"nitf", nitf_versions, ".xml", "application/nitf+xml", nitf_write},
    {0},
};

const char *const write_format_words[] = {"text", "json", "ninjs", "newsml-g2", "nitf", NULL};
_Static_assert(sizeof write_format_words / sizeof *write_format_words ==
                   sizeof write_formats / sizeof *write_formats,
               "a word for each format");

const struct write_format *write_format_find(const char *name, const char **ret_version) {
    size_t len = strcspn(name, "@");
    for (const struct write_format *f = write_formats; f->name != NULL; f++) {
        if (strlen(f->name) != len || memcmp(f->name, name, len) != 0)
            continue;
        *ret_version = f->versions == NULL ? NULL : f->versions[0];
        if (name[len] == '\0')
            return f;
        for (size_t i = 0; f->versions != NULL && f->versions[i] != NULL; i++)
            if (strcmp(f->versions[i], name + len + 1) == 0) {
                *ret_version = f->versions[i];
                return f;
            }
    }
    return NULL;
}

const char *write_format_names(char *buffer, size_t size) {
    size_t n = 0;
    *buffer = '\0';
    for (const struct write_format *f = write_formats; f->name != NULL && n < size; f++) {
        n += (size_t)snprintf(buffer + n, size - n, "%s%s", n == 0 ? "" : ", ", f->name);
        for (size_t i = 1; f->versions != NULL && f->versions[i] != NULL && n < size; i++)
            n += (size_t)snprintf(buffer + n, size - n, ", %s@%s", f->name, f->versions[i]);
    }
    return buffer;
}
