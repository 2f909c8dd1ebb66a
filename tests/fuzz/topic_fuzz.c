/* The grammar of topics and prefixes. */
#include "tests/fuzz/fuzz.h"

#include "proto/topic.h"

static void check_topic(struct arena *a, struct slice topic) {
    char again[LIMIT_TOPIC_BYTES + 1];
    struct slice section = topic_section(topic);
    int kind = topic_kind(topic);
    MUST(topic.len <= LIMIT_TOPIC_BYTES && topic_section_valid(section));
    MUST(kind != KIND_UNSPECIFIED && article_kind_name(kind) != NULL);
    MUST(topic_make(fuzz_text(a, section), kind, again) == 0);
    MUST(slice_equal(topic, slice_of(again)));
    for (size_t n = 0; n <= topic.len; n++) {
        struct slice prefix = {topic.data, n};
        MUST(topic_prefix_valid(prefix) && topic_matches(prefix, topic));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *a = fuzz_arena();
    struct slice s = {data, size};
    if (topic_valid(s))
        check_topic(a, s);
    /* A prefix that is taken can become a topic. */
    if (!topic_prefix_valid(s) || (size > 0 && memchr(data, '/', size) != NULL))
        return 0;
    MUST(size <= LIMIT_KEY_BYTES);
    char topic[LIMIT_TOPIC_BYTES + 1];
    MUST(topic_make(size == 0 ? "a" : fuzz_text(a, s), KIND_BRIEF, topic) == 0);
    MUST(topic_matches(s, slice_of(topic)));
    return 0;
}
