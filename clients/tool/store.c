#include "clients/tool/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MSEC = 30000 };

/* Of new files: a page holds two articles of 3 KiB, and half as many are written. */
static const char begin_writing[] = "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;"
                                    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON";

__attribute__((format(printf, 3, 4))) static int trouble(struct store *s, int error,
                                                         const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(s->trouble, sizeof s->trouble, format, arguments);
    va_end(arguments);
    return error;
}

static int sqlite_trouble(struct store *s, const char *sql) {
    int code = s->db == NULL ? SQLITE_NOMEM : sqlite3_errcode(s->db);
    trouble(s, 0, "%s (%.60s%s)", s->db == NULL ? "out of memory" : sqlite3_errmsg(s->db), sql,
            strlen(sql) > 60 ? "..." : "");
    return code == SQLITE_NOMEM ? -ENOMEM : code == SQLITE_BUSY ? -EBUSY : -EIO;
}

int store_exec(struct store *s, const char *sql) {
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sqlite_trouble(s, sql);
}

static int note_statement(struct store *s, sqlite3_stmt *statement) {
    if (s->n_statements == s->statements_size) {
        size_t size = s->statements_size * 2 + 16;
        sqlite3_stmt **statements = realloc(s->statements, size * sizeof *statements);
        if (statements == NULL)
            return trouble(s, -ENOMEM, "out of memory");
        s->statements = statements;
        s->statements_size = size;
    }
    s->statements[s->n_statements++] = statement;
    return 0;
}

sqlite3_stmt *store_prepare(struct store *s, const char *sql) {
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK) {
        sqlite_trouble(s, sql);
    } else if (note_statement(s, statement) < 0) {
        sqlite3_finalize(statement);
        return NULL;
    }
    return statement;
}

void store_finalize(struct store *s, sqlite3_stmt *statement) {
    for (size_t i = s->n_statements; i-- > 0;)
        if (s->statements[i] == statement) {
            s->statements[i] = s->statements[--s->n_statements];
            sqlite3_finalize(statement);
            return;
        }
}

int store_step(struct store *s, sqlite3_stmt *statement) {
    int r = sqlite3_step(statement);
    if (r == SQLITE_ROW)
        return 1;
    int error = r == SQLITE_DONE ? 0 : sqlite_trouble(s, sqlite3_sql(statement));
    sqlite3_reset(statement);
    return error;
}

int store_run(struct store *s, sqlite3_stmt *statement) {
    int r = store_step(s, statement);
    if (r == 1)
        sqlite3_reset(statement);
    return r < 0 ? r : 0;
}

/* ---- queries */

/* The place of a literal, or a free one: they are few, and found at once. */
static sqlite3_stmt *find_query(struct store *s, const char *sql) {
    size_t at = ((uintptr_t)sql >> 3) % STORE_QUERIES;
    for (size_t i = 0; i < STORE_QUERIES; i++, at = (at + 1) % STORE_QUERIES) {
        if (s->queries[at].sql == NULL) {
            s->queries[at].statement = store_prepare(s, sql);
            if (s->queries[at].statement != NULL)
                s->queries[at].sql = sql;
        }
        if (s->queries[at].sql == NULL || s->queries[at].sql == sql)
            return s->queries[at].statement;
    }
    trouble(s, 0, "more than %d queries", STORE_QUERIES);
    return NULL;
}

static sqlite3_stmt *bind_query(struct store *s, const char *sql, const char *types,
                                va_list values) {
    sqlite3_stmt *st = find_query(s, sql);
    if (st == NULL)
        return NULL;
    sqlite3_reset(st);
    for (int i = 1; types[i - 1] != '\0'; i++)
        switch (types[i - 1]) {
        case 'i': store_bind_int(st, i, va_arg(values, int64_t)); break;
        case 's': store_bind_string(st, i, va_arg(values, const char *)); break;
        case 't': store_bind_text(st, i, va_arg(values, struct slice)); break;
        case 'b': store_bind_bytes(st, i, va_arg(values, struct slice)); break;
        default: sqlite3_bind_null(st, i); break;
        }
    return st;
}

sqlite3_stmt *store_query(struct store *s, const char *sql, const char *types, ...) {
    va_list values;
    va_start(values, types);
    sqlite3_stmt *st = bind_query(s, sql, types, values);
    va_end(values);
    return st;
}

int store_do(struct store *s, const char *sql, const char *types, ...) {
    va_list values;
    va_start(values, types);
    sqlite3_stmt *st = bind_query(s, sql, types, values);
    va_end(values);
    return st == NULL ? -EIO : store_run(s, st);
}

