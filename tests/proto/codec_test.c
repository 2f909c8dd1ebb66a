#include "proto/codec.h"
#include "proto/entry.h"
#include "proto/json.h"
#include "proto/topic.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include <cmocka.h>

static struct arena *arena;

static Article *sample(void) {
    Article *a = article_new(arena);
    a->uri = "urn:x:1";
    a->version = 1;
    a->kind = KIND_BRIEF;
    a->section = "briefs";
    a->headline = "植树 begins";
    assert_int_equal(article_push_string(arena, &a->byline, &a->n_byline, "王禾", 6), 0);
    assert_int_equal(article_push_string(arena, &a->byline, &a->n_byline, "Jane Doe", 8), 0);
    assert_int_equal(article_add_block(arena, a, BLOCK_PARAGRAPH, "First.", 6), 0);
    assert_int_equal(article_add_block(arena, a, BLOCK_CROSSHEAD, "Second", 6), 0);
    return a;
}

static struct slice packed(const Article *a) {
    struct slice s;
    assert_int_equal(codec_pack(arena, &a->base, &s), 0);
    return s;
}

static int make_arena(void **state) {
    (void)state;
    arena = arena_new(64 << 20);
    return arena == NULL;
}

static int free_arena(void **state) {
    (void)state;
    arena = arena_free(arena);
    return 0;
}

static void an_article_comes_back_as_it_was(void **state) {
    (void)state;
    struct fault fault;
    Article *back;
    struct slice bytes = packed(sample());
    assert_int_equal(codec_unpack_article(arena, bytes, &back, &fault), 0);
    assert_string_equal(back->headline, "植树 begins");
    assert_int_equal(back->n_byline, 2);
    assert_string_equal(back->byline[1], "Jane Doe");
    assert_string_equal(back->blocks[1]->text, "Second");
    assert_true(slice_equal(packed(back), bytes));
}

static void unknown_fields_survive(void **state) {
    (void)state;
    static const uint8_t later[] = {0x82, 0x7d, 5, 'l', 'a', 't', 'e', 'r'};
    struct fault fault;
    Article *back;
    struct slice bytes = packed(sample());
    uint8_t *longer = arena_alloc(arena, bytes.len + sizeof later);
    memcpy(longer, bytes.data, bytes.len);
    memcpy(longer + bytes.len, later, sizeof later);
    bytes = (struct slice){longer, bytes.len + sizeof later};
    assert_int_equal(codec_unpack_article(arena, bytes, &back, &fault), 0);
    assert_true(slice_equal(packed(back), bytes));
}

/* Bytes that must be refused; the field that is named for them. */
static void refused(struct slice bytes, const char *field, const char *reason) {
    struct fault fault = {0};
    Article *back;
    assert_int_equal(codec_unpack_article(arena, bytes, &back, &fault), -EINVAL);
    assert_string_equal(fault.field, field);
    if (strstr(fault.reason, reason) == NULL)
        fail_msg("'%s' does not say '%s'", fault.reason, reason);
}

static void every_cut_is_refused_or_is_shorter(void **state) {
    (void)state;
    struct slice bytes = packed(sample());
    for (size_t n = 0; n < bytes.len; n++) {
        struct fault fault;
        Article *back;
        /* A copy of its own, so that a sanitizer sees a read behind it. */
        uint8_t *copy = malloc(n + 1);
        memcpy(copy, bytes.data, n);
        int r = codec_unpack_article(arena, (struct slice){copy, n}, &back, &fault);
        assert_true(r == -EINVAL || r == 0);
        if (r == 0)
            assert_true(slice_equal(packed(back), (struct slice){copy, n}));
        free(copy);
    }
}

static void random_damage_does_no_harm(void **state) {
    (void)state;
    struct slice bytes = packed(sample());
    srandom(20310409);
    for (int round = 0; round < 20000; round++) {
        struct arena *a = arena_new(1 << 20);
        uint8_t *copy = malloc(bytes.len);
        memcpy(copy, bytes.data, bytes.len);
        for (long k = random() % 4; k >= 0; k--)
            copy[(size_t)random() % bytes.len] = (uint8_t)random();
        struct fault fault;
        Article *back;
        uint8_t digest[LIMIT_DIGEST_BYTES];
        if (codec_unpack_article(a, (struct slice){copy, bytes.len}, &back, &fault) == 0)
            codec_content_digest(back, digest);
        free(copy);
        arena_free(a);
    }
}

