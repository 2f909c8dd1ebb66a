/*
 * Topics: "<section>/<kind>", such as "briefs/brief", and the prefixes that
 * readers subscribe to. Grammar: PROTOCOL.md, "Topics".
 */
#pragma once

#include "proto/limits.h"
#include "proto/wire.h"

#include <stdbool.h>

/* Whether it can be a section's key: a lower-case ASCII letter or digit, then
 * letters, digits, '-', '_' or '.', at most LIMIT_KEY_BYTES. */
bool topic_section_valid(struct slice key);

/* Whether it is a whole topic: a section's key, a slash, a kind. */
bool topic_valid(struct slice topic);

/* Whether it can be a prefix that a reader subscribes to: the empty one, the
 * start of a key, a section with its slash, a section with the start of a kind. */
bool topic_prefix_valid(struct slice prefix);

/* Whether the prefix covers the topic. */
bool topic_matches(struct slice prefix, struct slice topic);

/* Writes "<section>/<kind>" into ret. 0; -EINVAL for a bad section or kind. */
int topic_make(const char *section, int kind, char ret[static LIMIT_TOPIC_BYTES + 1])
    __attribute__((nonnull, warn_unused_result));

/* The section's part of a valid topic. */
struct slice topic_section(struct slice topic);

/* The kind of a valid topic, of enum Kind.Value. */
int topic_kind(struct slice topic);
