/*
 * Signatures of webhooks: Standard Webhooks (github.com/standard-webhooks,
 * spec/standard-webhooks.md, "Symmetric") and Superdesk's
 * x-superdesk-signature (superdesk-core, HTTPPushService).
 */
#pragma once

#include "clients/forward/secret.h"

#include <stdint.h>

enum { SIGNATURE_BYTES = 64 }; /* of one, as text */

/* "v1,<base64 HMAC-SHA256 of id.timestamp.body>". A secret that begins with whsec_
 * is the base64 behind it; any other is its bytes as they are. 0; -EINVAL for bad
 * base64. */
int signing_webhook(const struct secret *secret, const char *id, int64_t timestamp,
                    struct slice body, char ret[static SIGNATURE_BYTES])
    __attribute__((nonnull, warn_unused_result));

/* "sha1=<hex HMAC-SHA1 of the body>". */
void signing_superdesk(const struct secret *secret, struct slice body,
                       char ret[static SIGNATURE_BYTES]) __attribute__((nonnull));