/* The scan agrees with the library on every lead byte, and on random text. */
static void text_is_what_the_library_takes(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0,    'a',  0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                    0xc1, 0xc2, 0xe0, 0xe1, 0xed, 0xee, 0xef, 0xf0, 0xf4};
    srandom(20310410);
    for (int round = 0; round < 300000; round++) {
        uint8_t text[24], field[32];
        size_t len = (size_t)random() % sizeof text;
        for (size_t i = 0; i < len; i++)
            text[i] = round % 3 == 0 ? 'a' : bytes[(size_t)random() % sizeof bytes];
        for (size_t i = 0; len >= 4 && i < 4; i++) /* whole characters more often than chance */
            text[(size_t)random() % len] = (uint8_t)random();
        if (len > 0 && round < 256)
            text[0] = (uint8_t)round;
        uint8_t *end = wire_put_bytes(field, 9, (struct slice){text, len});
        struct fault fault;
        bool taken = codec_scan(&newswire__v1__article__descriptor,
                                (struct slice){field, (size_t)(end - field)}, &fault) == 0;
        assert_int_equal(taken, u8_check(text, len) == NULL && memchr(text, 0, len) == NULL);
    }
}

static void text_that_is_none_is_refused(void **state) {
    (void)state;
    Article *a = sample();
    a->headline = "bro\xff\xfeken";
    refused(packed(a), "headline", "UTF-8");
    a = sample();
    a->blocks[1]->text = "a long run of ASCII before \xed\xa0\x80 a surrogate";
    refused(packed(a), "blocks[1].text", "UTF-8");
    a = sample();
    a->byline[1] = "two\nlines";
    refused(packed(a), "byline", "line break");
    struct slice bytes = packed(sample());
    uint8_t *copy = arena_alloc(arena, bytes.len);
    memcpy(copy, bytes.data, bytes.len);
    memcpy(memmem(copy, bytes.len, "Jane Doe", 8), "Jane\0Doe", 8);
    refused((struct slice){copy, bytes.len}, "byline[1]", "NUL");
}

static void missing_and_wrong_values_are_named(void **state) {
    (void)state;
    static const struct {
        size_t offset;
        int value;
        const char *field, *reason;
    } numbers[] = {
        {offsetof(Article, version), 0, "version", "missing"},
        {offsetof(Article, kind), 0, "kind", "none of"},
        {offsetof(Article, kind), 77, "kind", "none of"},
        {offsetof(Article, status), 9, "status", "none of"},
        {offsetof(Article, urgency), 10, "urgency", "from 1 to 9"},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        Article *a = sample();
        *(int *)((char *)a + numbers[i].offset) = numbers[i].value;
        refused(packed(a), numbers[i].field, numbers[i].reason);
    }
    Article *a = sample();
    a->uri = "";
    refused(packed(a), "uri", "missing");
    a = sample();
    a->uri = "urn:x: 1";
    refused(packed(a), "uri", "white space");
    static const char *const dates[] = {"2031-4-9",   "2031-02-29",  "2031-13-01", "20310409",
                                        "2031-04-31", "2031-04-09x", "2031-00-10"};
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        a = sample();
        a->page_date = (char *)dates[i];
        refused(packed(a), "page_date", "no date");
    }
    a = sample();
    a->page_date = "2032-02-29";
    struct fault fault;
    assert_int_equal(codec_check_article(a, &fault), 0);
    a = sample();
    a->embargoed_until = INT64_C(253402300800) * 1000000;
    refused(packed(a), "embargoed_until", "9999");
    a->embargoed_until--;
    assert_int_equal(codec_check_article(a, &fault), 0);
    a->created_at = INT64_MIN;
    refused(packed(a), "created_at", "9999");
    a = sample();
    a->headline = "";
    a->n_blocks = 0;
    refused(packed(a), "headline", "missing");
    a->status = STATUS_CANCELED;
    assert_int_equal(codec_check_article(a, &fault), 0);
    a = sample();
    a->blocks[0]->type = BLOCK_UNSPECIFIED;
    refused(packed(a), "blocks[0].type", "no type");
}

