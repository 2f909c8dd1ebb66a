/*
 * newswire-archive export: articles as files, or all entries as lines.
 */
#include "clients/archive/export.h"

#include "clients/archive/commands.h"
#include "clients/archive/print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#define AT(member) offsetof(struct export, member)

static const struct options_row rows[] = {
    ARCHIVE_ROW(export, archive_path),
    {"format", OPTIONS_STRING, AT(format), "NAME", NULL,
     "ninjs, newsml-g2, nitf, text, json, jsonl (default)"},
    {"out", OPTIONS_STRING, AT(out), "DIR", NULL, "where to; made if it isn't there"},
    {"section", OPTIONS_STRING, AT(section), "KEY", NULL, "only of this section"},
    {"kind", OPTIONS_STRING, AT(kind), "KIND", NULL, "article, brief or photo"},
    {"since", OPTIONS_STRING, AT(since), "TIME", NULL, "stored then or later: 2031-04-09, 3d"},
    {"until", OPTIONS_STRING, AT(until), "TIME", NULL, "stored before it"},
    {"withdrawn", OPTIONS_FLAG, AT(withdrawn), NULL, NULL,
     "jsonl: the texts of withdrawn stories too"},
    {0},
};

static const struct options options = {
    .program = "newswire-archive export",
    .arguments = "",
    .summary = "Writes the articles that hold now, a file each, with an index; what is as it was\n"
               "is left alone. jsonl: every entry, for import; without --out to stdout.",
    .rows = rows,
};

static int fail(struct export *x, const char *name, int error) {
    if (error == -EIO && *x->archive.store.trouble != '\0')
        return archive_fail(&x->archive, &options);
    fprintf(stderr, "%s: %s: %s\n", options.program, name, strerror(-error));
    return error == -ENOMEM ? EX_OSERR : EX_CANTCREAT;
}

static int read_options(struct export *x) {
    char names[256];
    if (x->format != NULL && strcmp(x->format, "jsonl") != 0) {
        x->writer = write_format_find(x->format, &x->writer_version);
        if (x->writer == NULL)
            return options_fault(&options, "--format: '%s' is none of: jsonl, %s", x->format,
                                 write_format_names(names, sizeof names));
        if (x->out == NULL)
            return options_fault(&options, "--out: where are the files to go?");
    }
    if (x->kind != NULL && article_kind_from_name(x->kind) < 0)
        return options_fault(&options, "--kind: '%s' is none of article, brief, photo", x->kind);
    int code = print_read_times(&options, x->since, x->until, &x->since_usec, &x->until_usec);
    if (x->until_usec == 0)
        x->until_usec = INT64_MAX;
    return code;
}

static int run(struct export *x) {
    const char *name = "";
    int code = archive_open(&x->archive, &options, x->archive_path, ARCHIVE_READ);
    if (code != EX_OK)
        return code;
    int r = load_open(&x->load, &x->archive);
    if (r == 0)
        r = store_exec(&x->archive.store, "BEGIN"); /* all of it at one moment */
    if (r == 0)
        r = x->writer == NULL ? export_lines(x, &name) : export_files(x, &name);
    if (r < 0)
        return fail(x, name, r);
    if (x->writer == NULL)
        fprintf(stderr, "%s: %llu entries\n", options.program, (unsigned long long)x->written);
    else
        fprintf(stderr, "%s: %llu written, %llu as they were, %llu removed\n", options.program,
                (unsigned long long)x->written, (unsigned long long)x->unchanged,
                (unsigned long long)x->gone);
    return EX_OK;
}

int archive_export(int argc, char **argv) {
    struct export x = {.archive = {.lock = -1}};
    int code = options_parse(&options, argc, argv, &x, NULL);
    if (code != OPTIONS_GO_ON)
        return code;
    code = read_options(&x);
    if (code == OPTIONS_GO_ON)
        code = run(&x);
    load_close(&x.load);
    archive_close(&x.archive);
    return code;
}
