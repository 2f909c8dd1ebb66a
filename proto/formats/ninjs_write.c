#include "proto/formats/json_put.h"
#include "proto/formats/markup.h"
#include "proto/formats/ninjs.h"
#include "proto/formats/timestamp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const ninjs_versions[] = {"3.1", "2.2", "1.3", NULL};

struct writing {
    struct json_put p;
    const Article *article;
    bool v1, v2;
};

/* ---- small ones */

static void put_time(struct json_put *p, const char *name, int64_t usec) {
    char text[TIMESTAMP_BYTES];
    if (usec == 0)
        return;
    timestamp_write(usec, text);
    json_put_string(p, name, text);
}

static void put_standard(struct writing *w, const char *version) {
    char schema[sizeof "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json#"];
    snprintf(schema, sizeof schema, "http://www.iptc.org/std/ninjs/ninjs-schema_%.3s.json",
             version);
    json_put_open(&w->p, w->v1 ? "$standard" : "standard", '{');
    json_put_string(&w->p, "name", "ninjs");
    json_put_string(&w->p, "version", version);
    json_put_string(&w->p, "schema", schema);
    json_put_close(&w->p, '}');
}

static void put_version(struct writing *w, uint32_t version) {
    char text[sizeof "4294967295"];
    snprintf(text, sizeof text, "%u", version);
    json_put_string(&w->p, "version", text);
}

/* Opens an array when its first element comes; put_list_end closes it again. */
static void put_element(struct writing *w, const char *list, bool *opened) {
    if (!*opened)
        json_put_open(&w->p, list, '[');
    *opened = true;
    json_put_open(&w->p, NULL, '{');
}

static void put_list_end(struct writing *w, bool opened) {
    if (opened)
        json_put_close(&w->p, ']');
}

/* ---- texts with roles */

/* An element of headlines, bodies or descriptions; in 1.3 a property of its own,
 * named name_ROLE, name_ROLE_2 and so on. */
static void put_worded(struct writing *w, const char *name, const char *role, size_t number,
                       const char *type, struct slice text) {
    char property[64];
    if (w->v1) {
        snprintf(property, sizeof property, number == 0 ? "%s_%s" : "%s_%s_%zu", name, role,
                 number + 1);
        json_put_slice(&w->p, property, text);
        return;
    }
    json_put_open(&w->p, NULL, '{');
    json_put_string(&w->p, "role", role);
    json_put_string(&w->p, "contentType", type);
    json_put_slice(&w->p, "value", text);
    json_put_close(&w->p, '}');
}

static void put_headlines(struct writing *w) {
    static const char plain[] = "text/plain";
    const Article *article = w->article;
    if (*article->headline == '\0' && *article->subheadline == '\0' && article->n_kicker == 0)
        return;
    if (w->v1)
        json_put_some(&w->p, "headline", article->headline);
    else
        json_put_open(&w->p, "headlines", '[');
    if (!w->v1 && *article->headline != '\0')
        put_worded(w, "headline", "main", 0, plain, slice_of(article->headline));
    for (size_t i = 0; i < article->n_kicker; i++)
        put_worded(w, "headline", "kicker", i, plain, slice_of(article->kicker[i]));
    if (*article->subheadline != '\0')
        put_worded(w, "headline", "subhead", 0, plain, slice_of(article->subheadline));
    put_list_end(w, !w->v1);
}

static int put_bodies(struct writing *w) {
    struct slice plain, xhtml;
    if (w->article->n_blocks == 0)
        return 0;
    int r = markup_write_plain(w->p.arena, w->article, &plain);
    if (r == 0)
        r = markup_write(w->p.arena, w->article, &xhtml);
    if (r < 0)
        return r;
    if (!w->v1)
        json_put_open(&w->p, "bodies", '[');
    put_worded(w, "body", w->v1 ? "text" : "main", 0, "text/plain", plain);
    put_worded(w, "body", w->v1 ? "xhtml" : "main", 0, "application/xhtml+xml", xhtml);
    put_list_end(w, !w->v1);
    return 0;
}

/* ---- subjects, people, identifiers */

/* 1.3 has scheme and code for uri: the uri's end goes into code when it is the code. */
static void put_scheme(struct writing *w, const char *uri, const char *code) {
    size_t len = strlen(uri), code_len = strlen(code), stem = len - code_len;
    bool ends = code_len > 0 && code_len < len && strcmp(uri + stem, code) == 0 &&
                strchr("/#:=", uri[stem - 1]) != NULL;
    if (len > 0)
        json_put_slice(&w->p, "scheme", (struct slice){(const uint8_t *)uri, ends ? stem : len});
    json_put_some(&w->p, "code", code);
}

