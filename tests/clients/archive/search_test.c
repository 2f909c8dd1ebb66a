/*
 * Recall and precision of two-character words, over texts made of all the pairs that a
 * set of characters gives; and that only what holds now is found.
 */
#include "clients/archive/index.h"
#include "clients/archive/search.h"
#include "proto/codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[128];
static const struct options options = {.program = "test"};
static struct archive archive;
static struct keep keep;
static struct index indexing;
static struct search searching;
static struct arena *arena;
static uint64_t next_seq;

static int set_up(void **state) {
    (void)state;
    strcpy(folder, "/tmp/newswire-search-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/archive.db", folder);
    next_seq = 0;
    arena = arena_new(16 << 20);
    assert_int_equal(archive_open(&archive, &options, path, ARCHIVE_EXTEND), 0);
    assert_int_equal(keep_open(&keep, &archive), 0);
    assert_int_equal(index_open(&indexing, &keep), 0);
    assert_int_equal(search_open(&searching, &archive), 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[160];
    search_close(&searching);
    index_close(&indexing);
    keep_close(&keep);
    archive_close(&archive);
    arena = arena_free(arena);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void keep_article(const char *topic, const char *uri, uint32_t version, int status,
                         const char *moved_to, const char *headline, const char *text) {
    uint8_t bytes[8192], digest[LIMIT_DIGEST_BYTES];
    arena_reset(arena);
    Article *article = article_new(arena);
    article->uri = (char *)uri;
    article->version = version;
    article->kind = KIND_ARTICLE;
    article->status = (Newswire__V1__Status__Value)status;
    article->headline = (char *)headline;
    article->moved_to = (char *)moved_to;
    if (*text != '\0')
        assert_int_equal(article_add_block(arena, article, BLOCK_PARAGRAPH, text, strlen(text)), 0);
    codec_content_digest(article, digest);
    size_t len = newswire__v1__article__pack(article, bytes);
    next_seq++;
    struct entry e = {.epoch = 7,
                      .seq = next_seq,
                      .prev_seq = next_seq - 1,
                      .topic = slice_of(topic),
                      .stored_at_usec = 1933459200000000 + (int64_t)next_seq * 1000000,
                      .uri = slice_of(uri),
                      .version = version,
                      .content_digest = {digest, sizeof digest},
                      .article = {bytes, len}};
    assert_int_equal(keep_entry(&keep, &e), 1);
    assert_int_equal(keep_entry(&keep, &e), 0);
}

static void index_all(void) {
    int r;
    while ((r = index_step(&indexing, 100)) > 0)
        assert_int_equal(keep_commit(&keep, NULL), 0);
    assert_int_equal(r, 0);
    assert_int_equal(keep_commit(&keep, NULL), 0);
}

static int hits(const char *query) {
    int64_t ids[1000];
    struct search_ask ask = {.query = query, .limit = 1000};
    return search_find(&searching, &ask, ids);
}

/* The number-th character: ones that papers use, and the code points from there on. */
static size_t character(int number, char *to) {
    unsigned c = 0x4e00 + (unsigned)number * 7;
    to[0] = (char)(0xe0 | c >> 12);
    to[1] = (char)(0x80 | (c >> 6 & 63));
    to[2] = (char)(0x80 | (c & 63));
    to[3] = '\0';
    return 3;
}

/* 100 characters, 10,000 words: article i has the words (i, 0), (i, 1) ... with
 * punctuation between them, so each word stands in exactly one article. */
static void every_word_of_two_characters_is_found(void **state) {
    (void)state;
    enum { N = 100 };
    char uri[32], text[N * 12], word[8];
    int found = 0, wrong = 0;
    for (int i = 0; i < N; i++) {
        char *to = text;
        for (int j = 0; j < N; j++) {
            to += character(i, to);
            to += character(j, to);
            to = stpcpy(to, "，");
        }
        sprintf(uri, "urn:test:%d", i);
        keep_article("news/article", uri, 1, STATUS_USABLE, "", "Words", text);
    }
    index_all();
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            character(j, word + character(i, word));
            int n = hits(word);
            found += n >= 1;
            wrong += n > 1 ? n - 1 : 0;
        }
    printf("conformance: two-character words: %d of %d found, %d wrong hits\n", found, N * N,
           wrong);
    assert_int_equal(found, N * N);
    assert_int_equal(wrong, 0);
}

static void words_of_other_lengths_are_found(void **state) {
    (void)state;
    static const char text[] = "开发区管委会主任王禾10日表示，全区植树节活动预计有3000人参加。A股市"
                               "场，Wi-Fi信号；Ｇ７０高速。";
    static const char *const words[] = {
        "开",  "区",   "开发区",    "管委会", "管委会主任", "王禾", "10日", "植树节活动", "3000人",
        "A股", "股市", "wi-fi信号", "WiFi",   "G70高速",    "70",   "人参", "区植",       "发会"};
    static const int wanted[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0};
    keep_article("news/article", "urn:test:1", 1, STATUS_USABLE, "", "", text);
    index_all();
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (hits(words[i]) != wanted[i])
            fail_msg("%s: %d instead of %d", words[i], hits(words[i]), wanted[i]);
}

static void only_what_holds_is_found(void **state) {
    (void)state;
    keep_article("news/article", "urn:test:1", 1, STATUS_USABLE, "", "River one", "old");
    index_all();
    assert_int_equal(hits("old"), 1);
    keep_article("news/article", "urn:test:1", 2, STATUS_USABLE, "", "River two", "new");
    assert_int_equal(hits("old"), 0); /* before the index has come to it */
    assert_int_equal(hits("new"), 0);
    index_all();
    assert_int_equal(hits("old"), 0);
    assert_int_equal(hits("new"), 1);
    assert_int_equal(hits("river"), 1);
    keep_article("news/article", "urn:test:1", 3, STATUS_CANCELED, "", "", "");
    assert_int_equal(hits("river"), 0);
    index_all();
    keep_article("news/article", "urn:test:1", 4, STATUS_USABLE, "", "River again", "late");
    index_all();
    assert_int_equal(hits("river"), 0); /* a kill ends a story */
}

static void a_move_holds_in_either_order(void **state) {
    (void)state;
    for (int order = 0; order < 2; order++) {
        const char *uri = order == 0 ? "urn:test:1" : "urn:test:2";
        keep_article("news/article", uri, 1, STATUS_USABLE, "", "Ferry", "");
        if (order == 1)
            keep_article("briefs/article", uri, 2, STATUS_USABLE, "", "Ferry moved", "");
        keep_article("news/article", uri, 1, STATUS_CANCELED, "briefs/article", "", "");
        index_all();
        assert_int_equal(hits("ferry"), order == 0 ? 0 : 2);
        if (order == 0)
            keep_article("briefs/article", uri, 2, STATUS_USABLE, "", "Ferry moved", "");
        index_all();
        assert_int_equal(hits("\"ferry moved\""), order + 1);
    }
}

static void rare_words_rank_and_common_ones_come_newest_first(void **state) {
    (void)state;
    char uri[32];
    for (int i = 0; i < 2500; i++) {
        sprintf(uri, "urn:test:%d", i);
        keep_article("news/article", uri, 1, STATUS_USABLE, "", i == 7 ? "Meteor" : "Council",
                     i == 1900 ? "common meteor" : "common");
    }
    index_all();
    int64_t ids[10];
    struct search_ask ask = {.query = "common", .limit = 10, .offset = 5};
    assert_int_equal(search_find(&searching, &ask, ids), 10);
    assert_false(searching.ranked);
    assert_int_equal(ids[0], 2495);
    ask = (struct search_ask){.query = "common meteor", .limit = 10};
    assert_int_equal(search_find(&searching, &ask, ids), 2);
    assert_true(searching.ranked);
    assert_int_equal(ids[0], 8); /* in the headline */
    ask = (struct search_ask){.query = "meteor", .limit = 10, .kind = "brief"};
    assert_int_equal(search_find(&searching, &ask, ids), -ENOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_word_of_two_characters_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(words_of_other_lengths_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_what_holds_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_move_holds_in_either_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rare_words_rank_and_common_ones_come_newest_first, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
