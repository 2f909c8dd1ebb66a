#include "clients/archive/keep.h"

#include "clients/tool/received.h"
#include "proto/checkpoint.h"
#include "proto/topic.h"

#include <errno.h>
#include <jansson.h>
#include <nettle/sha2.h>
#include <stdlib.h>

enum { ARENA_BYTES = 64 << 20 };
static const int64_t usec_per_day = 86400000000;

/* What is known of a uri; as the table story. */
struct story {
    int64_t id, version, current, withdrawn_by, moved_version;
    struct slice moved_to;
    bool changed;
};

/* What an entry is to its story. */
struct content {
    const char *role;
    struct slice headline, moved_to;
};

static const char role_version[] = "version";

/* ---- opening */

static int prepare(struct keep *k) {
    const struct {
        sqlite3_stmt **to;
        const char *sql;
    } all[] = {
        {&k->find_entry, "SELECT content_digest FROM entry WHERE epoch = ? AND seq = ?"},
        {&k->find_topic, "SELECT id FROM topic WHERE name = ?"},
        {&k->add_topic, "INSERT INTO topic (name, section, kind) VALUES (?, ?, ?) RETURNING id"},
        {&k->find_story, "SELECT id, version, current, withdrawn_by, moved_version, moved_to"
                         " FROM story WHERE uri = ?"},
        {&k->add_story, "INSERT INTO story (version, current, withdrawn_by, moved_version,"
                        " moved_to, uri) VALUES (?, ?, ?, ?, ?, ?) RETURNING id"},
        {&k->set_story, "UPDATE story SET version = ?, current = ?, withdrawn_by = ?,"
                        " moved_version = ?, moved_to = ? WHERE id = ?"},
        {&k->add_entry, "INSERT INTO entry (id, epoch, seq, prev_seq, topic, story, version, role,"
                        " stored_at_usec, replaces, content_digest, path, approved_by, headline,"
                        " signature, origin, article_digest)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
        {&k->add_body, "INSERT INTO body (entry, article, digest) VALUES (?, ?, ?)"},
        {&k->add_stale, "INSERT OR IGNORE INTO stale (entry) VALUES (?)"},
        {&k->add_day,
         "INSERT INTO day (day, first_entry, last_entry) VALUES (?, ?, ?) ON CONFLICT (day)"
         " DO UPDATE SET first_entry = min(first_entry, excluded.first_entry),"
         " last_entry = max(last_entry, excluded.last_entry)"},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if ((*all[i].to = store_prepare(&k->archive->store, all[i].sql)) == NULL)
            return -EIO;
    return 0;
}

/* An id is used once, also when its entry has been removed. */
static int read_last_id(struct keep *k) {
    sqlite3_stmt *last = store_prepare(&k->archive->store, "SELECT max(id) FROM entry");
    int r = last == NULL ? -EIO : store_step(&k->archive->store, last);
    if (r == 1)
        k->next_id = sqlite3_column_int64(last, 0) + 1;
    store_finalize(&k->archive->store, last);
    if (r >= 0)
        r = archive_value(k->archive, "indexed_to", &k->indexed_to);
    if (k->next_id <= k->indexed_to)
        k->next_id = k->indexed_to + 1;
    return r < 0 ? r : 0;
}

int keep_open(struct keep *k, struct archive *a) {
    *k = (struct keep){.archive = a, .arena = arena_new(ARENA_BYTES)};
    if (k->arena == NULL)
        return -ENOMEM;
    int r = prepare(k);
    return r < 0 ? r : read_last_id(k);
}

void keep_close(struct keep *k) {
    if (k->open)
        sqlite3_exec(k->archive->store.db, "ROLLBACK", NULL, NULL, NULL);
    k->open = false;
    k->arena = arena_free(k->arena);
}

int keep_begin(struct keep *k) {
    int r = k->open ? 0 : store_exec(&k->archive->store, "BEGIN IMMEDIATE");
    k->open = k->open || r == 0;
    return r;
}

/* ---- what came */

/* An article that can't be read is kept as it is: its numbers prove, its bytes may
 * be read by a later version. */
static int look_at(struct keep *k, const struct entry *e, struct content *ret) {
    Article *article = NULL;
    struct fault fault;
    arena_reset(k->arena);
    int r = received_article(k->arena, e, &article, &fault);
    if (r == -ENOMEM)
        return r;
    *ret = (struct content){.role = r < 0 ? "unreadable" : "tombstone"};
    if (article == NULL)
        return 0;
    ret->headline = slice_of(article->headline);
    ret->moved_to = slice_of(article->moved_to);
    ret->role = article->status != STATUS_CANCELED ? role_version
                : ret->moved_to.len > 0            ? "notice"
                                                   : "kill";
    return 0;
}

static int topic_id(struct keep *k, struct slice name, int64_t *ret) {
    struct store *s = &k->archive->store;
    const char *kind = article_kind_name(topic_kind(name));
    store_bind_text(k->find_topic, 1, name);
    int r = store_step(s, k->find_topic);
    sqlite3_stmt *st = k->find_topic;
    if (r == 0) {
        st = k->add_topic;
        store_bind_text(st, 1, name);
        store_bind_text(st, 2, topic_section(name));
        store_bind_string(st, 3, kind == NULL ? "" : kind);
        r = store_step(s, st);
    }
    if (r == 1)
        *ret = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return r < 0 ? r : 0;
}

/* ---- stories */

static int find_story(struct keep *k, struct slice uri, struct story *ret) {
    sqlite3_stmt *st = k->find_story;
    *ret = (struct story){0};
    store_bind_text(st, 1, uri);
    int r = store_step(&k->archive->store, st);
    if (r == 1) {
        struct slice moved_to = store_column(st, 5);
        const char *copy = arena_strndup(
            k->arena, moved_to.len == 0 ? "" : (const char *)moved_to.data, moved_to.len);
        *ret = (struct story){.id = sqlite3_column_int64(st, 0),
                              .version = sqlite3_column_int64(st, 1),
                              .current = sqlite3_column_int64(st, 2),
                              .withdrawn_by = sqlite3_column_int64(st, 3),
                              .moved_version = sqlite3_column_int64(st, 4),
                              .moved_to = {(const uint8_t *)copy, copy == NULL ? 0 : moved_to.len}};
    }
    sqlite3_reset(st);
    return r < 0 ? r : 0;
}

static void bind_or_null(sqlite3_stmt *st, int place, int64_t value) {
    if (value == 0)
        sqlite3_bind_null(st, place);
    else
        store_bind_int(st, place, value);
}

static int write_story(struct keep *k, struct story *s, struct slice uri) {
    sqlite3_stmt *st = s->id == 0 ? k->add_story : k->set_story;
    store_bind_int(st, 1, s->version);
    bind_or_null(st, 2, s->current);
    bind_or_null(st, 3, s->withdrawn_by);
    store_bind_int(st, 4, s->moved_version);
    if (s->moved_to.len == 0)
        sqlite3_bind_null(st, 5);
    else
        store_bind_text(st, 5, s->moved_to);
    if (s->id != 0) {
        store_bind_int(st, 6, s->id);
        return store_run(&k->archive->store, st);
    }
    store_bind_text(st, 6, uri);
    int r = store_step(&k->archive->store, st);
    if (r == 1)
        s->id = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return r < 0 ? r : 0;
}

/* What the entry, which gets this id, means for the story. */
static void apply(struct story *s, const struct entry *e, const struct content *c, int64_t id,
                  bool same_again) {
    struct story before = *s;
    int64_t version = e->version;
    if (strcmp(c->role, "kill") == 0 || (strcmp(c->role, "tombstone") == 0 && s->withdrawn_by == 0))
        s->withdrawn_by = id;
    if (strcmp(c->role, "notice") == 0 && version > s->moved_version) {
        s->moved_version = version;
        s->moved_to = c->moved_to;
    }
    /* The same version with another content is a later log's word. */
    if (c->role == role_version && version >= s->version && !same_again) {
        s->version = version;
        s->current = id;
    }
    if (s->withdrawn_by != 0 || s->version <= s->moved_version)
        s->current = 0;
    s->changed = s->id == 0 || s->version != before.version || s->current != before.current ||
                 s->withdrawn_by != before.withdrawn_by || s->moved_version != before.moved_version;
}

/* Whether the story's current entry has this version and digest: it came in another epoch. */
static int is_same_again(struct keep *k, const struct story *s, const struct entry *e, bool *ret) {
    *ret = false;
    if (s->current == 0 || s->version != e->version)
        return 0;
    sqlite3_stmt *st =
        store_prepare(&k->archive->store, "SELECT content_digest FROM entry WHERE id = ?");
    if (st == NULL)
        return -EIO;
    store_bind_int(st, 1, s->current);
    int r = store_step(&k->archive->store, st);
    *ret = r == 1 && slice_equal(store_column(st, 0), e->content_digest);
    store_finalize(&k->archive->store, st);
    return r < 0 ? r : 0;
}

/* ---- rows */

/* A JSON array of the names, or null. */
static int bind_names(sqlite3_stmt *st, int place, const struct slice *names, size_t n) {
    if (n == 0)
        return sqlite3_bind_null(st, place) == SQLITE_OK ? 0 : -ENOMEM;
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, json_stringn((const char *)names[i].data, names[i].len));
    char *text = json_dumps(array, JSON_COMPACT);
    json_decref(array);
    return text != NULL && sqlite3_bind_text(st, place, text, -1, free) == SQLITE_OK ? 0 : -ENOMEM;
}

static void bind_if_any(sqlite3_stmt *st, int place, struct slice value,
                        void (*bind)(sqlite3_stmt *, int, struct slice)) {
    if (value.len > 0)
        bind(st, place, value);
    else
        sqlite3_bind_null(st, place);
}

static int add_entry(struct keep *k, const struct entry *e, const struct content *c, int64_t topic,
                     int64_t story) {
    sqlite3_stmt *st = k->add_entry;
    const int64_t numbers[] = {
        k->next_id, (int64_t)e->epoch, (int64_t)e->seq, (int64_t)e->prev_seq, topic,
        story,      e->version};
    for (int i = 0; i < 7; i++)
        store_bind_int(st, i + 1, numbers[i]);
    store_bind_string(st, 8, c->role);
    store_bind_int(st, 9, e->stored_at_usec);
    store_bind_int(st, 10, (int64_t)e->replaces);
    store_bind_bytes(st, 11, e->content_digest);
    if (bind_names(st, 12, e->path, e->n_path) < 0 ||
        bind_names(st, 13, e->approved_by, e->n_approved_by) < 0)
        return -ENOMEM;
    store_bind_text(st, 14, c->headline);
    bind_if_any(st, 15, e->signature, store_bind_bytes);
    bind_if_any(st, 16, e->origin, store_bind_text);
    bind_if_any(st, 17, e->article_digest, store_bind_bytes);
    return store_run(&k->archive->store, st);
}

void keep_digest(struct slice article, uint8_t ret[static LIMIT_DIGEST_BYTES]) {
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, article.len, article.data);
    sha256_digest(&hash, LIMIT_DIGEST_BYTES, ret);
}

