/*
 * JSON, read safely, for the formats that are made of it: before jansson builds
 * its values, one pass counts them, since 16 MiB of small arrays would take a GiB.
 */
#pragma once

#include "proto/parse.h"

#include <jansson.h>

/* Reads one JSON object; a byte order mark may stand before it. Refused: what is
 * no JSON (with its line), the same name twice in an object, too many or too deep
 * values. 0: *ret is to be released with json_decref; -EINVAL with *ret_fault set. */
int json_load_object(struct slice bytes, json_t **ret, struct parse_fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* Whether the bytes begin as a JSON object does. */
bool json_begins_object(struct slice bytes);

/* Whether they say of themselves that they are a JSON Feed. */
bool json_says_feed(struct slice bytes);

/* The string of that name; NULL when there is none. */
const char *json_member_string(const json_t *object, const char *name) __attribute__((nonnull(2)));

/* A copy of some text as one line: white space at its ends is gone, and each run of
 * it that has a line's end in it is one space. NULL: out of memory. */
char *json_line(struct arena *a, const char *text) __attribute__((nonnull, warn_unused_result));

static inline void json_freep(json_t **value) {
    json_decref(*value);
}
#define _cleanup_json_ __attribute__((cleanup(json_freep)))
