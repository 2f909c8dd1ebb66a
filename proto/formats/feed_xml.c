#include "proto/formats/feed_item.h"
#include "proto/formats/xml.h"

#include <errno.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#define DC      "http://purl.org/dc/elements/1.1/"
#define CONTENT "http://purl.org/rss/1.0/modules/content/"
#define XHTML   "http://www.w3.org/1999/xhtml"
#define RDF     "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

/* ---- walking */

static bool same_namespace(const xmlNode *a, const xmlNode *b) {
    const char *x = a->ns == NULL ? "" : (const char *)a->ns->href;
    const char *y = b->ns == NULL ? "" : (const char *)b->ns->href;
    return strcmp(x, y) == 0;
}

/* The child of that name in the parent's own namespace: a title, not a media:title. */
static const xmlNode *own_child(const xmlNode *parent, const char *name) {
    const xmlNode *n = xml_child(parent, name);
    while (n != NULL && !same_namespace(n, parent))
        n = xml_next(n, name);
    return n;
}

static const xmlNode *own_next(const xmlNode *node, const char *name) {
    const xmlNode *n = xml_next(node, name);
    while (n != NULL && !same_namespace(n, node))
        n = xml_next(n, name);
    return n;
}

static const xmlNode *child_in(const xmlNode *parent, const char *namespace_uri, const char *name) {
    const xmlNode *n = xml_child(parent, name);
    while (n != NULL && !xml_in(n, namespace_uri))
        n = xml_next(n, name);
    return n;
}

/* One line of text; "" for a node that isn't there. */
static const char *text_of(struct feed *f, const xmlNode *node) {
    char *text = xml_text(f->arena, node);
    if (text == NULL)
        f->error = -ENOMEM;
    return text == NULL ? "" : text;
}

static const char *attribute(struct feed *f, const xmlNode *node, const char *name) {
    char *text = xml_attribute(f->arena, node, name);
    if (text == NULL)
        f->error = -ENOMEM;
    return text == NULL ? "" : text;
}

static bool has_elements(const xmlNode *node) {
    for (const xmlNode *n = node->children; n != NULL; n = n->next)
        if (n->type == XML_ELEMENT_NODE)
            return true;
    return false;
}

/* A node as it stood in the feed. */
static char *dump(struct feed *f, const xmlNode *node) {
    xmlBuffer *buffer = xmlBufferCreate();
    char *text = NULL;
    if (buffer != NULL && xmlNodeDump(buffer, node->doc, (xmlNode *)node, 0, 0) >= 0)
        text = arena_strndup(f->arena, (const char *)xmlBufferContent(buffer),
                             (size_t)xmlBufferLength(buffer));
    xmlBufferFree(buffer);
    if (text == NULL)
        f->error = -ENOMEM;
    return text;
}

/* ---- texts */

enum text_type { PLAIN, ESCAPED, INLINE, ELSEWHERE };

/* What an Atom text is: 1.0 has type text, html, xhtml or a MIME type; 0.3 has a
 * MIME type and a mode. */
static enum text_type atom_type(struct feed *f, const xmlNode *node) {
    const char *type = attribute(f, node, "type"), *mode = attribute(f, node, "mode");
    if (*attribute(f, node, "src") != '\0' || strcmp(mode, "base64") == 0)
        return ELSEWHERE;
    if (has_elements(node))
        return INLINE;
    if (strcmp(mode, "escaped") == 0 || strcmp(type, "html") == 0 || strcmp(type, "text/html") == 0)
        return ESCAPED;
    if (strcmp(type, "xhtml") == 0 || strstr(type, "xml") != NULL)
        return INLINE;
    return *type == '\0' || strncmp(type, "text", 4) == 0 ? PLAIN : ELSEWHERE;
}

/* RSS says nothing about it: a text with tags or references in it is HTML. */
static enum text_type rss_type(const xmlNode *node, const char *text) {
    if (has_elements(node))
        return INLINE;
    return strchr(text, '<') != NULL || strchr(text, '&') != NULL ? ESCAPED : PLAIN;
}

/* Adds the blocks of a text; whether there were any. */
static bool read_body(struct feed *f, struct feed_item *item, const xmlNode *node, bool atom) {
    if (node == NULL || f->error != 0)
        return false;
    size_t before = item->article->n_blocks;
    char *content = (char *)xmlNodeGetContent(node);
    if (content == NULL)
        return false;
    enum text_type type = atom ? atom_type(f, node) : rss_type(node, content);
    char *inner = type == INLINE ? dump(f, node) : content;
    if (inner != NULL && type != ELSEWHERE)
        feed_body(f, item, inner, type != PLAIN);
    xmlFree(content);
    return item->article->n_blocks > before;
}