static int add_body(struct keep *k, const struct entry *e) {
    uint8_t digest[LIMIT_DIGEST_BYTES];
    if (e->article.len == 0)
        return 0;
    keep_digest(e->article, digest);
    store_bind_int(k->add_body, 1, k->next_id);
    store_bind_bytes(k->add_body, 2, e->article);
    store_bind_bytes(k->add_body, 3, (struct slice){digest, sizeof digest});
    return store_run(&k->archive->store, k->add_body);
}

/* What was indexed and holds no more leaves the index, when that comes to it. */
static int leave_index(struct keep *k, int64_t id) {
    if (id == 0 || id > k->indexed_to)
        return 0;
    store_bind_int(k->add_stale, 1, id);
    return store_run(&k->archive->store, k->add_stale);
}

static int write_day(struct keep *k) {
    if (k->day.first == 0)
        return 0;
    store_bind_int(k->add_day, 1, k->day.day);
    store_bind_int(k->add_day, 2, k->day.first);
    store_bind_int(k->add_day, 3, k->day.last);
    k->day.first = 0;
    return store_run(&k->archive->store, k->add_day);
}

static int count_day(struct keep *k, const struct entry *e) {
    int64_t day = e->stored_at_usec / usec_per_day;
    int r = day == k->day.day ? 0 : write_day(k);
    k->day.day = day;
    if (k->day.first == 0)
        k->day.first = k->next_id;
    k->day.last = k->next_id;
    return r;
}

