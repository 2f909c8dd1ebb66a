#include "clients/archive/search.h"

#include <errno.h>
#include <stdio.h>

enum {
    ARENA_BYTES = 16 << 20,
    RARE_MOST = 2000, /* hits that are ranked, at most; counting goes no further */
};
static const int64_t usec_per_day = 86400000000;

/* Of these words only what holds now. Entries are numbered as they come, so that the
 * newest stand first without sorting; days bound which numbers come into question. */
#define HOLDS                                                                                      \
    " JOIN entry e ON e.id = w.rowid JOIN story s ON s.id = e.story AND s.current = e.id"          \
    " WHERE words MATCH ?1 AND w.rowid BETWEEN ?2 AND ?3"                                          \
    " AND e.stored_at_usec >= ?4 AND e.stored_at_usec < ?5"

static const char newest_first[] =
    "SELECT w.rowid FROM words w CROSS" HOLDS " ORDER BY w.rowid DESC LIMIT ?6 OFFSET ?7";
/* The plus keeps SQLite from asking the index once for each of those rows. */
static const char ranked[] =
    "SELECT w.rowid FROM words w CROSS" HOLDS
    " AND +w.rowid IN (SELECT rowid FROM words WHERE words MATCH ?8 AND rowid BETWEEN ?2 AND ?3)"
    " ORDER BY bm25(words, 8.0, 4.0, 1.0, 0.0), w.rowid DESC LIMIT ?6 OFFSET ?7";
static const char counting[] =
    "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ?1 AND rowid BETWEEN ?2 AND ?3"
    " LIMIT ?4)";

struct bounds {
    int64_t first, last, since_usec, until_usec;
};

int search_open(struct search *s, struct archive *a) {
    *s = (struct search){.archive = a, .expand = expand_new(), .arena = arena_new(ARENA_BYTES)};
    return s->expand == NULL || s->arena == NULL ? -ENOMEM : 0;
}

void search_close(struct search *s) {
    s->expand = expand_free(s->expand);
    s->arena = arena_free(s->arena);
}

static int trouble(struct search *s, const char *text) {
    snprintf(s->archive->store.trouble, sizeof s->archive->store.trouble, "%s", text);
    return -ENOENT;
}

/* ---- filters */

/* "t1" OR "t2": the topics of the section and kind; NULL in *ret when all will do. */
static int find_labels(struct search *s, const struct search_ask *ask, const char **ret) {
    struct store *store = &s->archive->store;
    char *labels = NULL;
    int r;
    *ret = NULL;
    if (ask->section == NULL && ask->kind == NULL)
        return 0;
    sqlite3_stmt *st =
        store_prepare(store, "SELECT group_concat('\"t' || id || '\"', ' OR ') FROM topic"
                             " WHERE (?1 IS NULL OR section = ?1) AND (?2 IS NULL OR kind = ?2)");
    if (st == NULL)
        return -EIO;
    store_bind_string(st, 1, ask->section);
    store_bind_string(st, 2, ask->kind);
    r = store_step(store, st);
    struct slice text = r == 1 ? store_column(st, 0) : (struct slice){0};
    if (text.len > 0 &&
        (labels = arena_strndup(s->arena, (const char *)text.data, text.len)) == NULL)
        r = -ENOMEM;
    store_finalize(store, st);
    *ret = labels;
    if (r == 1 && labels == NULL)
        return trouble(s, "the archive has no such section or kind");
    return r < 0 ? r : 0;
}

static int find_bounds(struct search *s, const struct search_ask *ask, struct bounds *ret) {
    struct store *store = &s->archive->store;
    *ret = (struct bounds){0, INT64_MAX, ask->since_usec,
                           ask->until_usec == 0 ? INT64_MAX : ask->until_usec};
    if (ask->since_usec == 0 && ask->until_usec == 0)
        return 0;
    sqlite3_stmt *st = store_prepare(
        store, "SELECT min(first_entry), max(last_entry) FROM day WHERE day BETWEEN ? AND ?");
    if (st == NULL)
        return -EIO;
    store_bind_int(st, 1, ret->since_usec / usec_per_day);
    store_bind_int(st, 2, ret->until_usec / usec_per_day);
    int r = store_step(store, st);
    if (r == 1) {
        ret->first = sqlite3_column_int64(st, 0);
        ret->last = sqlite3_column_int64(st, 1);
    }
    store_finalize(store, st);
    return r < 0 ? r : 0;
}

