#include "clients/archive/load.h"

#include "clients/tool/received.h"

#include <errno.h>
#include <jansson.h>

enum { ARENA_BYTES = 256 << 20 };

static const char by_id[] =
    "SELECT e.id, e.story, e.role, e.epoch, e.seq, e.prev_seq, t.name, e.stored_at_usec, s.uri,"
    " e.version, e.content_digest, e.replaces, e.path, e.approved_by, b.article,"
    " ifnull(s.current = e.id, 0), s.withdrawn_by IS NOT NULL, t.section, t.kind, e.headline,"
    " e.signature, e.origin, e.article_digest"
    " FROM entry e JOIN topic t ON t.id = e.topic JOIN story s ON s.id = e.story"
    " LEFT JOIN body b ON b.entry = e.id WHERE e.id = ?";

int load_open(struct load *l, struct archive *a) {
    *l = (struct load){.archive = a, .arena = arena_new(ARENA_BYTES)};
    if (l->arena == NULL)
        return -ENOMEM;
    l->by_id = store_prepare(&a->store, by_id);
    return l->by_id == NULL ? -EIO : 0;
}

void load_close(struct load *l) {
    l->arena = arena_free(l->arena);
}

void load_forget(struct load *l) {
    arena_reset(l->arena);
}

/* A copy in the arena; its data is NULL when there is no memory. */
static struct slice copied(struct load *l, int column) {
    struct slice text = store_column(l->by_id, column);
    const char *copy =
        arena_strndup(l->arena, text.len == 0 ? "" : (const char *)text.data, text.len);
    return (struct slice){(const uint8_t *)copy, text.len};
}

/* The names of a JSON array. How many, or -ENOMEM. */
static int copy_names(struct load *l, int column, struct slice *ret, size_t most) {
    size_t n = 0;
    json_t *array = json_loads(store_column_string(l->by_id, column), 0, NULL);
    for (; n < json_array_size(array) && n < most; n++) {
        const char *name = json_string_value(json_array_get(array, n));
        char *copy =
            arena_strndup(l->arena, name == NULL ? "" : name, name == NULL ? 0 : strlen(name));
        if (copy == NULL)
            break;
        ret[n] = slice_of(copy);
    }
    bool whole = n == json_array_size(array) || n == most;
    json_decref(array);
    return whole ? (int)n : -ENOMEM;
}

static int read_row(struct load *l, struct loaded *ret) {
    sqlite3_stmt *st = l->by_id;
    struct slice texts[] = {copied(l, 2),  copied(l, 6),  copied(l, 8),  copied(l, 10),
                            copied(l, 14), copied(l, 17), copied(l, 18), copied(l, 19),
                            copied(l, 20), copied(l, 21), copied(l, 22)};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].data == NULL)
            return -ENOMEM;
    *ret = (struct loaded){.id = sqlite3_column_int64(st, 0),
                           .story = sqlite3_column_int64(st, 1),
                           .role = (const char *)texts[0].data,
                           .current = sqlite3_column_int(st, 15),
                           .withdrawn = sqlite3_column_int(st, 16),
                           .section = (const char *)texts[5].data,
                           .kind = (const char *)texts[6].data,
                           .headline = (const char *)texts[7].data};
    ret->entry = (struct entry){.epoch = (uint64_t)sqlite3_column_int64(st, 3),
                                .seq = (uint64_t)sqlite3_column_int64(st, 4),
                                .prev_seq = (uint64_t)sqlite3_column_int64(st, 5),
                                .topic = texts[1],
                                .stored_at_usec = sqlite3_column_int64(st, 7),
                                .uri = texts[2],
                                .version = (uint32_t)sqlite3_column_int64(st, 9),
                                .content_digest = texts[3],
                                .replaces = (uint64_t)sqlite3_column_int64(st, 11),
                                .signature = texts[8],
                                .origin = texts[9],
                                .article_digest = texts[10],
                                .article = texts[4]};
    int paths = copy_names(l, 12, ret->entry.path, LIMIT_PATH),
        approvals = copy_names(l, 13, ret->entry.approved_by, LIMIT_APPROVALS);
    if (paths < 0 || approvals < 0)
        return -ENOMEM;
    ret->entry.n_path = (size_t)paths;
    ret->entry.n_approved_by = (size_t)approvals;
    return 0;
}

int load_another(struct load *l, int64_t id, struct loaded *ret) {
    Article *article = NULL;
    store_bind_int(l->by_id, 1, id);
    int r = store_step(&l->archive->store, l->by_id);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    r = read_row(l, ret);
    sqlite3_reset(l->by_id);
    if (r < 0)
        return r;
    r = received_article(l->arena, &ret->entry, &article, &ret->fault);
    ret->article = r < 0 ? NULL : article;
    return r == -ENOMEM ? r : 0;
}

int load_entry(struct load *l, int64_t id, struct loaded *ret) {
    load_forget(l);
    return load_another(l, id, ret);
}
