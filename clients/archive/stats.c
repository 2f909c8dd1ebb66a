/*
 * newswire-archive stats: how much there is, by section and by day.
 */
#include "clients/archive/commands.h"
#include "clients/archive/print.h"
#include "proto/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <uniwidth.h>

enum { LABEL_COLUMNS = 16, COUNT_COLUMNS = 10 };

struct stats {
    const char *archive_path, *since, *until;
    int by;
    bool json;
    int64_t since_usec, until_usec;

    struct archive archive;
    struct text_style style;
};

enum { BY_BOTH, BY_SECTION, BY_DAY };
static const char *const ways[] = {"both", "section", "day", NULL};

static const struct options_row rows[] = {
    ARCHIVE_ROW(stats, archive_path),
    {"by", OPTIONS_CHOICE, offsetof(struct stats, by), "WAY", ways, "section, day; default both"},
    {"since", OPTIONS_STRING, offsetof(struct stats, since), "TIME", NULL,
     "stored then or later: 2031-04-09, 3d; for days: 30d"},
    {"until", OPTIONS_STRING, offsetof(struct stats, until), "TIME", NULL, "stored before it"},
    {"json", OPTIONS_FLAG, offsetof(struct stats, json), NULL, NULL, "one object a line"},
    {0},
};

static const struct options options = {
    .program = "newswire-archive stats",
    .arguments = "",
    .summary = "Counts the articles that hold now, by section and by day, and says how large the\n"
               "archive is and how far its index.",
    .rows = rows,
};

#define COUNTING(key)                                                                              \
    "SELECT " key ", sum(s.current IS e.id), sum(s.withdrawn_by IS NOT NULL AND e.role ="          \
    " 'version'), count(*) FROM entry e JOIN topic t ON t.id = e.topic"                            \
    " JOIN story s ON s.id = e.story WHERE e.stored_at_usec >= ? AND e.stored_at_usec < ?"         \
    " GROUP BY 1 ORDER BY 1"

static const struct group {
    const char *name, *sql;
} by_section = {"section", COUNTING("t.section")},
  by_day = {"day", COUNTING("date(e.stored_at_usec / 1000000, 'unixepoch', 'localtime')")};

struct row {
    char *key;
    int64_t current, withdrawn, entries;
};

/* ---- printing */

static void print_bar(const struct stats *s, const struct row *row, int64_t most) {
    int wide = s->style.columns - LABEL_COLUMNS - COUNT_COLUMNS - 2;
    int64_t bar = most == 0 || wide < 1 ? 0 : row->current * wide / most;
    char *label = text_harmless(slice_of(row->key));
    int columns = label == NULL ? 0 : u8_strwidth((const uint8_t *)label, "UTF-8");
    printf("%s%*s%*lld  ", label == NULL ? "" : label,
           columns < LABEL_COLUMNS ? LABEL_COLUMNS - columns : 1, "", COUNT_COLUMNS,
           (long long)row->current);
    for (int64_t i = 0; i < bar || (i == 0 && row->current > 0); i++)
        fputs(s->style.colour ? "\u2588" : "#", stdout);
    putchar('\n');
    free(label);
}

static int print_row(const struct stats *s, const struct group *group, const struct row *row,
                     int64_t most) {
    if (!s->json) {
        print_bar(s, row, most);
        return 0;
    }
    return json_write_line(stdout, json_pack("{ss sI sI sI}", group->name, row->key, "articles",
                                             (json_int_t)row->current, "withdrawn",
                                             (json_int_t)row->withdrawn, "entries",
                                             (json_int_t)row->entries));
}

static int add_row(struct row **rows_of, size_t *n, sqlite3_stmt *st) {
    struct row *more = realloc(*rows_of, (*n + 1) * sizeof *more);
    if (more == NULL)
        return -ENOMEM;
    *rows_of = more;
    more[*n] = (struct row){strdup(store_column_string(st, 0)), sqlite3_column_int64(st, 1),
                            sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3)};
    return more[(*n)++].key == NULL ? -ENOMEM : 0;
}

