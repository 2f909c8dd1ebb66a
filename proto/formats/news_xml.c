#include "proto/formats/news_xml.h"

#include "proto/formats/references.h"
#include "proto/formats/timestamp.h"
#include "proto/source.h"
#include "proto/topic.h"

#include <ctype.h>
#include <errno.h>
#include <libxml/uri.h>
#include <stdarg.h>
#include <stdlib.h>

/* ---- reading */

void news_refuse(struct news_reading *r, const xmlNode *node, const char *field, const char *format,
                 ...) {
    va_list arguments;
    if (r->error != 0)
        return;
    long line = node == NULL ? 0 : xmlGetLineNo(node);
    r->fault->line = line > 0 ? (size_t)line : 0;
    va_start(arguments, format);
    r->error = fault_set_va(&r->fault->fault, field, format, arguments);
    va_end(arguments);
}

/* In place: no white space at the ends, a run that has more than spaces is one
 * space. Returns the start. */
static char *even(char *text) {
    static const char white[] = " \t\r\n";
    char *out = text;
    for (const char *p = text + strspn(text, white); *p != '\0';) {
        size_t gap = strspn(p, white), spaces = strspn(p, " "), len;
        if (p[gap] == '\0')
            break;
        if (gap > spaces) {
            *out++ = ' ';
            p += gap;
        }
        len = (gap > spaces ? 0 : gap) + strcspn(p + (gap > spaces ? 0 : gap), white);
        memmove(out, p, len);
        out += len;
        p += len;
    }
    *out = '\0';
    return text;
}

static char *take(struct news_reading *r, xmlChar *content) {
    static char empty[] = "";
    char *copy = content == NULL
                     ? NULL
                     : arena_strndup(r->arena, (char *)content, strlen((const char *)content));
    xmlFree(content);
    if (copy == NULL && r->error == 0)
        r->error = -ENOMEM;
    return copy == NULL ? empty : even(copy);
}

/* Elements that often have nothing between them but are words apart. */
static bool parts_words(const xmlNode *node) {
    static const char *const names[] = {
        "br", "p", "li", "td", "th", "tr", "name.given", "name.family", "city", "state", "country"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (xml_is(node, names[i]))
            return true;
    return false;
}

/* What an undeclared entity of HTML stands for, or its name. */
static int gather_reference(xmlBuffer *out, const xmlNode *node) {
    char name[64];
    uint8_t character[REFERENCE_BYTES];
    size_t len;
    snprintf(name, sizeof name, "&%.60s;", (const char *)node->name);
    if (reference_read(slice_of(name), character, &len) > 0)
        return xmlBufferAdd(out, character, (int)len);
    return xmlBufferCat(out, BAD_CAST name);
}

static int gather(xmlBuffer *out, const xmlNode *node, const char *skip) {
    int k = 0;
    for (const xmlNode *n = node->children; n != NULL && k == 0; n = n->next) {
        if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE)
            k = xmlBufferCat(out, n->content);
        else if (n->type == XML_ENTITY_REF_NODE)
            k = gather_reference(out, n);
        if (n->type != XML_ELEMENT_NODE || (skip != NULL && xml_is(n, skip)))
            continue;
        bool apart = parts_words(n);
        if (apart)
            k = xmlBufferCat(out, BAD_CAST "\n");
        k = k == 0 ? gather(out, n, skip) : k;
        if (apart && k == 0)
            k = xmlBufferCat(out, BAD_CAST "\n");
    }
    return k;
}

char *news_text_but(struct news_reading *r, const xmlNode *node, const char *skip) {
    if (node != NULL && node->type != XML_ELEMENT_NODE)
        return take(r, xmlNodeGetContent(node));
    if (node == NULL || node->children == NULL)
        return take(r, xmlStrdup(BAD_CAST ""));
    if (node->children->next == NULL && node->children->type == XML_TEXT_NODE)
        return take(r, xmlStrdup(node->children->content));
    xmlBuffer *out = xmlBufferCreate();
    xmlChar *text = out == NULL || gather(out, node, skip) != 0 ? NULL : xmlBufferDetach(out);
    xmlBufferFree(out);
    return take(r, text);
}