/* 1 MiB of empty elements would become 28 MiB of objects. */
static void floods_of_elements_are_refused_before_they_are_unpacked(void **state) {
    (void)state;
    static const struct {
        uint32_t number;
        const char *field;
    } fields[] = {{13, "blocks"}, {19, "keywords"}, {1, "uri"}, {2000, ""}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct arena *a = arena_new(1 << 20);
        uint8_t *flood = malloc(1 << 20), *p = flood;
        while (p < flood + (1 << 20) - 8)
            p = wire_put_varint(wire_put_tag(p, fields[i].number, WIRE_LEN), 0);
        struct fault fault;
        Article *back;
        struct slice bytes = {flood, (size_t)(p - flood)};
        assert_int_equal(codec_unpack_article(a, bytes, &back, &fault), -EINVAL);
        assert_true(strncmp(fault.field, fields[i].field, strlen(fields[i].field)) == 0);
        assert_true(arena_used(a) == 0);
        free(flood);
        arena_free(a);
    }
}

static void long_lines_and_large_articles_are_refused(void **state) {
    (void)state;
    Article *a = sample();
    char *line = malloc(LIMIT_ARTICLE_BYTES + 2);
    memset(line, 'x', LIMIT_ARTICLE_BYTES + 1);
    line[LIMIT_LINE_BYTES + 1] = '\0';
    a->headline = line;
    refused(packed(a), "headline", "4096 are the most");
    line[LIMIT_LINE_BYTES + 1] = 'x';
    line[LIMIT_ARTICLE_BYTES + 1] = '\0';
    a = sample();
    a->blocks[0]->text = line;
    refused(packed(a), "", "are the most");
    free(line);
}

/* What a parser built is held to the limits before it is packed. */
static void an_article_that_was_built_is_held_to_the_limits(void **state) {
    (void)state;
    static char line[LIMIT_LINE_BYTES + 2];
    struct fault f;
    Article *a = article_new(arena);
    a->uri = "urn:x:1";
    a->version = 1;
    a->kind = KIND_BRIEF;
    memset(line, 'x', LIMIT_LINE_BYTES);
    a->headline = line;
    for (int i = 0; i < LIMIT_BLOCKS; i++)
        assert_int_equal(article_add_block(arena, a, BLOCK_PARAGRAPH, "x", 1), 0);
    assert_int_equal(codec_check_article(a, &f), 0);
    assert_int_equal(article_add_block(arena, a, BLOCK_PARAGRAPH, "x", 1), 0);
    assert_int_equal(codec_check_article(a, &f), -EINVAL);
    assert_string_equal(f.field, "blocks");
    a->n_blocks = 1;
    line[LIMIT_LINE_BYTES] = 'x';
    assert_int_equal(codec_check_article(a, &f), -EINVAL);
    assert_string_equal(f.field, "headline");
    a->headline = "H";
    assert_int_equal(article_push_string(arena, &a->byline, &a->n_byline, line, sizeof line - 1),
                     0);
    assert_int_equal(codec_check_article(a, &f), -EINVAL);
    assert_string_equal(f.field, "byline");
}

static void wire_types_and_varints_are_checked(void **state) {
    (void)state;
    static const uint8_t as_varint[] = {1 << 3 | WIRE_VARINT, 5};
    static const uint8_t too_long[] = {2 << 3, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff,   0xff, 0xff, 0xff, 0x7f};
    static const uint8_t group[] = {1 << 3 | 3};
    static const uint8_t number_zero[] = {2, 0};
    /* A sixth byte, which adds nothing: the library would refuse what the scan took. */
    static const uint8_t long_tag[] = {0xf8, 0xfe, 0x8a, 0x8d, 0x87, 0, 5};
    static const uint8_t long_length[] = {1 << 3 | WIRE_LEN, 0x81, 0x80, 0x80, 0x80, 0x80, 0, 'u'};
    refused((struct slice){as_varint, sizeof as_varint}, "uri", "type");
    refused((struct slice){too_long, sizeof too_long}, "", "well-formed");
    refused((struct slice){group, sizeof group}, "", "well-formed");
    refused((struct slice){number_zero, sizeof number_zero}, "", "well-formed");
    refused((struct slice){long_tag, sizeof long_tag}, "", "well-formed");
    refused((struct slice){long_length, sizeof long_length}, "", "well-formed");
}

