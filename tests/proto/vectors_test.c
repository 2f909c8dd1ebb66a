/*
 * PROTOCOL.md against the code: every block that has a name there is read out
 * of the page itself, so that neither can change without the other. Runs from
 * the top folder.
 */
#include "proto/codec.h"
#include "proto/entry.h"
#include "proto/json.h"
#include "proto/signature.h"
#include "proto/source.h"
#include "proto/topic.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EPOCH     1933459200000000
#define STORED_AT 1933462800000000

static struct arena *arena;
static char *page;

static int read_page(void **state) {
    (void)state;
    assert_true(sodium_init() >= 0);
    arena = arena_new(64 << 20);
    FILE *in = fopen("proto/PROTOCOL.md", "r");
    size_t room = 0;
    if (in == NULL || arena == NULL)
        return -1;
    ssize_t n = getdelim(&page, &room, '\0', in);
    fclose(in);
    return n > 0 ? 0 : -1;
}

static int drop_page(void **state) {
    (void)state;
    free(page);
    arena = arena_free(arena);
    return 0;
}

/* ---- blocks of the page */

/* What stands between "```<title>" and "```", its last line's LF included. */
static struct slice block(const char *title) {
    char opening[128];
    snprintf(opening, sizeof opening, "\n```%s\n", title);
    char *begin = strstr(page, opening);
    if (begin == NULL)
        fail_msg("PROTOCOL.md has no block '%s'", title);
    begin += strlen(opening);
    assert_null(strstr(begin, opening)); /* a name is given once */
    char *end = strstr(begin - 1, "\n```");
    assert_non_null(end);
    return (struct slice){(uint8_t *)begin, (size_t)(end + 1 - begin)};
}

/* Takes the next line off, as a string without its LF; NULL at the end. */
static char *next_line(struct slice *text) {
    if (text->len == 0)
        return NULL;
    const uint8_t *end = memchr(text->data, '\n', text->len);
    assert_non_null(end);
    size_t n = (size_t)(end - text->data);
    char *line = arena_strndup(arena, (const char *)text->data, n);
    assert_non_null(line);
    text->data += n + 1;
    text->len -= n + 1;
    return line;
}

static struct slice hex(const char *name) {
    char title[128], *line;
    snprintf(title, sizeof title, "hex %s", name);
    struct slice text = block(title);
    uint8_t *bytes = arena_alloc(arena, text.len);
    size_t n = 0;
    assert_non_null(bytes);
    while ((line = next_line(&text)) != NULL) {
        size_t got;
        const char *end;
        line[strcspn(line, ";")] = '\0';
        assert_int_equal(
            sodium_hex2bin(bytes + n, strlen(line), line, strlen(line), " ", &got, &end), 0);
        assert_int_equal(*end, '\0');
        n += got;
    }
    assert_true(n > 0);
    return (struct slice){bytes, n};
}

static void same(struct slice a, struct slice b) {
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, b.len);
}

static struct slice packed(const void *message) {
    struct slice s;
    assert_int_equal(codec_pack(arena, message, &s), 0);
    return s;
}

static Article *article_of(struct slice bytes) {
    struct fault fault;
    Article *a;
    if (codec_unpack_article(arena, bytes, &a, &fault) < 0)
        fail_msg("%s %s", fault.field, fault.reason);
    return a;
}

/* ---- messages */

