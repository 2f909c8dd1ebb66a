/* newswire-forward status, kills: where everything stands. */
#include "clients/forward/commands.h"
#include "clients/forward/outlet_counts.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "proto/json.h"

struct status_options {
    struct desk_options desk;
};

static const struct options_row rows[] = {
    DESK_CONFIG_ROW(struct status_options),
    DESK_JSON_ROW(struct status_options),
    {0},
};

static const struct options status_options = {
    .program = "newswire-forward status",
    .arguments = "[OUTLET]",
    .summary = "A line for each outlet: how many articles are in which state, since when the\n"
               "oldest waits, and the last error of an outlet that fails.",
    .rows = rows,
};

static void print_json(const char *outlet, const struct outlet_counts *c) {
    json_t *line = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "outlet", outlet, "queued",
        (json_int_t)c->queued, "sending", (json_int_t)c->sending, "delivered",
        (json_int_t)c->delivered, "retrying", (json_int_t)c->retrying, "parked",
        (json_int_t)c->parked, "withdrawn", (json_int_t)c->withdrawn, "kills_open",
        (json_int_t)c->kills_open, "oldest_usec", (json_int_t)c->oldest_usec, "paused_until_usec",
        (json_int_t)c->paused_until, "failing_since_usec", (json_int_t)c->failing_since);
    if (line != NULL && *c->last_error != '\0') {
        json_object_set_new(line, "last_error", json_string(c->last_error));
        json_object_set_new(line, "last_error_usec", json_integer((json_int_t)c->last_error_at));
    }
    if (line != NULL && c->is_disabled)
        json_object_set_new(line, "disabled", json_string(c->disabled));
    (void)!json_write_line(stdout, line);
}

static void print_line(const char *outlet, const struct outlet_counts *c) {
    int64_t now = ledger_now();
    printf("%-20s %8lld %7lld %9lld %8lld %6lld  %-7s", outlet, (long long)c->queued,
           (long long)c->sending, (long long)c->delivered, (long long)c->retrying,
           (long long)c->parked, c->oldest_usec == 0 ? "-" : words_span(now - c->oldest_usec));
    if (c->is_disabled)
        printf("\n    disabled: %s", words_text(c->disabled));
    else if (c->failing_since > 0)
        printf("\n    fails since %s: %s", words_time(c->failing_since), words_text(c->last_error));
    else if (*c->last_error != '\0')
        printf("\n    last error %s: %s", words_time(c->last_error_at), words_text(c->last_error));
    if (c->paused_until > now && !c->is_disabled)
        printf("\n    tried again in %s", words_span(c->paused_until - now));
    if (c->kills_open > 0)
        printf("\n    %lld kills not confirmed; see 'kills --open'", (long long)c->kills_open);
    putchar('\n');
}

/* What waits for outlets that the config has no more, as when one got another name. */
static int print_forgotten(struct desk *d, bool json) {
    sqlite3_stmt *st =
        store_query(&d->ledger.store,
                    "SELECT outlet, count(*) FROM delivery WHERE due_usec IS NOT NULL"
                    " GROUP BY outlet",
                    "");
    int r = st == NULL ? -EIO : 0;
    while (r >= 0 && st != NULL && (r = store_step(&d->ledger.store, st)) == 1) {
        const char *outlet = store_column_string(st, 0);
        int64_t n = sqlite3_column_int64(st, 1);
        if (forward_outlet(d->config, outlet) != NULL)
            continue;
        if (json)
            (void)!json_write_line(stdout, json_pack("{s:s, s:I, s:b}", "outlet", outlet, "queued",
                                                     (json_int_t)n, "configured", 0));
        else
            printf("%-20s %8lld queued, and the config has no such outlet\n", outlet, (long long)n);
    }
    return r < 0 ? desk_trouble(d, r) : EX_OK;
}

