#include "clients/forward/troubles.h"

#include <errno.h>

struct telling {
    struct ledger *ledger;
    int (*take)(void *userdata, const struct trouble *t);
    void *userdata;
};

static int tell_outlets(const struct telling *to) {
    sqlite3_stmt *st = store_query(&to->ledger->store,
                                   "SELECT name, failing_since_usec, last_error_usec,"
                                   " coalesce(disabled, last_error) FROM outlet"
                                   " WHERE failing_since_usec > 0 OR disabled IS NOT NULL",
                                   "");
    int r = st == NULL ? -EIO : 0;
    while (r >= 0 && st != NULL && (r = store_step(&to->ledger->store, st)) == 1) {
        int64_t since = sqlite3_column_int64(st, 1);
        struct trouble t = {.type = TROUBLE_OUTLET,
                            .outlet = store_column_string(st, 0),
                            .uri = "",
                            .headline = "",
                            .since_usec = since > 0 ? since : sqlite3_column_int64(st, 2),
                            .text = store_column_string(st, 3)};
        if (forward_outlet(to->ledger->config, t.outlet) != NULL)
            r = to->take(to->userdata, &t);
    }
    return r;
}

/* Since when a delivery is in its state: the last line of its history says it. */
#define DELIVERIES                                                                                 \
    "SELECT d.outlet, d.uri, d.version, a.headline, coalesce((SELECT at_usec FROM history"         \
    " WHERE delivery = d.id ORDER BY id DESC LIMIT 1), d.queued_usec), d.answer, d.queued_usec"    \
    " FROM delivery d JOIN article a ON a.id = d.article WHERE "

static const char parked_sql[] = DELIVERIES "d.state = 'parked' AND d.kill = 0 ORDER BY d.id";
static const char kills_sql[] =
    DELIVERIES "d.kill = 1 AND d.state NOT IN ('withdrawn', 'replaced', 'kill-confirmed')"
               " ORDER BY d.id";

/* A kill is late from when it was to go out; what is parked, from when it was. */
static int tell_deliveries(const struct telling *to, enum trouble_type type, const char *sql) {
    sqlite3_stmt *st = store_query(&to->ledger->store, sql, "");
    int64_t n = 0;
    int r = st == NULL ? -EIO : 0;
    while (r >= 0 && st != NULL && (r = store_step(&to->ledger->store, st)) == 1) {
        struct trouble t = {.type = type,
                            .outlet = store_column_string(st, 0),
                            .uri = store_column_string(st, 1),
                            .version = (uint32_t)sqlite3_column_int64(st, 2),
                            .headline = store_column_string(st, 3),
                            .since_usec = sqlite3_column_int64(st, type == TROUBLE_KILL ? 6 : 4),
                            .text = store_column_string(st, 5)};
        if (forward_outlet(to->ledger->config, t.outlet) != NULL && n++ < TROUBLES_MOST)
            r = to->take(to->userdata, &t);
    }
    struct trouble rest = {.type = type, .more = n - TROUBLES_MOST};
    return r == 0 && rest.more > 0 ? to->take(to->userdata, &rest) : r;
}

int troubles_each(struct ledger *l, int (*take)(void *userdata, const struct trouble *t),
                  void *userdata) {
    struct telling to = {l, take, userdata};
    int r = tell_outlets(&to);
    if (r == 0)
        r = tell_deliveries(&to, TROUBLE_PARKED, parked_sql);
    return r < 0 ? r : tell_deliveries(&to, TROUBLE_KILL, kills_sql);
}