static void read_title(struct feed *f, char **field, const xmlNode *node, bool atom) {
    if (node != NULL && (!atom || atom_type(f, node) == ESCAPED))
        feed_html_line(f, field, text_of(f, node));
    else
        feed_line(f, field, text_of(f, node));
}

/* ---- RSS */

/* "jane@example.com (Jane Doe)" is Jane Doe. */
static void push_author(struct feed *f, char ***list, size_t *n, const char *text) {
    const char *open = strchr(text, '(');
    size_t len = strlen(text);
    if (open == NULL || strchr(text, '@') == NULL || text[len - 1] != ')') {
        feed_push_line(f, list, n, text);
        return;
    }
    char *name = arena_strndup(f->arena, open + 1, (size_t)(text + len - open) - 2);
    if (name == NULL)
        f->error = -ENOMEM;
    else
        feed_push_line(f, list, n, name);
}

static void read_rss_authors(struct feed *f, const xmlNode *node, char ***list, size_t *n) {
    for (const xmlNode *c = xml_child(node, "creator"); c != NULL; c = xml_next(c, "creator"))
        if (xml_in(c, DC))
            push_author(f, list, n, text_of(f, c));
    const xmlNode *author = own_child(node, "author");
    for (; *n == 0 && author != NULL; author = own_next(author, "author"))
        push_author(f, list, n, text_of(f, author));
}

static void read_rss_id(struct feed *f, struct feed_item *item, const xmlNode *node) {
    item->id = text_of(f, own_child(node, "guid"));
    for (const xmlAttr *a = node->properties; *item->id == '\0' && a != NULL; a = a->next)
        if (xml_is(node, "item") && strcmp((const char *)a->name, "about") == 0)
            item->id = attribute(f, node, "about");
    item->link = text_of(f, own_child(node, "link"));
}

static void read_rss_item(struct feed *f, const xmlNode *node) {
    struct feed_item item;
    if (!feed_item_begin(f, &item, (size_t)xmlGetLineNo(node)))
        return;
    Article *article = item.article;
    read_rss_id(f, &item, node);
    read_title(f, &article->headline, own_child(node, "title"), false);
    if (*article->headline == '\0')
        feed_html_line(f, &article->headline, text_of(f, child_in(node, DC, "title")));
    if (!read_body(f, &item, child_in(node, CONTENT, "encoded"), false) &&
        !read_body(f, &item, child_in(node, XHTML, "body"), false) &&
        !read_body(f, &item, child_in(node, XHTML, "div"), false) &&
        !read_body(f, &item, own_child(node, "description"), false))
        read_body(f, &item, child_in(node, DC, "description"), false);
    read_rss_authors(f, node, &article->byline, &article->n_byline);
    feed_time(f, &item, text_of(f, own_child(node, "pubDate")));
    feed_time(f, &item, text_of(f, child_in(node, DC, "date")));
    for (const xmlNode *c = own_child(node, "category"); c != NULL; c = own_next(c, "category"))
        feed_category(f, &item, attribute(f, c, "domain"), text_of(f, c), "");
    for (const xmlNode *c = xml_child(node, "subject"); c != NULL; c = xml_next(c, "subject"))
        if (xml_in(c, DC))
            feed_category(f, &item, "", text_of(f, c), "");
    for (const xmlNode *e = own_child(node, "enclosure"); e != NULL; e = own_next(e, "enclosure"))
        feed_media(f, &item, attribute(f, e, "url"), attribute(f, e, "type"),
                   strtoull(attribute(f, e, "length"), NULL, 10));
    feed_line(f, &article->source, text_of(f, own_child(node, "source")));
    feed_line(f, &article->language, text_of(f, child_in(node, DC, "language")));
    feed_line(f, &article->rights, text_of(f, child_in(node, DC, "rights")));
    char *source = dump(f, node);
    if (source != NULL)
        feed_item_end(f, &item, slice_of(source));
}

static void read_rss_items(struct feed *f, const xmlNode *parent) {
    for (const xmlNode *i = xml_child(parent, "item"); i != NULL; i = xml_next(i, "item"))
        read_rss_item(f, i);
}

