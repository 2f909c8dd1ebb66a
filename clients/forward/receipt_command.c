/* newswire-forward receipt: what outlets tell by telephone, mail or table. */
#include "clients/forward/commands.h"
#include "clients/forward/receipt_table.h"
#include "clients/forward/receipts.h"

#include "proto/charset.h"
#include "proto/input.h"
#include "proto/json.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

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
    DESK_JSON_ROW(struct receipt_options),
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

/* Writes one down. EX_OK, or a code with the reason said, which begins with where. */
static int put(struct desk *d, const char *where, const char *const fields[RECEIPT_COLUMNS]) {
    struct receipt t = {.outlet = fields[RECEIPT_OUTLET]};
    int64_t article, at = 0;
    bool withdrawn =
        *fields[RECEIPT_WITHDRAWN] != '\0' && strcmp(fields[RECEIPT_WITHDRAWN], "no") != 0;
    if (desk_outlet(d, fields[RECEIPT_OUTLET]) == NULL)
        return EX_DATAERR;
    int code = desk_item(d, fields[RECEIPT_ITEM], &t.uri, &article);
    if (code != EX_OK)
        return code;
    if (withdrawn == (*fields[RECEIPT_USED] != '\0') ||
        (withdrawn && *fields[RECEIPT_BY] == '\0')) {
        fprintf(stderr, "%s: %seither used and a url, or withdrawn and by whom\n",
                d->options->program, where);
        return EX_DATAERR;
    }
    if (*fields[RECEIPT_AT] != '\0' && options_time(fields[RECEIPT_AT], ledger_now(), &at) < 0) {
        fprintf(stderr, "%s: %s'%s' is no time\n", d->options->program, where, fields[RECEIPT_AT]);
        return EX_DATAERR;
    }
    t.at_usec = at;
    t.used = withdrawn ? NULL : fields[RECEIPT_USED];
    t.withdrawn = withdrawn ? fields[RECEIPT_BY] : NULL;
    int r = receipt_put(&d->ledger, &t);
    if (r == -ENOENT) {
        fprintf(stderr, "%s: %s%s was never delivered to %s\n", d->options->program, where,
                words_text(t.uri), t.outlet);
        return EX_DATAERR;
    }
    return r < 0 ? desk_trouble(d, r) : EX_OK;
}

/* ---- tables */

static int take_table(struct desk *d, const char *name, const char *text, int *ret_n) {
    static struct receipt_table table;
    const char *row[RECEIPT_COLUMNS];
    int code = EX_OK;
    size_t line;
    if (!receipt_table_open(&table, text)) {
        fprintf(stderr, "%s: %s:1: the columns are outlet, item, used, withdrawn, by, at\n",
                d->options->program, name);
        return EX_DATAERR;
    }
    while (receipt_table_next(&table, row, &line)) {
        char where[300];
        snprintf(where, sizeof where, "%.255s:%zu: ", name, line);
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
    struct fault fault = {0};
    if (r == 0)
        r = charset_to_utf8(d->arena, bytes, &bytes, &fault);
    char *text = r < 0 ? NULL : arena_strndup(d->arena, (const char *)bytes.data, bytes.len);
    if (text == NULL) {
        fprintf(stderr, "%s: %s: %s\n", d->options->program, name,
                *fault.reason != '\0' ? fault.reason
                : r < 0               ? strerror(-r)
                                      : "out of memory");
        return *fault.reason != '\0' ? EX_DATAERR : EX_NOINPUT;
    }
    return take_table(d, name, text, ret_n);
}

/* What is good is kept, though other lines are not. */
static int take(struct desk *d, const struct receipt_options *o, char **items) {
    const char *const fields[RECEIPT_COLUMNS] = {
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
    if (o->desk.json)
        (void)!json_write_line(stdout, json_pack("{s:i}", "noted", n));
    else
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
