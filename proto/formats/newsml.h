/*
 * NewsML-G2, IPTC's exchange of news in XML: news items, alone or in a news message
 * or package, are read; 2.35 is written.
 *
 * What is written carries the article as NITF (inlineXML), with all that nitf.h has
 * a place for; around it stands what NewsML-G2 itself says of an item:
 *
 *     uri, version       newsItem@guid, @version
 *     created_at         itemMeta/firstCreated, versionCreated
 *     embargoed_until    itemMeta/embargoed
 *     status             itemMeta/pubStatus stat:usable, stat:withheld, stat:canceled
 *     note_to_editors    itemMeta/edNote
 *     headline, kicker   contentMeta/headline (@role nwrole:kicker, nwrole:subheadline)
 *     byline             contentMeta/by, else creator; dateline: located, dateline
 *     source             contentMeta/infoSource; kind: genre (photo: ninat:picture)
 *     subjects, section  contentMeta/subject (section: urn:newswire:section:KEY)
 *     rights             rightsInfo/copyrightNotice
 *
 * What it can't hold is what NITF can't hold. Uris that are no IRI and languages that
 * are no BCP 47 stand in the NITF only, since the schema refuses them elsewhere.
 *
 * A contentSet holds one content in several forms: the first with text is read.
 */
#pragma once

#include "proto/parse.h"
#include "proto/text.h"

bool newsml_recognise(const struct parse_input *input) __attribute__((nonnull));

/* A parse_format's parse. Each news item is an article. An item without text or media
 * is left out with a warning, and refused when it is alone; a package of references,
 * a concept, a plan and the like hold no article and are refused, or left out of a
 * message with a warning. Otherwise as nitf_parse. */
int newsml_parse(struct arena *a, const struct rules *rules, const struct parse_input *input,
                 struct parsed *ret, struct parse_fault *ret_fault) __attribute__((nonnull));

/* A write_format's write: one newsItem. */
int newsml_write(FILE *out, struct arena *a, const struct entry *e, const Article *article,
                 const char *version, const struct text_style *style)
    __attribute__((nonnull(1, 2, 3)));
