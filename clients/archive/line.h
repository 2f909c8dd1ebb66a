/*
 * The archive as lines of JSON, for export and import.
 *
 * A line is an entry as newswire-tail prints it, and besides it what makes it whole:
 *
 *     {"epoch","seq","prev_seq","topic","stored_at_usec","replaces","path","approved_by",
 *      "article":{...},
 *      "uri","version","content_digest":BASE64,"article_bytes":BASE64}
 *
 * Digests and signatures cover the article's bytes, so import goes by article_bytes and
 * takes no notice of article, which is for other programs. Without article_bytes an
 * entry is a tombstone. Other lines say what the archive knows of its gaps and place:
 *
 *     {"loss":{"epoch","topic","after","upto","told_at_usec"}}
 *     {"removed":{"epoch","topic","upto"}}
 *     {"cursor":"..."}
 */
#pragma once

#include "clients/archive/keep.h"
#include "clients/archive/load.h"

#include <jansson.h>

/* An entry's line; without its text when with_text is false. NULL when out of memory. */
json_t *line_of_entry(const struct loaded *l, bool with_text)
    __attribute__((nonnull, warn_unused_result));

/* Takes a line into the archive. 1; 0 when it was there; -EINVAL with a sentence in *ret_fault;
 * else as keep_entry. *ret_cursor: malloc'd, when the line is one; else as it was. */
int line_take(struct keep *k, const char *line, char **ret_cursor, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));
