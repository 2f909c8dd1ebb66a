#include "clients/forward/receipts.h"

#include <errno.h>

static int confirm_kill(struct ledger *l, const struct receipt *t, int64_t at) {
    int r = store_do(&l->store,
                     "INSERT INTO history (delivery, at_usec, event, text) SELECT id, ?,"
                     " 'kill-confirmed', ? FROM delivery WHERE outlet = ? AND uri = ? AND kill = 1"
                     " AND state <> 'kill-confirmed'",
                     "isss", at, t->withdrawn, t->outlet, t->uri);
    return r < 0 ? r
                 : store_do(&l->store,
                            "UPDATE delivery SET state = 'kill-confirmed', due_usec = NULL,"
                            " done_usec = ? WHERE outlet = ? AND uri = ? AND kill = 1 AND state <>"
                            " 'sending'",
                            "iss", at, t->outlet, t->uri);
}

int receipt_put(struct ledger *l, const struct receipt *t) {
    int64_t one, at = t->at_usec == 0 ? ledger_now() : t->at_usec;
    int r = store_number(&l->store, &one,
                         "SELECT 1 FROM delivery WHERE outlet = ? AND uri = ? AND (maybe OR state"
                         " IN ('delivered', 'sending', 'kill-sent', 'kill-confirmed')) LIMIT 1",
                         "ss", t->outlet, t->uri);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    r = store_do(&l->store,
                 "INSERT OR IGNORE INTO receipt (outlet, uri, what, url, by, at_usec) VALUES (?, ?,"
                 " ?, ?, ?, ?)",
                 "sssssi", t->outlet, t->uri, t->withdrawn != NULL ? "withdrawn" : "used",
                 t->used == NULL ? "" : t->used, t->withdrawn == NULL ? "" : t->withdrawn, at);
    return r < 0 || t->withdrawn == NULL ? r : confirm_kill(l, t, at);
}
