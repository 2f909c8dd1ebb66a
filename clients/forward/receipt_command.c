/* newswire-forward receipt: what outlets tell by telephone, mail or table. */
#include "clients/forward/commands.h"
#include "clients/forward/receipts.h"

#include "proto/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { COLUMNS = 6, FIELD_BYTES = 4096 };

struct receipt_options {
    struct desk_options desk;
    const char *used, *by, *at, *csv;
    bool withdrawn;
};

#define AT(member) offsetof(struct receipt_options, member)

static const struct options_row rows[] = {
    {"used", OPTIONS_STRING, AT(used), "URL", NULL, "it was published there"},
    {"withdrawn", OPTIONS_FLAG, AT(withdrawn), NULL, NULL, "it was taken down; confirms a kill"},
    {"by", OPTIONS_STRING, AT(by), "NAME", NULL, "who took it down"},
    {"at", OPTIONS_STRING, AT(at), "TIME", NULL, "when: RFC 3339, 2h, yesterday; default: now"},
    {"csv", OPTIONS_STRING, AT(csv), "FILE", NULL, "many at once, from a table; - is stdin"},
    DESK_CONFIG_ROW(struct receipt_options),
    {0},
};

static const struct options options = {
    .program = "newswire-forward receipt",
    .arguments = "[OUTLET ITEM]",
    .summary = "Writes down what an outlet did with an article: delivered is not used. A table\n"
               "has a line of names (outlet, item, used, withdrawn, by, at) and more below;\n"
               "in 'withdrawn', yes.",
    .rows = rows,
};

static const char *const column_names[COLUMNS] = {"outlet",    "item", "used",
                                                  "withdrawn", "by",   "at"};

/* Writes one down. EX_OK, or a code with the reason said, which begins with where. */
static int put(struct desk *d, const char *where, const char *const fields[COLUMNS]) {
    struct receipt t = {.outlet = fields[0]};
    int64_t article, at = 0;
    bool withdrawn = *fields[3] != '\0' && strcmp(fields[3], "no") != 0;
    if (desk_outlet(d, fields[0]) == NULL)
        return EX_DATAERR;
    int code = desk_item(d, fields[1], &t.uri, &article);
    if (code != EX_OK)
        return code;
    if (withdrawn == (*fields[2] != '\0') || (withdrawn && *fields[4] == '\0')) {
        fprintf(stderr, "%s: %seither used and a url, or withdrawn and by whom\n",
                d->options->program, where);
        return EX_DATAERR;
    }
    if (*fields[5] != '\0' && options_time(fields[5], ledger_now(), &at) < 0) {
        fprintf(stderr, "%s: %s'%s' is no time\n", d->options->program, where, fields[5]);
        return EX_DATAERR;
    }
    t.at_usec = at;
    t.used = withdrawn ? NULL : fields[2];
    t.withdrawn = withdrawn ? fields[4] : NULL;
    int r = receipt_put(&d->ledger, &t);
    if (r == -ENOENT) {
        fprintf(stderr, "%s: %s%s was never delivered to %s\n", d->options->program, where,
                desk_text(t.uri), t.outlet);
        return EX_DATAERR;
    }
    return r < 0 ? desk_trouble(d, r) : EX_OK;
}

/* ---- tables */

/* A line of a table (RFC 4180), from *text on: its fields, cut to FIELD_BYTES. How many. */
static int read_line(const char **text, char fields[COLUMNS][FIELD_BYTES], size_t *lines) {
    const char *p = *text;
    int n = 0;
    for (bool more = true; more; n++) {
        bool quoted = *p == '"';
        size_t len = 0;
        p += quoted;
        for (; *p != '\0'; p++) {
            if (quoted && p[0] == '"' && *++p != '"')
                quoted = false; /* the end of what was quoted */
            if (!quoted && (*p == ',' || *p == '\n' || *p == '\0'))
                break;
            *lines += *p == '\n';
            if (n < COLUMNS && len + 1 < FIELD_BYTES && *p != '\r')
                fields[n][len++] = *p;
        }
        if (n < COLUMNS)
            fields[n][len] = '\0';
        more = *p == ',';
        p += more;
    }
    ++*lines;
    *text = *p == '\n' ? p + 1 : p;
    return n;
}

