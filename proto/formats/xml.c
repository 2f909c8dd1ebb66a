#include "proto/formats/xml.h"

#include "proto/charset.h"
#include "proto/translation.h"

#include <errno.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <pthread.h>

enum {
    /* Each element costs some 120 bytes and its attributes more; a package of
     * some hundred stories has far fewer. */
    XML_ELEMENTS = 400000,
    ROOT_BYTES = 16 << 10, /* the root stands within them, behind comments and declarations */
};

struct reading {
    size_t elements;
    const char *refused; /* why we stopped it; NULL: we did not */
};

static void stop(xmlParserCtxt *ctxt, const char *why) {
    struct reading *r = ctxt->_private;
    if (r->refused == NULL)
        r->refused = why;
    xmlStopParser(ctxt);
}

static void start_element(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                          int n_namespaces, const xmlChar **namespaces, int n_attributes,
                          int n_defaulted, const xmlChar **attributes) {
    xmlParserCtxt *ctxt = ctx;
    struct reading *r = ctxt->_private;
    r->elements += 1 + (size_t)n_attributes + (size_t)n_namespaces;
    if (r->elements > XML_ELEMENTS) {
        stop(ctxt, N_("it has too many elements"));
        return;
    }
    xmlSAX2StartElementNs(ctx, name, prefix, uri, n_namespaces, namespaces, n_attributes,
                          n_defaulted, attributes);
}

static void declare_entity(void *ctx, const xmlChar *name, int type, const xmlChar *public_id,
                           const xmlChar *system_id, xmlChar *content) {
    (void)name, (void)type, (void)public_id, (void)system_id, (void)content;
    stop(ctx, N_("it declares an entity; a document's own entities are not taken"));
}

/* libxml2's messages end in a line feed. */
static int fault_from(const xmlParserCtxt *ctxt, const struct reading *reading,
                      struct parse_fault *f) {
    const xmlError *e = &ctxt->lastError;
    if (reading->refused != NULL) {
        f->line = ctxt->input == NULL || ctxt->input->line < 0 ? 0 : (size_t)ctxt->input->line;
        return fault_say(&f->fault, "", reading->refused);
    }
    if (e->code == XML_ERR_NO_MEMORY)
        return -ENOMEM;
    const char *message = e->message == NULL ? "it can't be read" : e->message;
    f->line = e->line > 0 ? (size_t)e->line : 0;
    fault_set(&f->fault, "", "is no well-formed XML: %.*s", (int)strcspn(message, "\n"), message);
    return -EINVAL;
}