static void digest_of_form(const char *form, uint8_t digest[LIMIT_DIGEST_BYTES]) {
    struct sha256_ctx state;
    sha256_init(&state);
    sha256_update(&state, strlen(form), (const uint8_t *)form);
    sha256_digest(&state, LIMIT_DIGEST_BYTES, digest);
}

static void the_digest_is_that_of_the_canonical_form(void **state) {
    (void)state;
    uint8_t digest[LIMIT_DIGEST_BYTES], expected[LIMIT_DIGEST_BYTES];
    Article *a = sample();
    codec_content_digest(a, digest);
    digest_of_form("uri:7:urn:x:1\nversion:1:1\nkind:5:brief\nsection:6:briefs\n"
                   "headline:13:植树 begins\nbyline:6:王禾\nbyline:8:Jane Doe\n"
                   "blocks:31:type:9:paragraph\ntext:6:First.\n\n"
                   "blocks:31:type:9:crosshead\ntext:6:Second\n\n",
                   expected);
    assert_memory_equal(digest, expected, sizeof digest);

    /* A time that is filled in, or a field that we don't know, changes nothing. */
    a->created_at = 1234;
    codec_content_digest(a, digest);
    assert_memory_equal(digest, expected, sizeof digest);
    a->headline = "other";
    codec_content_digest(a, digest);
    assert_memory_not_equal(digest, expected, sizeof digest);

    /* With a source digest, how the text was read plays no part. */
    a = sample();
    a->source_digest = "sha256:00";
    codec_content_digest(a, digest);
    digest_of_form("uri:7:urn:x:1\nversion:1:1\nsource_digest:9:sha256:00\n", expected);
    assert_memory_equal(digest, expected, sizeof digest);
}

