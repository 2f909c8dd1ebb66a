/*
 * How all outlets are, in half a sentence for systemctl status: how many articles wait,
 * what is parked, and who can't be reached.
 */
#pragma once

#include "clients/forward/ledger.h"

enum { SENTENCE_BYTES = 256 };

/* "3 outlets; 12 articles wait, 1 is parked; county-daily failing for 40 min". 0, or a
 * negative error of the store. */
int sentence_write(struct store *s, const struct forward_config *config, int64_t now_usec,
                   char ret[static SENTENCE_BYTES]) __attribute__((nonnull, warn_unused_result));
