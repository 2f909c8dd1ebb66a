#include "proto/topic.h"

#include "proto/article.h"

#include <errno.h>
#include <stdio.h>

static bool is_letter_or_digit(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* How many bytes at the front can stand in a section's key. */
static size_t key_span(struct slice s) {
    size_t n = 0;
    while (n < s.len && (is_letter_or_digit(s.data[n]) ||
                         (n > 0 && (s.data[n] == '-' || s.data[n] == '_' || s.data[n] == '.'))))
        n++;
    return n;
}

bool topic_section_valid(struct slice key) {
    return key.len > 0 && key.len <= LIMIT_KEY_BYTES && key_span(key) == key.len;
}

/* Whether it is the name of a kind, or, if a start is enough, begins one. */
static bool is_kind(struct slice s, bool start) {
    for (int kind = KIND_ARTICLE; article_kind_name(kind) != NULL; kind++) {
        struct slice name = slice_of(article_kind_name(kind));
        if (start && s.len < name.len)
            name.len = s.len;
        if (slice_equal(s, name))
            return true;
    }
    return false;
}

static bool topic_or_start_valid(struct slice s, bool start) {
    size_t slash = key_span(s);
    if (slash > LIMIT_KEY_BYTES)
        return false;
    if (slash == s.len)
        return start;
    if (slash == 0 || s.data[slash] != '/')
        return false;
    return is_kind((struct slice){s.data + slash + 1, s.len - slash - 1}, start);
}

bool topic_valid(struct slice topic) {
    return topic_or_start_valid(topic, false);
}

bool topic_prefix_valid(struct slice prefix) {
    return topic_or_start_valid(prefix, true);
}

bool topic_matches(struct slice prefix, struct slice topic) {
    return prefix.len <= topic.len &&
           (prefix.len == 0 || memcmp(prefix.data, topic.data, prefix.len) == 0);
}

int topic_make(const char *section, int kind, char ret[static LIMIT_TOPIC_BYTES + 1]) {
    if (!topic_section_valid(slice_of(section)) || kind == KIND_UNSPECIFIED ||
        article_kind_name(kind) == NULL)
        return -EINVAL;
    snprintf(ret, LIMIT_TOPIC_BYTES + 1, "%s/%s", section, article_kind_name(kind));
    return 0;
}

struct slice topic_section(struct slice topic) {
    return (struct slice){topic.data, key_span(topic)};
}

int topic_kind(struct slice topic) {
    struct slice section = topic_section(topic);
    for (int kind = KIND_ARTICLE; article_kind_name(kind) != NULL; kind++) {
        struct slice name = slice_of(article_kind_name(kind));
        if (slice_equal(name,
                        (struct slice){topic.data + section.len + 1, topic.len - section.len - 1}))
            return kind;
    }
    return KIND_UNSPECIFIED;
}