int forward_status(int argc, char **argv) {
    struct status_options o = {0};
    struct desk d = {0};
    int first, code = options_parse(&status_options, argc, argv, &o, &first), shown = 0;
    if (code != OPTIONS_GO_ON)
        return code;
    code = desk_open(&d, &status_options, o.desk.config, STORE_READ);
    if (code == EX_OK && first < argc && desk_outlet(&d, argv[first]) == NULL)
        code = EX_USAGE;
    if (code == EX_OK && !o.desk.json)
        printf("%-20s %8s %7s %9s %8s %6s  %s\n", "outlet", "queued", "sending", "delivered",
               "retrying", "parked", "oldest");
    for (size_t i = 0; code == EX_OK && i < d.config->n_outlets; i++) {
        const char *name = d.config->outlets[i]->name;
        struct outlet_counts c;
        if (first < argc && strcmp(argv[first], name) != 0)
            continue;
        int r = outlet_count(&d.ledger.store, name, &c);
        if (r < 0)
            code = desk_trouble(&d, r);
        else if (o.desk.json)
            print_json(name, &c);
        else
            print_line(name, &c);
        shown++;
    }
    if (code == EX_OK && shown == 0 && !o.desk.json)
        puts("the config has no outlets");
    if (code == EX_OK && first == argc)
        code = print_forgotten(&d, o.desk.json);
    desk_close(&d);
    return code;
}

/* ---- kills */

struct kills_options {
    struct desk_options desk;
    bool open;
};

static const struct options_row kills_rows[] = {
    {"open", OPTIONS_FLAG, offsetof(struct kills_options, open), NULL, NULL,
     "only what is not confirmed"},
    DESK_CONFIG_ROW(struct kills_options),
    DESK_JSON_ROW(struct kills_options),
    {0},
};

static const struct options kills_options = {
    .program = "newswire-forward kills",
    .arguments = "",
    .summary = "Which outlets had to withdraw which article, and who has confirmed it. HTTP\n"
               "outlets confirm by their answer, others by a receipt.",
    .rows = kills_rows,
};

static void print_kill(const struct kills_options *o, sqlite3_stmt *st) {
    const char *state = store_column_string(st, 2);
    if (o->desk.json) {
        json_t *line = json_pack(
            "{s:s, s:s, s:s, s:I, s:I, s:s}", "outlet", store_column_string(st, 0), "uri",
            store_column_string(st, 1), "state", state, "queued_usec",
            (json_int_t)sqlite3_column_int64(st, 3), "tries",
            (json_int_t)sqlite3_column_int64(st, 5), "headline", store_column_string(st, 4));
        (void)!json_write_line(stdout, line);
        return;
    }
    printf("%-20s %-14s %s  %s\n    %s\n", store_column_string(st, 0), state,
           words_time(sqlite3_column_int64(st, 3)), words_text(store_column_string(st, 4)),
           words_text(store_column_string(st, 1)));
}

int forward_kills(int argc, char **argv) {
    struct kills_options o = {0};
    struct desk d = {0};
    int code = options_parse(&kills_options, argc, argv, &o, NULL), n = 0, r = 0;
    if (code != OPTIONS_GO_ON)
        return code;
    code = desk_open(&d, &kills_options, o.desk.config, STORE_READ);
    sqlite3_stmt *st =
        code != EX_OK
            ? NULL
            : store_query(&d.ledger.store,
                          "SELECT d.outlet, d.uri, d.state, d.queued_usec, a.headline, d.tries FROM"
                          " delivery d JOIN article a ON a.id = d.article WHERE d.kill = 1 AND"
                          " d.state NOT IN ('withdrawn', 'replaced') AND (?1 = 0 OR d.state <>"
                          " 'kill-confirmed') ORDER BY d.id",
                          "i", (int64_t)o.open);
    if (code == EX_OK && st == NULL)
        r = -EIO;
    while (st != NULL && (r = store_step(&d.ledger.store, st)) == 1) {
        print_kill(&o, st);
        n++;
    }
    if (r < 0)
        code = desk_trouble(&d, r);
    if (code == EX_OK && n == 0 && !o.desk.json)
        puts(o.open ? "every kill is confirmed" : "nothing was killed");
    desk_close(&d);
    return code;
}
