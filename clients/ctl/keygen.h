/*
 * newswirectl keygen: makes key pairs. Needs no daemon.
 */
#pragma once

#include <stdbool.h>

/* Makes NAME.secret (for its owner alone) and NAME.pub in the folder that the name has,
 * and says what to do with them; nothing is replaced. A CURVE pair, with the daemon's
 * public key (text or file; NULL: none) beside it, or an Ed25519 pair for an origin.
 * The code to exit with; what is wrong is said. */
int keygen(const char *name, const char *server_key, bool origin) __attribute__((nonnull(1)));
