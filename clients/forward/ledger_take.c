/* What comes from the wire goes into the queues. */
#include "clients/forward/ledger.h"
#include "proto/topic.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

enum { MESSAGE_ID_BYTES = 16 };

/* A name of the delivery that even a lost ledger would give again. */
static void make_message_id(const char *outlet, const char *uri, uint32_t version, bool kill,
                            int64_t again, char ret[static 2 * MESSAGE_ID_BYTES + 8]) {
    uint8_t hash[MESSAGE_ID_BYTES];
    char about[64];
    crypto_generichash_state state;
    snprintf(about, sizeof about, "%u %s %lld", version, kill ? "kill" : "article",
             (long long)again);
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    crypto_generichash_update(&state, (const uint8_t *)outlet, strlen(outlet) + 1);
    crypto_generichash_update(&state, (const uint8_t *)uri, strlen(uri) + 1);
    crypto_generichash_update(&state, (const uint8_t *)about, strlen(about));
    crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(ret, "msg_", 4);
    sodium_bin2hex(ret + 4, 2 * MESSAGE_ID_BYTES + 1, hash, sizeof hash);
}

/* ---- the article itself */

static char *join_path(struct arena *a, const struct entry *e) {
    size_t len = 1;
    for (size_t i = 0; i < e->n_path; i++)
        len += e->path[i].len + 1;
    char *joined = arena_alloc(a, len), *at = joined;
    for (size_t i = 0; joined != NULL && i < e->n_path; i++) {
        memcpy(at, e->path[i].data, e->path[i].len);
        at += e->path[i].len;
        *at++ = '\n';
    }
    return joined;
}

static int add_authors(struct ledger *l, int64_t article, const Article *x) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < x->n_byline; i++)
        r = store_do(&l->store, "INSERT INTO author (article, name) VALUES (?, ?)", "is", article,
                     x->byline[i]);
    return r;
}

/* A kill is counted with those whose story it was. */
static int copy_authors(struct ledger *l, int64_t article, const char *uri) {
    return store_do(&l->store,
                    "INSERT INTO author (article, name) SELECT ?1, name FROM author WHERE article ="
                    " (SELECT id FROM article WHERE uri = ?2 AND id <> ?1 ORDER BY version DESC"
                    " LIMIT 1)",
                    "is", article, uri);
}

static const char *old_headline(struct ledger *l, const char *uri) {
    sqlite3_stmt *st = store_query(&l->store,
                                   "SELECT headline FROM article WHERE uri = ? AND headline <> ''"
                                   " ORDER BY version DESC LIMIT 1",
                                   "s", uri);
    const char *copy = NULL;
    if (st != NULL && store_step(&l->store, st) == 1) {
        struct slice text = store_column(st, 0);
        copy = arena_strndup(l->arena, (const char *)text.data, text.len);
        sqlite3_reset(st);
    }
    return copy == NULL ? "" : copy;
}

/* 1 and its id when it is new; 0 when this version is here already. */
static int add_article(struct ledger *l, const struct entry *e, const Article *x, bool kill,
                       int64_t *ret_id) {
    struct slice section = topic_section(e->topic);
    const char *kind = article_kind_name(topic_kind(e->topic));
    const char *headline = *x->headline == '\0' ? old_headline(l, x->uri) : x->headline;
    const char *path = join_path(l->arena, e);
    if (path == NULL)
        return -ENOMEM;
    int r =
        store_do(&l->store,
                 "INSERT OR IGNORE INTO article (uri, version, epoch, seq, prev_seq, topic,"
                 " section, kind, headline, stored_usec, killed, path, bytes, signature)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 "tiiiittssiisbb", e->uri, (int64_t)e->version, (int64_t)e->epoch, (int64_t)e->seq,
                 (int64_t)e->prev_seq, e->topic, section, kind == NULL ? "" : kind, headline,
                 e->stored_at_usec, (int64_t)kill, path, e->article, e->signature);
    if (r < 0 || sqlite3_changes(l->store.db) == 0)
        return r;
    *ret_id = sqlite3_last_insert_rowid(l->store.db);
    r = kill ? copy_authors(l, *ret_id, x->uri) : add_authors(l, *ret_id, x);
    return r < 0 ? r : 1;
}