/* Which column is which, by the first line. False when there is an unknown one. */
static bool read_names(const char **text, int order[COLUMNS], int *ret_n, size_t *lines) {
    static char fields[COLUMNS][FIELD_BYTES];
    *ret_n = read_line(text, fields, lines);
    for (int i = 0; i < *ret_n && i < COLUMNS; i++) {
        order[i] = 0;
        while (order[i] < COLUMNS && strcmp(column_names[order[i]], fields[i]) != 0)
            order[i]++;
        if (order[i] == COLUMNS)
            return false;
    }
    return *ret_n <= COLUMNS && *ret_n >= 3;
}

static int take_table(struct desk *d, const char *name, const char *text, int *ret_n) {
    static char fields[COLUMNS][FIELD_BYTES];
    int order[COLUMNS], n, code = EX_OK;
    size_t lines = 0;
    if (!read_names(&text, order, &n, &lines)) {
        fprintf(stderr, "%s: %s:1: the columns are outlet, item, used, withdrawn, by, at\n",
                d->options->program, name);
        return EX_DATAERR;
    }
    while (*text != '\0') {
        const char *row[COLUMNS] = {"", "", "", "", "", ""};
        char where[300];
        snprintf(where, sizeof where, "%.255s:%zu: ", name, lines + 1);
        int got = read_line(&text, fields, &lines);
        for (int i = 0; i < got && i < n; i++)
            row[order[i]] = fields[i];
        if (got == 1 && *fields[0] == '\0')
            continue;
        int put_code = put(d, where, row);
        code = put_code == EX_OK ? code : put_code;
        *ret_n += put_code == EX_OK;
        if (put_code != EX_OK && put_code != EX_DATAERR && put_code != EX_NOINPUT)
            break;
    }
    return code;
}

static int read_table(struct desk *d, const char *name, int *ret_n) {
    struct slice bytes;
    int fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : input_read(fd, d->arena, &bytes);
    if (fd > STDIN_FILENO)
        close(fd);
    char *text = r < 0 ? NULL : arena_strndup(d->arena, (const char *)bytes.data, bytes.len);
    if (text == NULL) {
        fprintf(stderr, "%s: %s: %s\n", d->options->program, name,
                r < 0 ? strerror(-r) : "out of memory");
        return EX_NOINPUT;
    }
    codec_mend_utf8(text);
    return take_table(d, name, text, ret_n);
}

/* What is good is kept, though other lines are not. */
static int take(struct desk *d, const struct receipt_options *o, char **items) {
    const char *const fields[COLUMNS] = {
        items[0] == NULL ? "" : items[0], items[0] == NULL ? "" : items[1],
        o->used == NULL ? "" : o->used,   o->withdrawn ? "yes" : "",
        o->by == NULL ? "" : o->by,       o->at == NULL ? "" : o->at};
    int n = 0, r = ledger_begin(&d->ledger);
    int code = r < 0            ? desk_trouble(d, r)
               : o->csv != NULL ? read_table(d, o->csv, &n)
                                : put(d, "", fields);
    n += o->csv == NULL && code == EX_OK;
    if (r == 0 && (r = ledger_commit(&d->ledger)) < 0)
        return desk_trouble(d, r);
    printf("%d noted\n", n);
    return code;
}

int forward_receipt(int argc, char **argv) {
    struct receipt_options o = {0};
    struct desk d = {0};
    int first, code = options_parse(&options, argc, argv, &o, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    if (argc - first != (o.csv == NULL ? 2 : 0))
        return options_fault(&options, "it wants an OUTLET and an ITEM, or --csv");
    code = desk_open(&d, &options, o.desk.config, STORE_WRITE);
    if (code == EX_OK)
        code = take(&d, &o, argv + first);
    desk_close(&d);
    return code;
}
