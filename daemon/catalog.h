/*
 * What there is to subscribe to: topics with their heads, and sections. Made of
 * config and the log, for whoever asks: readers on replay, the operator on control.
 */
#pragma once

#include "daemon/log/log.h"
#include "daemon/trust.h"
#include "proto/rules.h"

/* Fills in heads, head and newest_topic: every topic that one of the request's
 * prefixes (valid; none: all) covers, those of config without entries with head 0.
 * All in the arena. 0 or -ENOMEM. */
int catalog_heads(const struct rules *rules, struct log *log, struct arena *a,
                  const Newswire__V1__HeadsRequest *request, Newswire__V1__ReplayReply *ret)
    __attribute__((nonnull, warn_unused_result));

/* Fills in the sections that the client may read or send to. In the arena or the rules.
 * 0 or -ENOMEM. */
int catalog_sections(const struct rules *rules, const struct client *client, struct arena *a,
                     Newswire__V1__ReplayReply *ret) __attribute__((nonnull, warn_unused_result));

/* Fills in rights: what the client may do. In the arena or the config. 0 or -ENOMEM. */
int catalog_rights(const struct client *client, struct arena *a, Newswire__V1__ReplayReply *ret)
    __attribute__((nonnull, warn_unused_result));
