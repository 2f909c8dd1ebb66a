#include "clients/archive/index.h"

#include "proto/codec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEADLINE, BYLINE, BODY };

/* FTS5 gathers a transaction's postings in memory up to this before it writes them. */
static const char tuning[] = "INSERT INTO words (words, rank) VALUES ('hashsize', 4194304)";
static const char emptying[] = "INSERT INTO words (words) VALUES ('delete-all');"
                               "DELETE FROM stale";

#define CURRENT_TEXT                                                                               \
    "SELECT e.id, e.topic, b.article FROM entry e JOIN story s ON s.id = e.story"                  \
    " JOIN body b ON b.entry = e.id WHERE "

static int prepare(struct index *x) {
    const struct {
        sqlite3_stmt **to;
        const char *sql;
    } all[] = {
        {&x->next, CURRENT_TEXT "e.id > ? AND e.id <= ? AND s.current = e.id ORDER BY e.id"},
        {&x->add,
         "INSERT INTO words (rowid, headline, byline, body, labels) VALUES (?, ?, ?, ?, ?)"},
        {&x->remove, "INSERT INTO words (words, rowid, headline, byline, body, labels)"
                     " VALUES ('delete', ?, ?, ?, ?, ?)"},
        {&x->find, CURRENT_TEXT "e.id = ?1 AND e.id <= ?2"
                                " AND (s.current = e.id OR e.id IN (SELECT entry FROM stale))"},
        {&x->forget_stale, "DELETE FROM stale WHERE entry = ?"},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if ((*all[i].to = store_prepare(&x->keep->archive->store, all[i].sql)) == NULL)
            return -EIO;
    return 0;
}

/* An index that this version's rules didn't make is begun anew. */
static int check_version(struct index *x) {
    struct archive *a = x->keep->archive;
    int64_t version;
    int r = archive_value(a, "expander", &version);
    if (r < 0 || version == EXPAND_VERSION)
        return r;
    r = keep_begin(x->keep);
    if (r == 0)
        r = store_exec(&a->store, emptying);
    if (r == 0)
        r = archive_set_value(a, "indexed_to", 0);
    if (r == 0)
        r = archive_set_value(a, "expander", EXPAND_VERSION);
    if (r == 0)
        r = keep_commit(x->keep, NULL);
    x->keep->indexed_to = 0;
    return r;
}

int index_open(struct index *x, struct keep *k) {
    *x = (struct index){.keep = k, .expand = expand_new()};
    if (x->expand == NULL)
        return -ENOMEM;
    int r = store_exec(&k->archive->store, tuning);
    if (r == 0)
        r = check_version(x);
    return r < 0 ? r : prepare(x);
}

void index_close(struct index *x) {
    x->expand = expand_free(x->expand);
    for (int i = 0; i < 3; i++) {
        free(x->fields[i]);
        x->fields[i] = NULL;
    }
}

/* ---- an article as FTS5 gets it */

static int end_field(struct index *x, int field) {
    struct slice text;
    int r = expand_end(x->expand, &text);
    if (r < 0)
        return r;
    if (text.len > x->sizes[field]) {
        char *data = realloc(x->fields[field], text.len * 2);
        if (data == NULL)
            return -ENOMEM;
        x->fields[field] = data;
        x->sizes[field] = text.len * 2;
    }
    if (text.len > 0)
        memcpy(x->fields[field], text.data, text.len);
    x->lens[field] = text.len;
    return 0;
}

static void add_strings(struct index *x, char *const *strings, size_t n) {
    for (size_t i = 0; i < n; i++)
        expand_add(x->expand, slice_of(strings[i]));
}

static int expand_article(struct index *x, const Article *a) {
    expand_begin(x->expand);
    add_strings(x, a->kicker, a->n_kicker);
    expand_add(x->expand, slice_of(a->headline));
    expand_add(x->expand, slice_of(a->subheadline));
    int r = end_field(x, HEADLINE);
    expand_begin(x->expand);
    add_strings(x, a->byline, a->n_byline);
    r = r < 0 ? r : end_field(x, BYLINE);
    expand_begin(x->expand);
    expand_add(x->expand, slice_of(a->dateline));
    for (size_t i = 0; i < a->n_blocks; i++)
        expand_add(x->expand, slice_of(a->blocks[i]->text));
    for (size_t i = 0; i < a->n_media; i++)
        expand_add(x->expand, slice_of(a->media[i]->caption));
    add_strings(x, a->keywords, a->n_keywords);
    return r < 0 ? r : end_field(x, BODY);
}

/* Adds or removes the row that the statement from stands at. */
static int put_row(struct index *x, sqlite3_stmt *put, sqlite3_stmt *from) {
    char label[32];
    struct fault fault;
    ProtobufCMessage *message;
    arena_reset(x->keep->arena);
    int r = codec_unpack(&newswire__v1__article__descriptor, x->keep->arena, store_column(from, 2),
                         &message, &fault);
    if (r == -EINVAL)
        return 0; /* altered on disk since: verify tells of it */
    r = r < 0 ? r : expand_article(x, (const Article *)message);
    if (r < 0)
        return r;
    snprintf(label, sizeof label, "t%lld", (long long)sqlite3_column_int64(from, 1));
    store_bind_int(put, 1, sqlite3_column_int64(from, 0));
    for (int i = 0; i < 3; i++)
        store_bind_text(put, 2 + i, (struct slice){(uint8_t *)x->fields[i], x->lens[i]});
    store_bind_string(put, 5, label);
    return store_run(&x->keep->archive->store, put);
}

int index_drop(struct index *x, int64_t entry) {
    struct store *s = &x->keep->archive->store;
    store_bind_int(x->find, 1, entry);
    store_bind_int(x->find, 2, x->keep->indexed_to);
    int r = store_step(s, x->find);
    if (r == 1)
        r = put_row(x, x->remove, x->find);
    sqlite3_reset(x->find);
    store_bind_int(x->forget_stale, 1, entry);
    return r < 0 ? r : store_run(s, x->forget_stale);
}

/* ---- steps */

static int drop_stale(struct index *x, int most) {
    int64_t ids[64];
    int n = 0, r;
    sqlite3_stmt *list = store_prepare(&x->keep->archive->store, "SELECT entry FROM stale LIMIT ?");
    if (list == NULL)
        return -EIO;
    store_bind_int(list, 1, most < 64 ? most : 64);
    while ((r = store_step(&x->keep->archive->store, list)) == 1)
        ids[n++] = sqlite3_column_int64(list, 0);
    store_finalize(&x->keep->archive->store, list);
    for (int i = 0; i < n && r == 0; i++)
        r = index_drop(x, ids[i]);
    return r < 0 ? r : n;
}

static int add_next(struct index *x, int64_t upto) {
    struct store *s = &x->keep->archive->store;
    int r;
    store_bind_int(x->next, 1, x->keep->indexed_to);
    store_bind_int(x->next, 2, upto);
    while ((r = store_step(s, x->next)) == 1)
        if ((r = put_row(x, x->add, x->next)) < 0)
            break;
    sqlite3_reset(x->next);
    return r < 0 ? r : archive_set_value(x->keep->archive, "indexed_to", upto);
}

int index_step(struct index *x, int most) {
    struct keep *k = x->keep;
    int64_t newest = k->next_id - 1,
            upto = newest - k->indexed_to > most ? k->indexed_to + most : newest;
    int r = keep_begin(k);
    int dropped = r < 0 ? r : drop_stale(x, most);
    if (dropped != 0 || upto <= k->indexed_to)
        return dropped;
    r = add_next(x, upto);
    if (r < 0)
        return r;
    int done = (int)(upto - k->indexed_to);
    k->indexed_to = upto;
    return done;
}