char *news_text(struct news_reading *r, const xmlNode *node) {
    return news_text_but(r, node, NULL);
}

static const xmlAttr *find_attribute(const xmlNode *node, const char *name) {
    const xmlAttr *at = node == NULL ? NULL : node->properties;
    while (at != NULL && strcmp((const char *)at->name, name) != 0)
        at = at->next;
    return at;
}

char *news_attribute(struct news_reading *r, const xmlNode *node, const char *name) {
    const xmlAttr *at = find_attribute(node, name);
    return take(r, at == NULL ? xmlStrdup(BAD_CAST "") : xmlNodeGetContent((const xmlNode *)at));
}

uint32_t news_size(struct news_reading *r, const xmlNode *node, const char *name) {
    const char *text = news_attribute(r, node, name);
    unsigned long long number = strtoull(text, NULL, 10);
    bool digits = text[strspn(text, "0123456789")] == '\0';
    return digits && number <= UINT32_MAX ? (uint32_t)number : 0;
}

char *news_join(struct news_reading *r, char *first, const char *between, char *second) {
    if (*first == '\0' || *second == '\0')
        return *first == '\0' ? second : first;
    size_t size = strlen(first) + strlen(between) + strlen(second) + 1;
    char *both = arena_alloc(r->arena, size);
    if (both == NULL) {
        r->error = -ENOMEM;
        return first;
    }
    snprintf(both, size, "%s%s%s", first, between, second);
    return both;
}

void news_set(char **field, char *text) {
    if (*text != '\0')
        *field = text;
}

void news_push(struct news_reading *r, char ***list, size_t *n, char *text) {
    if (*text != '\0' && article_push(r->arena, (void ***)list, n, text) < 0)
        r->error = -ENOMEM;
}

void news_add_block(struct news_reading *r, Article *article, int type, char *text) {
    if (*text != '\0' && article_add_block(r->arena, article, type, text, strlen(text)) < 0)
        r->error = -ENOMEM;
}

void news_add_subject(struct news_reading *r, Article *article, char *uri, char *code, char *name) {
    Subject *s = arena_alloc(r->arena, sizeof *s);
    if (s == NULL) {
        r->error = -ENOMEM;
        return;
    }
    newswire__v1__subject__init(s);
    s->uri = uri;
    s->code = code;
    s->name = name;
    if (article_push(r->arena, (void ***)&article->subjects, &article->n_subjects, s) < 0)
        r->error = -ENOMEM;
}

int64_t news_time(struct news_reading *r, const xmlNode *node, const char *field,
                  const char *text) {
    int64_t usec = 0;
    if (*text != '\0' && !timestamp_read_iso(slice_of(text), &usec))
        news_refuse(r, node, field, "'%.60s' is no date or time", text);
    return usec;
}

uint32_t news_version(struct news_reading *r, const char *text) {
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text == '\0' ||
        (*text >= '0' && *text <= '9' && *end == '\0' && number >= 1 && number <= UINT32_MAX))
        return *text == '\0' ? 1 : (uint32_t)number;
    if (parsed_warn(r->arena, r->parsed, "version '%.60s' is no number; taken as 1", text) < 0)
        r->error = -ENOMEM;
    return 1;
}

void news_set_section(struct news_reading *r, Article *article, char *name) {
    const struct rules_section *known = *name == '\0' ? NULL : rules_section_find(r->rules, name);
    if (known != NULL)
        article->section = (char *)known->key;
    else if (*article->section_label == '\0')
        article->section_label = name;
}

int news_status(struct news_reading *r, const xmlNode *node, const char *field, const char *text) {
    const char *word = text + strlen(text);
    while (word > text && word[-1] != ':' && word[-1] != '/')
        word--;
    if (*word == '\0' || strcmp(word, "usable") == 0)
        return STATUS_USABLE;
    if (strcmp(word, "withheld") == 0 || strcmp(word, "embargoed") == 0)
        return STATUS_WITHHELD;
    if (strcmp(word, "canceled") == 0 || strcmp(word, "cancelled") == 0 ||
        strcmp(word, "killed") == 0)
        return STATUS_CANCELED;
    news_refuse(r, node, field, "'%.60s' is none of usable, withheld, canceled", text);
    return STATUS_USABLE;
}

