#include "proto/formats/newsml.h"

#include "proto/formats/markup.h"
#include "proto/formats/news_xml.h"
#include "proto/formats/nitf.h"
#include "proto/formats/timestamp.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#define NEWSML_NAMESPACE "http://iptc.org/std/nar/2006-10-01/"
#define SECTION_URI      "urn:newswire:section:"

/* Roots that hold news items. */
static const char *const holders[] = {"newsItem", "newsMessage", "contentSet", "packageItem", NULL};
/* Roots of the standard that hold no article. */
static const char *const others[] = {"conceptItem", "knowledgeItem", "planningItem",
                                     "catalogItem", "hopHistory",    NULL};

bool newsml_recognise(const struct parse_input *input) {
    return xml_root_is(input->bytes, holders) || xml_root_is(input->bytes, others);
}

static bool is_one_of(const xmlNode *node, const char *const *names) {
    while (*names != NULL && !xml_is(node, *names))
        names++;
    return *names != NULL;
}

/* ---- reading: contents */

static char *dump(struct news_reading *r, const xmlNode *node) {
    xmlBuffer *buffer = xmlBufferCreate();
    char *text = NULL;
    if (buffer != NULL && xmlNodeDump(buffer, node->doc, (xmlNode *)node, 0, 0) >= 0)
        text = arena_strndup(r->arena, (const char *)xmlBufferContent(buffer),
                             (size_t)xmlBufferLength(buffer));
    xmlBufferFree(buffer);
    if (text == NULL)
        r->error = -ENOMEM;
    return text;
}

/* Whether it was NITF of our own making. */
static bool read_inline_xml(struct news_reading *r, const xmlNode *inline_xml, Article *article) {
    for (const xmlNode *n = inline_xml->children; n != NULL && r->error == 0; n = n->next) {
        if (xml_is(n, "nitf"))
            return nitf_read(r, n, article);
        char *html = n->type != XML_ELEMENT_NODE ? NULL : dump(r, n);
        if (html != NULL && markup_read(r->arena, slice_of(html), article) < 0)
            r->error = -ENOMEM;
    }
    return false;
}

static void read_inline_data(struct news_reading *r, const xmlNode *node, Article *article) {
    const char *encoding = news_attribute(r, node, "encoding");
    if (*encoding != '\0' || *(encoding = news_attribute(r, node, "encodinguri")) != '\0') {
        if (parsed_warn(r->arena, r->parsed, "inlineData that is encoded (%.60s) is left out",
                        encoding) < 0)
            r->error = -ENOMEM;
        return;
    }
    xmlChar *text = xmlNodeGetContent(node);
    const char *type = news_attribute(r, node, "contenttype");
    struct slice s = slice_of(text == NULL ? "" : (const char *)text);
    int k = text == NULL                   ? -ENOMEM
            : strstr(type, "html") != NULL ? markup_read(r->arena, s, article)
                                           : markup_read_plain(r->arena, s, article);
    xmlFree(text);
    if (k < 0)
        r->error = -ENOMEM;
}

static void read_remote(struct news_reading *r, const xmlNode *node, Article *article) {
    Media *m = arena_alloc(r->arena, sizeof *m);
    if (m == NULL) {
        r->error = -ENOMEM;
        return;
    }
    newswire__v1__media__init(m);
    m->href = news_attribute(r, node, "href");
    m->media_type = news_attribute(r, node, "contenttype");
    m->size_bytes = strtoull(news_attribute(r, node, "size"), NULL, 10);
    m->width = news_size(r, node, "width");
    m->height = news_size(r, node, "height");
    m->caption = arena_strndup(r->arena, "", 0);
    if (*m->href != '\0' &&
        article_push(r->arena, (void ***)&article->media, &article->n_media, m) < 0)
        r->error = -ENOMEM;
}