static void topics(void **state) {
    (void)state;
    static const char *const good[] = {"briefs/brief", "a/photo", "x-1.y_z/article"};
    static const char *const bad[] = {"",
                                      "briefs",
                                      "briefs/",
                                      "/brief",
                                      "Briefs/brief",
                                      "briefs/briefs",
                                      "briefs/brief/",
                                      "-a/brief",
                                      "a b/brief",
                                      "要闻/brief"};
    static const char *const prefixes[] = {"",        "br",       "briefs",
                                           "briefs/", "briefs/b", "briefs/brief"};
    static const char *const no_prefixes[] = {"/", "briefs/x", "briefs//", "B", "briefs/briefx"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(topic_valid(slice_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(topic_valid(slice_of(bad[i])));
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        assert_true(topic_prefix_valid(slice_of(prefixes[i])));
        assert_true(topic_matches(slice_of(prefixes[i]), slice_of("briefs/brief")));
    }
    for (size_t i = 0; i < sizeof no_prefixes / sizeof *no_prefixes; i++)
        assert_false(topic_prefix_valid(slice_of(no_prefixes[i])));
    assert_false(topic_matches(slice_of("briefs/photo"), slice_of("briefs/brief")));
    char topic[LIMIT_TOPIC_BYTES + 1], key[LIMIT_KEY_BYTES + 2];
    assert_int_equal(topic_make("economy", KIND_PHOTO, topic), 0);
    assert_string_equal(topic, "economy/photo");
    assert_int_equal(topic_make("economy", KIND_UNSPECIFIED, topic), -EINVAL);
    memset(key, 'k', sizeof key);
    key[LIMIT_KEY_BYTES + 1] = '\0';
    assert_int_equal(topic_make(key, KIND_PHOTO, topic), -EINVAL);
    key[LIMIT_KEY_BYTES] = '\0';
    assert_int_equal(topic_make(key, KIND_ARTICLE, topic), 0);
    assert_true(slice_equal(topic_section(slice_of(topic)), slice_of(key)));
}

static void entries(void **state) {
    (void)state;
    uint8_t digest[LIMIT_DIGEST_BYTES] = {1, 2, 3};
    struct slice article = packed(sample());
    struct entry e = {.epoch = 1ULL << 50,
                      .seq = 300,
                      .prev_seq = 299,
                      .topic = slice_of("briefs/brief"),
                      .stored_at_usec = 1933000000000000,
                      .uri = slice_of("urn:x:1"),
                      .version = 3,
                      .content_digest = {digest, sizeof digest},
                      .replaces = 7,
                      .path = {slice_of("a.example"), slice_of("b.example")},
                      .n_path = 2,
                      .article = article};
    uint8_t *buffer = arena_alloc(arena, entry_encoded_max(&e));
    struct slice in = {buffer, (size_t)(entry_encode(&e, buffer) - buffer)};
    assert_true(in.len <= entry_encoded_max(&e));

    /* What protobuf-c makes of it is the same: it is a FeedMessage as it stands. */
    Newswire__V1__FeedMessage *m = newswire__v1__feed_message__unpack(NULL, in.len, in.data);
    assert_non_null(m);
    assert_int_equal(m->n_entries, 1);
    assert_int_equal(m->entries[0]->seq, 300);
    assert_string_equal(m->entries[0]->path[1], "b.example");
    uint8_t *again = arena_alloc(arena, in.len);
    assert_int_equal(newswire__v1__feed_message__pack(m, again), in.len);
    assert_memory_equal(again, in.data, in.len);
    newswire__v1__feed_message__free_unpacked(m, NULL);

    struct wire_field f;
    struct entry back;
    assert_true(wire_get_field(&in, &f));
    assert_int_equal(entry_decode(f.bytes, &back), 0);
    assert_int_equal(back.seq, 300);
    assert_int_equal(back.replaces, 7);
    assert_int_equal(back.n_path, 2);
    assert_true(slice_equal(back.article, article));
    assert_true(slice_equal(back.topic, e.topic));
    for (size_t n = 0; n < f.bytes.len; n++) {
        uint8_t *copy = malloc(n + 1);
        memcpy(copy, f.bytes.data, n);
        (void)!entry_decode((struct slice){copy, n}, &back);
        free(copy);
    }
    e.prev_seq = 300;
    in = (struct slice){buffer, (size_t)(entry_encode(&e, buffer) - buffer)};
    assert_true(wire_get_field(&in, &f));
    assert_int_equal(entry_decode(f.bytes, &back), -EBADMSG);
}

static void json_is_the_protobuf_mapping(void **state) {
    (void)state;
    Article *a = sample();
    a->created_at = 1933000000000000;
    struct entry e = {.epoch = 5, .seq = 2, .topic = slice_of("briefs/brief"), .stored_at_usec = 9};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_int_equal(json_write_line(out, json_entry(&e, a)), 0);
    fclose(out);
    assert_string_equal(
        text,
        "{\"epoch\":5,\"seq\":2,\"prev_seq\":0,\"topic\":\"briefs/brief\",\"stored_at_usec\":9,"
        "\"article\":{\"uri\":\"urn:x:1\",\"version\":1,\"kind\":\"brief\",\"section\":\"briefs\","
        "\"headline\":\"植树 begins\",\"byline\":[\"王禾\",\"Jane Doe\"],\"blocks\":[{\"type\":"
        "\"paragraph\",\"text\":\"First.\"},{\"type\":\"crosshead\",\"text\":\"Second\"}],"
        "\"created_at\":1933000000000000}}\n");
    free(text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_arena, free_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_article_comes_back_as_it_was),
        TEST(unknown_fields_survive),
        TEST(every_cut_is_refused_or_is_shorter),
        TEST(random_damage_does_no_harm),
        TEST(text_is_what_the_library_takes),
        TEST(text_that_is_none_is_refused),
        TEST(missing_and_wrong_values_are_named),
        TEST(floods_of_elements_are_refused_before_they_are_unpacked),
        TEST(long_lines_and_large_articles_are_refused),
        TEST(an_article_that_was_built_is_held_to_the_limits),
        TEST(wire_types_and_varints_are_checked),
        TEST(the_digest_is_that_of_the_canonical_form),
        TEST(topics),
        TEST(entries),
        TEST(json_is_the_protobuf_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
