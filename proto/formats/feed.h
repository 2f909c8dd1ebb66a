/*
 * Feeds: RSS 0.9x and 2.0, RSS 1.0, Atom (and its 0.3), JSON Feed; each item is an
 * article.
 *
 * An item's id is its uri, else its link, else urn:newswire:feed: and digits made
 * from the item. Its source digest is over the item alone, so that an item is the
 * same in each feed that it stands in. A feed has no versions: each article is
 * version 1. An item without title and text is left out, and so is one that can't
 * be an article; a warning names its place.
 */
#pragma once

#include "proto/parse.h"

/* Whether it is XML with a feed's root, or JSON that says it is a JSON Feed. */
bool feed_recognise(const struct parse_input *input) __attribute__((nonnull));

/* A parse_format's parse. A feed without items is refused. */
int feed_parse(struct arena *a, const struct rules *rules, const struct parse_input *input,
               struct parsed *ret, struct parse_fault *ret_fault) __attribute__((nonnull));