static void every_message_reads_and_writes_back(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const ProtobufCMessageDescriptor *descriptor;
    } messages[] = {
        {"article", &newswire__v1__article__descriptor},
        {"article-3", &newswire__v1__article__descriptor},
        {"signature", &newswire__v1__signature__descriptor},
        {"digest-full-article", &newswire__v1__article__descriptor},
        {"digest-source-article", &newswire__v1__article__descriptor},
        {"digest-moved-article", &newswire__v1__article__descriptor},
        {"feed-entry", &newswire__v1__feed_message__descriptor},
        {"feed-heartbeat", &newswire__v1__feed_message__descriptor},
        {"submit-request", &newswire__v1__submit_request__descriptor},
        {"submit-reply", &newswire__v1__submit_reply__descriptor},
        {"submit-reply-refused", &newswire__v1__submit_reply__descriptor},
        {"replay-open", &newswire__v1__replay_request__descriptor},
        {"replay-credit", &newswire__v1__replay_request__descriptor},
        {"replay-heads", &newswire__v1__replay_request__descriptor},
        {"replay-reply", &newswire__v1__replay_reply__descriptor},
        {"replay-wrong-epoch", &newswire__v1__replay_reply__descriptor},
        {"tombstone", &newswire__v1__replay_reply__descriptor},
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct slice bytes = hex(messages[i].name);
        ProtobufCMessage *m;
        struct fault f;
        if (codec_unpack(messages[i].descriptor, arena, bytes, &m, &f) < 0)
            fail_msg("%s: %s %s", messages[i].name, f.field, f.reason);
        same(packed(m), bytes);
    }
}

static Article *first_article(void) {
    Article *a = article_new(arena);
    assert_non_null(a);
    a->uri = "urn:example:1";
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

static Article *third_article(void) {
    Article *a = article_new(arena);
    assert_non_null(a);
    a->uri = "urn:example:4";
    a->version = 1;
    a->kind = KIND_BRIEF;
    a->section = "briefs";
    a->headline = "Third";
    return a;
}

static struct entry entry_of(const Article *a, uint64_t seq, uint64_t prev_seq, int64_t stored_at) {
    uint8_t *digest = arena_alloc(arena, LIMIT_DIGEST_BYTES);
    assert_non_null(digest);
    codec_content_digest(a, digest);
    return (struct entry){.epoch = EPOCH,
                          .seq = seq,
                          .prev_seq = prev_seq,
                          .topic = slice_of("briefs/brief"),
                          .stored_at_usec = stored_at,
                          .uri = slice_of(a->uri),
                          .version = a->version,
                          .content_digest = {digest, LIMIT_DIGEST_BYTES},
                          .article = packed(a)};
}

static struct entry first_entry(void) {
    return entry_of(first_article(), 1, 0, STORED_AT);
}

static struct entry third_entry(void) {
    return entry_of(third_article(), 3, 1, STORED_AT + 1500000);
}

static void articles_are_made_as_shown(void **state) {
    (void)state;
    same(packed(first_article()), hex("article"));
    same(packed(third_article()), hex("article-3"));
    struct fault fault;
    assert_int_equal(codec_check_article(first_article(), &fault), 0);
    assert_int_equal(codec_check_article(third_article(), &fault), 0);
}

/* The bytes of some entries and, behind them, a message's other fields. */
static struct slice with_entries(const struct entry *entries, size_t n, const void *others) {
    struct slice rest = packed(others);
    uint8_t *bytes = arena_alloc(arena, 4096), *p = bytes;
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++) {
        assert_true((size_t)(p - bytes) + entry_encoded_max(&entries[i]) + rest.len <= 4096);
        p = entry_encode(&entries[i], p);
    }
    if (rest.len > 0)
        memcpy(p, rest.data, rest.len);
    return (struct slice){bytes, (size_t)(p - bytes) + rest.len};
}

static void an_entry_travels_as_shown(void **state) {
    (void)state;
    struct entry both[] = {first_entry(), third_entry()};
    Newswire__V1__FeedMessage nothing = NEWSWIRE__V1__FEED_MESSAGE__INIT;
    same(with_entries(&both[1], 1, &nothing), hex("feed-entry"));

    Newswire__V1__ReplayReply reply = NEWSWIRE__V1__REPLAY_REPLY__INIT;
    reply.request_id = 1;
    reply.epoch = EPOCH;
    reply.proven_seq = 5;
    reply.first = 1;
    reply.head = 5;
    reply.done = true;
    reply.newest_topic = 2;
    same(with_entries(both, 2, &reply), hex("replay-reply"));

    both[0].article = (struct slice){0};
    reply.proven_seq = 1;
    reply.done = false;
    same(with_entries(both, 1, &reply), hex("tombstone"));
}

