/*
 * Entries into the archive.
 *
 * What is kept between two commits is one transaction: the entries, what they mean
 * for their stories, and the place on the wire that they bring us to. So a crash
 * leaves an archive that says exactly up to where it goes, and an entry that comes
 * again is known by its number.
 *
 * A story's state depends on which entries it has, not on the order in which they
 * came: topics are not ordered among each other. A kill, or a text that is missing
 * since its story was killed, ends the story for good. A notice ends versions up to
 * its own. Of the rest the highest version holds.
 */
#pragma once

#include "clients/archive/archive.h"
#include "proto/article.h"
#include "proto/entry.h"

struct keep {
    struct archive *archive;
    struct arena *arena;
    int64_t next_id, indexed_to; /* indexed_to: kept up by index.c */
    int64_t kept;                /* entries since it was opened */
    bool open;                   /* a transaction */
    bool withdrew;               /* a withdrawn story got an entry; for who forgets texts */
    struct keep_day {
        int64_t day, first, last;
    } day; /* of the entries that came last, not written yet */
    sqlite3_stmt *find_entry, *find_topic, *add_topic, *find_story, *add_story, *set_story,
        *add_entry, *add_body, *add_stale, *add_day;
};

/* Ready to keep entries. 0; -EIO with the store's trouble noted; -ENOMEM. keep_close
 * in any case. */
int keep_open(struct keep *k, struct archive *a) __attribute__((nonnull, warn_unused_result));

/* Rolls back what wasn't committed. */
void keep_close(struct keep *k) __attribute__((nonnull));

/* Begins a transaction unless one is open. 0, -EIO or -EBUSY. */
int keep_begin(struct keep *k) __attribute__((nonnull, warn_unused_result));

/* Keeps an entry. 1; 0 when its number was there already; -EEXIST when the number was
 * there with another content; -EIO; -ENOMEM. */
int keep_entry(struct keep *k, const struct entry *e) __attribute__((nonnull, warn_unused_result));

/* Notes that the wire has entries of the topic no more, after < seq <= upto. */
int keep_loss(struct keep *k, uint64_t epoch, struct slice topic, uint64_t after, uint64_t upto,
              int64_t told_at_usec) __attribute__((nonnull, warn_unused_result));

/* Keeps a topic's newest checkpoint, a SignedCheckpoint; verify checks it. Takes no notice
 * of one that can't be read. */
int keep_checkpoint(struct keep *k, struct slice bytes)
    __attribute__((nonnull, warn_unused_result));

/* Notes that entries of the topic up to a number were removed here by age. */
int keep_removed(struct keep *k, uint64_t epoch, struct slice topic, uint64_t upto)
    __attribute__((nonnull, warn_unused_result));

/* Makes it durable, with the reader's place; cursor NULL: as it was. 0, -EIO, -EBUSY. */
int keep_commit(struct keep *k, const char *cursor) __attribute__((nonnull(1), warn_unused_result));

/* The digest by which the archive knows that an article's bytes are as they came. */
void keep_digest(struct slice article, uint8_t ret[static LIMIT_DIGEST_BYTES])
    __attribute__((nonnull));