/* The byline is one more thing that is wanted. */
static int want_byline(struct search *s, const char *byline) {
    struct slice tokens;
    bool phrase;
    int r = expand_query(s->expand, slice_of(byline), &tokens, &phrase);
    if (r < 0 || s->query.n_wanted == QUERY_WORDS_MOST)
        return r < 0 ? r : -E2BIG;
    if (tokens.len == 0)
        return trouble(s, "--byline: there is no name in it");
    char *text = arena_alloc(s->arena, tokens.len + 32);
    if (text == NULL)
        return -ENOMEM;
    snprintf(text, tokens.len + 32, "byline : \"%.*s\"", (int)tokens.len,
             (const char *)tokens.data);
    s->query.wanted[s->query.n_wanted++] = text;
    return 0;
}

/* ---- asking */

static void bind_bounds(sqlite3_stmt *st, const char *match, const struct bounds *b) {
    store_bind_string(st, 1, match);
    store_bind_int(st, 2, b->first);
    store_bind_int(st, 3, b->last);
}

/* Up to one more than what counts as rare; -errno. */
static int count(struct search *s, const char *match, const struct bounds *b) {
    struct store *store = &s->archive->store;
    sqlite3_stmt *st = match == NULL ? NULL : store_prepare(store, counting);
    if (st == NULL)
        return match == NULL ? -ENOMEM : -EIO;
    bind_bounds(st, match, b);
    store_bind_int(st, 4, RARE_MOST + 1);
    int r = store_step(store, st), n = r == 1 ? sqlite3_column_int(st, 0) : 0;
    store_finalize(store, st);
    return r < 0 ? r : n;
}

/* The expression for what is rare of what is wanted: it ranks. NULL in *ret: nothing
 * is, or too much is found with it. */
static int find_rare(struct search *s, const char *match, const struct bounds *b,
                     const char **ret) {
    const struct bounds all = {0, INT64_MAX, 0, INT64_MAX};
    const char *rare[QUERY_WORDS_MOST];
    size_t n_rare = 0;
    *ret = NULL;
    int n = count(s, match, b);
    if (n < 0 || n > RARE_MOST)
        return n < 0 ? n : 0;
    for (size_t i = 0; i < s->query.n_wanted; i++) {
        n = count(s, query_match(&s->query, &s->query.wanted[i], 1, NULL), &all);
        if (n < 0)
            return n;
        if (n <= RARE_MOST)
            rare[n_rare++] = s->query.wanted[i];
    }
    if (n_rare == 0)
        return 0;
    *ret = query_match(&s->query, rare, n_rare, NULL);
    return *ret == NULL ? -ENOMEM : 0;
}

static int fetch(struct search *s, const struct search_ask *ask, const char *match,
                 const char *rare, const struct bounds *b, int64_t *ret_ids) {
    struct store *store = &s->archive->store;
    sqlite3_stmt *st = store_prepare(store, rare == NULL ? newest_first : ranked);
    if (st == NULL)
        return -EIO;
    bind_bounds(st, rare == NULL ? match : rare, b);
    store_bind_int(st, 4, b->since_usec);
    store_bind_int(st, 5, b->until_usec);
    store_bind_int(st, 6, ask->limit);
    store_bind_int(st, 7, ask->offset);
    if (rare != NULL)
        store_bind_string(st, 8, match);
    int n = 0, r;
    while ((r = store_step(store, st)) == 1 && n < ask->limit)
        ret_ids[n++] = sqlite3_column_int64(st, 0);
    store_finalize(store, st);
    return r < 0 ? r : n;
}

int search_find(struct search *s, const struct search_ask *ask, int64_t *ret_ids) {
    struct bounds b;
    const char *labels = NULL, *match = NULL, *rare = NULL;
    arena_reset(s->arena);
    int r = query_read(&s->query, s->expand, s->arena, ask->query);
    if (r == 0 && ask->byline != NULL)
        r = want_byline(s, ask->byline);
    if (r == 0 && s->query.n_wanted == 0)
        return trouble(s, s->query.n_unwanted > 0 ? "the query only says what to leave out"
                                                  : "there is no word in the query");
    if (r == 0)
        r = find_labels(s, ask, &labels);
    if (r == 0)
        r = find_bounds(s, ask, &b);
    if (r < 0)
        return r;
    match = query_match(&s->query, s->query.wanted, s->query.n_wanted, labels);
    r = match == NULL ? -ENOMEM : find_rare(s, match, &b, &rare);
    s->ranked = rare != NULL;
    return r < 0 ? r : fetch(s, ask, match, rare, &b, ret_ids);
}
