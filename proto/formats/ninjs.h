/*
 * ninjs, IPTC's news in JSON: 1.0 to 3.1 are read; 3.1, 2.2 and 1.3 are written.
 *
 * What is written comes back as it was: each field that ninjs has no place for
 * stands where the standard lets a provider say his own:
 *
 *     section, section_label  a subject whose uri is urn:newswire:section:KEY
 *     keywords                subjects with rel "keyword"
 *     byline, reviewers       people with rel "author", "reviewer"; `by` is for people
 *     kind                    a genre (and profile); type picture is a photo
 *     dateline                located, and <span class="dateline"> in the XHTML body
 *     replaces                an association named "replaces"
 *     publication, page, ...  altIds of these names
 *     media                   associations with one rendition each
 *
 * What it can't hold: source_digest, which is of the text that an article was read
 * from; white space in a block that is not even, and control characters; in 1.3 the
 * code of a subject whose uri ends in a separator ('/', '#', ':', '=') and goes
 * without that code.
 */
#pragma once

#include "proto/parse.h"
#include "proto/text.h"

#define NINJS_SECTION_URI "urn:newswire:section:"
#define NINJS_REPLACES    "replaces"

/* Fields that go into altIds, and the roles by which they stand there. */
struct ninjs_alt_id {
    const char *role;
    size_t offset; /* of a string in an Article */
};
extern const struct ninjs_alt_id ninjs_alt_ids[]; /* ended by one without a role */

/* Whether the bytes begin a JSON object that is no JSON Feed. */
bool ninjs_recognise(const struct parse_input *input) __attribute__((nonnull));

/* A parse_format's parse. An item without a headline or a body is refused ("carries
 * no text") unless it is canceled, and so is an event, a plan or a component,
 * which are no articles. A date that can't be read is a warning; an embargo that
 * can't be read makes the article a withheld one. */
int ninjs_parse(struct arena *a, const struct rules *rules, const struct parse_input *input,
                struct parsed *ret, struct parse_fault *ret_fault) __attribute__((nonnull));

/* The versions that are written, the default first; ended by NULL. */
extern const char *const ninjs_versions[];

/* A write_format's write: one object on one line. */
int ninjs_write(FILE *out, struct arena *a, const struct entry *e, const Article *article,
                const char *version, const struct text_style *style)
    __attribute__((nonnull(1, 2, 3, 5)));
