/* What is due goes out of the queues, and what became of it comes back. */
#include "clients/forward/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- claiming */

static char *put_string(char **at, const char *text) {
    char *copy = *at;
    *at = stpcpy(copy, text) + 1;
    return copy;
}

enum column {
    C_ID,
    C_KILL,
    C_VERSION,
    C_TRIES,
    C_QUEUED,
    C_FIRST_TRY,
    C_STORED,
    C_URI,
    C_TOPIC,
    C_HEADLINE,
    C_MESSAGE_ID,
    C_PATH,
    C_EPOCH,
    C_SEQ,
    C_PREV_SEQ,
    C_BYTES,
    C_SIGNATURE,
    C_REMOTE_ID,
    C_HAS
};

#define JOB_COLUMNS                                                                                \
    "d.id, d.kill, d.version, d.tries, d.queued_usec, d.first_try_usec, a.stored_usec, d.uri,"     \
    " a.topic, a.headline, d.message_id, a.path, a.epoch, a.seq, a.prev_seq, a.bytes,"             \
    " a.signature,"                                                                                \
    " (SELECT remote_id FROM delivery b WHERE b.outlet = d.outlet AND b.uri = d.uri AND"           \
    " remote_id IS NOT NULL ORDER BY b.id DESC LIMIT 1),"                                          \
    " EXISTS (SELECT 1 FROM delivery b WHERE b.outlet = d.outlet AND b.uri = d.uri AND"            \
    " b.id <> d.id AND b.kill = 0 AND (b.state = 'delivered' OR b.maybe))"

/* The row as a job, malloc'd in one piece; NULL when out of memory. */
static struct ledger_job *read_job(sqlite3_stmt *st) {
    static const enum column texts[] = {C_URI,        C_TOPIC, C_HEADLINE,
                                        C_MESSAGE_ID, C_PATH,  C_REMOTE_ID};
    struct slice bytes = store_column(st, C_BYTES), signature = store_column(st, C_SIGNATURE);
    size_t room = sizeof(struct ledger_job) + bytes.len + signature.len;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        room += strlen(store_column_string(st, (int)texts[i])) + 1;
    struct ledger_job *j = malloc(room);
    if (j == NULL)
        return NULL;
    char *at = (char *)(j + 1);
    bool kill = sqlite3_column_int(st, C_KILL) != 0, has = sqlite3_column_int(st, C_HAS) != 0;
    *j = (struct ledger_job){
        .id = sqlite3_column_int64(st, C_ID),
        .has = has,
        .action = kill  ? PARCEL_KILL
                  : has ? PARCEL_CORRECT
                        : PARCEL_CREATE,
        .version = (uint32_t)sqlite3_column_int64(st, C_VERSION),
        .tries = (uint32_t)sqlite3_column_int64(st, C_TRIES),
        .queued_usec = sqlite3_column_int64(st, C_QUEUED),
        .first_try_usec = sqlite3_column_int64(st, C_FIRST_TRY),
        .stored_usec = sqlite3_column_int64(st, C_STORED),
        .epoch = (uint64_t)sqlite3_column_int64(st, C_EPOCH),
        .seq = (uint64_t)sqlite3_column_int64(st, C_SEQ),
        .prev_seq = (uint64_t)sqlite3_column_int64(st, C_PREV_SEQ),
        .uri = put_string(&at, store_column_string(st, C_URI)),
    };
    j->topic = put_string(&at, store_column_string(st, C_TOPIC));
    j->headline = put_string(&at, store_column_string(st, C_HEADLINE));
    j->message_id = put_string(&at, store_column_string(st, C_MESSAGE_ID));
    j->path = put_string(&at, store_column_string(st, C_PATH));
    j->remote_id = put_string(&at, store_column_string(st, C_REMOTE_ID));
    if (bytes.len > 0)
        memcpy(at, bytes.data, bytes.len);
    j->bytes = (struct slice){(uint8_t *)at, bytes.len};
    at += bytes.len;
    if (signature.len > 0)
        memcpy(at, signature.data, signature.len);
    j->signature = (struct slice){(uint8_t *)at, signature.len};
    return j;
}

