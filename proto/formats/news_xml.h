/*
 * What NITF and NewsML-G2 share: reading values out of XML, NITF within another
 * document, and putting values into XML.
 */
#pragma once

#include "proto/formats/xml.h"
#include "proto/rules.h"
#include "proto/text.h"

#include <libxml/xmlwriter.h>

/* ---- reading. The first error stays: later calls do nothing. */

struct news_reading {
    struct arena *arena;
    const struct rules *rules;
    const struct parse_input *input;
    struct parsed *parsed;
    struct parse_fault *fault;
    int error; /* 0, -EINVAL with *fault set, -ENOMEM */
};

/* Refuses: the field's name, a node of it for the line. */
void news_refuse(struct news_reading *r, const xmlNode *node, const char *field, const char *format,
                 ...) __attribute__((nonnull(1, 3, 4), format(printf, 4, 5)));

/* The text of a node, or an attribute, on one line; "" when there is none. Spaces
 * within it stay, other white space becomes one. Never NULL. */
char *news_text(struct news_reading *r, const xmlNode *node);
/* The same without what stands in elements of that name. */
char *news_text_but(struct news_reading *r, const xmlNode *node, const char *skip);
char *news_attribute(struct news_reading *r, const xmlNode *node, const char *name);

/* A number of pixels or the like; 0 for what is none ("100%"). */
uint32_t news_size(struct news_reading *r, const xmlNode *node, const char *name);

/* Two texts with that between them, when there are two. */
char *news_join(struct news_reading *r, char *first, const char *between, char *second);

/* Sets a field unless the text is empty. */
void news_set(char **field, char *text);

/* Appends unless it is empty. */
void news_push(struct news_reading *r, char ***list, size_t *n, char *text);
void news_add_block(struct news_reading *r, Article *article, int type, char *text);
void news_add_subject(struct news_reading *r, Article *article, char *uri, char *code, char *name);

/* A time; 0 for "". Refuses what is none. */
int64_t news_time(struct news_reading *r, const xmlNode *node, const char *field, const char *text);

/* A version's number; what is none is 1, with a warning. */
uint32_t news_version(struct news_reading *r, const char *text);

/* Sets the section from what a document calls it: a key, title or label that the
 * rules know; else it is only the printed label. */
void news_set_section(struct news_reading *r, Article *article, char *name);

/* The last word of "stat:canceled" or ".../pubstatusg2/canceled" as a status; refuses another. */
int news_status(struct news_reading *r, const xmlNode *node, const char *field, const char *text);

/* Ends an article: its uri (made from the source when it has none), its source
 * digest over what stands below the node, section and kind; checks it and adds it
 * to what was parsed. scheme: "nitf" in urn:newswire:nitf:… */
void news_finish(struct news_reading *r, Article *article, const xmlNode *node, const char *scheme);

/* Reads a <nitf> element into an article. Whether it was written by us: then nothing
 * that stands around it knows better. */
bool nitf_read(struct news_reading *r, const xmlNode *nitf, Article *article);

/* ---- writing */

struct news_writing {
    xmlTextWriter *writer;
    xmlBuffer *buffer;
    struct arena *arena;
    int error;
};

/* A writer into memory. 0 or -ENOMEM. */
int news_writing_begin(struct news_writing *w, struct arena *a) __attribute__((warn_unused_result));

/* Writes what was put to the file and frees the writer. 0; -ENOMEM; -EIO. */
int news_writing_end(struct news_writing *w, FILE *out) __attribute__((warn_unused_result));

void news_open(struct news_writing *w, const char *element);
void news_close(struct news_writing *w);
/* An attribute; nothing when the value is empty. */
void news_put_attribute(struct news_writing *w, const char *name, const char *value);
void news_put_number(struct news_writing *w, const char *name, uint64_t value);
void news_put_time(struct news_writing *w, const char *name, int64_t usec);
void news_put_text(struct news_writing *w, const char *text);
/* <element>text</element>; nothing when the text is empty. */
void news_put(struct news_writing *w, const char *element, const char *text);

/* Whether a value is what the schemas' types allow: BCP 47's form, an IRI, a time of
 * the years 1 to 9999. */
bool news_is_language(const char *s) __attribute__((nonnull));
bool news_is_iri(const char *s) __attribute__((nonnull));
bool news_is_time(int64_t usec);

/* A <nitf> element. */
void nitf_put(struct news_writing *w, const Article *article);

/* What an entry whose article isn't served still says: a canceled article, in the arena. NULL:
 * out of memory. */
Article *news_tombstone(struct arena *a, const struct entry *e);
