#include "clients/archive/feeds.h"

#include "clients/archive/export.h"
#include "proto/formats/feed_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 256 << 20, FILE_BYTES = 128 };

/* In place of the entry that a feed has seen. */
#define NOT_WRITTEN (-1)

/* A row of the table feed. */
struct set {
    int64_t id, items;
    enum feed_kind kind;
    char section[LIMIT_KEY_BYTES + 1], folder[4096];
    char title[512], author[256], url[1024];
    bool failed; /* when it was written last */
};

int feeds_open(struct feeds *f, struct archive *a) {
    *f = (struct feeds){.archive = a, .arena = arena_new(ARENA_BYTES)};
    return f->arena == NULL ? -ENOMEM : load_open(&f->load, a);
}

void feeds_close(struct feeds *f) {
    if (f->archive != NULL)
        load_close(&f->load);
    f->arena = arena_free(f->arena);
}

/* ---- which are to be written */

static void read_set(sqlite3_stmt *st, struct set *s) {
    int kind = feed_kind_find(store_column_string(st, 2));
    s->id = sqlite3_column_int64(st, 0);
    snprintf(s->section, sizeof s->section, "%s", store_column_string(st, 1));
    s->kind = kind < 0 ? FEED_ATOM : (enum feed_kind)kind;
    snprintf(s->folder, sizeof s->folder, "%s", store_column_string(st, 3));
    snprintf(s->title, sizeof s->title, "%s", store_column_string(st, 4));
    snprintf(s->author, sizeof s->author, "%s", store_column_string(st, 5));
    snprintf(s->url, sizeof s->url, "%s", store_column_string(st, 6));
    s->items = sqlite3_column_int64(st, 7);
    s->failed = sqlite3_column_int64(st, 8) == NOT_WRITTEN;
}

/* The next feed behind that id which is to be written: something of its section came since,
 * or it could not be written then. 1, 0 when there is none, or an error. */
static int next_set(struct feeds *f, bool all, int64_t behind, struct set *ret) {
    sqlite3_stmt *st = store_query(
        &f->archive->store,
        "SELECT f.id, f.section, f.format, f.folder, f.title, f.author, f.url, f.items, f.seen"
        " FROM feed f WHERE f.id > ? AND (? OR f.seen = ? OR EXISTS (SELECT 1 FROM entry e JOIN"
        " topic t ON t.id = e.topic WHERE e.id > f.seen AND t.section = f.section)) ORDER BY f.id"
        " LIMIT 1",
        "iii", behind, (int64_t)all, (int64_t)NOT_WRITTEN);
    int r = st == NULL ? -EIO : store_step(&f->archive->store, st);
    if (r == 1)
        read_set(st, ret);
    if (st != NULL)
        sqlite3_reset(st);
    return r;
}

/* What could not be written stays to be written, whatever comes: a text that was withdrawn
 * may still stand in it. */
static int mark(struct feeds *f, const struct set *s, bool written) {
    return written != s->failed
               ? 0
               : store_do(&f->archive->store, "UPDATE feed SET seen = ? WHERE id = ?", "ii",
                          (int64_t)(written ? 0 : NOT_WRITTEN), s->id);
}

/* All entries that are here now count as seen by all other feeds. */
static int mark_seen(struct feeds *f) {
    return store_do(&f->archive->store,
                    "UPDATE feed SET seen = (SELECT coalesce(max(id), 0) FROM entry)"
                    " WHERE seen <> ?",
                    "i", (int64_t)NOT_WRITTEN);
}

/* ---- one feed */

static int64_t first_stored(struct feeds *f, int64_t story, int64_t fallback) {
    int64_t usec = 0;
    int r = store_number(&f->archive->store, &usec,
                         "SELECT min(stored_at_usec) FROM entry WHERE story = ? AND role ="
                         " 'version'",
                         "i", story);
    return r == 1 && usec > 0 ? usec : fallback;
}

