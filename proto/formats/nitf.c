#include "proto/formats/nitf.h"

#include "proto/formats/news_xml.h"
#include "proto/formats/timestamp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

enum { NITF_URGENCY_MOST = 8 };

/* ---- fields that NITF has no place for: <meta name="newswire.…"> */

enum meta_type { META_STRING, META_STRINGS, META_NUMBER };

struct meta {
    const char *name;
    enum meta_type type;
    size_t offset, count_offset;
};

#define ONE(field)  offsetof(Article, field), 0
#define MANY(field) offsetof(Article, field), offsetof(Article, n_##field)

static const struct meta metas[] = {
    {"newswire.version", META_NUMBER, ONE(version)}, /* always there: it is one of ours */
    {"newswire.urgency", META_NUMBER, ONE(urgency)},
    {"newswire.section", META_STRING, ONE(section)},
    {"newswire.section_label", META_STRING, ONE(section_label)},
    {"newswire.reviewer", META_STRINGS, MANY(reviewers)},
    {"newswire.continued_on", META_STRING, ONE(continued_on)},
    {"newswire.continued_from", META_STRING, ONE(continued_from)},
    {"newswire.replaces", META_STRING, ONE(replaces)},
    {"newswire.moved_to", META_STRING, ONE(moved_to)},
};

static void read_meta(struct news_reading *r, const xmlNode *node, Article *article) {
    const char *name = news_attribute(r, node, "name");
    char *content = news_attribute(r, node, "content");
    for (size_t i = 0; i < sizeof metas / sizeof *metas; i++) {
        char *field = (char *)article + metas[i].offset;
        if (strcmp(metas[i].name, name) != 0)
            continue;
        if (metas[i].type == META_STRING)
            *(char **)field = content;
        else if (metas[i].type == META_NUMBER)
            *(uint32_t *)field = (uint32_t)strtoul(content, NULL, 10);
        else
            news_push(r, (char ***)field, (size_t *)((char *)article + metas[i].count_offset),
                      content);
    }
}

static void put_meta(struct news_writing *w, const char *name, const char *content) {
    if (*content == '\0')
        return;
    news_open(w, "meta");
    news_put_attribute(w, "name", name);
    news_put_attribute(w, "content", content);
    news_close(w);
}

static void put_metas(struct news_writing *w, const Article *article) {
    for (size_t i = 0; i < sizeof metas / sizeof *metas; i++) {
        const char *field = (const char *)article + metas[i].offset;
        char number[16];
        if (metas[i].type == META_STRING) {
            put_meta(w, metas[i].name, *(char *const *)field);
        } else if (metas[i].type == META_NUMBER) {
            snprintf(number, sizeof number, "%" PRIu32, *(const uint32_t *)field);
            put_meta(w, metas[i].name, strcmp(number, "0") == 0 ? "" : number);
        } else {
            size_t n = *(const size_t *)((const char *)article + metas[i].count_offset);
            for (size_t k = 0; k < n; k++)
                put_meta(w, metas[i].name, (*(char **const *)field)[k]);
        }
    }
}

/* ---- the body, read */

static void read_body(struct news_reading *r, const xmlNode *parent, Article *article, int type);

static bool has_class(struct news_reading *r, const xmlNode *node, const char *name) {
    return strcmp(news_attribute(r, node, "class"), name) == 0;
}

static bool has_elements(const xmlNode *node, const char *const *names) {
    for (const xmlNode *n = node->children; n != NULL; n = n->next)
        for (size_t i = 0; names[i] != NULL; i++)
            if (xml_is(n, names[i]))
                return true;
    return false;
}

static void read_media(struct news_reading *r, const xmlNode *node, Article *article) {
    const xmlNode *reference = xml_child(node, "media-reference");
    Media *m = arena_alloc(r->arena, sizeof *m);
    if (m == NULL) {
        r->error = -ENOMEM;
        return;
    }
    newswire__v1__media__init(m);
    m->href = news_attribute(r, reference, "source");
    m->media_type = news_attribute(r, reference, "mime-type");
    m->width = news_size(r, reference, "width");
    m->height = news_size(r, reference, "height");
    m->caption = news_text(r, xml_child(node, "media-caption"));
    const xmlNode *more = xml_child(node, "media-caption");
    while (more != NULL && (more = xml_next(more, "media-caption")) != NULL)
        m->caption = news_join(r, m->caption, " ", news_text(r, more));
    m->credit = news_text(r, xml_child(node, "media-producer"));
    if (*m->credit == '\0')
        m->credit = news_attribute(r, reference, "source-credit");
    for (const xmlNode *n = xml_child(node, "media-metadata"); n != NULL;
         n = xml_next(n, "media-metadata")) {
        const char *name = news_attribute(r, n, "name");
        if (strcmp(name, "newswire.digest") == 0)
            m->digest = news_attribute(r, n, "value");
        else if (strcmp(name, "newswire.size_bytes") == 0)
            m->size_bytes = strtoull(news_attribute(r, n, "value"), NULL, 10);
    }
    if (*m->href == '\0' && *m->caption == '\0')
        return;
    if (article_push(r->arena, (void ***)&article->media, &article->n_media, m) < 0)
        r->error = -ENOMEM;
}

