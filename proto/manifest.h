/*
 * The manifest of a backup: which files belong to it, each with its SHA-256, and up
 * to where it goes. A folder without it is no backup that was completed.
 *
 *     # newswire backup, format 1
 *     # epoch 1933459200000000
 *     # head 5000
 *     # entries 4998
 *     # bytes 1834567
 *     # files 4
 *     3b4f...  00000000000000000001.log
 *
 * sha256sum --check takes it as it is.
 */
#pragma once

#include "proto/arena.h"
#include "proto/codec.h"

#include <stdio.h>

#define MANIFEST_FILE "manifest"

enum {
    MANIFEST_DIGEST_BYTES = 32,
    MANIFEST_NAME_BYTES = 48,
    MANIFEST_MOST_BYTES = 128 << 20,
};

struct manifest_file {
    char name[MANIFEST_NAME_BYTES];
    uint8_t digest[MANIFEST_DIGEST_BYTES];
};

struct manifest {
    uint64_t epoch, head, entries;
    uint64_t bytes; /* of all files together */
    struct manifest_file *files;
    size_t n;
};

/* Whether a file of a backup may be called so: a plain name, that can't lead out of
 * the folder. */
bool manifest_name_ok(const char *name) __attribute__((nonnull));

/* Reads a manifest; the files are in the arena. 0; -EBADMSG with *ret_fault: it is
 * none, cut short, or of a format that is not known; -ENOMEM. */
int manifest_read(struct arena *a, struct slice text, struct manifest *ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* Writes it. 0 or -EIO. */
int manifest_write(const struct manifest *m, FILE *out) __attribute__((nonnull));
