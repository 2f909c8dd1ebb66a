/*
 * Messages as JSON, by the protobuf JSON mapping: the proto's own field names,
 * enum values as their lower-case words, bytes as base64, empty fields left
 * out. Other than that mapping, 64-bit numbers are JSON numbers.
 */
#pragma once

#include "proto/article.h"
#include "proto/entry.h"

#include <jansson.h>

/* Any message as a JSON object; a new reference. NULL when out of memory. */
json_t *json_message(const ProtobufCMessage *message) __attribute__((nonnull, warn_unused_result));

/* An entry: epoch, seq, prev_seq, topic, stored_at_usec always; replaces and
 * path when there are any; article when it is given. NULL when out of memory. */
json_t *json_entry(const struct entry *e, const Article *article)
    __attribute__((nonnull(1), warn_unused_result));

/* Writes a value as one line and drops the reference; a NULL value is taken as
 * out of memory. 0, -ENOMEM, or -EIO when the file can't be written. */
int json_write_line(FILE *out, json_t *value) __attribute__((nonnull(1), warn_unused_result));
