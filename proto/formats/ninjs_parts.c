#include "proto/formats/ninjs_read.h"

#include <errno.h>
#include <string.h>

/* ---- subjects and people */

/* 1.x has a scheme and a code in it; together they are the uri, unless the
 * scheme has no separator at its end to join them by. */
static void read_scheme(struct ninjs_reading *r, const json_t *value, Subject *subject) {
    const char *scheme = ninjs_text(value, "scheme", NULL), *code = ninjs_text(value, "code", NULL);
    size_t len = strlen(scheme);
    if (len == 0)
        return;
    bool joins = strchr("/#:=", scheme[len - 1]) != NULL;
    size_t size = len + strlen(code) + 1;
    char *uri = arena_alloc(r->arena, size);
    if (uri == NULL) {
        r->error = -ENOMEM;
        return;
    }
    snprintf(uri, size, "%s%s", scheme, joins ? code : "");
    ninjs_set_line(r, &subject->uri, uri);
}

static void read_subject(struct ninjs_reading *r, const json_t *value) {
    Article *article = r->article;
    Subject *subject = arena_alloc(r->arena, sizeof *subject);
    if (subject == NULL) {
        r->error = -ENOMEM;
        return;
    }
    newswire__v1__subject__init(subject);
    ninjs_set_line(r, &subject->uri, ninjs_text(value, "uri", NULL));
    ninjs_set_line(r, &subject->code, ninjs_text(value, "literal", "code"));
    ninjs_set_line(r, &subject->name, ninjs_text(value, "name", NULL));
    read_scheme(r, value, subject);
    size_t len = strlen(NINJS_SECTION_URI);
    bool bare = *subject->uri == '\0' && *subject->code == '\0';
    if (strncmp(subject->uri, NINJS_SECTION_URI, len) == 0) {
        article->section = subject->uri + len;
        article->section_label = subject->name;
    } else if (bare && strcmp(ninjs_text(value, "rel", NULL), "keyword") == 0) {
        ninjs_push_line(r, &article->keywords, &article->n_keywords, subject->name);
    } else if (!bare || *subject->name != '\0') {
        ninjs_push(r, (void ***)&article->subjects, &article->n_subjects, subject);
    }
}

void ninjs_read_subjects(struct ninjs_reading *r) {
    const json_t *subjects = ninjs_member(r->item, "subjects", "subject");
    for (size_t i = 0; i < json_array_size(subjects); i++)
        read_subject(r, json_array_get(subjects, i));
}

void ninjs_read_people(struct ninjs_reading *r) {
    const json_t *people = ninjs_member(r->item, "people", "person");
    Article *article = r->article;
    for (size_t i = 0; i < json_array_size(people); i++) {
        const json_t *person = json_array_get(people, i);
        const char *rel = ninjs_text(person, "rel", NULL), *name = ninjs_text(person, "name", NULL);
        if (strcmp(rel, "author") == 0)
            ninjs_push_line(r, &article->byline, &article->n_byline, name);
        else if (strcmp(rel, "reviewer") == 0)
            ninjs_push_line(r, &article->reviewers, &article->n_reviewers, name);
    }
    if (article->n_byline == 0)
        ninjs_push_line(r, &article->byline, &article->n_byline,
                        ninjs_text(r->item, "by", "byline"));
}

/* ---- associations */

/* The rendition of the most pixels or bytes; NULL when there is none with an address. */
static const json_t *best_rendition(const json_t *item) {
    const json_t *renditions = json_object_get(item, "renditions"), *best = NULL;
    double best_size = -1;
    void *next = json_object_iter((json_t *)renditions);
    for (size_t i = 0; next != NULL || i < json_array_size(renditions); i++) {
        const json_t *one =
            next != NULL ? json_object_iter_value(next) : json_array_get(renditions, i);
        next = next == NULL ? NULL : json_object_iter_next((json_t *)renditions, next);
        double size = (double)ninjs_number(one, "width", NULL, UINT32_MAX) * 1e6 +
                      (double)ninjs_number(one, "sizeInBytes", "sizeinbytes", INT64_MAX) / 1e6;
        if (size > best_size && *ninjs_text(one, "href", NULL) != '\0') {
            best = one;
            best_size = size;
        }
    }
    return best;
}