/* 1 when the number is there; -EEXIST when it is, and was something else. */
static int is_known(struct keep *k, const struct entry *e) {
    sqlite3_stmt *st = k->find_entry;
    store_bind_int(st, 1, (int64_t)e->epoch);
    store_bind_int(st, 2, (int64_t)e->seq);
    int r = store_step(&k->archive->store, st);
    if (r == 1 && !slice_equal(store_column(st, 0), e->content_digest))
        r = -EEXIST;
    sqlite3_reset(st);
    return r;
}

/* The new entry's story, as it is with it; written if that changes it. */
static int update_story(struct keep *k, const struct entry *e, const struct content *c,
                        struct story *s) {
    bool same_again = false;
    int r = find_story(k, e->uri, s);
    if (r == 0)
        r = is_same_again(k, s, e, &same_again);
    if (r < 0)
        return r;
    int64_t current = s->current;
    apply(s, e, c, k->next_id, same_again);
    k->withdrew = k->withdrew || s->withdrawn_by != 0;
    if (current != s->current)
        r = leave_index(k, current);
    return r == 0 && s->changed ? write_story(k, s, e->uri) : r;
}

int keep_entry(struct keep *k, const struct entry *e) {
    struct content c;
    struct story story;
    int64_t topic = 0;
    int r = keep_begin(k);
    if (r == 0)
        r = is_known(k, e);
    if (r != 0)
        return r < 0 ? r : 0;
    r = look_at(k, e, &c);
    if (r == 0)
        r = topic_id(k, e->topic, &topic);
    if (r == 0)
        r = update_story(k, e, &c, &story);
    if (r == 0)
        r = add_entry(k, e, &c, topic, story.id);
    if (r == 0)
        r = add_body(k, e);
    if (r == 0)
        r = count_day(k, e);
    k->next_id++;
    k->kept++;
    return r < 0 ? r : 1;
}

