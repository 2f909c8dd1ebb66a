#include "clients/archive/erase.h"

#include <errno.h>
#include <stdio.h>

enum { PIECE = 256 };
static const int64_t usec_per_day = 86400000000;

int erase_age(const char *text, int64_t *ret_usec) {
    const int64_t now = INT64_MAX / 2;
    int64_t then;
    if (*text == '\0' || text[strspn(text, "0123456789 ")] == '-' ||
        options_time(text, now, &then) < 0 || then >= now)
        return -EINVAL;
    *ret_usec = now - then;
    return 0;
}

/* ---- one entry */

struct old {
    int64_t id, story;
    uint64_t epoch, seq;
    char topic[LIMIT_TOPIC_BYTES + 1];
};

/* A statement about one or two ids. */
static int run_for(struct store *s, const char *sql, int64_t id, int64_t other) {
    sqlite3_stmt *st = store_prepare(s, sql);
    if (st == NULL)
        return -EIO;
    store_bind_int(st, 1, id);
    if (sqlite3_bind_parameter_count(st) > 1)
        store_bind_int(st, 2, other);
    int r = store_run(s, st);
    store_finalize(s, st);
    return r;
}

/* Its text goes out of the index first, while it can be read. */
static int drop_text(struct erase *e, int64_t id) {
    struct keep *k = e->index->keep;
    int r = index_drop(e->index, id);
    if (r == 0) /* proofs need it */
        r = run_for(&k->archive->store,
                    "UPDATE entry SET article_digest = (SELECT digest FROM body WHERE entry = ?1)"
                    " WHERE id = ?1 AND article_digest IS NULL",
                    id, 0);
    return r < 0 ? r : run_for(&k->archive->store, "DELETE FROM body WHERE entry = ?", id, 0);
}

static int remove_entry(struct erase *e, const struct old *old) {
    static const char *const rows[] = {
        "UPDATE story SET current = NULL WHERE id = ?2 AND current = ?1",
        "DELETE FROM entry WHERE id = ?1",
        "DELETE FROM story WHERE id = ?2 AND NOT EXISTS (SELECT 1 FROM entry WHERE story = ?2)",
    };
    struct keep *k = e->index->keep;
    int r = keep_removed(k, old->epoch, slice_of(old->topic), old->seq);
    if (r == 0)
        r = drop_text(e, old->id);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && r == 0; i++)
        r = run_for(&k->archive->store, rows[i], old->id, old->story);
    e->removed++;
    return r;
}

/* ---- by age */

static int list_old(struct erase *e, int64_t limit_usec, struct old *ret) {
    struct store *s = &e->index->keep->archive->store;
    int n = 0, r;
    sqlite3_stmt *st = store_prepare(
        s, "SELECT e.id, e.story, e.epoch, e.seq, t.name FROM entry e JOIN topic t ON t.id ="
           " e.topic WHERE e.id BETWEEN (SELECT min(first_entry) FROM day WHERE day <= ?1) AND"
           " (SELECT max(last_entry) FROM day WHERE day <= ?1) AND e.stored_at_usec < ?2"
           " ORDER BY e.id LIMIT ?3");
    if (st == NULL)
        return -EIO;
    store_bind_int(st, 1, limit_usec / usec_per_day);
    store_bind_int(st, 2, limit_usec);
    store_bind_int(st, 3, PIECE);
    while ((r = store_step(s, st)) == 1) {
        ret[n] = (struct old){.id = sqlite3_column_int64(st, 0),
                              .story = sqlite3_column_int64(st, 1),
                              .epoch = (uint64_t)sqlite3_column_int64(st, 2),
                              .seq = (uint64_t)sqlite3_column_int64(st, 3)};
        snprintf(ret[n++].topic, sizeof ret->topic, "%s", store_column_string(st, 4));
    }
    store_finalize(s, st);
    return r < 0 ? r : n;
}

static int remove_old(struct erase *e, int64_t limit_usec) {
    struct old old[PIECE];
    int n = list_old(e, limit_usec, old), r = 0;
    for (int i = 0; i < n && r == 0; i++)
        r = remove_entry(e, &old[i]);
    if (n == 0) /* whole days that have nothing left */
        r = run_for(&e->index->keep->archive->store, "DELETE FROM day WHERE day < ?",
                    limit_usec / usec_per_day, 0);
    return n < 0 ? n : r < 0 ? r : n;
}

/* ---- withdrawn texts */

static int forget(struct erase *e) {
    struct store *s = &e->index->keep->archive->store;
    int64_t ids[PIECE];
    int n = 0, r;
    sqlite3_stmt *st = store_prepare(
        s, "SELECT b.entry FROM story s JOIN entry e ON e.story = s.id JOIN body b ON b.entry ="
           " e.id WHERE s.withdrawn_by IS NOT NULL AND e.role = 'version' LIMIT ?");
    if (st == NULL)
        return -EIO;
    store_bind_int(st, 1, PIECE);
    while ((r = store_step(s, st)) == 1)
        ids[n++] = sqlite3_column_int64(st, 0);
    store_finalize(s, st);
    for (int i = 0; i < n && r == 0; i++) {
        r = drop_text(e, ids[i]);
        if (r == 0)
            r = run_for(s, "UPDATE entry SET headline = NULL WHERE id = ?", ids[i], 0);
    }
    e->forgotten += n;
    return r < 0 ? r : n;
}

int erase_step(struct erase *e, int64_t now_usec) {
    struct keep *k = e->index->keep;
    int r = keep_begin(k), n = 0;
    if (r == 0 && e->retain_usec > 0 && now_usec > e->retain_usec)
        r = n = remove_old(e, now_usec - e->retain_usec);
    if (r >= 0 && e->forget_withdrawn && k->withdrew) {
        r = forget(e);
        n += r;
        k->withdrew = r > 0;
    }
    return r < 0 ? r : n > 0;
}
