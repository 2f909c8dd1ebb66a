/*
 * Copying files into a backup: with their SHA-256, synced, as fast as is allowed, and
 * without driving the daemon's pages out of memory.
 */
#pragma once

#include "proto/manifest.h"

struct copier {
    int from, to, like;         /* folders; like is -1 when there is none */
    const struct manifest *had; /* what like has, in the order of names */
    uint64_t rate;              /* bytes a second, at most; 0: any */
    /* Called every so often, with the bytes done so far. 0, or -errno to give up. */
    int (*pause)(void *userdata, uint64_t done);
    void *userdata;

    uint64_t done, linked; /* bytes so far; of them such that like had */
    uint64_t started_usec; /* monotonic */
    uint8_t *block;
};

/* 0 or -ENOMEM; copier_done in any case. */
int copier_begin(struct copier *c) __attribute__((nonnull, warn_unused_result));
void copier_done(struct copier *c) __attribute__((nonnull));

/* Copies the first `bytes` of a file, or links the same from like. *ret has its name
 * and digest. 0; -ENODATA: the file is shorter; other -errno; *ret_what says what
 * could not be done. */
int copier_add(struct copier *c, const char *name, uint64_t bytes, struct manifest_file *ret,
               const char **ret_what) __attribute__((nonnull, warn_unused_result));