static void entries_read_in_place(void **state) {
    (void)state;
    struct slice in = hex("replay-reply");
    struct entry wanted[] = {first_entry(), third_entry()};
    for (size_t i = 0; i < 2; i++) {
        struct wire_field f;
        struct entry e;
        assert_true(wire_get_field(&in, &f));
        assert_int_equal(f.number, ENTRY_FIELD);
        assert_int_equal(entry_decode(f.bytes, &e), 0);
        assert_int_equal(e.epoch, EPOCH);
        assert_int_equal(e.seq, wanted[i].seq);
        assert_int_equal(e.prev_seq, wanted[i].prev_seq);
        assert_int_equal(e.stored_at_usec, wanted[i].stored_at_usec);
        same(e.topic, wanted[i].topic);
        same(e.content_digest, wanted[i].content_digest);
        same(e.article, wanted[i].article);
    }
}

static void a_heartbeat_is_as_shown(void **state) {
    (void)state;
    Newswire__V1__Heartbeat h = NEWSWIRE__V1__HEARTBEAT__INIT;
    Newswire__V1__FeedMessage m = NEWSWIRE__V1__FEED_MESSAGE__INIT;
    h.epoch = EPOCH;
    h.head = 3;
    h.as_of = 5;
    h.newest_topic = 2;
    h.first = 1;
    h.sent_at_usec = STORED_AT + 2000000;
    m.heartbeat = &h;
    same(packed(&m), hex("feed-heartbeat"));
}

static void submitting_is_as_shown(void **state) {
    (void)state;
    struct slice a = packed(first_article()), b = packed(third_article());
    ProtobufCBinaryData articles[] = {{a.len, (uint8_t *)a.data}, {b.len, (uint8_t *)b.data}};
    Newswire__V1__SubmitRequest request = NEWSWIRE__V1__SUBMIT_REQUEST__INIT;
    request.request_id = 7;
    request.n_articles = 2;
    request.articles = articles;
    request.client = "desk";
    same(packed(&request), hex("submit-request"));

    Newswire__V1__SubmitResult known = NEWSWIRE__V1__SUBMIT_RESULT__INIT;
    known.outcome = NEWSWIRE__V1__OUTCOME__VALUE__duplicate;
    known.seq = 1;
    known.uri = "urn:example:1";
    known.version = 1;
    known.topic = "briefs/brief";
    Newswire__V1__SubmitResult added = known;
    added.outcome = NEWSWIRE__V1__OUTCOME__VALUE__accepted;
    added.seq = 3;
    added.uri = "urn:example:4";
    Newswire__V1__SubmitResult *results[] = {&known, &added};
    Newswire__V1__SubmitReply reply = NEWSWIRE__V1__SUBMIT_REPLY__INIT;
    reply.request_id = 7;
    reply.epoch = EPOCH;
    reply.n_results = 2;
    reply.results = results;
    same(packed(&reply), hex("submit-reply"));

    Newswire__V1__SubmitResult refused = NEWSWIRE__V1__SUBMIT_RESULT__INIT;
    refused.outcome = NEWSWIRE__V1__OUTCOME__VALUE__refused;
    refused.uri = "urn:example:9";
    refused.version = 1;
    refused.reason = "there is no section 'nowhere' here";
    refused.field = "section";
    results[0] = &refused;
    reply.request_id = 8;
    reply.n_results = 1;
    same(packed(&reply), hex("submit-reply-refused"));
}

