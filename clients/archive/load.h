/*
 * Entries out of the archive, one at a time, as they stood on the wire.
 */
#pragma once

#include "clients/archive/archive.h"
#include "proto/article.h"
#include "proto/codec.h"
#include "proto/entry.h"

struct load {
    struct archive *archive;
    struct arena *arena;
    sqlite3_stmt *by_id;
};

struct loaded {
    int64_t id, story;
    const char *role; /* as in schema.c */
    struct entry entry;
    const Article *article; /* NULL: it has none, or it can't be read: then fault says why */
    struct fault fault;
    bool current, withdrawn; /* of its story: this entry holds now; it was withdrawn */
    const char *section, *kind, *headline;
};

/* Ready to load. 0, -EIO or -ENOMEM. load_close in any case. */
int load_open(struct load *l, struct archive *a) __attribute__((nonnull, warn_unused_result));
void load_close(struct load *l) __attribute__((nonnull));

/* The entry with this id; all of it is valid until the next load. 0; -ENOENT; -EIO; -ENOMEM. */
int load_entry(struct load *l, int64_t id, struct loaded *ret)
    __attribute__((nonnull, warn_unused_result));

/* The same, and what was loaded before stays valid too; load_forget ends all. */
int load_another(struct load *l, int64_t id, struct loaded *ret)
    __attribute__((nonnull, warn_unused_result));
void load_forget(struct load *l) __attribute__((nonnull));
