/*
 * NITF 3.x, IPTC's news in XML: read with or without its namespace, written as 3.6.
 *
 * What NITF has no place for stands in the head as <meta name="newswire.…">, so that
 * what is written comes back as it was:
 *
 *     uri, version            doc-id@id-string; du-key@key and @version
 *     status                  docdata@management-status (embargoed: withheld, unless
 *                             date.release says until when)
 *     created_at              date.issue@norm; embargoed_until: date.release@norm
 *     urgency                 urgency@ed-urg (9, which NITF lacks, as 8 and in a meta)
 *     kicker, subheadline     hl2 of class "kicker", "subheadline"
 *     section                 pubdata@position.section; kind: fixture@fix-id
 *     publication, page, date pubdata@name, @position.sequence, @date.publication
 *     subjects                identified-content/classifier (value, idsrc: the uri); read
 *                             also from tobject.subject, person, org and the like
 *     note_to_editors         ed-msg@info, correction@info, note of class editorsnote
 *     reviewers               metas; read also from revision-history by an editor
 *     blocks                  p, hl2, bq, ul/li, p of class "caption"
 *
 * What it can't hold: source_digest, which is of the text that an article was read
 * from; white space that is not even in a block; control characters; times outside of
 * the years 1 to 9999.
 */
#pragma once

#include "proto/parse.h"
#include "proto/text.h"

#define NITF_NAMESPACE "http://iptc.org/std/NITF/2006-10-18/"

bool nitf_recognise(const struct parse_input *input) __attribute__((nonnull));

/* A parse_format's parse. A date or status that can't be read is refused, with the
 * element's name; a version that is no number is 1, with a warning. */
int nitf_parse(struct arena *a, const struct rules *rules, const struct parse_input *input,
               struct parsed *ret, struct parse_fault *ret_fault) __attribute__((nonnull));

/* A write_format's write: one document. */
int nitf_write(FILE *out, struct arena *a, const struct entry *e, const Article *article,
               const char *version, const struct text_style *style)
    __attribute__((nonnull(1, 2, 3)));