/* ---- what is missing, and why */

int keep_loss(struct keep *k, uint64_t epoch, struct slice topic, uint64_t after, uint64_t upto,
              int64_t told_at_usec) {
    int r = keep_begin(k);
    sqlite3_stmt *st = r < 0
                           ? NULL
                           : store_prepare(&k->archive->store,
                                           "INSERT OR REPLACE INTO loss (epoch, topic, after, upto,"
                                           " told_at_usec) VALUES (?, ?, ?, ?, ?)");
    if (st == NULL)
        return -EIO;
    store_bind_int(st, 1, (int64_t)epoch);
    store_bind_text(st, 2, topic);
    store_bind_int(st, 3, (int64_t)after);
    store_bind_int(st, 4, (int64_t)upto);
    store_bind_int(st, 5, told_at_usec);
    r = store_run(&k->archive->store, st);
    store_finalize(&k->archive->store, st);
    return r;
}

int keep_checkpoint(struct keep *k, struct slice bytes) {
    struct checkpoint c;
    if (checkpoint_read(bytes, &c) == -EBADMSG)
        return 0;
    int r = keep_begin(k);
    return r < 0 ? r
                 : store_do(&k->archive->store,
                            "INSERT OR REPLACE INTO checkpoint (epoch, topic, head, bytes)"
                            " VALUES (?, ?, ?, ?)",
                            "itib", (int64_t)c.epoch, c.topic, (int64_t)c.head, bytes);
}

int keep_removed(struct keep *k, uint64_t epoch, struct slice topic, uint64_t upto) {
    int r = keep_begin(k);
    sqlite3_stmt *st =
        r < 0 ? NULL
              : store_prepare(&k->archive->store,
                              "INSERT INTO removed (epoch, topic, upto) VALUES (?, ?, ?)"
                              " ON CONFLICT DO UPDATE SET upto = max(upto, excluded.upto)");
    if (st == NULL)
        return -EIO;
    store_bind_int(st, 1, (int64_t)epoch);
    store_bind_text(st, 2, topic);
    store_bind_int(st, 3, (int64_t)upto);
    r = store_run(&k->archive->store, st);
    store_finalize(&k->archive->store, st);
    return r;
}

int keep_commit(struct keep *k, const char *cursor) {
    int r = keep_begin(k);
    if (r == 0)
        r = write_day(k);
    if (r == 0 && cursor != NULL)
        r = archive_set(k->archive, "cursor", slice_of(cursor));
    if (r == 0)
        r = store_exec(&k->archive->store, "COMMIT");
    if (r == 0)
        k->open = false;
    return r;
}