/* A table's row is a line of its cells. */
static void read_row(struct news_reading *r, const xmlNode *row, Article *article) {
    char *line = arena_strndup(r->arena, "", 0);
    for (const xmlNode *cell = row->children; cell != NULL && line != NULL; cell = cell->next) {
        const char *text = cell->type == XML_ELEMENT_NODE ? news_text(r, cell) : "";
        size_t len = strlen(line) + strlen(text) + 4;
        char *longer = *text == '\0' ? line : arena_alloc(r->arena, len);
        if (longer != NULL && longer != line)
            snprintf(longer, len, "%s%s%s", line, *line == '\0' ? "" : " | ", text);
        line = longer;
    }
    if (line == NULL)
        r->error = -ENOMEM;
    else
        news_add_block(r, article, BLOCK_PARAGRAPH, line);
}

static void read_block(struct news_reading *r, const xmlNode *n, Article *article, int type) {
    static const char *const within[] = {"p",  "block", "bq",    "ul",   "ol",         "dl",
                                         "li", "media", "table", "note", "nitf-table", NULL};
    if (xml_is(n, "p"))
        news_add_block(r, article, has_class(r, n, "caption") ? BLOCK_CAPTION : type,
                       news_text(r, n));
    else if (xml_is(n, "hl2") || xml_is(n, "hl1"))
        news_add_block(r, article, BLOCK_CROSSHEAD, news_text(r, n));
    else if (xml_is(n, "media"))
        read_media(r, n, article);
    else if (xml_is(n, "tr"))
        read_row(r, n, article);
    else if (xml_is(n, "bq"))
        read_body(r, n, article, BLOCK_QUOTE);
    else if (xml_is(n, "ul") || xml_is(n, "ol") || xml_is(n, "dl"))
        read_body(r, n, article, BLOCK_LIST_ITEM);
    else if (xml_is(n, "table") || xml_is(n, "tbody") || xml_is(n, "thead") ||
             xml_is(n, "nitf-table") || has_elements(n, within))
        read_body(r, n, article, type);
    else
        news_add_block(r, article, type, news_text(r, n));
}

/* All that stands below, in order: nothing that a reader would see is left out. */
static void read_body(struct news_reading *r, const xmlNode *parent, Article *article, int type) {
    const xmlNode *n = parent == NULL ? NULL : parent->children;
    for (; n != NULL && r->error == 0; n = n->next) {
        if (n->type == XML_ELEMENT_NODE)
            read_block(r, n, article, type);
        else if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE)
            news_add_block(r, article, type, news_text(r, n));
    }
}

/* "By Jane Doe, Staff Reporter": the name is what is no title and no "By". */
static char *byline_name(struct news_reading *r, const xmlNode *byline) {
    char *name = arena_strndup(r->arena, "", 0);
    for (const xmlNode *n = byline->children; n != NULL && name != NULL; n = n->next) {
        if (xml_is(n, "byttl"))
            continue;
        const char *text = news_text(r, n);
        size_t len = strlen(name) + strlen(text) + 2;
        char *longer = *text == '\0' ? name : arena_alloc(r->arena, len);
        if (longer != NULL && longer != name)
            snprintf(longer, len, "%s%s%s", name, *name == '\0' ? "" : " ", text);
        name = longer;
    }
    if (name == NULL) {
        r->error = -ENOMEM;
        return arena_strndup(r->arena, "", 0);
    }
    name += strncasecmp(name, "by ", 3) == 0 ? 3 : 0;
    size_t len = strlen(name);
    while (len > 0 && strchr(" ,;", name[len - 1]) != NULL)
        name[--len] = '\0';
    return name;
}