static void read_digest(struct ninjs_reading *r, const json_t *item, Media *media) {
    const json_t *ids = ninjs_member(item, "altIds", "altids");
    ninjs_set_line(r, &media->digest, json_is_object(ids) ? ninjs_text(ids, "digest", NULL) : "");
    for (size_t i = 0; i < json_array_size(ids); i++)
        if (strcmp(ninjs_text(json_array_get(ids, i), "role", NULL), "digest") == 0)
            ninjs_set_line(r, &media->digest, ninjs_text(json_array_get(ids, i), "value", NULL));
}

/* Makes a picture of an association, or of the item itself when it is one; without
 * an address it is none. */
static void read_media(struct ninjs_reading *r, const json_t *item, const char *address) {
    const json_t *rendition = best_rendition(item);
    Media *media = arena_alloc(r->arena, sizeof *media);
    struct ninjs_worded w;
    if (media == NULL) {
        r->error = -ENOMEM;
        return;
    }
    newswire__v1__media__init(media);
    const char *href = ninjs_text(rendition, "href", NULL);
    ninjs_set_line(r, &media->href, *href != '\0' ? href : address);
    if (*media->href == '\0')
        return;
    ninjs_set_line(r, &media->media_type,
                   json_is_string(json_object_get(rendition, "mimetype"))
                       ? ninjs_text(rendition, "mimetype", NULL)
                       : ninjs_text(rendition, "contentType", "contenttype"));
    media->width = (uint32_t)ninjs_number(rendition, "width", NULL, UINT32_MAX);
    media->height = (uint32_t)ninjs_number(rendition, "height", NULL, UINT32_MAX);
    media->size_bytes = ninjs_number(rendition, "sizeInBytes", "sizeinbytes", 1ULL << 53);
    if (item != r->item && ninjs_description(item, "caption", true, &w))
        ninjs_set_title(r, &media->caption, w.type, w.text);
    if (item != r->item && ninjs_description(item, "creditline", false, &w))
        ninjs_set_title(r, &media->credit, w.type, w.text);
    if (item != r->item)
        ninjs_set_line(r, &media->credit, ninjs_text(item, "by", "byline"));
    read_digest(r, item, media);
    ninjs_push(r, (void ***)&r->article->media, &r->article->n_media, media);
}

static bool is_media(const json_t *item) {
    static const char *const types[] = {"picture", "graphic", "video", "audio"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(ninjs_text(item, "type", NULL), types[i]) == 0)
            return true;
    return false;
}

/* Whether it names the article that this one takes the place of; an older version
 * of this very article is none. */
static bool is_replaced(const struct ninjs_reading *r, const json_t *item, const char *name) {
    const char *uri = ninjs_text(item, "uri", NULL);
    size_t len = strlen(r->article->uri);
    bool own = strncmp(uri, r->article->uri, len) == 0 && (uri[len] == '\0' || uri[len] == '#');
    return strcmp(name, NINJS_REPLACES) == 0 ||
           (strcmp(ninjs_text(item, "rel", NULL), "previousVersion") == 0 && !own);
}

static void read_association(struct ninjs_reading *r, const json_t *item, const char *name) {
    if (is_replaced(r, item, name))
        ninjs_set_line(r, &r->article->replaces, ninjs_text(item, "uri", NULL));
    else if (is_media(item))
        read_media(r, item, ninjs_text(item, "uri", NULL));
}

void ninjs_read_associations(struct ninjs_reading *r) {
    const json_t *all = json_object_get(r->item, "associations");
    const char *name;
    json_t *item;
    json_object_foreach((json_t *)all, name, item) {
        read_association(r, item, name);
    }
    for (size_t i = 0; i < json_array_size(all); i++)
        read_association(r, json_array_get(all, i),
                         ninjs_text(json_array_get(all, i), "name", NULL));
    read_media(r, r->item, "");
}