static void put_subject(struct writing *w, const char *rel, const char *name, const char *uri,
                        const char *code) {
    json_put_some(&w->p, "name", name);
    json_put_some(&w->p, "rel", rel);
    if (w->v1) {
        put_scheme(w, uri, code);
    } else {
        json_put_some(&w->p, "uri", uri);
        json_put_some(&w->p, "literal", code);
    }
    json_put_close(&w->p, '}');
}

static void put_section(struct writing *w, const char *list, bool *opened) {
    const Article *article = w->article;
    char uri[sizeof NINJS_SECTION_URI + LIMIT_LINE_BYTES];
    if (*article->section == '\0' && *article->section_label == '\0')
        return;
    snprintf(uri, sizeof uri, NINJS_SECTION_URI "%s", article->section);
    put_element(w, list, opened);
    put_subject(w, "", article->section_label, uri, w->v1 ? article->section : "");
}

static void put_subjects(struct writing *w) {
    const Article *article = w->article;
    const char *list = w->v1 ? "subject" : "subjects";
    bool opened = false;
    put_section(w, list, &opened);
    for (size_t i = 0; i < article->n_subjects; i++) {
        const Subject *s = article->subjects[i];
        put_element(w, list, &opened);
        put_subject(w, "", s->name, s->uri, s->code);
    }
    for (size_t i = 0; i < article->n_keywords; i++) {
        put_element(w, list, &opened);
        put_subject(w, "keyword", article->keywords[i], "", "");
    }
    put_list_end(w, opened);
}

static void put_persons(struct writing *w, const char *rel, char *const *names, size_t n,
                        bool *opened) {
    for (size_t i = 0; i < n; i++) {
        put_element(w, w->v1 ? "person" : "people", opened);
        json_put_string(&w->p, "name", names[i]);
        json_put_string(&w->p, "rel", rel);
        json_put_close(&w->p, '}');
    }
}

static int put_people(struct writing *w) {
    const Article *article = w->article;
    bool opened = false;
    size_t size = 1;
    for (size_t i = 0; i < article->n_byline; i++)
        size += strlen(article->byline[i]) + 2;
    char *by = arena_alloc(w->p.arena, size), *out = by;
    if (by == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < article->n_byline; i++)
        out = stpcpy(stpcpy(out, i == 0 ? "" : ", "), article->byline[i]);
    json_put_some(&w->p, w->v1 ? "byline" : "by", by);
    put_persons(w, "author", article->byline, article->n_byline, &opened);
    put_persons(w, "reviewer", article->reviewers, article->n_reviewers, &opened);
    put_list_end(w, opened);
    return 0;
}

static void put_alt_id(struct writing *w, const char *role, const char *value, bool *opened) {
    if (*value == '\0')
        return;
    if (!*opened)
        json_put_open(&w->p, "altIds", w->v1 ? '{' : '[');
    *opened = true;
    if (w->v1) {
        bool small = w->p.small;
        w->p.small = false; /* it is no name of the standard's */
        json_put_string(&w->p, role, value);
        w->p.small = small;
        return;
    }
    json_put_open(&w->p, NULL, '{');
    json_put_string(&w->p, "role", role);
    json_put_string(&w->p, "value", value);
    json_put_close(&w->p, '}');
}

static void put_alt_ids_end(struct writing *w, bool opened) {
    if (opened)
        json_put_close(&w->p, w->v1 ? '}' : ']');
}

static void put_alt_ids(struct writing *w) {
    bool opened = false;
    for (const struct ninjs_alt_id *id = ninjs_alt_ids; id->role != NULL; id++)
        put_alt_id(w, id->role, *(char *const *)((const char *)w->article + id->offset), &opened);
    put_alt_ids_end(w, opened);
}

/* ---- associations */

static void put_association(struct writing *w, const char *name, const char *rel, const char *uri) {
    json_put_open(&w->p, w->v1 ? name : NULL, '{');
    if (!w->v1)
        json_put_string(&w->p, "name", name);
    if (!w->v1 && !w->v2)
        json_put_string(&w->p, "rel", rel);
    json_put_string(&w->p, "uri", uri);
}

static void put_rendition(struct writing *w, const Media *media) {
    json_put_open(&w->p, "renditions", w->v1 ? '{' : '[');
    json_put_open(&w->p, w->v1 ? "original" : NULL, '{');
    if (!w->v1)
        json_put_string(&w->p, "name", "original");
    json_put_some(&w->p, "href", media->href);
    json_put_some(&w->p, w->v1 ? "mimetype" : "contentType", media->media_type);
    json_put_number(&w->p, "width", media->width);
    json_put_number(&w->p, "height", media->height);
    json_put_number(&w->p, "sizeInBytes", media->size_bytes);
    json_put_close(&w->p, '}');
    json_put_close(&w->p, w->v1 ? '}' : ']');
}

static const char *media_kind(const char *media_type) {
    return strncmp(media_type, "video/", 6) == 0   ? "video"
           : strncmp(media_type, "audio/", 6) == 0 ? "audio"
                                                   : "picture";
}

