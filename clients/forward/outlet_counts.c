#include "clients/forward/outlet_counts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void add_count(struct outlet_counts *c, const char *state, int64_t n) {
    struct {
        const char *state;
        int64_t *count;
    } places[] = {{"queued", &c->queued},       {"sending", &c->sending},
                  {"retrying", &c->retrying},   {"delivered", &c->delivered},
                  {"parked", &c->parked},       {"withdrawn", &c->withdrawn},
                  {"kill-sent", &c->kills_open}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strcmp(places[i].state, state) == 0)
            *places[i].count += n;
}

static int count_states(struct store *s, const char *outlet, struct outlet_counts *c) {
    sqlite3_stmt *st = store_query(
        s, "SELECT state, count(*) FROM delivery WHERE outlet = ? GROUP BY state", "s", outlet);
    int r = st == NULL ? -EIO : 0;
    while (r >= 0 && st != NULL && (r = store_step(s, st)) == 1)
        add_count(c, store_column_string(st, 0), sqlite3_column_int64(st, 1));
    if (r < 0)
        return r;
    return store_number(s, &c->oldest_usec,
                        "SELECT min(queued_usec) FROM delivery WHERE outlet = ? AND due_usec IS NOT"
                        " NULL",
                        "s", outlet);
}

static int read_outlet(struct store *s, const char *outlet, struct outlet_counts *c) {
    sqlite3_stmt *st = store_query(s,
                                   "SELECT disabled, paused_until_usec, failing_since_usec,"
                                   " last_error, last_error_usec FROM outlet WHERE name = ?",
                                   "s", outlet);
    int r = st == NULL ? -EIO : store_step(s, st);
    if (r <= 0)
        return r;
    c->is_disabled = sqlite3_column_type(st, 0) != SQLITE_NULL;
    snprintf(c->disabled, sizeof c->disabled, "%s", store_column_string(st, 0));
    c->paused_until = sqlite3_column_int64(st, 1);
    c->failing_since = sqlite3_column_int64(st, 2);
    snprintf(c->last_error, sizeof c->last_error, "%s", store_column_string(st, 3));
    c->last_error_at = sqlite3_column_int64(st, 4);
    sqlite3_reset(st);
    return 0;
}

int outlet_count(struct store *s, const char *outlet, struct outlet_counts *ret) {
    struct outlet_counts c = {0};
    int r = count_states(s, outlet, &c);
    if (r >= 0)
        r = read_outlet(s, outlet, &c);
    *ret = c;
    return r < 0 ? r : 0;
}
