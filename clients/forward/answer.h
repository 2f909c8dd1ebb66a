/*
 * What an outlet's server means: questions to a JSON answer, such as
 * $.errcode == 0 or $.data[0].id.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Whether a text is a path ($.a.b[0]), or a path, == or !=, and a JSON value. */
bool answer_path_valid(const char *path) __attribute__((nonnull));
bool answer_test_valid(const char *test) __attribute__((nonnull));

/* Whether the answer passes the test; what isn't there is null. */
bool answer_passes(json_t *answer, const char *test) __attribute__((nonnull(2)));

/* What stands at a path, as text, cut to the size: a string or number; false when
 * there is none. */
bool answer_text(json_t *answer, const char *path, char *ret, size_t size)
    __attribute__((nonnull(2, 3)));