/* ---- one outlet's queue */

/* What an outlet knows of a story. */
struct known {
    bool has;     /* it received a version, or may have */
    bool killed;  /* a kill is on its way, or was */
    bool sending; /* right now, and it can't be taken back */
};

/* Takes back what waits of the story, for that reason, and tells what there was. */
static int clear_story(struct ledger *l, const struct outlet_config *o, const char *uri,
                       const char *state, const char *why, struct known *ret) {
    enum { MOST = 64 };
    int64_t waiting[MOST];
    size_t n = 0;
    sqlite3_stmt *st = store_query(&l->store,
                                   "SELECT id, state, maybe, kill, due_usec IS NOT NULL FROM"
                                   " delivery WHERE outlet = ? AND uri = ?",
                                   "ss", o->name, uri);
    int r = st == NULL ? -EIO : 0;
    *ret = (struct known){0};
    while (r >= 0 && st != NULL && (r = store_step(&l->store, st)) == 1) {
        int64_t id = sqlite3_column_int64(st, 0);
        const char *now = store_column_string(st, 1);
        bool maybe = sqlite3_column_int(st, 2) != 0, kill = sqlite3_column_int(st, 3) != 0;
        bool open = sqlite3_column_int(st, 4) != 0, sending = strcmp(now, "sending") == 0;
        if (sending && !kill && l->senders != NULL &&
            l->senders->recall(l->senders->userdata, o, id))
            sending = false, open = true;
        ret->killed = ret->killed || (kill && strcmp(now, "withdrawn") != 0);
        ret->sending = ret->sending || (sending && !kill);
        ret->has = ret->has || (!kill && (maybe || sending || strcmp(now, "delivered") == 0));
        if (!kill && n < MOST && (open || strcmp(now, "parked") == 0))
            waiting[n++] = id;
    }
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = ledger_end(l, waiting[i], state, why);
    return r;
}

static int add_delivery(struct ledger *l, const struct outlet_config *o, int64_t article,
                        const char *uri, uint32_t version, bool kill, int64_t due_usec,
                        int64_t again) {
    char message_id[2 * MESSAGE_ID_BYTES + 8];
    make_message_id(o->name, uri, version, kill, again, message_id);
    if (l->senders != NULL)
        l->senders->touch(l->senders->userdata, o, kill);
    return store_do(&l->store,
                    "INSERT INTO delivery (article, outlet, uri, version, kill, state, rank,"
                    " due_usec, queued_usec, message_id) VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?,"
                    " ?)",
                    "issiiiiis", article, o->name, uri, (int64_t)version, (int64_t)kill,
                    (int64_t)(kill ? 0 : 1), due_usec, ledger_now(), message_id);
}

/* ---- what an entry does to an outlet's queue */

/* It goes back to no wire that it came through. */
static bool came_through(const struct outlet_config *o, const struct entry *e) {
    for (size_t i = 0; i < e->n_path; i++)
        if (*o->host != '\0' && slice_equal(e->path[i], slice_of(o->host)))
            return true;
    return false;
}

static int take_version(struct ledger *l, const struct outlet_config *o, int64_t article,
                        const char *topic, const Article *x) {
    struct known known;
    int64_t n = 0;
    bool takes = outlet_takes(o, topic, x);
    int r =
        store_number(&l->store, &n, "SELECT count(*) FROM delivery WHERE outlet = ? AND uri = ?",
                     "ss", o->name, x->uri);
    if (r < 0 || (n == 0 && !takes))
        return r < 0 ? r : 0;
    r = clear_story(l, o, x->uri, "replaced", "a newer version came", &known);
    if (r < 0 || known.killed)
        return r;
    /* Who has a story gets its corrections, unless it is now where the outlet may not read. */
    if (!takes && !(known.has && outlet_takes_topic(o, topic)))
        return 0;
    return add_delivery(l, o, article, x->uri, x->version, false, outlet_due(o, ledger_now()), 0);
}