static void put_media(struct writing *w, size_t i) {
    const Media *media = w->article->media[i];
    const char *kind = media_kind(media->media_type);
    char name[32];
    bool opened = false;
    snprintf(name, sizeof name, "media%zu", i + 1);
    put_association(w, name, kind, media->href);
    json_put_string(&w->p, "type", kind);
    json_put_some(&w->p, w->v1 ? "byline" : "by", media->credit);
    if (*media->caption != '\0') {
        if (!w->v1)
            json_put_open(&w->p, "descriptions", '[');
        put_worded(w, "description", "caption", 0, "text/plain", slice_of(media->caption));
        put_list_end(w, !w->v1);
    }
    put_alt_id(w, "digest", media->digest, &opened);
    put_alt_ids_end(w, opened);
    put_rendition(w, media);
    json_put_close(&w->p, '}');
}

static void put_associations(struct writing *w) {
    const Article *article = w->article;
    if (article->n_media == 0 && *article->replaces == '\0')
        return;
    json_put_open(&w->p, "associations", w->v1 ? '{' : '[');
    if (*article->replaces != '\0') {
        put_association(w, NINJS_REPLACES, "previousVersion", article->replaces);
        json_put_close(&w->p, '}');
    }
    for (size_t i = 0; i < article->n_media; i++)
        put_media(w, i);
    json_put_close(&w->p, w->v1 ? '}' : ']');
}

/* ---- the whole */

static void put_kind(struct writing *w) {
    const char *kind = article_kind_name(w->article->kind);
    json_put_string(&w->p, "type", w->article->kind == KIND_PHOTO ? "picture" : "text");
    if (kind == NULL)
        return;
    json_put_string(&w->p, "profile", kind);
    json_put_open(&w->p, w->v1 ? "genre" : "genres", '[');
    json_put_open(&w->p, NULL, '{');
    json_put_string(&w->p, "name", kind);
    json_put_string(&w->p, w->v1 ? "code" : "literal", kind);
    json_put_close(&w->p, '}');
    json_put_close(&w->p, ']');
}

static void put_source(struct writing *w) {
    if (*w->article->source == '\0')
        return;
    json_put_open(&w->p, w->v1 ? "infosource" : "infoSources", '[');
    json_put_open(&w->p, NULL, '{');
    json_put_string(&w->p, "name", w->article->source);
    json_put_close(&w->p, '}');
    json_put_close(&w->p, ']');
}

static int put_article(struct writing *w) {
    const Article *article = w->article;
    json_put_string(&w->p, "uri", article->uri);
    put_version(w, article->version);
    put_kind(w);
    put_time(&w->p, "firstCreated", article->created_at);
    put_time(&w->p, "versionCreated", article->created_at);
    put_time(&w->p, w->v1 || w->v2 ? "embargoed" : "embargoedUntil", article->embargoed_until);
    json_put_some(&w->p, "pubStatus", article_status_name(article->status));
    json_put_number(&w->p, "urgency", article->urgency);
    json_put_some(&w->p, "language", article->language);
    json_put_some(&w->p, "copyrightNotice", article->rights);
    json_put_some(&w->p, "edNote", article->note_to_editors);
    json_put_some(&w->p, "located", article->dateline);
    put_headlines(w);
    int r = put_people(w);
    if (r == 0)
        r = put_bodies(w);
    put_subjects(w);
    put_source(w);
    put_alt_ids(w);
    put_associations(w);
    return r;
}

/* Of a killed story its name is left. */
static void put_killed(struct writing *w, const struct entry *e) {
    json_put_slice(&w->p, "uri", e->uri);
    put_version(w, e->version);
    json_put_string(&w->p, "pubStatus", "canceled");
    json_put_string(&w->p, "edNote", "The story was withdrawn.");
}

/* About what the item will take: the text stands in it twice. */
static size_t room_for(const Article *article) {
    size_t size = 4096;
    for (size_t i = 0; article != NULL && i < article->n_blocks; i++)
        size += 2 * strlen(article->blocks[i]->text) + 64;
    return size;
}

int ninjs_write(FILE *out, struct arena *a, const struct entry *e, const Article *article,
                const char *version, const struct text_style *style) {
    (void)style;
    struct writing w = {.article = article, .v1 = *version == '1', .v2 = *version == '2'};
    int r = 0;
    json_put_init(&w.p, a, room_for(article));
    w.p.small = w.v1 || w.v2;
    json_put_open(&w.p, NULL, '{');
    put_standard(&w, version);
    if (article == NULL)
        put_killed(&w, e);
    else
        r = put_article(&w);
    json_put_close(&w.p, '}');
    if (r < 0 || w.p.failed)
        return -ENOMEM;
    return fwrite(w.p.data, 1, w.p.len, out) == w.p.len && putc('\n', out) != EOF ? 0 : -EIO;
}