/* Whether it may still go: 1; 0 when it was put away. */
static int check_job(struct ledger *l, const struct outlet_config *o, const struct ledger_job *j) {
    int r;
    bool late = o->expire_usec > 0 && j->action != PARCEL_KILL && j->tries == 0 &&
                ledger_now() - j->queued_usec > (int64_t)o->expire_usec;
    if (j->action == PARCEL_KILL && !j->has)
        r = ledger_end(l, j->id, "withdrawn", "the outlet never received the story");
    else if (late && o->late == LATE_PARK)
        r = ledger_end(l, j->id, "parked", "it waited longer than 'expire' allows");
    else if (late && o->late == LATE_DROP)
        r = ledger_end(l, j->id, "expired", "it waited longer than 'expire' allows");
    else
        return 1;
    return r;
}

/* 1, or an error. */
static int mark_sending(struct ledger *l, const struct ledger_job *j, int64_t now) {
    int r = store_do(&l->store,
                     "UPDATE delivery SET state = 'sending', due_usec = NULL, first_try_usec ="
                     " iif(first_try_usec = 0, ?, first_try_usec) WHERE id = ?",
                     "ii", now, j->id);
    return r < 0 ? r : 1;
}

/* Rows of one rank that are due, into the claim. 0 or an error. */
static int claim_rank(struct ledger *l, struct ledger_claim *c, int64_t rank, int64_t now) {
    sqlite3_stmt *st = store_query(
        &l->store,
        "SELECT " JOB_COLUMNS " FROM delivery d JOIN article a ON a.id = d.article WHERE"
        " d.outlet = ? AND d.rank = ? AND d.due_usec <= ? AND d.due_usec IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM delivery s WHERE s.outlet = d.outlet AND s.uri = d.uri"
        " AND s.state = 'sending') ORDER BY d.due_usec, d.id LIMIT ?",
        "siii", c->outlet->name, rank, now, (int64_t)(c->most - c->n));
    size_t first = c->n, end = first;
    int r = st == NULL ? -EIO : 0;
    while (r >= 0 && st != NULL && (r = store_step(&l->store, st)) == 1) {
        c->jobs[end] = read_job(st);
        if (c->jobs[end] == NULL)
            r = -ENOMEM;
        else
            end++;
    }
    if (st != NULL)
        sqlite3_reset(st);
    for (size_t i = first; i < end; i++) {
        struct ledger_job *j = c->jobs[i];
        if (r >= 0)
            r = check_job(l, c->outlet, j);
        if (r == 1)
            r = mark_sending(l, j, now);
        if (r == 1)
            c->jobs[c->n++] = j;
        else
            free(j);
    }
    return r < 0 ? r : 0;
}

static int find_next_due(struct ledger *l, struct ledger_claim *c) {
    c->next_due_usec = INT64_MAX;
    for (int64_t rank = 0; rank <= (c->kills_only ? 0 : 1); rank++) {
        int64_t due = INT64_MAX;
        int r = store_number(&l->store, &due,
                             "SELECT due_usec FROM delivery WHERE outlet = ? AND rank = ? AND"
                             " due_usec IS NOT NULL ORDER BY due_usec LIMIT 1",
                             "si", c->outlet->name, rank);
        if (r < 0)
            return r;
        if (due < c->next_due_usec)
            c->next_due_usec = due;
    }
    return 0;
}

int ledger_claim(struct ledger *l, struct ledger_claim *c) {
    int64_t now = ledger_now(), one = 0;
    c->n = 0;
    c->next_due_usec = INT64_MAX;
    int r = store_number(&l->store, &one,
                         "SELECT 1 FROM outlet WHERE name = ? AND disabled IS NOT NULL", "s",
                         c->outlet->name);
    c->disabled = r == 1;
    if (r != 0)
        return r < 0 ? r : 0;
    r = claim_rank(l, c, 0, now);
    if (r == 0 && !c->kills_only && c->n < c->most)
        r = claim_rank(l, c, 1, now);
    return r < 0 ? r : find_next_due(l, c);
}

