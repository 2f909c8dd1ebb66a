#include "proto/metrics.h"

#include <inttypes.h>
#include <string.h>

static const struct {
    const char *word, *suffix;
} types[] = {[METRICS_GAUGE] = {"gauge", ""},
             [METRICS_COUNTER] = {"counter", "_total"},
             [METRICS_INFO] = {"info", "_info"}};

static void put_escaped(FILE *out, const char *text) {
    for (; *text != '\0'; text++)
        if (*text == '\n')
            fputs("\\n", out);
        else if (*text == '\\' || *text == '"')
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
}

static const char *unit_of(const char *name) {
    static const char *const units[] = {"seconds", "bytes", NULL};
    const char *last = strrchr(name, '_');
    for (size_t i = 0; last != NULL && units[i] != NULL; i++)
        if (strcmp(last + 1, units[i]) == 0)
            return units[i];
    return NULL;
}

void metrics_begin(FILE *out, const struct metrics_family *f) {
    fprintf(out, "# TYPE %s %s\n", f->name, types[f->type].word);
    if (unit_of(f->name) != NULL)
        fprintf(out, "# UNIT %s %s\n", f->name, unit_of(f->name));
    fprintf(out, "# HELP %s ", f->name);
    put_escaped(out, f->help);
    fputc('\n', out);
}

static void put_name(FILE *out, const struct metrics_family *f,
                     const struct metrics_label *labels) {
    const char *between = "{";
    fprintf(out, "%s%s", f->name, types[f->type].suffix);
    for (; labels != NULL && labels->name != NULL; labels++) {
        if (labels->value == NULL)
            continue;
        fprintf(out, "%s%s=\"", between, labels->name);
        put_escaped(out, labels->value);
        fputc('"', out);
        between = ",";
    }
    fputs(*between == ',' ? "} " : " ", out);
}

void metrics_value(FILE *out, const struct metrics_family *f, const struct metrics_label *labels,
                   int64_t value) {
    put_name(out, f, labels);
    fprintf(out, "%" PRId64 "\n", value);
}

void metrics_seconds(FILE *out, const struct metrics_family *f, const struct metrics_label *labels,
                     int64_t usec) {
    put_name(out, f, labels);
    fprintf(out, "%" PRId64 ".%06" PRId64 "\n", usec / 1000000, usec % 1000000);
}

void metrics_end(FILE *out) {
    fputs("# EOF\n", out);
}
