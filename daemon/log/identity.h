/*
 * Identities: which versions of which uris have been on the log.
 *
 * One record per uri and version. The newest are in a table in memory; each
 * checkpoint freezes the table and writes it as a run: a file of records in
 * the order of their keys, which is never changed. Runs of like size are
 * merged into one, so that there are few (about log2 of all over a table's).
 * Memory is bounded by the table's size, plus 2 bytes per record on disk up to
 * some number and 4 bytes per 64 records beyond it.
 *
 * Threads: the set belongs to the log's thread; identity_write
 * only reads its arguments.
 */
#pragma once

#include "proto/codec.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    IDENTITY_KEY_BYTES = 16,
    IDENTITY_DIGEST_BYTES = 16, /* the content digest's first half is unique enough */
    IDENTITY_ORIGIN_BYTES = 3,  /* a hash; the config refuses names that meet */
    IDENTITY_RUNS = 48,         /* more than doubling sizes can fill */
};

enum identity_flags {
    IDENTITY_KILLED = 1,
    IDENTITY_LATEST = 2, /* in the table only */
};

/* As it stands in the table and in runs. */
struct identity {
    uint8_t key[IDENTITY_KEY_BYTES]; /* hash of the uri */
    uint32_t version;
    uint32_t topic; /* index in the view */
    uint64_t seq;
    int64_t usec; /* when it was put on the log */
    uint8_t digest[IDENTITY_DIGEST_BYTES];
    uint8_t flags;
    uint8_t origin[IDENTITY_ORIGIN_BYTES]; /* whose story it is; zeros: nobody's */
    uint32_t crc;                          /* in runs: of all before it */
};

_Static_assert(sizeof(struct identity) == 64, "format");

struct identity_table {
    struct identity *slots; /* seq 0: free */
    size_t n_slots, n;
};

/* One change to the table, so that it can be taken back. */
struct identity_change {
    struct identity before; /* seq 0: there was none */
    size_t slot;
};

struct identity_run {
    uint64_t id;
    uint64_t count;
    int fd;
    uint32_t *fences; /* the first key's first 4 bytes of each page */
    size_t n_fences;
    uint64_t *filter; /* most uris that aren't in the run are known by it not to be */
    size_t n_filter;  /* words; 0: no filter */
};

struct identity_set {
    struct identity_table table;  /* since the last checkpoint */
    struct identity_table frozen; /* being written down */
    struct identity_run *runs[IDENTITY_RUNS];
    size_t n_runs; /* newest first */
};

void identity_key(const char *uri, size_t len, uint8_t ret_key[static IDENTITY_KEY_BYTES]);

/* An origin's name as an identity has it; an empty one gives zeros. */
void identity_origin(struct slice name, uint8_t ret[static IDENTITY_ORIGIN_BYTES]);

/* Makes room for n more, so that adding them can't fail or move others. 0 or -ENOMEM. */
int identity_reserve(struct identity_set *set, size_t n) __attribute__((nonnull));

/* Adds a version. changes, unless NULL, takes what identity_undo needs: two at
 * most, counted up in *n_changes. Room must have been reserved for two. */
void identity_add(struct identity_set *set, const struct identity *id,
                  struct identity_change *changes, size_t *n_changes)
    __attribute__((nonnull(1, 2)));

/* Takes changes back, the newest first, since the last identity_reserve. */
void identity_undo(struct identity_set *set, const struct identity_change *changes,
                   size_t n_changes) __attribute__((nonnull(1)));

/* The newest version of a uri. 1; 0 when it isn't known; -EBADMSG with *ret_fault
 * when a run is damaged; other -errno with *ret_fault. */
int identity_latest(const struct identity_set *set, const uint8_t *key, struct identity *ret,
                    struct fault *ret_fault) __attribute__((nonnull, warn_unused_result));

/* That very version. The same results. */
int identity_version(const struct identity_set *set, const uint8_t *key, uint32_t version,
                     struct identity *ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* Moves the table away to be written; there must be none that is. */
void identity_freeze(struct identity_set *set) __attribute__((nonnull));

/* Writes a frozen table as run `id`, and merges it with the runs after it whose
 * size is alike; what was put on the log before forget_usec is left out of a
 * merge. On success *ret is the run (NULL when nothing is left to keep), which
 * replaces the table and the first *ret_merged of the runs. Any thread, while
 * others only look things up in them. */
int identity_write(int folder, uint64_t id, const struct identity_table *frozen,
                   struct identity_run *const *runs, size_t n_runs, int64_t forget_usec,
                   struct identity_run **ret, size_t *ret_merged)
    __attribute__((nonnull(3, 7, 8), warn_unused_result));

/* Takes what identity_write made in place of the frozen table and the first
 * `merged` runs, which are closed but not removed. Frees the frozen table. */
void identity_install(struct identity_set *set, struct identity_run *run, size_t merged)
    __attribute__((nonnull(1)));

void identity_table_free(struct identity_table *table) __attribute__((nonnull));

/* Opens run `id`. 0; -EBADMSG and others with *ret_fault set. */
int identity_run_open(int folder, uint64_t id, struct identity_run **ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));
struct identity_run *identity_run_close(struct identity_run *run);

enum { IDENTITY_RUN_NAME_BYTES = 40 };
void identity_run_name(uint64_t id, char ret[static IDENTITY_RUN_NAME_BYTES]);
bool identity_run_parse_name(const char *name, uint64_t *ret_id) __attribute__((nonnull));

/* Closes the runs and frees the tables. */
void identity_done(struct identity_set *set) __attribute__((nonnull));