int ledger_return(struct ledger *l, const struct ledger_job *j) {
    return store_do(&l->store,
                    "UPDATE delivery SET state = iif(tries = 0, 'queued', 'retrying'), due_usec = ?"
                    " WHERE id = ? AND state = 'sending'",
                    "ii", j->queued_usec, j->id);
}

/* ---- settling */

static int note_verdict(struct ledger *l, const struct ledger_job *j, const char *event,
                        const struct verdict *v) {
    return ledger_note(l, j->id, event, v->text);
}

static int set_state(struct ledger *l, const struct ledger_job *j, const char *state,
                     int64_t due_usec, bool done, const struct verdict *v) {
    sqlite3_stmt *st =
        store_query(&l->store,
                    "UPDATE delivery SET state = ?1, due_usec = nullif(?2, 0), tries = tries + 1,"
                    " maybe = maybe OR ?3, done_usec = iif(?4, ?5, done_usec), answer = ?6,"
                    " remote_id = coalesce(?7, remote_id) WHERE id = ?8",
                    "siiiissi", state, due_usec, (int64_t)v->maybe_received, (int64_t)done,
                    ledger_now(), v->text, *v->remote_id == '\0' ? NULL : v->remote_id, j->id);
    return st == NULL ? -EIO : store_run(&l->store, st);
}

/* What came for the story meanwhile: NULL, or the state this one ends in. */
static const char *overtaken(struct ledger *l, const char *outlet, const struct ledger_job *j) {
    int64_t kill = 0;
    int r = store_number(&l->store, &kill,
                         "SELECT kill FROM delivery WHERE outlet = ? AND uri = ? AND id > ?"
                         " ORDER BY kill DESC LIMIT 1",
                         "ssi", outlet, j->uri, j->id);
    return r != 1 || j->action == PARCEL_KILL ? NULL : kill != 0 ? "withdrawn" : "replaced";
}

static int note_overtaken(struct ledger *l, const struct ledger_job *j, const char *over) {
    return ledger_note(l, j->id, over, "another message about the story waits");
}

static int settle_retry(struct ledger *l, const struct outlet_config *o, const struct ledger_job *j,
                        const struct verdict *v, int64_t wait_usec) {
    int64_t now = ledger_now(), first = j->first_try_usec == 0 ? now : j->first_try_usec;
    const char *over = overtaken(l, o->name, j);
    bool given_up = now + wait_usec - first > (int64_t)o->retry_for_usec;
    const char *state = over != NULL                                    ? over
                        : given_up                                      ? "parked"
                        : j->action == PARCEL_KILL && v->maybe_received ? "kill-sent"
                                                                        : "retrying";
    int r = set_state(l, j, state, over != NULL || given_up ? 0 : now + wait_usec, false, v);
    if (r == 0)
        r = note_verdict(l, j, "tried", v);
    if (r == 0 && over != NULL)
        r = note_overtaken(l, j, over);
    if (r == 0 && over == NULL && given_up)
        r = ledger_note(l, j->id, "parked", "it was tried for as long as 'retry_for' says");
    return r;
}

/* Whether the outlet's people have said already that the story is taken down. */
static bool is_taken_down(struct ledger *l, const char *outlet, const char *uri) {
    int64_t one;
    return store_number(&l->store, &one,
                        "SELECT 1 FROM receipt WHERE outlet = ? AND uri = ? AND what = 'withdrawn'"
                        " LIMIT 1",
                        "ss", outlet, uri) == 1;
}

static int settle_delivered(struct ledger *l, const struct outlet_config *o,
                            const struct ledger_job *j, const struct verdict *v) {
    const char *state = j->action != PARCEL_KILL                            ? "delivered"
                        : v->confirmed || is_taken_down(l, o->name, j->uri) ? "kill-confirmed"
                                                                            : "kill-sent";
    int r = set_state(l, j, state, 0, true, v);
    return r < 0 || j->tries == 0 ? r : note_verdict(l, j, state, v);
}