/* Its members are one content in several forms: the first with text is taken. */
static bool read_content_set(struct news_reading *r, const xmlNode *set, Article *article) {
    bool ours = false;
    for (const xmlNode *n = set == NULL ? NULL : set->children; n != NULL; n = n->next) {
        bool had_text = article->n_blocks > 0;
        if (xml_is(n, "inlineXML") && !had_text)
            ours = read_inline_xml(r, n, article) || ours;
        else if (xml_is(n, "inlineData") && !had_text)
            read_inline_data(r, n, article);
        else if (xml_is(n, "remoteContent"))
            read_remote(r, n, article);
    }
    return ours;
}

/* ---- reading: what stands around */

/* The name within a concept: <creator><name>…, or its literal. */
static char *name_of(struct news_reading *r, const xmlNode *node) {
    char *name = news_text(r, xml_child(node, "name"));
    return *name == '\0' ? news_attribute(r, node, "literal") : name;
}

static char *identifier_of(struct news_reading *r, const xmlNode *node) {
    char *id = news_attribute(r, node, "qcode");
    return *id == '\0' ? news_attribute(r, node, "uri") : id;
}

/* What follows the last ':' or '/'. */
static const char *last_word(const char *code) {
    const char *word = code + strlen(code);
    while (word > code && word[-1] != ':' && word[-1] != '/')
        word--;
    return word;
}

/* Whose it is: the first that has a name, else the first one's code. */
static char *party(struct news_reading *r, const xmlNode *parent, const char *element) {
    const xmlNode *first = xml_child(parent, element);
    for (const xmlNode *n = first; n != NULL; n = xml_next(n, element))
        if (*name_of(r, n) != '\0')
            return name_of(r, n);
    return (char *)last_word(news_attribute(r, first, "qcode"));
}

static char *notes(struct news_reading *r, const xmlNode *meta) {
    char *note = news_text(r, NULL);
    for (const xmlNode *n = xml_child(meta, "edNote"); n != NULL; n = xml_next(n, "edNote"))
        note = news_join(r, note, "\n", news_text(r, n));
    return note;
}

/* Pictures that belong to the item, wherever they stand. */
static void read_links(struct news_reading *r, const xmlNode *meta, Article *article) {
    for (const xmlNode *n = xml_child(meta, "link"); n != NULL; n = xml_next(n, "link"))
        if (strncmp(news_attribute(r, n, "contenttype"), "image/", strlen("image/")) == 0)
            read_remote(r, n, article);
}

static void read_item_meta(struct news_reading *r, const xmlNode *item, Article *article) {
    const xmlNode *meta = xml_child(item, "itemMeta");
    const xmlNode *created = xml_child(meta, "versionCreated");
    const xmlNode *first = xml_child(meta, "firstCreated"), *hold = xml_child(meta, "embargoed");
    const xmlNode *status = xml_child(meta, "pubStatus"), *class = xml_child(meta, "itemClass");
    int64_t version_created =
        news_time(r, created, "itemMeta.versionCreated", news_text(r, created));
    int64_t first_created = news_time(r, first, "itemMeta.firstCreated", news_text(r, first));
    article->created_at = version_created != 0 ? version_created : first_created;
    article->embargoed_until = news_time(r, hold, "itemMeta.embargoed", news_text(r, hold));
    /* An embargo without a time has no end yet. */
    if (hold != NULL && article->embargoed_until == 0)
        article->status = STATUS_WITHHELD;
    if (status != NULL)
        article->status = (Newswire__V1__Status__Value)news_status(r, status, "itemMeta.pubStatus",
                                                                   identifier_of(r, status));
    news_set(&article->note_to_editors, notes(r, meta));
    const char *kind = identifier_of(r, class);
    size_t len = strlen(kind);
    if (len >= 7 && strcmp(kind + len - 7, "picture") == 0)
        article->kind = KIND_PHOTO;
    news_set(&article->source, party(r, meta, "provider"));
    read_links(r, meta, article);
}

enum role { ROLE_MAIN, ROLE_OTHER, ROLE_KICKER, ROLE_SUBHEADLINE };