static int take_kill(struct ledger *l, const struct outlet_config *o, int64_t article,
                     const Article *x) {
    struct known known;
    int r = clear_story(l, o, x->uri, "withdrawn", "the story was killed", &known);
    if (r < 0 || !known.has || known.killed)
        return r;
    return add_delivery(l, o, article, x->uri, x->version, true, ledger_now(), 0);
}

/* The story goes on under another topic; here only what waits changes, if at all. */
static int note_move(struct ledger *l, const Article *x) {
    return store_do(&l->store,
                    "INSERT INTO history (delivery, at_usec, event, text) SELECT max(id), ?,"
                    " 'moved', ? FROM delivery WHERE uri = ? GROUP BY outlet",
                    "iss", ledger_now(), x->moved_to, x->uri);
}

/* Whether a kill or a newer version is here already: topics are not ordered among
 * each other, and another log may tell it all again. */
static bool is_past(struct ledger *l, const Article *x) {
    int64_t n = 0;
    return store_number(&l->store, &n,
                        "SELECT 1 FROM article WHERE uri = ? AND (killed = 1 OR version > ?)", "si",
                        x->uri, (int64_t)x->version) == 1;
}

/* An entry without bytes is of a story that was killed; so much is known, and the
 * kill itself follows. */
static int take_tombstone(struct ledger *l, const struct entry *e) {
    const char *uri = arena_strndup(l->arena, (const char *)e->uri.data, e->uri.len);
    struct known known;
    int r = uri == NULL ? -ENOMEM : 0;
    for (size_t i = 0; r == 0 && i < l->config->n_outlets; i++)
        r = clear_story(l, l->config->outlets[i], uri, "withdrawn", "the story was killed", &known);
    return r;
}

int ledger_take(struct ledger *l, const struct entry *e, struct fault *f) {
    ProtobufCMessage *message;
    int64_t article = 0;
    arena_reset(l->arena);
    if (e->article.len == 0)
        return take_tombstone(l, e);
    int r = codec_unpack(&newswire__v1__article__descriptor, l->arena, e->article, &message, f);
    if (r < 0)
        return r;
    const Article *x = (const Article *)message;
    const char *topic = arena_strndup(l->arena, (const char *)e->topic.data, e->topic.len);
    if (topic == NULL)
        return -ENOMEM;
    bool canceled = x->status == STATUS_CANCELED, kill = canceled && *x->moved_to == '\0';
    if (canceled && !kill)
        return note_move(l, x);
    bool past = !kill && is_past(l, x);
    r = add_article(l, e, x, kill, &article);
    if (r <= 0 || past)
        return r < 0 ? r : 0;
    r = 0;
    for (size_t i = 0; r == 0 && i < l->config->n_outlets; i++)
        r = came_through(l->config->outlets[i], e) ? 0
            : kill                                 ? take_kill(l, l->config->outlets[i], article, x)
                   : take_version(l, l->config->outlets[i], article, topic, x);
    return r;
}

int ledger_enqueue(struct ledger *l, const struct outlet_config *o, const char *uri) {
    struct known known;
    int64_t times = 0;
    sqlite3_stmt *st = store_query(
        &l->store,
        "SELECT id, version, killed FROM article WHERE uri = ? ORDER BY version DESC LIMIT 1", "s",
        uri);
    int r = st == NULL ? -EIO : store_step(&l->store, st);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    int64_t article = sqlite3_column_int64(st, 0), version = sqlite3_column_int64(st, 1);
    bool kill = sqlite3_column_int(st, 2) != 0;
    sqlite3_reset(st);
    r = store_number(&l->store, &times,
                     "SELECT count(*) FROM delivery WHERE outlet = ? AND uri = ? AND version = ?",
                     "ssi", o->name, uri, version);
    if (r >= 0)
        r = clear_story(l, o, uri, "replaced", "it was sent anew by hand", &known);
    if (r >= 0 && known.sending)
        return -EBUSY;
    if (r >= 0)
        r = add_delivery(l, o, article, uri, (uint32_t)version, kill, ledger_now(), times);
    return r < 0 ? r : ledger_note(l, sqlite3_last_insert_rowid(l->store.db), "sent by hand", NULL);
}
