/*
 * What the command lines of all tools have in common beside their tables: where the
 * daemon is, keys, times.
 */
#pragma once

#include "proto/options.h"

enum { OPTIONS_FEED_PORT = 5560, OPTIONS_REPLAY_PORT = 5561, OPTIONS_SUBMIT_PORT = 5562 };
enum { OPTIONS_ENDPOINT_BYTES = 512 };

/* The endpoint: as given, else on the server as given, else on that of
 * NEWSWIRE_SERVER, else on this machine. NULL when it is too long. */
const char *options_endpoint(const char *given, const char *server, int port,
                             char buffer[static OPTIONS_ENDPOINT_BYTES]);

/* The file with this client's keys: as given, else $NEWSWIRE_KEY; NULL: no keys. With keys
 * the program's memory is hidden. */
const char *options_key(const char *given);

/* A time for people and scripts, as UTC microseconds: RFC 3339 ("2031-04-09" and
 * "2031-04-09 07:30", taken as local, too), "today", "yesterday", "2h", "3 d
 * ago" (s, m, h, d, w). 0; -EINVAL. */
int options_time(const char *text, int64_t now_usec, int64_t *ret_usec)
    __attribute__((nonnull, warn_unused_result));
