#include "clients/archive/export.h"
#include "clients/archive/line.h"
#include "proto/json.h"

#include <errno.h>
#include <stdlib.h>

static bool is_whole(const struct export *x) {
    return x->section == NULL && x->kind == NULL && x->until_usec == INT64_MAX;
}

static int write_entries(struct export *x, FILE *out) {
    struct store *s = &x->archive.store;
    struct loaded l;
    int r;
    sqlite3_stmt *st = store_prepare(
        s, "SELECT e.id FROM entry e JOIN topic t ON t.id = e.topic WHERE (?1 IS NULL OR t.section"
           " = ?1) AND (?2 IS NULL OR t.kind = ?2) AND e.stored_at_usec >= ?3 AND"
           " e.stored_at_usec < ?4 ORDER BY e.id");
    if (st == NULL)
        return -EIO;
    store_bind_string(st, 1, x->section);
    store_bind_string(st, 2, x->kind);
    store_bind_int(st, 3, x->since_usec);
    store_bind_int(st, 4, x->until_usec);
    while ((r = store_step(s, st)) == 1) {
        r = load_entry(&x->load, sqlite3_column_int64(st, 0), &l);
        if (r < 0)
            break;
        bool hidden = l.withdrawn && !x->withdrawn && strcmp(l.role, "version") == 0;
        r = json_write_line(out, line_of_entry(&l, !hidden));
        if (r < 0)
            break;
        x->written++;
    }
    store_finalize(s, st);
    return r;
}

/* Rows of four columns: epoch, topic, and two numbers by these names. */
static int write_gaps(struct export *x, FILE *out, const char *sql, const char *what,
                      const char *first, const char *second) {
    struct store *s = &x->archive.store;
    int r;
    sqlite3_stmt *st = store_prepare(s, sql);
    if (st == NULL)
        return -EIO;
    if (sqlite3_bind_parameter_count(st) > 0)
        store_bind_int(st, 1, x->since_usec);
    while ((r = store_step(s, st)) == 1) {
        json_t *gap =
            json_pack("{sI ss sI}", "epoch", (json_int_t)sqlite3_column_int64(st, 0), "topic",
                      store_column_string(st, 1), first, (json_int_t)sqlite3_column_int64(st, 2));
        if (second != NULL && gap != NULL)
            json_object_set_new(gap, second, json_integer(sqlite3_column_int64(st, 3)));
        if (strcmp(what, "loss") == 0 && gap != NULL)
            json_object_set_new(gap, "told_at_usec", json_integer(sqlite3_column_int64(st, 4)));
        r = json_write_line(out, gap == NULL ? NULL : json_pack("{so}", what, gap));
        if (r < 0)
            break;
    }
    store_finalize(s, st);
    return r;
}

static int write_cursor(struct export *x, FILE *out) {
    char *cursor = NULL;
    int r = archive_text(&x->archive, "cursor", &cursor);
    if (r == 0 && cursor != NULL)
        r = json_write_line(out, json_pack("{ss}", "cursor", cursor));
    free(cursor);
    return r;
}

/* What is left out at the front counts as removed, so that the rest can be proved. */
static int write_all(struct export *x, FILE *out) {
    int r = write_entries(x, out);
    if (r == 0)
        r = write_gaps(x, out, "SELECT epoch, topic, after, upto, told_at_usec FROM loss", "loss",
                       "after", "upto");
    if (r == 0)
        r = write_gaps(x, out, "SELECT epoch, topic, upto FROM removed", "removed", "upto", NULL);
    if (r == 0 && x->since_usec > 0)
        r = write_gaps(x, out,
                       "SELECT e.epoch, t.name, max(e.seq) FROM entry e JOIN topic t ON t.id ="
                       " e.topic WHERE e.stored_at_usec < ? GROUP BY 1, 2",
                       "removed", "upto", NULL);
    return r == 0 && is_whole(x) ? write_cursor(x, out) : r;
}

int export_lines(struct export *x, const char **ret_name) {
    static struct export_file f;
    if (x->out == NULL) {
        *ret_name = "stdout";
        int r = write_all(x, stdout);
        return r == 0 && fflush(stdout) != 0 ? -errno : r;
    }
    *ret_name = x->out;
    int r = export_begin(&f, x->out, "archive.jsonl");
    if (r < 0)
        return r;
    *ret_name = f.name;
    return export_end(&f, write_all(x, f.file));
}
