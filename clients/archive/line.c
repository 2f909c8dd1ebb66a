#include "clients/archive/line.h"

#include "proto/json.h"
#include "proto/topic.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

enum { VARIANT = sodium_base64_VARIANT_ORIGINAL };

/* ---- out */

static json_t *base64_json(struct slice bytes) {
    size_t size = sodium_base64_ENCODED_LEN(bytes.len, VARIANT);
    char *text = malloc(size);
    if (text == NULL)
        return NULL;
    sodium_bin2base64(text, size, bytes.data, bytes.len, VARIANT);
    json_t *value = json_string(text);
    free(text);
    return value;
}

json_t *line_of_entry(const struct loaded *l, bool with_text) {
    json_t *line = json_entry(&l->entry, with_text ? l->article : NULL);
    if (line == NULL)
        return NULL;
    int r = json_object_set_new(line, "uri",
                                json_stringn((const char *)l->entry.uri.data, l->entry.uri.len));
    r |= json_object_set_new(line, "version", json_integer(l->entry.version));
    r |= json_object_set_new(line, "content_digest", base64_json(l->entry.content_digest));
    if (l->entry.signature.len > 0)
        r |= json_object_set_new(line, "signature", base64_json(l->entry.signature));
    if (l->entry.article_digest.len > 0)
        r |= json_object_set_new(line, "article_digest", base64_json(l->entry.article_digest));
    if (with_text && l->entry.article.len > 0)
        r |= json_object_set_new(line, "article_bytes", base64_json(l->entry.article));
    if (r == 0)
        return line;
    json_decref(line);
    return NULL;
}

/* ---- in */

static int take_bytes(struct arena *a, const json_t *value, struct slice *ret) {
    const char *text = json_string_value(value);
    *ret = (struct slice){0};
    if (text == NULL)
        return value == NULL ? 0 : -EINVAL;
    size_t len, size = strlen(text) / 4 * 3 + 3;
    uint8_t *bytes = arena_alloc(a, size);
    if (bytes == NULL)
        return -ENOMEM;
    if (sodium_base642bin(bytes, size, text, strlen(text), NULL, &len, NULL, VARIANT) < 0)
        return -EINVAL;
    *ret = (struct slice){bytes, len};
    return 0;
}

/* Strings that the line owns. False when it is no list of strings, or too long a one. */
static bool take_names(const json_t *list, struct slice *ret, size_t most, size_t *ret_n) {
    *ret_n = json_array_size(list);
    for (size_t i = 0; i < *ret_n && *ret_n <= most; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name == NULL)
            return false;
        ret[i] = slice_of(name);
    }
    return *ret_n <= most && (list == NULL || json_is_array(list));
}

static uint64_t number(const json_t *line, const char *name) {
    return (uint64_t)json_integer_value(json_object_get(line, name));
}

static const char *string(const json_t *line, const char *name) {
    const char *text = json_string_value(json_object_get(line, name));
    return text == NULL ? "" : text;
}

/* keep's arena is reset while it keeps an entry, so the bytes have one of their own. */
static int take_entry(struct keep *k, const json_t *line, struct fault *f) {
    _cleanup_arena_ struct arena *a = arena_new(4 * LIMIT_ARTICLE_BYTES);
    struct entry e = {.epoch = number(line, "epoch"),
                      .seq = number(line, "seq"),
                      .prev_seq = number(line, "prev_seq"),
                      .topic = slice_of(string(line, "topic")),
                      .stored_at_usec = (int64_t)number(line, "stored_at_usec"),
                      .uri = slice_of(string(line, "uri")),
                      .version = (uint32_t)number(line, "version"),
                      .replaces = number(line, "replaces"),
                      .origin = slice_of(string(line, "origin"))};
    if (a == NULL)
        return -ENOMEM;
    int r = take_bytes(a, json_object_get(line, "content_digest"), &e.content_digest);
    if (r == 0)
        r = take_bytes(a, json_object_get(line, "article_bytes"), &e.article);
    if (r == 0)
        r = take_bytes(a, json_object_get(line, "signature"), &e.signature);
    if (r == 0)
        r = take_bytes(a, json_object_get(line, "article_digest"), &e.article_digest);
    if (r < 0)
        return r == -EINVAL ? fault_set(f, "article_bytes", "it is no base64, or too long") : r;
    if (e.seq == 0 || e.prev_seq >= e.seq || !topic_valid(e.topic) || e.uri.len == 0 ||
        e.content_digest.len != LIMIT_DIGEST_BYTES)
        return fault_set(f, "", "it is no line of an archive's jsonl export");
    if (!take_names(json_object_get(line, "path"), e.path, LIMIT_PATH, &e.n_path) ||
        !take_names(json_object_get(line, "approved_by"), e.approved_by, LIMIT_APPROVALS,
                    &e.n_approved_by))
        return fault_set(f, "path", "it is no list of names");
    r = keep_entry(k, &e);
    return r == -EEXIST ? fault_set(f, "seq", "the archive has another entry of this number") : r;
}

static int take_gap(struct keep *k, const json_t *loss, const json_t *removed) {
    const json_t *gap = loss != NULL ? loss : removed;
    uint64_t epoch = number(gap, "epoch"), upto = number(gap, "upto");
    struct slice topic = slice_of(string(gap, "topic"));
    int r = loss != NULL ? keep_loss(k, epoch, topic, number(gap, "after"), upto,
                                     (int64_t)number(gap, "told_at_usec"))
                         : keep_removed(k, epoch, topic, upto);
    return r < 0 ? r : 1;
}

int line_take(struct keep *k, const char *text, char **ret_cursor, struct fault *ret_fault) {
    json_error_t error;
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    const json_t *loss = json_object_get(line, "loss"), *removed = json_object_get(line, "removed");
    const char *cursor = json_string_value(json_object_get(line, "cursor"));
    int r = 1;
    if (line == NULL)
        r = fault_set(ret_fault, "", "%.100s", error.text);
    else if (loss != NULL || removed != NULL)
        r = take_gap(k, loss, removed);
    else if (cursor == NULL)
        r = take_entry(k, line, ret_fault);
    else if ((cursor = strdup(cursor)) == NULL)
        r = -ENOMEM;
    else {
        free(*ret_cursor);
        *ret_cursor = (char *)cursor;
    }
    json_decref(line);
    return r;
}
