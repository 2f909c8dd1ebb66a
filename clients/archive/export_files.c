#include "clients/archive/export.h"
#include "clients/archive/keep.h"
#include "proto/json.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HASH_BYTES = 8, NAME_BYTES = 160 };

static const char index_name[] = "index.jsonl";

/* A story that is in question, and its file's name below the folder: made from the day and
 * section of its first entry and from its uri, which no correction or move changes. */
struct story {
    int64_t id, current, withdrawn_by;
    char uri[LIMIT_URI_BYTES + 1];
    char moved_to[LIMIT_TOPIC_BYTES + 1];
    char day[16], name[NAME_BYTES];
};

/* ---- files */

int export_begin(struct export_file *f, const char *folder, const char *name) {
    if ((mkdir(folder, 0755) < 0 && errno != EEXIST) ||
        snprintf(f->name, sizeof f->name, "%s/%s", folder, name) >= (int)sizeof f->name)
        return -errno;
    snprintf(f->temporary, sizeof f->temporary, "%s.part", f->name);
    f->file = fopen(f->temporary, "we");
    return f->file == NULL ? -errno : 0;
}

int export_end(struct export_file *f, int error) {
    if (error == 0 && fflush(f->file) != 0)
        error = -errno;
    if (fclose(f->file) != 0 && error == 0)
        error = -errno;
    if (error == 0 && rename(f->temporary, f->name) < 0)
        error = -errno;
    if (error < 0)
        unlink(f->temporary);
    return error;
}

static bool has_content(const char *name, const char *text, size_t len) {
    struct stat st;
    FILE *file = fopen(name, "re");
    bool same = file != NULL && fstat(fileno(file), &st) == 0 && (size_t)st.st_size == len;
    char buffer[4096];
    for (size_t at = 0, n; same && at < len; at += n) {
        n = fread(buffer, 1, sizeof buffer, file);
        same = n > 0 && n <= len - at && memcmp(buffer, text + at, n) == 0;
    }
    if (file != NULL)
        fclose(file);
    return same;
}

static int write_file(struct export *x, const struct story *s, const char *text, size_t len) {
    struct export_file f;
    char folder[4096], name[4096];
    if (snprintf(folder, sizeof folder, "%s/%s", x->out, s->day) >= (int)sizeof folder ||
        snprintf(name, sizeof name, "%s/%s", x->out, s->name) >= (int)sizeof name)
        return -ENAMETOOLONG;
    if (has_content(name, text, len)) {
        x->unchanged++;
        return 0;
    }
    int r = export_begin(&f, folder, s->name + strlen(s->day) + 1);
    if (r < 0)
        return r;
    x->written++;
    return export_end(&f, fwrite(text, 1, len, f.file) == len ? 0 : -EIO);
}

static int remove_file(struct export *x, const struct story *s) {
    char name[4096];
    if (snprintf(name, sizeof name, "%s/%s", x->out, s->name) >= (int)sizeof name)
        return -ENAMETOOLONG;
    if (unlink(name) == 0)
        x->gone++;
    else if (errno != ENOENT)
        return -errno;
    return 0;
}

/* ---- stories */

static const char selecting[] =
    "SELECT s.id, s.current, s.withdrawn_by, s.uri, s.moved_to, f.stored_at_usec, ft.section"
    " FROM story s JOIN entry f ON f.id = (SELECT min(id) FROM entry WHERE story = s.id)"
    " JOIN topic ft ON ft.id = f.topic"
    " JOIN entry e ON e.id = coalesce(s.current, s.withdrawn_by, f.id)"
    " JOIN topic t ON t.id = e.topic WHERE (?1 IS NULL OR t.section = ?1)"
    " AND (?2 IS NULL OR t.kind = ?2) AND e.stored_at_usec >= ?3 AND e.stored_at_usec < ?4"
    " ORDER BY s.id";

static void read_story(struct export *x, sqlite3_stmt *st, struct story *ret) {
    uint8_t digest[LIMIT_DIGEST_BYTES];
    char hash[2 * HASH_BYTES + 1];
    time_t first = (time_t)(sqlite3_column_int64(st, 5) / 1000000);
    struct tm tm = {0};
    *ret = (struct story){.id = sqlite3_column_int64(st, 0),
                          .current = sqlite3_column_int64(st, 1),
                          .withdrawn_by = sqlite3_column_int64(st, 2)};
    snprintf(ret->uri, sizeof ret->uri, "%s", store_column_string(st, 3));
    snprintf(ret->moved_to, sizeof ret->moved_to, "%s", store_column_string(st, 4));
    gmtime_r(&first, &tm);
    strftime(ret->day, sizeof ret->day, "%Y-%m-%d", &tm);
    keep_digest(slice_of(ret->uri), digest);
    for (int i = 0; i < HASH_BYTES; i++)
        snprintf(hash + 2 * i, 3, "%02x", digest[i]);
    snprintf(ret->name, sizeof ret->name, "%s/%s-%s%s", ret->day, store_column_string(st, 6), hash,
             x->writer->suffix);
}