/* The section's newest stories that hold. *ret: in the arena. */
static int collect(struct feeds *f, const struct set *s, struct feed_item **ret, size_t *ret_n) {
    struct feed_item *items = arena_alloc(f->arena, (size_t)s->items * sizeof *items);
    int64_t *ids = arena_alloc(f->arena, (size_t)s->items * sizeof *ids);
    sqlite3_stmt *st =
        items == NULL || ids == NULL
            ? NULL
            : store_query(
                  &f->archive->store,
                  "SELECT e.id FROM entry e JOIN story s ON s.current = e.id JOIN topic t ON"
                  " t.id = e.topic WHERE t.section = ? ORDER BY e.id DESC LIMIT ?",
                  "si", s->section, s->items);
    size_t n = 0;
    int r = items == NULL || ids == NULL ? -ENOMEM : st == NULL ? -EIO : 0;
    while (r >= 0 && n < (size_t)s->items && (r = store_step(&f->archive->store, st)) == 1)
        ids[n++] = sqlite3_column_int64(st, 0);
    if (st != NULL)
        sqlite3_reset(st);
    *ret_n = 0;
    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct loaded l;
        r = load_another(&f->load, ids[i], &l);
        if (r < 0 || l.article == NULL)
            continue;
        items[(*ret_n)++] =
            (struct feed_item){.article = l.article,
                               .published_usec = first_stored(f, l.story, l.entry.stored_at_usec),
                               .updated_usec = l.entry.stored_at_usec};
    }
    *ret = items;
    return r < 0 ? r : 0;
}

/* A feed is named by where it is, since every office has one of news; its articles by their
 * uris. */
static void set_head(const struct set *s, const char *file, char id[static 2048],
                     struct feed_head *ret) {
    bool has_url = *s->url != '\0';
    if (has_url)
        snprintf(id, 2048, "%s%s%s", s->url, s->url[strlen(s->url) - 1] == '/' ? "" : "/", file);
    else
        snprintf(id, 2048, "urn:newswire:feed:%s", s->section);
    *ret = (struct feed_head){.id = id,
                              .title = s->title,
                              .author = s->author,
                              .home_url = has_url ? s->url : NULL,
                              .self_url = has_url ? id : NULL};
}

static int write_set(struct feeds *f, const struct set *s, char file[static FILE_BYTES]) {
    struct feed_item *items;
    struct feed_head head;
    struct export_file out;
    char id[2048];
    size_t n = 0;
    arena_reset(f->arena);
    snprintf(file, FILE_BYTES, "%s%s", s->section, feed_kinds[s->kind].suffix);
    int r = collect(f, s, &items, &n);
    if (r < 0)
        return r;
    set_head(s, file, id, &head);
    for (size_t i = 0; i < n; i++)
        if (items[i].updated_usec > head.updated_usec)
            head.updated_usec = items[i].updated_usec;
    r = export_begin(&out, s->folder, file);
    if (r == 0)
        r = export_end(&out, feed_write(out.file, f->arena, s->kind, &head, items, n));
    load_forget(&f->load);
    return r;
}

int feeds_write(struct feeds *f, bool all, feeds_say_fn say, void *userdata,
                struct feeds_count *ret) {
    struct set *set = calloc(1, sizeof *set);
    int r = set == NULL ? -ENOMEM : 0;
    *ret = (struct feeds_count){0};
    while (r == 0 && (r = next_set(f, all, set->id, set)) == 1) {
        char file[FILE_BYTES];
        int error = write_set(f, set, file);
        if (error == -EIO && *f->archive->store.trouble != '\0') {
            r = -EIO;
            break;
        }
        if (error < 0 && (all || !set->failed))
            say(userdata, file, error);
        ret->written += error == 0;
        ret->failed += error < 0;
        r = mark(f, set, error == 0);
    }
    if (r == 0 && ret->written + ret->failed > 0)
        r = mark_seen(f);
    free(set);
    return r;
}