static enum role role_of(struct news_reading *r, const xmlNode *headline) {
    const char *role = news_attribute(r, headline, "role");
    if (*role == '\0')
        role = news_attribute(r, headline, "roleuri");
    role = last_word(role);
    if (strcasecmp(role, "kicker") == 0)
        return ROLE_KICKER;
    if (strncasecmp(role, "subhead", strlen("subhead")) == 0)
        return ROLE_SUBHEADLINE;
    return *role == '\0' || strcasecmp(role, "main") == 0 ? ROLE_MAIN : ROLE_OTHER;
}

/* The first without a role or with "main"; else the first that is no kicker or the like. */
static const xmlNode *main_headline(struct news_reading *r, const xmlNode *meta) {
    const xmlNode *other = NULL;
    for (const xmlNode *n = xml_child(meta, "headline"); n != NULL; n = xml_next(n, "headline")) {
        enum role role = role_of(r, n);
        if (role == ROLE_MAIN)
            return n;
        if (role == ROLE_OTHER && other == NULL)
            other = n;
    }
    return other;
}

static void read_headlines(struct news_reading *r, const xmlNode *meta, Article *article) {
    const xmlNode *best = main_headline(r, meta);
    bool had_kicker = article->n_kicker > 0;
    for (const xmlNode *n = xml_child(meta, "headline"); n != NULL; n = xml_next(n, "headline")) {
        enum role role = role_of(r, n);
        if (role == ROLE_KICKER && !had_kicker)
            news_push(r, &article->kicker, &article->n_kicker, news_text(r, n));
        else if (role == ROLE_SUBHEADLINE)
            news_set(&article->subheadline, news_text(r, n));
    }
    if (best != NULL)
        news_set(&article->headline, news_text(r, best));
    if (*article->headline == '\0')
        article->headline = news_text(r, xml_child(meta, "slugline"));
}

static void read_subject(struct news_reading *r, const xmlNode *node, Article *article) {
    char *uri = news_attribute(r, node, "uri"), *code = news_attribute(r, node, "qcode");
    char *name = news_text(r, xml_child(node, "name"));
    if (*code == '\0')
        code = news_attribute(r, node, "literal");
    if (strncmp(uri, SECTION_URI, strlen(SECTION_URI)) == 0) {
        article->section = uri + strlen(SECTION_URI);
        article->section_label = name;
        return;
    }
    news_add_subject(r, article, uri, code, name);
}

/* A name without the "By " before it and the comma behind it. */
static char *byline_of(char *name) {
    name += strncasecmp(name, "by ", 3) == 0 ? 3 : 0;
    for (size_t len = strlen(name); len > 0 && strchr(" ,;", name[len - 1]) != NULL; len--)
        name[len - 1] = '\0';
    return name;
}

/* As printed; a creator may be the agency. */
static void read_names(struct news_reading *r, const xmlNode *meta, Article *article) {
    if (article->n_byline > 0)
        return;
    for (const xmlNode *n = xml_child(meta, "by"); n != NULL; n = xml_next(n, "by"))
        news_push(r, &article->byline, &article->n_byline, byline_of(news_text(r, n)));
    const xmlNode *n = article->n_byline > 0 ? NULL : xml_child(meta, "creator");
    for (; n != NULL; n = xml_next(n, "creator"))
        news_push(r, &article->byline, &article->n_byline, name_of(r, n));
}

/* By its name or its code: "brief". */
static int kind_of(struct news_reading *r, const xmlNode *genre) {
    const char *words[] = {name_of(r, genre), last_word(news_attribute(r, genre, "qcode"))};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (int kind = KIND_ARTICLE; kind <= KIND_PHOTO; kind++)
            if (strcasecmp(words[i], article_kind_name(kind)) == 0)
                return kind;
    return KIND_UNSPECIFIED;
}