static int write_row(FILE *index, const struct story *s, const struct loaded *l) {
    json_t *row = json_pack("{ss}", "uri", s->uri);
    if (row == NULL)
        return -ENOMEM;
    if (l == NULL) { /* it holds no more */
        json_object_set_new(row, "withdrawn", json_boolean(s->withdrawn_by != 0));
        if (*s->moved_to != '\0')
            json_object_set_new(row, "moved_to", json_string(s->moved_to));
        return json_write_line(index, row);
    }
    char digest[2 * LIMIT_DIGEST_BYTES + 1] = "";
    for (size_t i = 0; i < l->entry.content_digest.len && i < LIMIT_DIGEST_BYTES; i++)
        snprintf(digest + 2 * i, 3, "%02x", l->entry.content_digest.data[i]);
    json_object_set_new(row, "version", json_integer(l->entry.version));
    json_object_set_new(row, "file", json_string(s->name));
    json_object_set_new(row, "content_digest", json_string(digest));
    json_object_set_new(row, "section", json_string(l->section));
    json_object_set_new(row, "kind", json_string(l->kind));
    json_object_set_new(row, "stored_at_usec", json_integer(l->entry.stored_at_usec));
    json_object_set_new(row, "headline", json_string(l->article->headline));
    return json_write_line(index, row);
}

/* The story's file, made or removed, and its row in the index. */
static int export_story(struct export *x, const struct story *s, FILE *index) {
    struct loaded l;
    char *text = NULL;
    size_t len = 0;
    int r = s->current == 0 ? -ENOENT : load_entry(&x->load, s->current, &l);
    if (r == -ENOENT || (r == 0 && l.article == NULL)) {
        r = remove_file(x, s);
        return r < 0 ? r : write_row(index, s, NULL);
    }
    FILE *out = r < 0 ? NULL : open_memstream(&text, &len);
    if (out == NULL)
        return r < 0 ? r : -ENOMEM;
    const struct text_style style = {.columns = 80};
    r = x->writer->write(out, x->load.arena, &l.entry, l.article, x->writer_version, &style);
    fclose(out);
    if (r == 0)
        r = write_file(x, s, text, len);
    free(text);
    return r < 0 ? r : write_row(index, s, &l);
}

/* Whether only some stories are in question. */
static bool is_partial(const struct export *x) {
    return x->section != NULL || x->kind != NULL || x->since_usec > 0 || x->until_usec != INT64_MAX;
}

/* The rows of an earlier index whose stories are not in question now stay. */
static int keep_rows(const struct export *x, const json_t *exported, FILE *index) {
    char name[4096], *line = NULL;
    size_t size = 0;
    snprintf(name, sizeof name, "%s/%s", x->out, index_name);
    FILE *old = fopen(name, "re");
    if (old == NULL)
        return errno == ENOENT ? 0 : -errno;
    while (getline(&line, &size, old) >= 0) {
        json_t *row = json_loads(line, 0, NULL);
        const char *uri = json_string_value(json_object_get(row, "uri"));
        if (uri != NULL && json_object_get(exported, uri) == NULL)
            fputs(line, index);
        json_decref(row);
    }
    int r = ferror(old) ? -EIO : 0;
    free(line);
    fclose(old);
    return r;
}

/* exported: gets the uris. */
static int export_stories(struct export *x, json_t *exported, FILE *index) {
    struct store *store = &x->archive.store;
    struct story s;
    int r;
    sqlite3_stmt *st = store_prepare(store, selecting);
    if (st == NULL)
        return -EIO;
    store_bind_string(st, 1, x->section);
    store_bind_string(st, 2, x->kind);
    store_bind_int(st, 3, x->since_usec);
    store_bind_int(st, 4, x->until_usec);
    while ((r = store_step(store, st)) == 1) {
        read_story(x, st, &s);
        r = export_story(x, &s, index);
        if (r == 0 && exported != NULL)
            r = json_object_set_new(exported, s.uri, json_true()) < 0 ? -ENOMEM : 0;
        if (r < 0)
            break;
    }
    store_finalize(store, st);
    return r;
}

int export_files(struct export *x, const char **ret_name) {
    struct export_file index;
    json_t *exported = is_partial(x) ? json_object() : NULL;
    *ret_name = x->out;
    int r = export_begin(&index, x->out, index_name);
    if (r == 0) {
        r = export_stories(x, exported, index.file);
        if (r == 0 && exported != NULL)
            r = keep_rows(x, exported, index.file);
        r = export_end(&index, r);
    }
    json_decref(exported);
    return r;
}
