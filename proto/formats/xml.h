/*
 * XML, read safely: no network, no files, no document type's entities, bounded
 * in depth, elements and text. The rest is what all XML formats need to walk a
 * document that libxml2 holds.
 */
#pragma once

#include "proto/parse.h"

#include <libxml/tree.h>

/* Reads a document into libxml2's tree. A document that declares an entity is
 * refused, whatever it is for. 0: *ret is to be freed with xmlFreeDoc; -EINVAL
 * with *ret_fault (and its line) set; -ENOMEM. */
int xml_read(struct slice bytes, xmlDoc **ret, struct parse_fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* Whether the bytes begin an XML document whose root has one of these local
 * names (ended by NULL), without reading all of it. */
bool xml_root_is(struct slice bytes, const char *const *names) __attribute__((nonnull));

/* The first child element of that local name, in whatever namespace; NULL. */
const xmlNode *xml_child(const xmlNode *parent, const char *name) __attribute__((nonnull(2)));

/* The next sibling element of that local name. */
const xmlNode *xml_next(const xmlNode *node, const char *name) __attribute__((nonnull));

/* A child of a child: xml_path(n, "a/b/c"), the first of each. NULL when one is missing
 * or the parent is NULL. */
const xmlNode *xml_path(const xmlNode *parent, const char *path) __attribute__((nonnull(2)));

/* Whether it is an element of that local name. */
bool xml_is(const xmlNode *node, const char *name) __attribute__((nonnull(2)));

/* Whether its namespace is that one. */
bool xml_in(const xmlNode *node, const char *namespace_uri) __attribute__((nonnull));

/* The text below a node (NULL: none) as one line: white space at its ends is
 * gone, a run of it within is one space. Copied to the arena. NULL: out of memory. */
char *xml_text(struct arena *a, const xmlNode *node)
    __attribute__((nonnull(1), warn_unused_result));

/* An attribute by its local name, likewise; "" when it isn't there. */
char *xml_attribute(struct arena *a, const xmlNode *node, const char *name)
    __attribute__((nonnull(1, 3), warn_unused_result));

/* xml:lang of the node or the nearest above it that has one; "". */
char *xml_language(struct arena *a, const xmlNode *node)
    __attribute__((nonnull(1), warn_unused_result));

static inline void xml_freep(xmlDoc **doc) {
    xmlFreeDoc(*doc);
}
#define _cleanup_xml_ __attribute__((cleanup(xml_freep)))