static void replay_is_asked_as_shown(void **state) {
    (void)state;
    char *topics[] = {"briefs/"};
    Newswire__V1__ReplayRequest request = NEWSWIRE__V1__REPLAY_REQUEST__INIT;
    Newswire__V1__ReplayOpen open = NEWSWIRE__V1__REPLAY_OPEN__INIT;
    Newswire__V1__ReplayCredit credit = NEWSWIRE__V1__REPLAY_CREDIT__INIT;
    Newswire__V1__HeadsRequest heads = NEWSWIRE__V1__HEADS_REQUEST__INIT;
    open.n_topics = 1;
    open.topics = topics;
    open.epoch = EPOCH;
    open.credit_bytes = 64 << 10;
    request.request_id = 1;
    request.what_case = NEWSWIRE__V1__REPLAY_REQUEST__WHAT_OPEN;
    request.open = &open;
    same(packed(&request), hex("replay-open"));
    credit.bytes = 4096;
    request.what_case = NEWSWIRE__V1__REPLAY_REQUEST__WHAT_CREDIT;
    request.credit = &credit;
    same(packed(&request), hex("replay-credit"));
    heads.n_topics = 1;
    heads.topics = topics;
    request.request_id = 2;
    request.what_case = NEWSWIRE__V1__REPLAY_REQUEST__WHAT_HEADS;
    request.heads = &heads;
    same(packed(&request), hex("replay-heads"));

    Newswire__V1__Error error = NEWSWIRE__V1__ERROR__INIT;
    Newswire__V1__ReplayReply reply = NEWSWIRE__V1__REPLAY_REPLY__INIT;
    char message[64];
    snprintf(message, sizeof message, "this log's epoch is %lld", (long long)EPOCH);
    error.code = NEWSWIRE__V1__ERROR__CODE__wrong_epoch;
    error.message = message;
    error.field = "epoch";
    reply.request_id = 1;
    reply.epoch = EPOCH;
    reply.first = 1;
    reply.head = 5;
    reply.done = true;
    reply.error = &error;
    same(packed(&reply), hex("replay-wrong-epoch"));
}

/* ---- digests */

/* Made with openssl, from the text of the section alone. */
static void a_signature_is_as_shown(void **state) {
    (void)state;
    uint8_t digest[SIGNATURE_ARTICLE_DIGEST_BYTES], seed[KEY_BYTES],
        encoded[SIGNATURE_ENCODED_BYTES];
    struct key_pair k = {.type = KEY_ED25519};
    struct signature shown, made;
    assert_int_equal(signature_decode(hex("signature"), &shown), 0);
    signature_article_digest(hex("article"), digest);
    assert_true(signature_is_good(&shown, digest));
    for (size_t i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)i;
    k.secret = sodium_malloc(KEY_ED25519_SECRET_BYTES);
    crypto_sign_seed_keypair(k.public_key, k.secret, seed);
    signature_make(&k, hex("article"), &made);
    key_pair_free(&k);
    signature_encode(&made, encoded);
    same((struct slice){encoded, sizeof encoded}, hex("signature"));
}