static int print_group(struct stats *s, const struct group *group, int64_t since_usec) {
    struct store *store = &s->archive.store;
    struct row *all = NULL;
    size_t n = 0;
    int64_t most = 0;
    int r;
    sqlite3_stmt *st = store_prepare(store, group->sql);
    if (st == NULL)
        return -EIO;
    store_bind_int(st, 1, since_usec);
    store_bind_int(st, 2, s->until_usec == 0 ? INT64_MAX : s->until_usec);
    while ((r = store_step(store, st)) == 1 && (r = add_row(&all, &n, st)) == 0)
        most = all[n - 1].current > most ? all[n - 1].current : most;
    if (!s->json)
        printf("Articles by %s:\n", group->name);
    for (size_t i = 0; i < n; i++) {
        r = r < 0 ? r : print_row(s, group, &all[i], most);
        free(all[i].key);
    }
    free(all);
    if (!s->json)
        putchar('\n');
    return r;
}

static int print_totals(struct stats *s) {
    struct store *store = &s->archive.store;
    struct stat st = {0};
    int64_t behind = 0;
    sqlite3_stmt *totals = store_prepare(
        store, "SELECT count(*), count(current), count(withdrawn_by),"
               " (SELECT count(*) FROM entry), (SELECT count(*) FROM loss) FROM story");
    int r = totals == NULL ? -EIO : store_step(store, totals);
    if (r == 1)
        r = archive_index_lag(&s->archive, &behind);
    if (r < 0)
        return r;
    stat(s->archive.path, &st);
    const long long n[] = {sqlite3_column_int64(totals, 0), sqlite3_column_int64(totals, 1),
                           sqlite3_column_int64(totals, 2), sqlite3_column_int64(totals, 3),
                           sqlite3_column_int64(totals, 4), (long long)st.st_size};
    if (s->json)
        return json_write_line(
            stdout, json_pack("{sI sI sI sI sI sI sI}", "stories", (json_int_t)n[0], "articles",
                              (json_int_t)n[1], "withdrawn", (json_int_t)n[2], "entries",
                              (json_int_t)n[3], "losses", (json_int_t)n[4], "bytes",
                              (json_int_t)n[5], "not_indexed", (json_int_t)behind));
    printf("%lld articles hold now, of %lld stories; %lld withdrawn. %lld entries in %.1f MiB.\n",
           n[1], n[0], n[2], n[3], (double)n[5] / (1 << 20));
    if (n[4] > 0)
        printf("%lld times the wire had no more what we had missed; verify says where.\n", n[4]);
    puts(behind == 0 ? "The full-text index has all of them."
                     : "The full-text index follows behind.");
    return 0;
}

static int64_t days_since(const struct stats *s) {
    int64_t ago = 0;
    if (s->since == NULL && s->until == NULL)
        if (print_read_times(&options, "30d", NULL, &ago, &(int64_t){0}) != OPTIONS_GO_ON)
            return 0;
    return s->since == NULL && s->until == NULL ? ago : s->since_usec;
}

static int run(struct stats *s) {
    int code = archive_open(&s->archive, &options, s->archive_path, ARCHIVE_READ), r = 0;
    if (code != EX_OK)
        return code;
    s->style = print_style();
    if (s->by != BY_DAY)
        r = print_group(s, &by_section, s->since_usec);
    if (r == 0 && s->by != BY_SECTION)
        r = print_group(s, &by_day, days_since(s));
    if (r == 0)
        r = print_totals(s);
    if (r < 0)
        return archive_fail(&s->archive, &options);
    print_index_lag(&s->archive, options.program);
    return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

int archive_stats(int argc, char **argv) {
    struct stats s = {.archive = {.lock = -1}};
    int code = options_parse(&options, argc, argv, &s, NULL);
    if (code != OPTIONS_GO_ON)
        return code;
    code = print_read_times(&options, s.since, s.until, &s.since_usec, &s.until_usec);
    if (code == OPTIONS_GO_ON)
        code = run(&s);
    archive_close(&s.archive);
    return code;
}
