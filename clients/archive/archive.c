#include "clients/archive/archive.h"

#include "proto/journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char service_path[] = "/var/lib/newswire-archive/archive.db";

/* Pages in memory: 64 MiB, and as much of the file mapped as an address space
 * gladly has. What comes between a crash and the last checkpoint goes together,
 * entries and cursor, so a sync for each transaction would prove nothing more. */
static const char tuning[] = "PRAGMA cache_size = -65536; PRAGMA mmap_size = 1073741824";
static const char writing[] = "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 8192;"
                              "PRAGMA journal_size_limit = 67108864";

const char *archive_path(const char *given) {
    if (given != NULL)
        return given;
    const char *named = getenv("NEWSWIRE_ARCHIVE");
    return named == NULL || *named == '\0' ? service_path : named;
}

int archive_fail(const struct archive *a, const struct options *options) {
    fprintf(stderr, "%s: %s: %s\n", options->program, a->path, a->store.trouble);
    return EX_IOERR;
}

/* Why it can't be opened; behind its path, unless the reason names it. */
static void tell(const struct archive *a, const char *reason) {
    bool named = strstr(reason, a->path) != NULL;
    journal(JOURNAL_ARCHIVE_FAILED, &(struct journal_subject){.file = a->path, .reason = reason},
            "%s%s%s", named ? "" : a->path, named ? "" : ": ", reason);
}

static int take_lock(struct archive *a) {
    int r = store_lock(&a->store, a->path, &a->lock);
    if (r < 0)
        tell(a, r == -EBUSY ? "another newswire-archive adds entries to it" : a->store.trouble);
    return r == 0 ? EX_OK : r == -EBUSY ? EX_TEMPFAIL : EX_CANTCREAT;
}

static int code_of(int error) {
    return error == -ENOENT   ? EX_NOINPUT
           : error == -EINVAL ? EX_DATAERR
           : error == -EBUSY  ? EX_TEMPFAIL
                              : EX_IOERR;
}

int archive_open(struct archive *a, const struct options *options, const char *given,
                 enum archive_use use) {
    static const enum store_mode modes[] = {STORE_READ, STORE_WRITE, STORE_CREATE};
    *a = (struct archive){.path = archive_path(given), .lock = -1};
    journal_open(options->program);
    int r = store_open(&a->store, a->path, &archive_schema, modes[use]);
    if (r == 0)
        r = store_exec(&a->store, tuning);
    if (r == 0 && use == ARCHIVE_EXTEND)
        r = store_exec(&a->store, writing);
    if (r == 0)
        return use == ARCHIVE_EXTEND ? take_lock(a) : EX_OK;
    tell(a, a->store.trouble);
    return code_of(r);
}

void archive_close(struct archive *a) {
    store_close(&a->store);
    if (a->lock >= 0)
        close(a->lock);
    a->lock = -1;
}

/* ---- state */

static sqlite3_stmt *find_value(struct archive *a, const char *name) {
    sqlite3_stmt *find = store_prepare(&a->store, "SELECT value FROM state WHERE name = ?");
    if (find != NULL)
        store_bind_string(find, 1, name);
    return find;
}

int archive_value(struct archive *a, const char *name, int64_t *ret) {
    sqlite3_stmt *find = find_value(a, name);
    int r = find == NULL ? -EIO : store_step(&a->store, find);
    if (r >= 0)
        *ret = r == 0 ? 0 : sqlite3_column_int64(find, 0);
    store_finalize(&a->store, find);
    return r < 0 ? r : 0;
}

int archive_text(struct archive *a, const char *name, char **ret) {
    sqlite3_stmt *find = find_value(a, name);
    int r = find == NULL ? -EIO : store_step(&a->store, find);
    *ret = r == 1 ? strdup(store_column_string(find, 0)) : NULL;
    if (r == 1 && *ret == NULL)
        r = -ENOMEM;
    store_finalize(&a->store, find);
    return r < 0 ? r : 0;
}

static sqlite3_stmt *set_value(struct archive *a, const char *name) {
    sqlite3_stmt *set =
        store_prepare(&a->store, "INSERT INTO state (name, value) VALUES (?, ?)"
                                 " ON CONFLICT (name) DO UPDATE SET value = excluded.value");
    if (set != NULL)
        store_bind_string(set, 1, name);
    return set;
}

static int run_once(struct archive *a, sqlite3_stmt *statement) {
    int r = statement == NULL ? -EIO : store_run(&a->store, statement);
    store_finalize(&a->store, statement);
    return r;
}

int archive_set(struct archive *a, const char *name, struct slice text) {
    sqlite3_stmt *set = set_value(a, name);
    if (set != NULL)
        store_bind_text(set, 2, text);
    return run_once(a, set);
}

int archive_set_value(struct archive *a, const char *name, int64_t value) {
    sqlite3_stmt *set = set_value(a, name);
    if (set != NULL)
        store_bind_int(set, 2, value);
    return run_once(a, set);
}

int archive_index_lag(struct archive *a, int64_t *ret) {
    int64_t indexed = 0;
    int r = archive_value(a, "indexed_to", &indexed);
    sqlite3_stmt *last = r < 0 ? NULL : store_prepare(&a->store, "SELECT max(id) FROM entry");
    if (last == NULL)
        return -EIO;
    r = store_step(&a->store, last);
    int64_t newest = r == 1 ? sqlite3_column_int64(last, 0) : 0;
    store_finalize(&a->store, last);
    *ret = newest > indexed ? newest - indexed : 0;
    return r < 0 ? r : 0;
}
