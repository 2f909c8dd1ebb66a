/*
 * Brings a message to a group's people: by mail, or as the body of a webhook in the
 * form that its receiver wants.
 */
#pragma once

#include "clients/alert/board.h"
#include "clients/forward/secret.h"

/* Sends it, for as long as the group's timeout allows. 0; -EBADMSG when the other side
 * refuses this message, or any; another -errno when it may take it later; with what went
 * wrong in error, and in *ret_wait_usec what the other side asked for (0: nothing). */
int courier_send(const struct group_config *group, const struct message *m,
                 char error[static MESSAGE_ERROR_BYTES], uint64_t *ret_wait_usec)
    __attribute__((nonnull, warn_unused_result));

/* The body of a webhook, malloc'd; NULL when out of memory. */
char *courier_body(const struct group_config *group, const struct message *m)
    __attribute__((nonnull, warn_unused_result));

/* The url with DingTalk's signature in its query, malloc'd; NULL when out of memory.
 * open.dingtalk.com, "Custom robots": sign is the base64 of the HMAC-SHA256, with the
 * secret as the key, of the milliseconds, a line feed and the secret. */
char *courier_sign(const char *url, const struct secret *secret, int64_t now_msec)
    __attribute__((nonnull, warn_unused_result));