static void read_byline(struct news_reading *r, const xmlNode *byline, Article *article) {
    const xmlNode *person = xml_child(byline, "person");
    for (const xmlNode *n = person; n != NULL; n = xml_next(n, "person"))
        news_push(r, &article->byline, &article->n_byline, news_text_but(r, n, "function"));
    if (person == NULL)
        news_push(r, &article->byline, &article->n_byline, byline_name(r, byline));
}

static void read_body_head(struct news_reading *r, const xmlNode *head, Article *article) {
    const xmlNode *hedline = xml_child(head, "hedline");
    article->headline = news_text(r, xml_child(hedline, "hl1"));
    for (const xmlNode *n = xml_child(hedline, "hl2"); n != NULL; n = xml_next(n, "hl2")) {
        if (has_class(r, n, "kicker"))
            news_push(r, &article->kicker, &article->n_kicker, news_text(r, n));
        else if (*article->subheadline == '\0')
            article->subheadline = news_text(r, n);
        else
            news_add_block(r, article, BLOCK_CROSSHEAD, news_text(r, n));
    }
    for (const xmlNode *n = hedline; n != NULL && (n = xml_next(n, "hedline")) != NULL;)
        read_body(r, n, article, BLOCK_CROSSHEAD);
    for (const xmlNode *n = xml_child(head, "byline"); n != NULL; n = xml_next(n, "byline"))
        read_byline(r, n, article);
    article->source = news_text(r, xml_child(head, "distributor"));
    article->dateline = news_text(r, xml_child(head, "dateline"));
    news_set(&article->rights, news_text(r, xml_child(head, "rights")));
    for (const xmlNode *n = xml_child(head, "note"); n != NULL; n = xml_next(n, "note")) {
        if (strcmp(news_attribute(r, n, "noteclass"), "editorsnote") == 0)
            article->note_to_editors =
                news_join(r, article->note_to_editors, "\n", news_text(r, n));
        else
            read_body(r, n, article, BLOCK_PARAGRAPH);
    }
    for (const xmlNode *n = xml_child(head, "abstract"); n != NULL; n = xml_next(n, "abstract"))
        read_body(r, n, article, BLOCK_PARAGRAPH);
}

/* ---- the head, read */

/* The line breaks of a note stay. */
static char *raw_attribute(struct news_reading *r, const xmlNode *node, const char *name) {
    xmlChar *value = node == NULL ? NULL : xmlGetNoNsProp(node, BAD_CAST name);
    char *copy = value == NULL ? arena_strndup(r->arena, "", 0)
                               : arena_strndup(r->arena, (char *)value, strlen((char *)value));
    xmlFree(value);
    if (copy == NULL)
        r->error = -ENOMEM;
    return copy;
}

/* Classifiers are ours as we write them; people, places and organisations are subjects
 * too, and where their codes come from is seldom a uri. */
static void read_identified(struct news_reading *r, const xmlNode *parent, Article *article) {
    for (const xmlNode *n = parent == NULL ? NULL : parent->children; n != NULL; n = n->next) {
        if (n->type != XML_ELEMENT_NODE)
            continue;
        char *source = news_attribute(r, n, "idsrc");
        bool is_uri = xml_is(n, "classifier") || strchr(source, ':') != NULL;
        char *code = news_attribute(r, n, "value"), *name = news_text(r, n);
        char *uri = is_uri ? source : source + strlen(source);
        if (*uri != '\0' || *code != '\0' || *name != '\0')
            news_add_subject(r, article, uri, code, name);
    }
}