static void read_content_meta(struct news_reading *r, const xmlNode *item, Article *article) {
    const xmlNode *meta = xml_child(item, "contentMeta"), *urgency = xml_child(meta, "urgency");
    const char *number = news_text(r, urgency);
    if (*number >= '1' && *number <= '9' && number[1] == '\0')
        article->urgency = (uint32_t)(*number - '0');
    else if (*number != '\0')
        news_refuse(r, urgency, "contentMeta.urgency", "'%.20s' is no number from 1 to 9", number);
    read_headlines(r, meta, article);
    read_names(r, meta, article);
    news_set(&article->source, party(r, meta, "infoSource"));
    news_set(&article->dateline, news_text(r, xml_child(meta, "dateline")));
    if (*article->dateline == '\0')
        article->dateline = name_of(r, xml_child(meta, "located"));
    news_set(&article->language, news_attribute(r, xml_child(meta, "language"), "tag"));
    for (const xmlNode *n = xml_child(meta, "subject"); n != NULL; n = xml_next(n, "subject"))
        read_subject(r, n, article);
    for (const xmlNode *n = xml_child(meta, "keyword"); n != NULL; n = xml_next(n, "keyword"))
        news_push(r, &article->keywords, &article->n_keywords, news_text(r, n));
    for (const xmlNode *n = xml_child(meta, "genre"); n != NULL; n = xml_next(n, "genre")) {
        int kind = kind_of(r, n);
        if (kind > 0)
            article->kind = (Newswire__V1__Kind__Value)kind;
    }
    const xmlNode *description = xml_child(meta, "description");
    for (; article->n_blocks == 0 && description != NULL;
         description = xml_next(description, "description"))
        news_add_block(r, article, BLOCK_PARAGRAPH, news_text(r, description));
}

/* What a photo shows is its caption. */
static void caption_photo(Article *article) {
    for (size_t i = 0; article->kind == KIND_PHOTO && i < article->n_blocks; i++)
        if (article->blocks[i]->type == BLOCK_PARAGRAPH)
            article->blocks[i]->type = BLOCK_CAPTION;
}

static void read_rights(struct news_reading *r, const xmlNode *info, Article *article) {
    char *notice = news_text(r, xml_child(info, "copyrightNotice"));
    char *terms = news_text(r, xml_child(info, "usageTerms"));
    news_set(&article->rights, name_of(r, xml_child(info, "copyrightHolder")));
    news_set(&article->rights, news_join(r, notice, " ", terms));
}

/* Reads what the envelope says; of our own NITF only what ends an article's life. */
static void read_envelope(struct news_reading *r, const xmlNode *item, Article *article,
                          bool ours) {
    if (ours) {
        const xmlNode *status = xml_path(item, "itemMeta/pubStatus");
        article->status = (Newswire__V1__Status__Value)news_status(r, status, "itemMeta.pubStatus",
                                                                   identifier_of(r, status));
    } else {
        read_item_meta(r, item, article);
        read_content_meta(r, item, article);
        read_rights(r, xml_child(item, "rightsInfo"), article);
        if (*article->language == '\0')
            article->language = xml_language(r->arena, item);
        caption_photo(article);
    }
    news_set(&article->uri, news_attribute(r, item, "guid"));
    const char *version = news_attribute(r, item, "version");
    if (*version != '\0')
        article->version = news_version(r, version);
}

static void leave_out(struct news_reading *r, const xmlNode *item, bool empty) {
    const char *name = (const char *)item->name, *guid = news_attribute(r, item, "guid");
    int left_out =
        empty ? parsed_warn(r->arena, r->parsed,
                            "line %ld: the %s %s is left out: it carries neither text nor media",
                            xmlGetLineNo(item), name, guid)
              : parsed_warn(r->arena, r->parsed,
                            "line %ld: the %s %s is left out: it holds references and no article",
                            xmlGetLineNo(item), name, guid);
    if (left_out < 0)
        r->error = -ENOMEM;
}

