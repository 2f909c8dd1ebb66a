/*
 * The story format: a text with headers, for people and scripts that have one
 * story to send.
 *
 *     Headline: County approves new bridge
 *     Section: news
 *     Byline: Jane Doe, Tom Reed
 *
 *     A paragraph, over one line or several.
 *
 *     ## A crosshead
 *
 *     > A quotation.
 *     - An item of a list.
 *
 * Headers are as in RFC 822: names without regard to case, a line that begins
 * with white space goes on with the one above. newswire-submit(1) lists them.
 */
#pragma once

#include "proto/parse.h"

/* Whether the first line is one of the story's own headers (not one that a page
 * has too). */
bool story_recognise(const struct parse_input *input) __attribute__((nonnull));

/* A parse_format's parse. */
int story_parse(struct arena *a, const struct rules *rules, const struct parse_input *input,
                struct parsed *ret, struct parse_fault *ret_fault) __attribute__((nonnull));