/* Every bit of the article, the signature and the key counts. */
static void a_changed_bit_is_found(void **state) {
    (void)state;
    uint8_t digest[SIGNATURE_ARTICLE_DIGEST_BYTES];
    struct signature s;
    struct slice article = hex("article");
    assert_int_equal(signature_decode(hex("signature"), &s), 0);
    uint8_t *copy = arena_alloc(arena, article.len);
    memcpy(copy, article.data, article.len);
    for (size_t bit = 0; bit < article.len * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        signature_article_digest((struct slice){copy, article.len}, digest);
        assert_false(signature_is_good(&s, digest));
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    signature_article_digest(article, digest);
    for (size_t bit = 0; bit < sizeof s * 8; bit++) {
        ((uint8_t *)&s)[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(signature_is_good(&s, digest));
        ((uint8_t *)&s)[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(signature_is_good(&s, digest));
}

static void what_is_no_signature(void **state) {
    (void)state;
    struct slice good = hex("signature");
    struct signature s;
    for (size_t len = 0; len < good.len; len++)
        assert_int_equal(signature_decode((struct slice){good.data, len}, &s), -EBADMSG);
    assert_int_equal(signature_decode((struct slice){good.data + 34, good.len - 34}, &s), -EBADMSG);
}

static void digests_are_those_of_the_vectors(void **state) {
    (void)state;
    static const char *const names[] = {"brief", "full", "source", "moved"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        uint8_t of_form[LIMIT_DIGEST_BYTES], of_article[LIMIT_DIGEST_BYTES];
        snprintf(name, sizeof name, "digest-%s", names[i]);
        struct slice digest = hex(name);
        assert_int_equal(digest.len, LIMIT_DIGEST_BYTES);

        snprintf(name, sizeof name, "form digest-%s-form", names[i]);
        struct slice form = block(name);
        crypto_hash_sha256(of_form, form.data, form.len);
        assert_memory_equal(of_form, digest.data, digest.len);

        snprintf(name, sizeof name, "digest-%s-article", names[i]);
        /* Not codec_unpack_article: the vectors go beyond what a wire takes. */
        ProtobufCMessage *m;
        struct fault fault;
        struct slice bytes = hex(strcmp(names[i], "brief") == 0 ? "article" : name);
        assert_int_equal(codec_unpack(&newswire__v1__article__descriptor, arena, bytes, &m, &fault),
                         0);
        codec_content_digest((Article *)m, of_article);
        assert_memory_equal(of_article, digest.data, digest.len);
    }
}

/* What the digest covers is frozen: a new field in a nested message must not
 * come into it, and the code takes all that the descriptor has. */
static void nested_fields_of_the_digest_are_all_there_are(void **state) {
    (void)state;
    static const ProtobufCMessageDescriptor *const nested[] = {
        &newswire__v1__block__descriptor,
        &newswire__v1__subject__descriptor,
        &newswire__v1__media__descriptor,
    };
    struct slice text = block("fields digest-nested");
    for (size_t i = 0; i < sizeof nested / sizeof *nested; i++) {
        char *line = next_line(&text), *rest = NULL;
        assert_non_null(line);
        assert_string_equal(strtok_r(line, " ", &rest), nested[i]->short_name);
        for (unsigned k = 0; k < nested[i]->n_fields; k++) {
            const char *word = strtok_r(NULL, " ", &rest);
            assert_non_null(word);
            assert_string_equal(word, nested[i]->fields[k].name);
        }
        assert_null(strtok_r(NULL, " ", &rest));
    }
    assert_null(next_line(&text));
}

/* A Block as a later version of the .proto may have it. */
static void a_later_field_of_a_block_leaves_the_digest(void **state) {
    (void)state;
    struct {
        Newswire__V1__Block block;
        char *later;
    } one = {.block = NEWSWIRE__V1__BLOCK__INIT, .later = "new"};
    ProtobufCFieldDescriptor fields[3] = {
        newswire__v1__block__descriptor.fields[0],
        newswire__v1__block__descriptor.fields[1],
        newswire__v1__block__descriptor.fields[1],
    };
    fields[2].name = "later";
    fields[2].id = 3;
    fields[2].offset = (unsigned)((char *)&one.later - (char *)&one);
    ProtobufCMessageDescriptor later = newswire__v1__block__descriptor;
    later.fields = fields;
    later.n_fields = 3;
    Newswire__V1__Block *blocks[] = {&one.block};
    Article article = NEWSWIRE__V1__ARTICLE__INIT;
    article.blocks = blocks;
    article.n_blocks = 1;
    one.block.text = "text";
    uint8_t now[LIMIT_DIGEST_BYTES], then[LIMIT_DIGEST_BYTES];
    codec_content_digest(&article, now);
    one.block.base.descriptor = &later;
    codec_content_digest(&article, then);
    assert_memory_equal(now, then, sizeof now);
    one.block.text = "other";
    codec_content_digest(&article, then);
    assert_memory_not_equal(now, then, sizeof now);
}

static void the_source_digest_takes_no_notice_of_white_space(void **state) {
    (void)state;
    static const char *const texts[] = {"一二three", "一 二\u3000th\tr\u200bee\r\n",
                                        "\ufeff一\u00a0二\u2028three"};
    char digits[SOURCE_DIGEST_DIGITS + 1], wanted[SOURCE_DIGEST_SIZE], got[SOURCE_DIGEST_SIZE];
    struct slice digest = hex("source-digest");
    assert_int_equal(digest.len, SOURCE_DIGEST_DIGITS / 2);
    sodium_bin2hex(digits, sizeof digits, digest.data, digest.len);
    snprintf(wanted, sizeof wanted, "sha256:%s", digits);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        source_digest(slice_of(texts[i]), got);
        assert_string_equal(got, wanted);
    }
    assert_string_equal(article_of(hex("digest-source-article"))->source_digest, wanted);
}

/* ---- topics, limits, JSON */

/* Every line of the block answers `wanted`. */
static void hold(const char *title, bool (*valid)(struct slice), bool wanted) {
    struct slice text = block(title);
    char *line;
    assert_true(text.len > 0);
    while ((line = next_line(&text)) != NULL)
        if (valid(slice_of(line)) != wanted)
            fail_msg("%s: '%s'", title, line);
}

static void topics_are_as_the_grammar_shows(void **state) {
    (void)state;
    hold("topics valid", topic_valid, true);
    hold("topics invalid", topic_valid, false);
    hold("prefixes valid", topic_prefix_valid, true);
    hold("prefixes invalid", topic_prefix_valid, false);
    assert_true(topic_prefix_valid(slice_of("")));
}

static void the_table_of_limits_is_true(void **state) {
    (void)state;
#define LIMIT(name)                                                                                \
    { #name, name }
    static const struct {
        const char *name;
        long value;
    } limits[] = {
        LIMIT(LIMIT_ARTICLE_BYTES), LIMIT(LIMIT_ENTRY_BYTES),      LIMIT(LIMIT_MESSAGE_BYTES),
        LIMIT(LIMIT_URI_BYTES),     LIMIT(LIMIT_REQUEST_ARTICLES), LIMIT(LIMIT_FILE_BYTES),
        LIMIT(LIMIT_PAGE_LINES),    LIMIT(LIMIT_KEY_BYTES),        LIMIT(LIMIT_TOPIC_BYTES),
        LIMIT(LIMIT_LINE_BYTES),    LIMIT(LIMIT_REPEATED),         LIMIT(LIMIT_BLOCKS),
        LIMIT(LIMIT_TOPICS),        LIMIT(LIMIT_DIGEST_BYTES),     LIMIT(LIMIT_PATH),
        LIMIT(LIMIT_APPROVALS),     LIMIT(LIMIT_NAME_BYTES),       LIMIT(LIMIT_SIGNATURE_BYTES),
    };
#undef LIMIT
    size_t n = sizeof limits / sizeof *limits, rows = 0;
    for (size_t i = 0; i < n; i++) {
        char row[96];
        snprintf(row, sizeof row, "\n| `%s` | %ld | ", limits[i].name, limits[i].value);
        if (strstr(page, row) == NULL)
            fail_msg("PROTOCOL.md has no row '%s'", row + 1);
    }
    for (const char *p = page; (p = strstr(p, "\n| `LIMIT_")) != NULL; p++)
        rows++;
    assert_int_equal(rows, n);
}

static void json_is_as_shown(void **state) {
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_int_equal(json_write_line(out, json_message(&article_of(hex("article"))->base)), 0);
    fclose(out);
    same((struct slice){(uint8_t *)text, size}, block("json article-json"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_reads_and_writes_back),
        cmocka_unit_test(articles_are_made_as_shown),
        cmocka_unit_test(an_entry_travels_as_shown),
        cmocka_unit_test(entries_read_in_place),
        cmocka_unit_test(a_heartbeat_is_as_shown),
        cmocka_unit_test(submitting_is_as_shown),
        cmocka_unit_test(replay_is_asked_as_shown),
        cmocka_unit_test(a_signature_is_as_shown),
        cmocka_unit_test(a_changed_bit_is_found),
        cmocka_unit_test(what_is_no_signature),
        cmocka_unit_test(digests_are_those_of_the_vectors),
        cmocka_unit_test(nested_fields_of_the_digest_are_all_there_are),
        cmocka_unit_test(a_later_field_of_a_block_leaves_the_digest),
        cmocka_unit_test(the_source_digest_takes_no_notice_of_white_space),
        cmocka_unit_test(topics_are_as_the_grammar_shows),
        cmocka_unit_test(the_table_of_limits_is_true),
        cmocka_unit_test(json_is_as_shown),
    };
    return cmocka_run_group_tests(tests, read_page, drop_page);
}
