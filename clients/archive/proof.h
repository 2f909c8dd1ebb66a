/*
 * The daemon's signed checkpoints against what the archive has: what they prove to
 * somebody who trusts the daemon's key and nobody else.
 */
#pragma once

#include "clients/tool/store.h"
#include "proto/keyfile.h"

#include <stdbool.h>

struct proof {
    uint64_t topics, entries; /* that are proven */
    uint64_t unproven; /* checkpoints that the archive lacks entries for, by its own account */
    char key[KEY_TEXT_BYTES]; /* of the last one */
};

/* Says what is wrong, in a sentence. */
typedef void (*proof_trouble_fn)(void *userdata, const char *text);

/* Computes the chain of each checkpoint anew. trusted: the only key that counts, or
 * NULL: any. 0; -EIO when the archive can't be read. */
int proof_check(struct store *s, const uint8_t *trusted, proof_trouble_fn tell, void *userdata,
                struct proof *ret) __attribute__((nonnull(1, 3, 5), warn_unused_result));
