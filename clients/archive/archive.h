/*
 * The archive: one SQLite file with everything that came over the wire.
 *
 * schema.c documents its tables, which other programs may read at any time. Who
 * adds entries (run, import) holds a lock beside the file, so that there is one.
 */
#pragma once

#include "clients/tool/options.h"
#include "clients/tool/store.h"

struct archive {
    struct store store;
    const char *path;
    int lock; /* file descriptor; -1 when nobody needs it */
};

enum archive_use {
    ARCHIVE_READ,   /* looks at it */
    ARCHIVE_MARK,   /* writes single rows, beside a run */
    ARCHIVE_EXTEND, /* adds entries: alone; makes the file if it isn't there */
};

extern const struct store_schema archive_schema;

/* The row of a command's table for where the archive is. */
#define ARCHIVE_ROW(type, member)                                                                  \
    {                                                                                              \
        "archive", OPTIONS_STRING, offsetof(struct type, member), "FILE", NULL,                    \
            "default $NEWSWIRE_ARCHIVE, or that of the service"                                    \
    }

/* The file to use: as given, or $NEWSWIRE_ARCHIVE, or that of the service. */
const char *archive_path(const char *given);

/* Opens it and writes a line of the journal when it can't be: EX_OK;
 * EX_NOINPUT when it isn't there; EX_TEMPFAIL when another one extends it;
 * EX_IOERR; EX_DATAERR when it is no archive. archive_close in any case. */
int archive_open(struct archive *a, const struct options *options, const char *given,
                 enum archive_use use) __attribute__((nonnull(1, 2), warn_unused_result));

void archive_close(struct archive *a) __attribute__((nonnull));

/* Says on stderr what the store's trouble is. Returns EX_IOERR. */
int archive_fail(const struct archive *a, const struct options *options) __attribute__((nonnull));

/* A named value of the archive, 0 when there is none. 0 or -EIO. */
int archive_value(struct archive *a, const char *name, int64_t *ret)
    __attribute__((nonnull, warn_unused_result));

/* The same as a text, malloc'd; NULL when there is none. 0, -EIO or -ENOMEM. */
int archive_text(struct archive *a, const char *name, char **ret)
    __attribute__((nonnull, warn_unused_result));

/* Sets it. 0 or -EIO. */
int archive_set(struct archive *a, const char *name, struct slice text)
    __attribute__((nonnull(1, 2), warn_unused_result));
int archive_set_value(struct archive *a, const char *name, int64_t value)
    __attribute__((nonnull, warn_unused_result));

/* How many of the newest entries the full-text index hasn't come to yet. 0 or -EIO. */
int archive_index_lag(struct archive *a, int64_t *ret) __attribute__((nonnull, warn_unused_result));
