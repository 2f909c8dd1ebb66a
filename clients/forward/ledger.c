#include "clients/forward/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { APPLICATION_ID = 0x6e776c67 /* "nwlg" */, SCRATCH_BYTES = 64 << 20 };

static const char *const steps[] = {
    "CREATE TABLE wire (id INTEGER PRIMARY KEY CHECK (id = 1), cursor TEXT NOT NULL);"
    /* Every version of every story that came, kills among them. */
    "CREATE TABLE article (id INTEGER PRIMARY KEY, uri TEXT NOT NULL, version INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, seq INTEGER NOT NULL, prev_seq INTEGER NOT NULL,"
    " topic TEXT NOT NULL, section TEXT NOT NULL, kind TEXT NOT NULL, headline TEXT NOT NULL,"
    " stored_usec INTEGER NOT NULL, killed INTEGER NOT NULL, path TEXT NOT NULL,"
    " bytes BLOB NOT NULL, UNIQUE (uri, version));"
    "CREATE INDEX article_seq ON article (seq);"
    "CREATE INDEX article_stored ON article (stored_usec);"
    "CREATE TABLE author (article INTEGER NOT NULL REFERENCES article ON DELETE CASCADE,"
    " name TEXT NOT NULL);"
    "CREATE INDEX author_article ON author (article);"
    /* disabled: why the outlet gets nothing; null: it does. */
    "CREATE TABLE outlet (name TEXT PRIMARY KEY, disabled TEXT, paused_until_usec INTEGER NOT NULL"
    " DEFAULT 0, failing_since_usec INTEGER NOT NULL DEFAULT 0, last_error TEXT,"
    " last_error_usec INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
    /* kill: it withdraws the story. rank: kills are 0 and go first. due_usec: null unless
     * it is open. maybe: it may have arrived though no answer says so. */
    "CREATE TABLE delivery (id INTEGER PRIMARY KEY,"
    " article INTEGER NOT NULL REFERENCES article ON DELETE CASCADE, outlet TEXT NOT NULL,"
    " uri TEXT NOT NULL, version INTEGER NOT NULL, kill INTEGER NOT NULL, state TEXT NOT NULL,"
    " rank INTEGER NOT NULL, due_usec INTEGER, queued_usec INTEGER NOT NULL,"
    " first_try_usec INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,"
    " maybe INTEGER NOT NULL DEFAULT 0, done_usec INTEGER NOT NULL DEFAULT 0, remote_id TEXT,"
    " answer TEXT, message_id TEXT NOT NULL);"
    "CREATE INDEX delivery_open ON delivery (outlet, rank, due_usec, id) WHERE due_usec IS NOT "
    "NULL;"
    "CREATE INDEX delivery_story ON delivery (outlet, uri);"
    "CREATE INDEX delivery_uri ON delivery (uri);"
    "CREATE INDEX delivery_article ON delivery (article);"
    "CREATE INDEX delivery_state ON delivery (outlet, state);"
    "CREATE TABLE history (id INTEGER PRIMARY KEY,"
    " delivery INTEGER NOT NULL REFERENCES delivery ON DELETE CASCADE, at_usec INTEGER NOT NULL,"
    " event TEXT NOT NULL, text TEXT);"
    "CREATE INDEX history_delivery ON history (delivery);"
    /* What an outlet's people did with a story: used or withdrawn. */
    "CREATE TABLE receipt (id INTEGER PRIMARY KEY, outlet TEXT NOT NULL, uri TEXT NOT NULL,"
    " what TEXT NOT NULL, url TEXT NOT NULL, by TEXT NOT NULL, at_usec INTEGER NOT NULL,"
    " UNIQUE (outlet, uri, what, url));",
    /* The origin's, as it came: an encoded Signature. */
    "ALTER TABLE article ADD COLUMN signature BLOB;",
    NULL,
};

static const struct store_schema schema = {APPLICATION_ID, steps, "ledger"};

int64_t ledger_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int ledger_open(struct ledger *l, const struct forward_config *config, enum store_mode mode) {
    *l = (struct ledger){.config = config, .arena = arena_new(SCRATCH_BYTES)};
    if (l->arena == NULL)
        return -ENOMEM;
    return store_open(&l->store, config->forward.ledger, &schema, mode);
}

void ledger_close(struct ledger *l) {
    store_close(&l->store);
    l->arena = arena_free(l->arena);
}

int ledger_begin(struct ledger *l) {
    return store_do(&l->store, "BEGIN IMMEDIATE", "");
}

int ledger_commit(struct ledger *l) {
    return store_do(&l->store, "COMMIT", "");
}

void ledger_rollback(struct ledger *l) {
    sqlite3_exec(l->store.db, "ROLLBACK", NULL, NULL, NULL);
}

int ledger_cursor(struct ledger *l, char **ret) {
    sqlite3_stmt *st = store_query(&l->store, "SELECT cursor FROM wire WHERE id = 1", "");
    int r = st == NULL ? -EIO : store_step(&l->store, st);
    *ret = NULL;
    if (r <= 0)
        return r;
    *ret = strdup(store_column_string(st, 0));
    sqlite3_reset(st);
    return *ret == NULL ? -ENOMEM : 0;
}

int ledger_set_cursor(struct ledger *l, const char *cursor) {
    return store_do(&l->store, "INSERT OR REPLACE INTO wire (id, cursor) VALUES (1, ?)", "s",
                    cursor);
}

int ledger_note(struct ledger *l, int64_t delivery, const char *event, const char *text) {
    return store_do(&l->store,
                    "INSERT INTO history (delivery, at_usec, event, text) VALUES (?, ?, ?, ?)",
                    "iiss", delivery, ledger_now(), event, text);
}

int ledger_end(struct ledger *l, int64_t delivery, const char *state, const char *why) {
    int r = store_do(&l->store, "UPDATE delivery SET state = ?, due_usec = NULL WHERE id = ?", "si",
                     state, delivery);
    return r < 0 ? r : ledger_note(l, delivery, state, why);
}

/* In pieces, since others wait for the ledger. What has something open stays. */
int ledger_retain(struct ledger *l, int64_t before_usec) {
    return store_do(&l->store,
                    "DELETE FROM article WHERE id IN (SELECT id FROM article WHERE stored_usec < ?"
                    " AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.article = article.id"
                    " AND (due_usec IS NOT NULL OR state = 'sending')) LIMIT 1000)",
                    "i", before_usec);
}

int ledger_set_outlet(struct ledger *l, const char *outlet, int64_t paused_until_usec,
                      const char *error) {
    int64_t now = ledger_now();
    if (error == NULL)
        return store_do(&l->store,
                        "UPDATE outlet SET paused_until_usec = 0, failing_since_usec = 0"
                        " WHERE name = ?",
                        "s", outlet);
    return store_do(&l->store,
                    "INSERT INTO outlet (name, paused_until_usec, failing_since_usec, last_error,"
                    " last_error_usec) VALUES (?1, ?2, ?3, ?4, ?3) ON CONFLICT (name) DO UPDATE SET"
                    " paused_until_usec = ?2, last_error = ?4, last_error_usec = ?3,"
                    " failing_since_usec = iif(failing_since_usec = 0, ?3, failing_since_usec)",
                    "siis", outlet, paused_until_usec, now, error);
}
