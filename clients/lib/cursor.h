/*
 * A reader's cursor as a text, and as a file that is locked and replaced whole.
 *
 * The text is one JSON object; 64-bit numbers are JSON numbers:
 *
 *     {"format":1,"prefixes":["economy/"],"epoch":1933459200000000,
 *      "start_seq":0,"proven_seq":5,"topics":{"economy/brief":3}}
 *
 * A cursor only means something for the prefixes that it was made with: with
 * others, proven_seq would claim entries that were never asked for.
 */
#pragma once

#include "proto/arena.h"
#include "proto/codec.h"
#include "proto/reader/reader.h"

/* The cursor as a malloc'd text. NULL when out of memory. */
char *cursor_to_text(const struct reader_cursor *cursor, const struct slice *prefixes,
                     size_t n_prefixes) __attribute__((nonnull(1), warn_unused_result));

/* Reads it, for a reader of these prefixes; the positions live in the arena.
 * 0; -EINVAL with *ret_fault set; -ENOMEM. */
int cursor_from_text(struct arena *a, const char *text, const struct slice *prefixes,
                     size_t n_prefixes, struct reader_cursor *ret, struct fault *ret_fault)
    __attribute__((nonnull(1, 2, 5, 6), warn_unused_result));

/* Takes the lock of a cursor file, FILE.lock beside it, which stays there. A
 * descriptor to close when done; -EBUSY when another has it; other -errno. */
int cursor_lock(const char *path) __attribute__((nonnull, warn_unused_result));

/* Reads the file. *ret is malloc'd, NULL when there is no file, or an empty one.
 * 0 or -errno. */
int cursor_load(const char *path, char **ret) __attribute__((nonnull, warn_unused_result));

/* Replaces the file by the text, durably: a new file, synced, renamed over it. */
int cursor_store(const char *path, const char *text) __attribute__((nonnull, warn_unused_result));
