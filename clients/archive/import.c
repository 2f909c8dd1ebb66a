/*
 * newswire-archive import: back from a jsonl export.
 */
#include "clients/archive/commands.h"
#include "clients/archive/index.h"
#include "clients/archive/line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum { BATCH = 4096 };

struct import {
    const char *archive_path;

    struct archive archive;
    struct keep keep;
    struct index index;
    char *cursor;
    uint64_t taken, known;
};

static const struct options_row rows[] = {
    ARCHIVE_ROW(import, archive_path),
    {0},
};

static const struct options options = {
    .program = "newswire-archive import",
    .arguments = "FILE...",
    .summary = "Takes entries from jsonl exports (-: stdin) into the archive with their numbers,\n"
               "so that verify holds; what is there is passed over. A new archive takes its\n"
               "place on the wire too, so that run goes on from there.",
    .rows = rows,
};

static int fail(struct import *i, const char *name, size_t line, int error, const struct fault *f) {
    if (error == -EINVAL)
        fprintf(stderr, "%s: %s:%zu: %s%s%s\n", options.program, name, line, f->field,
                *f->field == '\0' ? "" : ": ", f->reason);
    else if (error == -ENOMEM)
        fprintf(stderr, "%s: out of memory\n", options.program);
    else
        return archive_fail(&i->archive, &options);
    return error == -EINVAL ? EX_DATAERR : EX_OSERR;
}

static int take_file(struct import *i, const char *name, FILE *file) {
    struct fault fault = {0};
    char *text = NULL;
    size_t size = 0, line = 0;
    int r = 0;
    while (r >= 0 && getline(&text, &size, file) >= 0) {
        line++;
        r = line_take(&i->keep, text, &i->cursor, &fault);
        i->taken += r == 1;
        i->known += r == 0;
        if (r >= 0 && line % BATCH == 0)
            r = keep_commit(&i->keep, NULL);
    }
    free(text);
    if (r < 0)
        return fail(i, name, line, r, &fault);
    if (ferror(file)) {
        fprintf(stderr, "%s: %s: it can't be read\n", options.program, name);
        return EX_IOERR;
    }
    return EX_OK;
}

static int take_named(struct import *i, const char *name) {
    if (strcmp(name, "-") == 0)
        return take_file(i, "stdin", stdin);
    FILE *file = fopen(name, "re");
    if (file == NULL) {
        fprintf(stderr, "%s: %s: %s\n", options.program, name, strerror(errno));
        return EX_NOINPUT;
    }
    int code = take_file(i, name, file);
    fclose(file);
    return code;
}

/* The exported place is taken only where there is none: it may be older than ours. */
static int finish(struct import *i) {
    char *ours = NULL;
    int r = archive_text(&i->archive, "cursor", &ours), more = 1;
    if (r == 0)
        r = keep_commit(&i->keep, ours == NULL ? i->cursor : NULL);
    free(ours);
    while (r == 0 && more > 0) {
        more = index_step(&i->index, BATCH);
        r = more < 0 ? more : keep_commit(&i->keep, NULL);
    }
    return r < 0 ? archive_fail(&i->archive, &options) : EX_OK;
}

static int run(struct import *i, char *const *names, int n) {
    int code = archive_open(&i->archive, &options, i->archive_path, ARCHIVE_EXTEND);
    if (code != EX_OK)
        return code;
    if (keep_open(&i->keep, &i->archive) < 0 || index_open(&i->index, &i->keep) < 0)
        return archive_fail(&i->archive, &options);
    for (int k = 0; k < n && code == EX_OK; k++)
        code = take_named(i, names[k]);
    if (code == EX_OK)
        code = finish(i);
    if (code == EX_OK)
        fprintf(stderr, "%s: %llu taken, %llu were there\n", options.program,
                (unsigned long long)i->taken, (unsigned long long)i->known);
    return code;
}

int archive_import(int argc, char **argv) {
    struct import i = {.archive = {.lock = -1}};
    int first, code = options_parse(&options, argc, argv, &i, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    if (first == argc)
        return options_fault(&options, "which files?");
    code = run(&i, argv + first, argc - first);
    free(i.cursor);
    index_close(&i.index);
    keep_close(&i.keep);
    archive_close(&i.archive);
    return code;
}