/* The digest and, unless there is one, the uri from what stands below the node. */
static void identify(struct news_reading *r, Article *article, const xmlNode *node,
                     const char *scheme) {
    char digest[SOURCE_DIGEST_SIZE], digits[SOURCE_URI_DIGITS + 1], uri[96];
    xmlBuffer *buffer = xmlBufferCreate();
    struct source source;
    if (buffer == NULL || xmlNodeDump(buffer, node->doc, (xmlNode *)node, 0, 0) < 0) {
        r->error = -ENOMEM;
    } else {
        source_init(&source, NULL, 0);
        source_update(&source,
                      (struct slice){xmlBufferContent(buffer), (size_t)xmlBufferLength(buffer)});
        source_final(&source, digest, digits);
        int len = snprintf(uri, sizeof uri, "urn:newswire:%s:%s", scheme, digits);
        article->source_digest = arena_strndup(r->arena, digest, strlen(digest));
        if (*article->uri == '\0')
            article->uri = arena_strndup(r->arena, uri, (size_t)len);
        if (article->source_digest == NULL || article->uri == NULL)
            r->error = -ENOMEM;
    }
    xmlBufferFree(buffer);
}

void news_finish(struct news_reading *r, Article *article, const xmlNode *node,
                 const char *scheme) {
    if (r->error != 0)
        return;
    if (article->kind == KIND_UNSPECIFIED)
        article->kind = KIND_ARTICLE;
    if (article->version == 0)
        article->version = 1;
    if (r->input->section != NULL)
        article->section = (char *)r->input->section;
    identify(r, article, node, scheme);
    if (r->error != 0)
        return;
    if (codec_check_article(article, &r->fault->fault) < 0) {
        long line = xmlGetLineNo(node);
        r->fault->line = line > 0 ? (size_t)line : 0;
        r->error = -EINVAL;
    } else if (article_push(r->arena, (void ***)&r->parsed->articles, &r->parsed->n_articles,
                            article) < 0) {
        r->error = -ENOMEM;
    }
}

/* ---- writing */

int news_writing_begin(struct news_writing *w, struct arena *a) {
    *w = (struct news_writing){.arena = a, .buffer = xmlBufferCreate()};
    w->writer = w->buffer == NULL ? NULL : xmlNewTextWriterMemory(w->buffer, 0);
    if (w->writer != NULL && xmlTextWriterStartDocument(w->writer, NULL, "UTF-8", NULL) >= 0)
        return 0;
    xmlFreeTextWriter(w->writer);
    xmlBufferFree(w->buffer);
    return -ENOMEM;
}

int news_writing_end(struct news_writing *w, FILE *out) {
    if (xmlTextWriterEndDocument(w->writer) < 0)
        w->error = -ENOMEM;
    xmlFreeTextWriter(w->writer);
    size_t len = (size_t)xmlBufferLength(w->buffer);
    if (w->error == 0 && fwrite(xmlBufferContent(w->buffer), 1, len, out) != len)
        w->error = -EIO;
    xmlBufferFree(w->buffer);
    return w->error;
}

void news_open(struct news_writing *w, const char *element) {
    if (xmlTextWriterStartElement(w->writer, BAD_CAST element) < 0)
        w->error = -ENOMEM;
}

void news_close(struct news_writing *w) {
    if (xmlTextWriterEndElement(w->writer) < 0)
        w->error = -ENOMEM;
}

/* Whether XML 1.0 has no place for the character at p. */
static bool is_unspeakable(const uint8_t *p) {
    return (*p < 0x20 && *p != '\t' && *p != '\n' && *p != '\r') ||
           (p[0] == 0xef && p[1] == 0xbf && (p[2] == 0xbe || p[2] == 0xbf));
}