static bool is_utf16(struct slice b) {
    return b.len >= 4 &&
           ((b.data[0] == 0xfe && b.data[1] == 0xff) || (b.data[0] == 0xff && b.data[1] == 0xfe) ||
            (b.data[0] == 0 && b.data[1] == '<') || (b.data[0] == '<' && b.data[1] == 0));
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

int xml_read(struct slice bytes, xmlDoc **ret, struct parse_fault *ret_fault) {
    struct reading reading = {0};
    pthread_once(&once, xmlInitParser);
    *ret_fault = (struct parse_fault){0};
    xmlParserCtxt *ctxt = xmlNewParserCtxt();
    if (ctxt == NULL)
        return -ENOMEM;
    ctxt->_private = &reading;
    ctxt->sax->startElementNs = start_element;
    ctxt->sax->entityDecl = declare_entity;
    /* Without DTDLOAD and NOENT: nothing outside is read, nothing is expanded. */
    xmlDoc *doc =
        xmlCtxtReadMemory(ctxt, (const char *)bytes.data, (int)bytes.len, NULL, NULL,
                          XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_NOERROR |
                              XML_PARSE_NOWARNING | XML_PARSE_COMPACT | XML_PARSE_BIG_LINES);
    int r = 0;
    if (doc == NULL || !ctxt->wellFormed || reading.refused != NULL ||
        xmlDocGetRootElement(doc) == NULL) {
        r = fault_from(ctxt, &reading, ret_fault);
        xmlFreeDoc(doc);
        doc = NULL;
    }
    xmlFreeParserCtxt(ctxt);
    *ret = doc;
    return r;
}

/* ---- the root, without reading the rest */

/* Past what stands before the root: declarations, comments, instructions. */
static const char *skip_prolog(const char *p) {
    for (;;) {
        p += strspn(p, " \t\r\n");
        const char *close = NULL;
        if (strncmp(p, "<?", 2) == 0)
            close = "?>";
        else if (strncmp(p, "<!--", 4) == 0)
            close = "-->";
        else if (strncmp(p, "<!", 2) == 0) {
            const char *subset = strchr(p, '['), *end = strchr(p, '>');
            close = subset != NULL && end != NULL && subset < end ? "]>" : ">";
        }
        if (close == NULL)
            return p;
        p = strstr(p, close);
        if (p == NULL)
            return "";
        p += strlen(close);
    }
}

bool xml_root_is(struct slice bytes, const char *const *names) {
    char start[ROOT_BYTES + 1];
    size_t n = 0;
    bool wide = is_utf16(bytes);
    for (size_t i = 0; i < bytes.len && n < ROOT_BYTES; i++)
        if (bytes.data[i] != 0 || !wide)
            start[n++] = (char)bytes.data[i];
    start[n] = '\0';
    const char *p = start;
    if (wide && n >= 2 && (uint8_t)p[0] >= 0xfe)
        p += 2;
    else if (strncmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    p = skip_prolog(p);
    if (*p++ != '<')
        return false;
    size_t len = strcspn(p, " \t\r\n/>");
    const char *colon = memchr(p, ':', len);
    if (colon != NULL) {
        len -= (size_t)(colon + 1 - p);
        p = colon + 1;
    }
    for (; *names != NULL; names++)
        if (strlen(*names) == len && memcmp(*names, p, len) == 0)
            return true;
    return false;
}

/* ---- walking */

bool xml_is(const xmlNode *node, const char *name) {
    return node != NULL && node->type == XML_ELEMENT_NODE &&
           strcmp((const char *)node->name, name) == 0;
}

bool xml_in(const xmlNode *node, const char *namespace_uri) {
    return node->ns != NULL && strcmp((const char *)node->ns->href, namespace_uri) == 0;
}

static const xmlNode *find(const xmlNode *node, const char *name, size_t len) {
    for (; node != NULL; node = node->next)
        if (node->type == XML_ELEMENT_NODE && strncmp((const char *)node->name, name, len) == 0 &&
            node->name[len] == '\0')
            return node;
    return NULL;
}

const xmlNode *xml_child(const xmlNode *parent, const char *name) {
    return parent == NULL ? NULL : find(parent->children, name, strlen(name));
}

const xmlNode *xml_next(const xmlNode *node, const char *name) {
    return find(node->next, name, strlen(name));
}

const xmlNode *xml_path(const xmlNode *parent, const char *path) {
    while (parent != NULL && *path != '\0') {
        size_t len = strcspn(path, "/");
        parent = find(parent->children, path, len);
        path += len + (path[len] == '/');
    }
    return parent;
}

static char *one_line(struct arena *a, xmlChar *text) {
    if (text == NULL)
        return NULL;
    char *out = (char *)text;
    for (const char *p = out; *p != '\0';) {
        size_t gap = strspn(p, " \t\r\n");
        p += gap;
        if (gap > 0 && out != (char *)text && *p != '\0')
            *out++ = ' ';
        size_t len = strcspn(p, " \t\r\n");
        memmove(out, p, len);
        out += len;
        p += len;
    }
    char *copy = arena_strndup(a, (char *)text, (size_t)(out - (char *)text));
    xmlFree(text);
    return copy;
}

char *xml_text(struct arena *a, const xmlNode *node) {
    return node == NULL ? arena_strndup(a, "", 0) : one_line(a, xmlNodeGetContent(node));
}

char *xml_attribute(struct arena *a, const xmlNode *node, const char *name) {
    for (const xmlAttr *at = node == NULL ? NULL : node->properties; at != NULL; at = at->next)
        if (strcmp((const char *)at->name, name) == 0)
            return one_line(a, xmlNodeGetContent((const xmlNode *)at));
    return arena_strndup(a, "", 0);
}

char *xml_language(struct arena *a, const xmlNode *node) {
    xmlChar *language = node == NULL ? NULL : xmlNodeGetLang(node);
    return language == NULL ? arena_strndup(a, "", 0) : one_line(a, language);
}