/* For a person to decide, unless what came meanwhile has decided. */
static int settle_refused(struct ledger *l, const struct outlet_config *o,
                          const struct ledger_job *j, const struct verdict *v) {
    const char *over = overtaken(l, o->name, j);
    int r = set_state(l, j, over != NULL ? over : "parked", 0, false, v);
    if (r == 0)
        r = note_verdict(l, j, over != NULL ? "refused" : "parked", v);
    return r < 0 || over == NULL ? r : note_overtaken(l, j, over);
}

static int disable(struct ledger *l, const struct outlet_config *o, const struct ledger_job *j,
                   const struct verdict *v) {
    const char *over = overtaken(l, o->name, j);
    int r = store_do(&l->store,
                     "INSERT INTO outlet (name, disabled) VALUES (?1, ?2) ON CONFLICT (name) DO"
                     " UPDATE SET disabled = ?2",
                     "ss", o->name, v->text);
    if (r == 0)
        r = ledger_set_outlet(l, o->name, 0, v->text);
    if (r == 0)
        r = set_state(l, j, over != NULL ? over : "retrying", over != NULL ? 0 : ledger_now(),
                      false, v);
    if (r == 0)
        r = note_verdict(l, j, "the outlet was disabled", v);
    return r < 0 || over == NULL ? r : note_overtaken(l, j, over);
}

int ledger_settle(struct ledger *l, const struct outlet_config *o, const struct ledger_job *j,
                  const struct verdict *v, int64_t wait_usec) {
    switch (v->outcome) {
    case VERDICT_DELIVERED: return settle_delivered(l, o, j, v);
    case VERDICT_RETRY: return settle_retry(l, o, j, v, wait_usec);
    case VERDICT_DISABLED: return disable(l, o, j, v);
    case VERDICT_PARKED: break;
    }
    return settle_refused(l, o, j, v);
}

/* A kill is never overtaken. */
#define NEWER                                                                                      \
    "(kill = 0 AND EXISTS (SELECT 1 FROM delivery n WHERE n.outlet = d.outlet AND n.uri = d.uri"   \
    " AND n.id > d.id))"

int ledger_recover(struct ledger *l, size_t *ret_n) {
    int r = store_do(&l->store,
                     "INSERT INTO history (delivery, at_usec, event, text) SELECT id, ?,"
                     " 'interrupted', 'the forwarder ended while it was sent' FROM delivery WHERE"
                     " state = 'sending'",
                     "i", ledger_now());
    if (r == 0)
        r = store_do(&l->store,
                     "UPDATE delivery AS d SET maybe = 1, state = iif(" NEWER
                     ", 'replaced', 'retrying'), due_usec = iif(" NEWER
                     ", NULL, queued_usec) WHERE state = 'sending'",
                     "");
    *ret_n = r == 0 ? (size_t)sqlite3_changes(l->store.db) : 0;
    return r;
}

/* ---- by hand */

/* A kill that was sent and only not confirmed goes again when it is named. */
#define TO_RETRY                                                                                   \
    " WHERE outlet = ?2 AND (?3 IS NULL OR uri = ?3) AND (state IN ('parked', 'retrying')"         \
    " OR (state = 'kill-sent' AND (due_usec IS NOT NULL OR ?3 IS NOT NULL)))"

int ledger_retry(struct ledger *l, const struct outlet_config *o, const char *uri) {
    int64_t now = ledger_now();
    int r = store_do(&l->store,
                     "UPDATE outlet SET disabled = NULL, paused_until_usec = 0 WHERE name = ?", "s",
                     o->name);
    if (r == 0)
        r = store_do(&l->store,
                     "INSERT INTO history (delivery, at_usec, event) SELECT id, ?1,"
                     " 'retried by hand' FROM delivery" TO_RETRY,
                     "iss", now, o->name, uri);
    if (r == 0)
        r = store_do(&l->store,
                     "UPDATE delivery SET state = 'retrying', due_usec = ?1, first_try_usec = 0,"
                     " queued_usec = iif(tries = 0, ?1, queued_usec)" /* it is late no more */
                     TO_RETRY,
                     "iss", now, o->name, uri);
    return r < 0 ? r : sqlite3_changes(l->store.db);
}