/* Items stand in the channel, or in RSS 1.0 beside it. */
static void read_rss(struct feed *f, const xmlNode *root) {
    const xmlNode *channel = xml_child(root, "channel");
    if (channel != NULL) {
        read_title(f, &f->title, own_child(channel, "title"), false);
        feed_line(f, &f->language, text_of(f, child_in(channel, DC, "language")));
        feed_line(f, &f->language, text_of(f, own_child(channel, "language")));
        feed_line(f, &f->rights, text_of(f, child_in(channel, DC, "rights")));
        feed_line(f, &f->rights, text_of(f, own_child(channel, "copyright")));
    }
    for (; channel != NULL; channel = xml_next(channel, "channel"))
        read_rss_items(f, channel);
    read_rss_items(f, root);
}

/* ---- Atom */

static void read_atom_authors(struct feed *f, const xmlNode *node, char ***list, size_t *n) {
    for (const xmlNode *a = own_child(node, "author"); a != NULL; a = own_next(a, "author"))
        feed_push_line(f, list, n, text_of(f, own_child(a, "name")));
}

static void read_atom_links(struct feed *f, struct feed_item *item, const xmlNode *entry) {
    for (const xmlNode *l = own_child(entry, "link"); l != NULL; l = own_next(l, "link")) {
        const char *rel = attribute(f, l, "rel"), *href = attribute(f, l, "href");
        if (strcmp(rel, "enclosure") == 0)
            feed_media(f, item, href, attribute(f, l, "type"),
                       strtoull(attribute(f, l, "length"), NULL, 10));
        else if (*item->link == '\0' && (*rel == '\0' || strcmp(rel, "alternate") == 0))
            item->link = href;
    }
}

/* The first of these names that is there counts: 1.0 has two of them, 0.3 three. */
static void read_atom_time(struct feed *f, struct feed_item *item, const xmlNode *entry) {
    static const char *const names[] = {"published", "issued", "created", "updated", "modified"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        feed_time(f, item, text_of(f, own_child(entry, names[i])));
}

static void read_entry(struct feed *f, const xmlNode *entry) {
    struct feed_item item;
    if (!feed_item_begin(f, &item, (size_t)xmlGetLineNo(entry)))
        return;
    Article *article = item.article;
    const xmlNode *from = own_child(entry, "source");
    item.id = text_of(f, own_child(entry, "id"));
    read_atom_links(f, &item, entry);
    read_title(f, &article->headline, own_child(entry, "title"), true);
    if (!read_body(f, &item, own_child(entry, "content"), true))
        read_body(f, &item, own_child(entry, "summary"), true);
    read_atom_authors(f, entry, &article->byline, &article->n_byline);
    if (article->n_byline == 0 && from != NULL)
        read_atom_authors(f, from, &article->byline, &article->n_byline);
    read_atom_time(f, &item, entry);
    for (const xmlNode *c = own_child(entry, "category"); c != NULL; c = own_next(c, "category"))
        feed_category(f, &item, attribute(f, c, "scheme"), attribute(f, c, "term"),
                      attribute(f, c, "label"));
    if (from != NULL)
        read_title(f, &article->source, own_child(from, "title"), true);
    read_title(f, &article->rights, own_child(entry, "rights"), true);
    char *language = xml_language(f->arena, entry), *source = dump(f, entry);
    if (language == NULL || source == NULL) {
        f->error = -ENOMEM;
        return;
    }
    feed_line(f, &article->language, language);
    feed_item_end(f, &item, slice_of(source));
}

static void read_atom(struct feed *f, const xmlNode *root) {
    read_title(f, &f->title, own_child(root, "title"), true);
    read_title(f, &f->rights, own_child(root, "copyright"), true);
    read_title(f, &f->rights, own_child(root, "rights"), true);
    read_atom_authors(f, root, &f->authors, &f->n_authors);
    for (const xmlNode *e = own_child(root, "entry"); e != NULL; e = own_next(e, "entry"))
        read_entry(f, e);
}

int feed_read_xml(struct feed *f, struct slice bytes, struct parse_fault *ret_fault) {
    _cleanup_xml_ xmlDoc *doc = NULL;
    int r = xml_read(bytes, &doc, ret_fault);
    if (r < 0)
        return r;
    const xmlNode *root = xmlDocGetRootElement(doc);
    if (xml_is(root, "rss") || xml_is(root, "RDF"))
        read_rss(f, root);
    else if (xml_is(root, "feed"))
        read_atom(f, root);
    else if (xml_is(root, "entry"))
        read_entry(f, root);
    else
        return fault_set(&ret_fault->fault, "",
                         "is no feed: its root is none of rss, RDF, feed, "
                         "entry");
    return f->error;
}
