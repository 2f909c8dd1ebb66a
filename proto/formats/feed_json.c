#include "proto/formats/feed_item.h"
#include "proto/formats/json_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Source: jsonfeed.org, version 1.1 (version 1 has one author). */

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_member_string(object, name);
    return text == NULL ? "" : text;
}

static void read_authors(struct feed *f, const json_t *object, char ***list, size_t *n) {
    const json_t *authors = json_object_get(object, "authors");
    for (size_t i = 0; i < json_array_size(authors); i++)
        feed_push_line(f, list, n, text_of(json_array_get(authors, i), "name"));
    if (*n == 0)
        feed_push_line(f, list, n, text_of(json_object_get(object, "author"), "name"));
}

/* An id should be a string; the standard wants a number to be taken for one. */
static void read_id(struct feed *f, struct feed_item *item, const json_t *object) {
    const json_t *id = json_object_get(object, "id");
    char digits[32];
    item->id = text_of(object, "id");
    item->link = text_of(object, *text_of(object, "url") != '\0' ? "url" : "external_url");
    if (!json_is_number(id))
        return;
    if (json_is_integer(id))
        snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(id));
    else
        snprintf(digits, sizeof digits, "%.17g", json_real_value(id));
    char *copy = arena_strndup(f->arena, digits, strlen(digits));
    if (copy == NULL)
        f->error = -ENOMEM;
    else
        item->id = copy;
}

static void read_media(struct feed *f, struct feed_item *item, const json_t *object) {
    const json_t *attachments = json_object_get(object, "attachments");
    feed_media(f, item, text_of(object, "image"), "", 0);
    for (size_t i = 0; i < json_array_size(attachments); i++) {
        const json_t *one = json_array_get(attachments, i);
        double size = json_number_value(json_object_get(one, "size_in_bytes"));
        feed_media(f, item, text_of(one, "url"), text_of(one, "mime_type"),
                   size > 0 && size < 1e15 ? (uint64_t)size : 0);
    }
}

static void read_item(struct feed *f, const json_t *object) {
    struct feed_item item;
    if (!feed_item_begin(f, &item, 0))
        return;
    Article *article = item.article;
    const json_t *tags = json_object_get(object, "tags");
    read_id(f, &item, object);
    feed_line(f, &article->headline, text_of(object, "title"));
    feed_body(f, &item, text_of(object, "content_html"), true);
    if (article->n_blocks == 0)
        feed_body(f, &item, text_of(object, "content_text"), false);
    if (article->n_blocks == 0)
        feed_body(f, &item, text_of(object, "summary"), false);
    read_authors(f, object, &article->byline, &article->n_byline);
    feed_time(f, &item, text_of(object, "date_published"));
    feed_time(f, &item, text_of(object, "date_modified"));
    for (size_t i = 0; i < json_array_size(tags); i++)
        feed_push_line(f, &article->keywords, &article->n_keywords,
                       json_string_value(json_array_get(tags, i)));
    feed_line(f, &article->language, text_of(object, "language"));
    read_media(f, &item, object);
    char *source = json_dumps(object, JSON_COMPACT);
    if (source == NULL)
        f->error = -ENOMEM;
    else
        feed_item_end(f, &item, slice_of(source));
    free(source);
}

int feed_read_json(struct feed *f, struct slice bytes, struct parse_fault *ret_fault) {
    _cleanup_json_ json_t *feed = NULL;
    int r = json_load_object(bytes, &feed, ret_fault);
    if (r < 0)
        return r;
    if (strncmp(text_of(feed, "version"), "https://jsonfeed.org/version/", 29) != 0)
        return fault_set(&ret_fault->fault, "version",
                         "is no address below https://jsonfeed.org/version/");
    const json_t *items = json_object_get(feed, "items");
    feed_line(f, &f->title, text_of(feed, "title"));
    feed_line(f, &f->language, text_of(feed, "language"));
    read_authors(f, feed, &f->authors, &f->n_authors);
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (!json_is_object(item)) {
            char field[40];
            snprintf(field, sizeof field, "items[%zu]", i);
            return fault_set(&ret_fault->fault, field, "is no object");
        }
        read_item(f, item);
    }
    return f->error;
}