static void read_notes(struct news_reading *r, const xmlNode *docdata, Article *article) {
    static const char *const names[] = {"ed-msg", "correction"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (const xmlNode *n = xml_child(docdata, names[i]); n != NULL; n = xml_next(n, names[i]))
            article->note_to_editors =
                news_join(r, article->note_to_editors, "\n", raw_attribute(r, n, "info"));
}

static void read_docdata(struct news_reading *r, const xmlNode *docdata, Article *article) {
    const xmlNode *issue = xml_child(docdata, "date.issue");
    const xmlNode *release = xml_child(docdata, "date.release");
    const xmlNode *key = xml_child(docdata, "du-key"), *id = xml_child(docdata, "doc-id");
    article->uri = news_attribute(r, id, "id-string");
    if (*article->uri == '\0')
        article->uri = news_attribute(r, key, "key");
    article->version = news_version(r, news_attribute(r, key, "version"));
    article->status = (Newswire__V1__Status__Value)news_status(
        r, docdata, "docdata.management-status", news_attribute(r, docdata, "management-status"));
    article->created_at = news_time(r, issue, "date.issue", news_attribute(r, issue, "norm"));
    article->embargoed_until =
        news_time(r, release, "date.release", news_attribute(r, release, "norm"));
    /* An embargo with an end holds the story by itself. */
    if (article->embargoed_until != 0 &&
        strcmp(news_attribute(r, docdata, "management-status"), "embargoed") == 0)
        article->status = STATUS_USABLE;
    const xmlNode *urgency = xml_child(docdata, "urgency");
    const char *number = news_attribute(r, urgency, "ed-urg");
    if (*number >= '0' && *number <= '9' && number[1] == '\0')
        article->urgency = (uint32_t)(*number - '0');
    else if (*number != '\0')
        news_refuse(r, urgency, "urgency", "'%.20s' is no number from 1 to 8", number);
    read_notes(r, docdata, article);
    const char *fixture = news_attribute(r, xml_child(docdata, "fixture"), "fix-id");
    int kind = *fixture == '\0' ? -1 : article_kind_from_name(fixture);
    if (kind > 0)
        article->kind = (Newswire__V1__Kind__Value)kind;
    const xmlNode *copyright = xml_child(docdata, "doc.copyright");
    article->rights = news_attribute(r, xml_child(docdata, "doc.rights"), "owner");
    if (*article->rights == '\0')
        article->rights = news_attribute(r, copyright, "holder");
    const xmlNode *list = xml_child(docdata, "key-list");
    for (const xmlNode *n = xml_child(list, "keyword"); n != NULL; n = xml_next(n, "keyword"))
        news_push(r, &article->keywords, &article->n_keywords, news_attribute(r, n, "key"));
    read_identified(r, xml_child(docdata, "identified-content"), article);
}

static void read_pubdata(struct news_reading *r, const xmlNode *pubdata, Article *article) {
    char *date = news_attribute(r, pubdata, "date.publication");
    article->publication = news_attribute(r, pubdata, "name");
    article->page = news_attribute(r, pubdata, "position.sequence");
    news_set_section(r, article, news_attribute(r, pubdata, "position.section"));
    char day[sizeof "2031-04-09"];
    if (*date == '\0')
        return;
    if (!timestamp_date(slice_of(date), day)) {
        news_refuse(r, pubdata, "pubdata.date.publication", "'%.60s' is no date", date);
        return;
    }
    article->page_date = arena_strndup(r->arena, day, strlen(day));
    if (article->page_date == NULL)
        r->error = -ENOMEM;
}

static void read_tobject(struct news_reading *r, const xmlNode *tobject, Article *article) {
    for (const xmlNode *n = xml_child(tobject, "tobject.subject"); n != NULL;
         n = xml_next(n, "tobject.subject")) {
        char *name = news_attribute(r, n, "tobject.subject.detail");
        if (*name == '\0')
            name = news_attribute(r, n, "tobject.subject.matter");
        if (*name == '\0')
            name = news_attribute(r, n, "tobject.subject.type");
        news_add_subject(r, article, arena_strndup(r->arena, "", 0),
                         news_attribute(r, n, "tobject.subject.refnum"), name);
    }
}

/* Who looked over it; ours are told by metas. */
static void read_editors(struct news_reading *r, const xmlNode *head, Article *article) {
    for (const xmlNode *n = xml_child(head, "revision-history"); n != NULL;
         n = xml_next(n, "revision-history"))
        if (strcmp(news_attribute(r, n, "function"), "editor") == 0)
            news_push(r, &article->reviewers, &article->n_reviewers, news_attribute(r, n, "name"));
}

bool nitf_read(struct news_reading *r, const xmlNode *nitf, Article *article) {
    const xmlNode *head = xml_child(nitf, "head"), *body = xml_child(nitf, "body");
    bool ours = false;
    article->language = news_attribute(r, nitf, "baselang");
    if (*article->language == '\0')
        article->language = xml_language(r->arena, nitf);
    read_tobject(r, xml_child(head, "tobject"), article);
    read_docdata(r, xml_child(head, "docdata"), article);
    read_pubdata(r, xml_child(head, "pubdata"), article);
    read_editors(r, head, article);
    read_body_head(r, xml_child(body, "body.head"), article);
    for (const xmlNode *n = xml_child(body, "body.content"); n != NULL;
         n = xml_next(n, "body.content"))
        read_body(r, n, article, BLOCK_PARAGRAPH);
    read_body(r, xml_child(body, "body.end"), article, BLOCK_PARAGRAPH);
    for (const xmlNode *n = xml_child(head, "meta"); n != NULL; n = xml_next(n, "meta")) {
        const xmlAttr *name = n->properties;
        ours = ours || (name != NULL && name->children != NULL &&
                        strcmp((const char *)name->children->content, metas[0].name) == 0);
    }
    /* What was guessed of a section's name gives way to what we wrote. */
    if (ours)
        article->section = article->section_label = article->headline + strlen(article->headline);
    for (const xmlNode *n = xml_child(head, "meta"); n != NULL; n = xml_next(n, "meta"))
        read_meta(r, n, article);
    if (*article->headline == '\0' && article->status != STATUS_CANCELED)
        article->headline = news_text(r, xml_child(head, "title"));
    return ours;
}

bool nitf_recognise(const struct parse_input *input) {
    return xml_root_is(input->bytes, (const char *const[]){"nitf", NULL});
}

int nitf_parse(struct arena *a, const struct rules *rules, const struct parse_input *input,
               struct parsed *ret, struct parse_fault *ret_fault) {
    struct news_reading r = {
        .arena = a, .rules = rules, .input = input, .parsed = ret, .fault = ret_fault};
    _cleanup_xml_ xmlDoc *doc = NULL;
    Article *article = article_new(a);
    int k = xml_read(input->bytes, &doc, ret_fault);
    if (k < 0 || article == NULL)
        return k < 0 ? k : -ENOMEM;
    const xmlNode *root = xmlDocGetRootElement(doc);
    if (!xml_is(root, "nitf"))
        return fault_set(&ret_fault->fault, (const char *)root->name, "the root of NITF is nitf");
    nitf_read(&r, root, article);
    news_finish(&r, article, root, "nitf");
    return r.error;
}

/* ---- writing */

static void put_docdata(struct news_writing *w, const Article *article) {
    news_open(w, "docdata");
    news_put_attribute(w, "management-status", article_status_name(article->status));
    news_open(w, "doc-id");
    news_put_attribute(w, "id-string", article->uri);
    news_close(w);
    if (article->urgency > 0) {
        news_open(w, "urgency");
        news_put_number(w, "ed-urg",
                        article->urgency > NITF_URGENCY_MOST ? NITF_URGENCY_MOST
                                                             : article->urgency);
        news_close(w);
    }
    news_open(w, "fixture");
    news_put_attribute(w, "fix-id", article_kind_name(article->kind));
    news_close(w);
    if (article->created_at != 0) {
        news_open(w, "date.issue");
        news_put_time(w, "norm", article->created_at);
        news_close(w);
    }
    if (article->embargoed_until != 0) {
        news_open(w, "date.release");
        news_put_time(w, "norm", article->embargoed_until);
        news_close(w);
    }
    if (*article->note_to_editors != '\0') {
        news_open(w, "ed-msg");
        news_put_attribute(w, "info", article->note_to_editors);
        news_close(w);
    }
    news_open(w, "du-key");
    news_put_number(w, "version", article->version);
    news_put_attribute(w, "key", article->uri);
    news_close(w);
    if (*article->rights != '\0') {
        news_open(w, "doc.rights");
        news_put_attribute(w, "owner", article->rights);
        news_close(w);
    }
    if (article->n_keywords > 0)
        news_open(w, "key-list");
    for (size_t i = 0; i < article->n_keywords; i++) {
        news_open(w, "keyword");
        news_put_attribute(w, "key", article->keywords[i]);
        news_close(w);
    }
    if (article->n_keywords > 0)
        news_close(w);
    if (article->n_subjects > 0)
        news_open(w, "identified-content");
    for (size_t i = 0; i < article->n_subjects; i++) {
        news_open(w, "classifier");
        news_put_attribute(w, "type", "subject");
        news_put_attribute(w, "idsrc", article->subjects[i]->uri);
        news_put_attribute(w, "value", article->subjects[i]->code);
        news_put_text(w, article->subjects[i]->name);
        news_close(w);
    }
    if (article->n_subjects > 0)
        news_close(w);
    news_close(w);
}

static void put_head(struct news_writing *w, const Article *article) {
    news_open(w, "head");
    news_put(w, "title", article->headline);
    put_metas(w, article);
    put_docdata(w, article);
    news_open(w, "pubdata");
    news_put_attribute(w, "type", *article->page == '\0' ? "" : "print");
    news_put_attribute(w, "date.publication", article->page_date);
    news_put_attribute(w, "name", article->publication);
    news_put_attribute(w, "position.section", article->section);
    news_put_attribute(w, "position.sequence", article->page);
    news_close(w);
    news_close(w);
}

static void put_hl2(struct news_writing *w, const char *class, const char *text) {
    if (*text == '\0')
        return;
    news_open(w, "hl2");
    news_put_attribute(w, "class", class);
    news_put_text(w, text);
    news_close(w);
}

static void put_body_head(struct news_writing *w, const Article *article) {
    news_open(w, "body.head");
    if (*article->headline != '\0' || article->n_kicker > 0 || *article->subheadline != '\0') {
        news_open(w, "hedline");
        news_open(w, "hl1");
        news_put_text(w, article->headline);
        news_close(w);
        for (size_t i = 0; i < article->n_kicker; i++)
            put_hl2(w, "kicker", article->kicker[i]);
        put_hl2(w, "subheadline", article->subheadline);
        news_close(w);
    }
    for (size_t i = 0; i < article->n_byline; i++) {
        news_open(w, "byline");
        news_put(w, "person", article->byline[i]);
        news_close(w);
    }
    news_put(w, "distributor", article->source);
    news_put(w, "dateline", article->dateline);
    news_close(w);
}

static void put_block(struct news_writing *w, const Block *b) {
    if (*b->text == '\0')
        return;
    if (b->type == BLOCK_CROSSHEAD) {
        news_put(w, "hl2", b->text);
    } else if (b->type == BLOCK_QUOTE) {
        news_open(w, "bq");
        news_open(w, "block");
        news_put(w, "p", b->text);
        news_close(w);
        news_close(w);
    } else {
        news_open(w, b->type == BLOCK_LIST_ITEM ? "li" : "p");
        if (b->type == BLOCK_CAPTION)
            news_put_attribute(w, "class", "caption");
        news_put_text(w, b->text);
        news_close(w);
    }
}

static void put_media(struct news_writing *w, const Media *m) {
    const char *slash = strchr(m->media_type, '/');
    char type[32];
    snprintf(type, sizeof type, "%.*s", slash == NULL ? 0 : (int)(slash - m->media_type),
             m->media_type);
    news_open(w, "media");
    news_put_attribute(w, "media-type", *type == '\0' ? "image" : type);
    if (*m->digest != '\0') {
        news_open(w, "media-metadata");
        news_put_attribute(w, "name", "newswire.digest");
        news_put_attribute(w, "value", m->digest);
        news_close(w);
    }
    if (m->size_bytes != 0) {
        news_open(w, "media-metadata");
        news_put_attribute(w, "name", "newswire.size_bytes");
        news_put_number(w, "value", m->size_bytes);
        news_close(w);
    }
    news_open(w, "media-reference");
    news_put_attribute(w, "source", m->href);
    news_put_attribute(w, "mime-type", m->media_type);
    news_put_number(w, "height", m->height);
    news_put_number(w, "width", m->width);
    news_close(w);
    news_put(w, "media-caption", m->caption);
    news_put(w, "media-producer", m->credit);
    news_close(w);
}

void nitf_put(struct news_writing *w, const Article *article) {
    news_open(w, "nitf");
    news_put_attribute(w, "xmlns", NITF_NAMESPACE);
    news_put_attribute(w, "baselang", article->language);
    put_head(w, article);
    news_open(w, "body");
    put_body_head(w, article);
    news_open(w, "body.content");
    for (size_t i = 0; i < article->n_blocks; i++) {
        bool item = article->blocks[i]->type == BLOCK_LIST_ITEM;
        if (item && (i == 0 || article->blocks[i - 1]->type != BLOCK_LIST_ITEM))
            news_open(w, "ul");
        put_block(w, article->blocks[i]);
        if (item && (i + 1 == article->n_blocks || article->blocks[i + 1]->type != BLOCK_LIST_ITEM))
            news_close(w);
    }
    for (size_t i = 0; i < article->n_media; i++)
        put_media(w, article->media[i]);
    news_close(w);
    news_close(w);
    news_close(w);
}

int nitf_write(FILE *out, struct arena *a, const struct entry *e, const Article *article,
               const char *version, const struct text_style *style) {
    (void)version, (void)style;
    struct news_writing w;
    if (article == NULL && (article = news_tombstone(a, e)) == NULL)
        return -ENOMEM;
    int r = news_writing_begin(&w, a);
    if (r < 0)
        return r;
    nitf_put(&w, article);
    return news_writing_end(&w, out);
}