int store_number(struct store *s, int64_t *ret, const char *sql, const char *types, ...) {
    va_list values;
    va_start(values, types);
    sqlite3_stmt *st = bind_query(s, sql, types, values);
    va_end(values);
    int r = st == NULL ? -EIO : store_step(s, st);
    if (r == 1) {
        *ret = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return r;
}

/* SQLite takes a NULL pointer for null, and an empty text is none. */
void store_bind_text(sqlite3_stmt *statement, int place, struct slice text) {
    sqlite3_bind_text(statement, place, text.len == 0 ? "" : (const char *)text.data, (int)text.len,
                      SQLITE_STATIC);
}

void store_bind_string(sqlite3_stmt *statement, int place, const char *text) {
    sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

void store_bind_bytes(sqlite3_stmt *statement, int place, struct slice bytes) {
    sqlite3_bind_blob(statement, place, bytes.len == 0 ? (const void *)"" : bytes.data,
                      (int)bytes.len, SQLITE_STATIC);
}

void store_bind_int(sqlite3_stmt *statement, int place, int64_t value) {
    sqlite3_bind_int64(statement, place, value);
}

struct slice store_column(sqlite3_stmt *statement, int column) {
    const uint8_t *data = sqlite3_column_blob(statement, column);
    return (struct slice){data, (size_t)sqlite3_column_bytes(statement, column)};
}

const char *store_column_string(sqlite3_stmt *statement, int column) {
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text == NULL ? "" : (const char *)text;
}

/* ---- opening */

static int pragma_value(struct store *s, const char *sql, int *ret) {
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) != SQLITE_OK)
        return sqlite_trouble(s, sql);
    int r = store_step(s, statement);
    if (r == 1)
        *ret = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return r < 0 ? r : 0;
}

static int step_up(struct store *s, const struct store_schema *schema, int version) {
    char sql[64];
    int r = store_exec(s, schema->steps[version]);
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d", version + 1);
    return r < 0 ? r : store_exec(s, sql);
}

/* One transaction, begun before the version is read: two programs may start at once. */
static int migrate(struct store *s, const struct store_schema *schema, int newest) {
    char sql[64];
    int version = 0, r = store_exec(s, "BEGIN IMMEDIATE");
    if (r < 0)
        return r;
    r = pragma_value(s, "PRAGMA user_version", &version);
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d", schema->application_id);
    if (r == 0 && version == 0)
        r = store_exec(s, sql);
    for (; r == 0 && version < newest; version++)
        r = step_up(s, schema, version);
    if (r == 0)
        return store_exec(s, "COMMIT");
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

static int check_schema(struct store *s, const char *path, const struct store_schema *schema,
                        enum store_mode mode) {
    int version = 0, id = 0, newest = 0, objects = 0;
    while (schema->steps[newest] != NULL)
        newest++;
    int r = pragma_value(s, "PRAGMA user_version", &version);
    if (r == 0)
        r = pragma_value(s, "PRAGMA application_id", &id);
    if (r == 0)
        r = pragma_value(s, "SELECT count(*) FROM sqlite_master", &objects);
    if (r < 0)
        return r;
    bool fresh = version == 0 && id == 0 && objects == 0;
    if (!fresh && id != schema->application_id)
        return trouble(s, -EINVAL, "%s: it is no %s of newswire's", path, schema->what);
    if (version > newest)
        return trouble(s, -EINVAL, "%s: a newer newswire made it (version %d, this one knows %d)",
                       path, version, newest);
    if (fresh && mode != STORE_CREATE)
        return trouble(s, -EINVAL, "%s: it is empty", path);
    if (version < newest && mode == STORE_READ)
        return trouble(s, -EINVAL, "%s: an older newswire made it; 'run' brings it up to date",
                       path);
    return version < newest ? migrate(s, schema, newest) : 0;
}

static int make_folder(struct store *s, const char *path) {
    char folder[4096];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return 0;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    if (mkdir(folder, 0750) < 0 && errno != EEXIST)
        return trouble(s, -errno, "%s: %s", folder, strerror(errno));
    return 0;
}

int store_open(struct store *s, const char *path, const struct store_schema *schema,
               enum store_mode mode) {
    int flags = mode == STORE_READ    ? SQLITE_OPEN_READONLY
                : mode == STORE_WRITE ? SQLITE_OPEN_READWRITE
                                      : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    struct stat st;
    *s = (struct store){0};
    if (mode != STORE_CREATE && stat(path, &st) < 0)
        return trouble(s, -errno, "%s: %s", path, strerror(errno));
    int r = mode == STORE_CREATE ? make_folder(s, path) : 0;
    if (r < 0)
        return r;
    if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK)
        return trouble(s, -EIO, "%s: %s", path,
                       s->db == NULL ? "out of memory" : sqlite3_errmsg(s->db));
    sqlite3_busy_timeout(s->db, BUSY_MSEC);
    if (mode != STORE_READ)
        r = store_exec(s, begin_writing);
    return r < 0 ? r : check_schema(s, path, schema, mode);
}

int store_lock(struct store *s, const char *path, int *ret_fd) {
    char name[4096];
    int n = snprintf(name, sizeof name, "%s.lock", path);
    int fd = n >= (int)sizeof name ? -1 : open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *ret_fd = fd;
        return 0;
    }
    int r = n >= (int)sizeof name ? -ENAMETOOLONG : errno == EWOULDBLOCK ? -EBUSY : -errno;
    if (fd >= 0)
        close(fd);
    return trouble(s, r, "%s: %s", r == -EBUSY ? path : name,
                   r == -EBUSY ? "another one is at work with it" : strerror(-r));
}

/* Only our own statements: virtual tables have some too, and end them themselves. */
void store_close(struct store *s) {
    for (size_t i = 0; i < s->n_statements; i++)
        sqlite3_finalize(s->statements[i]);
    free(s->statements);
    sqlite3_close(s->db);
    s->db = NULL;
    memset(s->queries, 0, sizeof s->queries);
    s->statements = NULL;
    s->n_statements = s->statements_size = 0;
}