static void read_item(struct news_reading *r, const xmlNode *item, bool alone) {
    Article *article = article_new(r->arena);
    if (article == NULL) {
        r->error = -ENOMEM;
        return;
    }
    bool ours = read_content_set(
        r, xml_is(item, "contentSet") ? item : xml_child(item, "contentSet"), article);
    if (!xml_is(item, "contentSet"))
        read_envelope(r, item, article, ours);
    bool empty = article->n_blocks == 0 && article->n_media == 0 && *article->headline == '\0' &&
                 article->status != STATUS_CANCELED;
    if (r->error == 0 && empty && alone)
        news_refuse(r, item, "contentSet", "the item carries neither text nor media");
    else if (r->error == 0 && empty)
        leave_out(r, item, true);
    else
        news_finish(r, article, item, "newsml");
}

static void read_message(struct news_reading *r, const xmlNode *message) {
    const xmlNode *set = xml_child(message, "itemSet");
    for (const xmlNode *n = set == NULL ? NULL : set->children; n != NULL && r->error == 0;
         n = n->next) {
        if (xml_is(n, "newsItem"))
            read_item(r, n, false);
        else if (n->type == XML_ELEMENT_NODE)
            leave_out(r, n, false);
    }
    if (r->error == 0 && r->parsed->n_articles == 0)
        news_refuse(r, message, "itemSet", "there is no news item with text in it");
}

int newsml_parse(struct arena *a, const struct rules *rules, const struct parse_input *input,
                 struct parsed *ret, struct parse_fault *ret_fault) {
    struct news_reading r = {
        .arena = a, .rules = rules, .input = input, .parsed = ret, .fault = ret_fault};
    _cleanup_xml_ xmlDoc *doc = NULL;
    int k = xml_read(input->bytes, &doc, ret_fault);
    if (k < 0)
        return k;
    const xmlNode *root = xmlDocGetRootElement(doc);
    if (xml_is(root, "newsMessage"))
        read_message(&r, root);
    else if (xml_is(root, "newsItem") || xml_is(root, "contentSet"))
        read_item(&r, root, true);
    else if (is_one_of(root, holders) || is_one_of(root, others))
        news_refuse(&r, root, (const char *)root->name,
                    "it refers to news or describes it, and carries no article");
    else
        news_refuse(&r, root, (const char *)root->name, "this is no NewsML-G2");
    return r.error;
}

/* ---- writing */

static void put_qcode(struct news_writing *w, const char *element, const char *prefix,
                      const char *code) {
    char qcode[64];
    snprintf(qcode, sizeof qcode, "%s:%s", prefix, code);
    news_open(w, element);
    news_put_attribute(w, "qcode", qcode);
    news_close(w);
}

static void put_named(struct news_writing *w, const char *element, const char *name) {
    if (*name == '\0')
        return;
    news_open(w, element);
    news_put(w, "name", name);
    news_close(w);
}

static void put_when(struct news_writing *w, const char *element, int64_t usec) {
    char text[TIMESTAMP_BYTES];
    timestamp_write(news_is_time(usec) ? usec : 0, text); /* versionCreated must be there */
    news_put(w, element, text);
}

/* The schemes that our qcodes come from. */
static void put_catalogs(struct news_writing *w) {
    news_open(w, "catalogRef");
    news_put_attribute(w, "href",
                       "http://www.iptc.org/std/catalog/catalog.IPTC-G2-Standards_41.xml");
    news_close(w);
    news_open(w, "catalog");
    news_open(w, "scheme");
    news_put_attribute(w, "alias", "nwrole");
    news_put_attribute(w, "uri", "urn:newswire:role:");
    news_close(w);
    news_close(w);
}

static void put_item_meta(struct news_writing *w, const struct entry *e, const Article *article) {
    int64_t made = article->created_at != 0 ? article->created_at : e->stored_at_usec;
    news_open(w, "itemMeta");
    put_qcode(w, "itemClass", "ninat", article->kind == KIND_PHOTO ? "picture" : "text");
    news_open(w, "provider");
    news_put(w, "name", *article->source != '\0' ? article->source : article->publication);
    news_close(w);
    put_when(w, "versionCreated", made);
    if (article->embargoed_until != 0 && news_is_time(article->embargoed_until))
        put_when(w, "embargoed", article->embargoed_until);
    put_qcode(w, "pubStatus", "stat", article_status_name(article->status));
    news_put(w, "edNote", article->note_to_editors);
    news_close(w);
}

