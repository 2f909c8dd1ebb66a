/* newswire-forward report: what went where in a month, and what was used. */
#include "clients/forward/commands.h"

#include "proto/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

enum { BY_MOST = 3, SQL_BYTES = 2048, FIGURES = 4 };

struct report_options {
    struct desk_options desk;
    const char *month, *by;
    bool csv;
};

#define AT(member) offsetof(struct report_options, member)

static const struct options_row rows[] = {
    {"month", OPTIONS_STRING, AT(month), "YYYY-MM", NULL, "default: this month"},
    {"by", OPTIONS_STRING, AT(by), "LIST", NULL, "of outlet, section, byline; default outlet"},
    {"csv", OPTIONS_FLAG, AT(csv), NULL, NULL, "as a table for a spreadsheet"},
    DESK_CONFIG_ROW(struct report_options),
    DESK_JSON_ROW(struct report_options),
    {0},
};

static const struct options options = {
    .program = "newswire-forward report",
    .arguments = "",
    .summary = "Counts the stories that were delivered in a month, that outlets used, that had\n"
               "to be withdrawn, and that are parked. A story counts once for each outlet.",
    .rows = rows,
};

static const struct {
    const char *name, *column;
} groups[] = {{"outlet", "d.outlet"}, {"section", "a.section"}, {"byline", "coalesce(b.name, '')"}};

static const char *const figures[FIGURES] = {"delivered", "used", "withdrawn", "parked"};

/* The groups that a list names, in its order. How many; 0 for a bad list. */
static size_t read_groups(const char *list, size_t ret[BY_MOST]) {
    size_t n = 0;
    while (*list != '\0') {
        size_t len = strcspn(list, ","), i = 0;
        while (i < BY_MOST &&
               (strlen(groups[i].name) != len || memcmp(groups[i].name, list, len) != 0))
            i++;
        if (i == BY_MOST || n == BY_MOST)
            return 0;
        ret[n++] = i;
        list += len + (list[len] == ',');
    }
    return n;
}

/* The month's first moment and the next one's, by this machine's clocks. */
static bool read_month(const char *text, int64_t *ret_from, int64_t *ret_to) {
    time_t now = time(NULL);
    struct tm tm = {0};
    localtime_r(&now, &tm);
    if (text != NULL) {
        const char *end = strptime(text, "%Y-%m", &tm);
        if (end == NULL || *end != '\0')
            return false;
    }
    tm.tm_mday = 1;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_isdst = -1;
    *ret_from = (int64_t)mktime(&tm) * 1000000;
    tm.tm_mon++;
    tm.tm_isdst = -1;
    *ret_to = (int64_t)mktime(&tm) * 1000000;
    return true;
}

/* The question, of pieces that all stand here. */
static void make_sql(const size_t *by, size_t n, char ret[static SQL_BYTES]) {
    char columns[200] = "";
    bool bylines = false;
    for (size_t i = 0; i < n; i++) {
        strcat(strcat(columns, i == 0 ? "" : ", "), groups[by[i]].column);
        bylines = bylines || strcmp(groups[by[i]].name, "byline") == 0;
    }
    snprintf(
        ret, SQL_BYTES,
        "SELECT %s,"
        " count(DISTINCT iif(d.kill = 0 AND d.state = 'delivered', d.outlet || ' ' || d.uri, "
        "NULL)),"
        " count(DISTINCT iif(EXISTS (SELECT 1 FROM receipt r WHERE r.outlet = d.outlet AND"
        " r.uri = d.uri AND r.what = 'used'), d.outlet || ' ' || d.uri, NULL)),"
        " count(DISTINCT iif(d.kill AND d.state LIKE 'kill-%%', d.outlet || ' ' || d.uri, NULL)),"
        " count(DISTINCT iif(d.state = 'parked', d.outlet || ' ' || d.uri, NULL))"
        " FROM delivery d JOIN article a ON a.id = d.article%s"
        " WHERE d.queued_usec >= ? AND d.queued_usec < ? GROUP BY %s ORDER BY %s",
        columns, bylines ? " LEFT JOIN author b ON b.article = a.id" : "", columns, columns);
}

/* A field of a table; one that a spreadsheet would run as a formula gets a quote. */
static void print_field(const char *text) {
    fputc('"', stdout);
    if (strchr("=+-@\t\r", *text) != NULL && *text != '\0')
        fputc('\'', stdout);
    for (; *text != '\0'; text++)
        fputs(*text == '"' ? "\"\"" : (char[]){*text, '\0'}, stdout);
    fputc('"', stdout);
}

static void print_row(const struct report_options *o, const size_t *by, size_t n,
                      sqlite3_stmt *st) {
    json_t *line = o->desk.json ? json_object() : NULL;
    for (size_t i = 0; i < n + FIGURES; i++) {
        const char *text = store_column_string(st, (int)i);
        if (line != NULL && i < n)
            json_object_set_new(line, groups[by[i]].name, json_string(text));
        else if (line != NULL)
            json_object_set_new(line, figures[i - n],
                                json_integer((json_int_t)sqlite3_column_int64(st, (int)i)));
        else if (o->csv && i < n)
            print_field(text), fputc(',', stdout);
        else if (o->csv)
            printf("%s%s", text, i + 1 < n + FIGURES ? "," : "\r\n");
        else
            printf(i < n ? "%-20s " : "%10s", words_text(text));
    }
    if (line != NULL)
        (void)!json_write_line(stdout, line);
    else if (!o->csv)
        putchar('\n');
}

static void print_head(const struct report_options *o, const size_t *by, size_t n) {
    if (o->desk.json)
        return;
    for (size_t i = 0; i < n; i++)
        printf(o->csv ? "%s," : "%-20s ", groups[by[i]].name);
    for (size_t i = 0; i < FIGURES; i++)
        printf(o->csv ? "%s%s" : "%10s%s", figures[i],
               i + 1 < FIGURES ? (o->csv ? "," : "") : (o->csv ? "\r\n" : "\n"));
}

static int report(struct desk *d, const struct report_options *o, const size_t *by, size_t n,
                  int64_t from, int64_t to) {
    char sql[SQL_BYTES];
    make_sql(by, n, sql);
    sqlite3_stmt *st = store_prepare(&d->ledger.store, sql);
    int r = st == NULL ? -EIO : 0;
    if (st != NULL) {
        store_bind_int(st, 1, from);
        store_bind_int(st, 2, to);
        print_head(o, by, n);
        while ((r = store_step(&d->ledger.store, st)) == 1)
            print_row(o, by, n, st);
    }
    return r < 0 ? desk_trouble(d, r) : EX_OK;
}

int forward_report(int argc, char **argv) {
    struct report_options o = {.by = "outlet"};
    struct desk d = {0};
    size_t by[BY_MOST], n;
    int64_t from, to;
    int code = options_parse(&options, argc, argv, &o, NULL);
    if (code != OPTIONS_GO_ON)
        return code;
    if (!read_month(o.month, &from, &to))
        return options_fault(&options, "--month: '%s' is no month like 2031-04", o.month);
    if ((n = read_groups(o.by, by)) == 0)
        return options_fault(&options, "--by: '%s': of outlet, section, byline, with commas", o.by);
    code = desk_open(&d, &options, o.desk.config, STORE_READ);
    if (code == EX_OK)
        code = report(&d, &o, by, n, from, to);
    desk_close(&d);
    return code;
}
