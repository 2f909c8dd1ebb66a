/*
 * An SQLite file: opened in WAL mode so that others can read while one writes,
 * brought to the schema of this program by numbered steps, and asked by prepared
 * statements.
 *
 * The first error is kept, with its statement and SQLite's own words; the caller
 * that logs it asks store_trouble(). All texts are UTF-8.
 */
#pragma once

#include "proto/wire.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum { STORE_QUERIES = 96 };

struct store {
    sqlite3 *db;
    sqlite3_stmt **statements; /* that store_prepare made */
    size_t n_statements, statements_size;
    char trouble[512];
    struct {
        const char *sql; /* the literal, by its address */
        sqlite3_stmt *statement;
    } queries[STORE_QUERIES];
};

struct store_schema {
    int application_id;       /* PRAGMA application_id: whose file it is */
    const char *const *steps; /* step i brings user_version i to i + 1; ended by NULL */
    const char *what;         /* "archive", "ledger", for messages */
};

enum store_mode {
    STORE_READ,   /* must be there, of this schema's version */
    STORE_WRITE,  /* must be there; older versions are brought up */
    STORE_CREATE, /* made if it isn't there; its folder too */
};

/* Opens the file at path, or says in store->trouble why not: 0; -ENOENT; -EINVAL
 * for another program's file or a newer version's; -EIO; -ENOMEM. store_close in
 * any case. */
int store_open(struct store *store, const char *path, const struct store_schema *schema,
               enum store_mode mode) __attribute__((nonnull, warn_unused_result));

/* Takes the lock that its one writer holds, on PATH.lock beside it (closing another
 * descriptor of the file itself would drop SQLite's own locks); *ret_fd is to be
 * closed. 0; -EBUSY when another has it; -errno. The trouble says it. */
int store_lock(struct store *store, const char *path, int *ret_fd)
    __attribute__((nonnull, warn_unused_result));

/* Closes it; statements made with store_prepare are finalized. */
void store_close(struct store *store) __attribute__((nonnull));

/* Runs SQL without results. 0 or -EIO. */
int store_exec(struct store *store, const char *sql) __attribute__((nonnull, warn_unused_result));

/* A statement that lives as long as the store; NULL with the trouble noted. */
sqlite3_stmt *store_prepare(struct store *store, const char *sql)
    __attribute__((nonnull, warn_unused_result));

/* Ends one before the store does. Takes NULL. */
void store_finalize(struct store *store, sqlite3_stmt *statement) __attribute__((nonnull(1)));

/* Steps: 1 for a row, 0 at the end (the statement is reset then), -EIO, -EBUSY. */
int store_step(struct store *store, sqlite3_stmt *statement)
    __attribute__((nonnull, warn_unused_result));

/* Runs a statement that gives no row, or whose row nobody wants. 0, -EIO, -EBUSY. */
int store_run(struct store *store, sqlite3_stmt *statement)
    __attribute__((nonnull, warn_unused_result));

/* A literal statement, prepared once for the store's life, with its values bound;
 * types has a letter for each: i int64_t, s const char * (NULL: null), t struct
 * slice as text, b struct slice as bytes, n nothing: null. What is bound must
 * live until the statement is reset. NULL with the trouble noted. */
sqlite3_stmt *store_query(struct store *store, const char *sql, const char *types, ...)
    __attribute__((nonnull(1, 2, 3), warn_unused_result));

/* The same, run as store_run does. */
int store_do(struct store *store, const char *sql, const char *types, ...)
    __attribute__((nonnull(1, 2, 3), warn_unused_result));

/* The first column of its only row as a number; *ret stays when there is none.
 * 1 for a row, 0 for none, or an error. */
int store_number(struct store *store, int64_t *ret, const char *sql, const char *types, ...)
    __attribute__((nonnull(1, 2, 3, 4), warn_unused_result));

/* Binds by place, from 1. Texts and bytes must live until the next step or reset. */
void store_bind_text(sqlite3_stmt *statement, int place, struct slice text);
void store_bind_string(sqlite3_stmt *statement, int place, const char *text); /* NULL: null */
void store_bind_bytes(sqlite3_stmt *statement, int place, struct slice bytes);
void store_bind_int(sqlite3_stmt *statement, int place, int64_t value);

/* A column; the bytes end with the next step. */
struct slice store_column(sqlite3_stmt *statement, int column);
const char *store_column_string(sqlite3_stmt *statement, int column); /* "" for null */