static void put_headline(struct news_writing *w, const char *role, const char *text) {
    if (*text == '\0')
        return;
    news_open(w, "headline");
    news_put_attribute(w, "role", role);
    news_put_text(w, text);
    news_close(w);
}

static void put_subjects(struct news_writing *w, const Article *article) {
    char uri[sizeof SECTION_URI + LIMIT_LINE_BYTES];
    snprintf(uri, sizeof uri, SECTION_URI "%s", article->section);
    if (*article->section != '\0' && news_is_iri(uri)) {
        news_open(w, "subject");
        news_put_attribute(w, "uri", uri);
        news_put(w, "name", article->section_label);
        news_close(w);
    }
    for (size_t i = 0; i < article->n_subjects; i++) {
        const Subject *s = article->subjects[i];
        news_open(w, "subject");
        if (news_is_iri(s->uri))
            news_put_attribute(w, "uri", s->uri);
        news_put_attribute(w, "literal", s->code);
        news_put(w, "name", s->name);
        news_close(w);
    }
}

static void put_content_meta(struct news_writing *w, const Article *article) {
    char urgency[8];
    snprintf(urgency, sizeof urgency, "%u", article->urgency % 10);
    news_open(w, "contentMeta");
    news_put(w, "urgency", article->urgency == 0 ? "" : urgency);
    put_named(w, "located", article->dateline);
    put_named(w, "infoSource", article->source);
    for (size_t i = 0; i < article->n_byline; i++)
        put_named(w, "creator", article->byline[i]);
    if (news_is_language(article->language)) {
        news_open(w, "language");
        news_put_attribute(w, "tag", article->language);
        news_close(w);
    }
    put_named(w, "genre", article_kind_name(article->kind));
    for (size_t i = 0; i < article->n_keywords; i++)
        news_put(w, "keyword", article->keywords[i]);
    put_subjects(w, article);
    for (size_t i = 0; i < article->n_kicker; i++)
        put_headline(w, "nwrole:kicker", article->kicker[i]);
    put_headline(w, "", article->headline);
    put_headline(w, "nwrole:subheadline", article->subheadline);
    news_put(w, "dateline", article->dateline);
    for (size_t i = 0; i < article->n_byline; i++)
        news_put(w, "by", article->byline[i]);
    news_close(w);
}

static void put_item(struct news_writing *w, const struct entry *e, const Article *article,
                     const char *version) {
    news_open(w, "newsItem");
    news_put_attribute(w, "xmlns", NEWSML_NAMESPACE);
    news_put_attribute(w, "guid", article->uri);
    news_put_number(w, "version", article->version);
    news_put_attribute(w, "standard", "NewsML-G2");
    news_put_attribute(w, "standardversion", version);
    news_put_attribute(w, "conformance", "power");
    if (news_is_language(article->language))
        news_put_attribute(w, "xml:lang", article->language);
    put_catalogs(w);
    if (*article->rights != '\0') {
        news_open(w, "rightsInfo");
        news_put(w, "copyrightNotice", article->rights);
        news_close(w);
    }
    put_item_meta(w, e, article);
    put_content_meta(w, article);
    news_open(w, "contentSet");
    news_open(w, "inlineXML");
    news_put_attribute(w, "contenttype", "application/nitf+xml");
    nitf_put(w, article);
    news_close(w);
    news_close(w);
    news_close(w);
}

int newsml_write(FILE *out, struct arena *a, const struct entry *e, const Article *article,
                 const char *version, const struct text_style *style) {
    struct news_writing w;
    (void)style;
    if (article == NULL && (article = news_tombstone(a, e)) == NULL)
        return -ENOMEM;
    int r = news_writing_begin(&w, a);
    if (r < 0)
        return r;
    put_item(&w, e, article, version);
    return news_writing_end(&w, out);
}