/* The text with U+FFFD for what XML can't hold. */
static const char *speakable(struct news_writing *w, const char *text) {
    size_t bad = 0;
    for (const char *p = text; *p != '\0'; p++)
        bad += is_unspeakable((const uint8_t *)p);
    if (bad == 0)
        return text;
    char *copy = arena_alloc(w->arena, strlen(text) + 2 * bad + 1), *to = copy;
    if (copy == NULL) {
        w->error = -ENOMEM;
        return "";
    }
    for (const char *p = text; *p != '\0'; p++) {
        if (!is_unspeakable((const uint8_t *)p)) {
            *to++ = *p;
            continue;
        }
        to = stpcpy(to, "\xef\xbf\xbd");
        p += (uint8_t)*p == 0xef ? 2 : 0;
    }
    return copy;
}

void news_put_attribute(struct news_writing *w, const char *name, const char *value) {
    if (*value != '\0' &&
        xmlTextWriterWriteAttribute(w->writer, BAD_CAST name, BAD_CAST speakable(w, value)) < 0)
        w->error = -ENOMEM;
}

void news_put_number(struct news_writing *w, const char *name, uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    if (value != 0)
        news_put_attribute(w, name, text);
}

void news_put_time(struct news_writing *w, const char *name, int64_t usec) {
    char text[TIMESTAMP_BYTES];
    timestamp_write(usec, text);
    if (usec != 0 && news_is_time(usec))
        news_put_attribute(w, name, text);
}

/* NewsML-G2's schema lets no tab pass in names and keywords. */
static const char *without_tabs(struct news_writing *w, const char *text) {
    if (strchr(text, '\t') == NULL)
        return text;
    char *copy = arena_strndup(w->arena, text, strlen(text));
    if (copy == NULL) {
        w->error = -ENOMEM;
        return "";
    }
    for (char *tab = copy; (tab = strchr(tab, '\t')) != NULL;)
        *tab = ' ';
    return copy;
}

void news_put_text(struct news_writing *w, const char *text) {
    text = without_tabs(w, text);
    if (xmlTextWriterWriteString(w->writer, BAD_CAST speakable(w, text)) < 0)
        w->error = -ENOMEM;
}

void news_put(struct news_writing *w, const char *element, const char *text) {
    if (*text == '\0')
        return;
    news_open(w, element);
    news_put_text(w, text);
    news_close(w);
}

bool news_is_language(const char *s) {
    for (bool first = true;; first = false) {
        size_t len = 0;
        while (isascii(*s) && (first ? isalpha(*s) : isalnum(*s)))
            s++, len++;
        if (len == 0 || len > 8)
            return false;
        if (*s != '-')
            return *s == '\0';
        s++;
    }
}

/* As libxml2 checks anyURI: what an IRI may have beyond a URI counts as a letter. */
bool news_is_iri(const char *s) {
    char uri[2 * LIMIT_URI_BYTES];
    size_t len = strlen(s);
    if (len == 0 || len >= sizeof uri)
        return false;
    for (size_t i = 0; i <= len; i++) {
        bool beyond = (uint8_t)s[i] >= 0x7f || (s[i] != '\0' && strchr("<>\"{}|\\^`", s[i]));
        uri[i] = s[i];
        if (beyond)
            uri[i] = '_';
    }
    xmlURI *parsed = xmlParseURI(uri);
    xmlFreeURI(parsed);
    return parsed != NULL;
}

bool news_is_time(int64_t usec) {
    static const int64_t first = -62135596800, end = 253402300800; /* the years 1 and 10000 */
    return usec >= first * 1000000 && usec < end * 1000000;
}

Article *news_tombstone(struct arena *a, const struct entry *e) {
    Article *article = article_new(a);
    if (article == NULL)
        return NULL;
    article->uri = arena_strndup(a, (const char *)e->uri.data, e->uri.len);
    article->version = e->version;
    article->status = STATUS_CANCELED;
    article->kind = (Newswire__V1__Kind__Value)topic_kind(e->topic);
    return article->uri == NULL ? NULL : article;
}
