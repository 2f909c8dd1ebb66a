/*
 * Pages against what a reader makes of them, and the law of conservation over
 * every page, truncated pages and generated ones.
 */
#include "proto/charset.h"
#include "proto/page/page.h"
#include "proto/page/text.h"

#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FIXTURES "tests/fixtures/pages/"

enum { ARENA_BYTES = 64 << 20, CODES = 0x30000, FILE_BYTES = 1 << 20 };

static struct arena *rules_arena;
static struct rules rules;

static struct slice read_file(struct arena *a, const char *path) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t *bytes = arena_alloc(a, FILE_BYTES);
    assert_non_null(bytes);
    size_t n = fread(bytes, 1, FILE_BYTES, f);
    fclose(f);
    return (struct slice){bytes, n};
}

static int parse_bytes(struct arena *a, struct slice bytes, struct parsed *ret,
                       struct parse_fault *f) {
    struct parse_input input = {.bytes = bytes, .name = "page.txt"};
    return page_parse(a, &rules, &input, ret, f);
}

/* ---- against expected output */

static json_t *strings(char *const *items, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(items[i]));
    return list;
}

static json_t *article_json(const Article *x) {
    json_t *blocks = json_array();
    for (size_t i = 0; i < x->n_blocks; i++)
        json_array_append_new(blocks, json_pack("{s:s,s:s}", "type",
                                                article_block_type_name(x->blocks[i]->type), "text",
                                                x->blocks[i]->text));
    return json_pack(
        "{s:s,s:s,s:s,s:o,s:s,s:s,s:s,s:o,s:o,s:s,s:s,s:o,s:s,s:s,s:s,s:s,s:s}", "kind",
        article_kind_name(x->kind), "section", x->section, "section_label", x->section_label,
        "kicker", strings(x->kicker, x->n_kicker), "headline", x->headline, "subheadline",
        x->subheadline, "dateline", x->dateline, "byline", strings(x->byline, x->n_byline),
        "blocks", blocks, "continued_on", x->continued_on, "continued_from", x->continued_from,
        "reviewers", strings(x->reviewers, x->n_reviewers), "publication", x->publication,
        "page_date", x->page_date, "page", x->page, "language", x->language, "source", x->source);
}

static bool is_empty(const json_t *v) {
    return v == NULL || json_is_null(v) || (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_string(v) && json_string_value(v)[0] == '\0');
}

static void compare_field(const char *path, size_t i, const char *key, json_t *want, json_t *got) {
    if ((is_empty(want) && is_empty(got)) || json_equal(want, got))
        return;
    char *w = json_dumps(want, JSON_ENCODE_ANY), *g = json_dumps(got, JSON_ENCODE_ANY);
    print_error("%s, article %zu, %s\n  expected %s\n  got      %s\n", path, i, key, w, g);
    free(w);
    free(g);
    fail();
}

static void compare(const char *path, json_t *expected, const struct parsed *p) {
    static const char *const always[] = {
        "kind",   "section_label", "kicker",       "headline",  "subheadline",   "dateline",
        "byline", "blocks",        "continued_on", "reviewers", "continued_from"};
    if (json_array_size(expected) != p->n_articles)
        fail_msg("%s: %zu articles, not %zu", path, p->n_articles, json_array_size(expected));
    for (size_t i = 0; i < p->n_articles; i++) {
        json_t *want = json_array_get(expected, i), *got = article_json(p->articles[i]), *value;
        const char *key;
        json_object_foreach(want, key, value)
            compare_field(path, i, key, value, json_object_get(got, key));
        for (size_t k = 0; k < sizeof always / sizeof *always; k++)
            compare_field(path, i, always[k], json_object_get(want, always[k]),
                          json_object_get(got, always[k]));
        json_decref(got);
    }
}

/* ---- conservation */

/* How often each character stands in a text. */
static void count(int *codes, struct slice s, int step) {
    for (size_t at = 0, n; at < s.len; at += n) {
        ucs4_t c = text_first(text_from(s, at), &n);
        if (!text_is_space(c) && c < CODES)
            codes[c] += step;
    }
}

static void count_list(int *codes, char *const *items, size_t n, int step) {
    for (size_t i = 0; i < n; i++)
        count(codes, slice_of(items[i]), step);
}

/* What the parser may take away: the words and signs of marks, and nothing
 * else. Labels and a folio's words count once however many articles have them. */
static void allow(bool *may, const struct text_list *words) {
    for (size_t i = 0; i < words->n; i++)
        for (struct slice s = slice_of(words->items[i]); s.len > 0;) {
            size_t n;
            may[text_first(s, &n)] = true;
            s = text_from(s, n);
        }
}

static void allow_text(bool *may, const char *s) {
    char *item = (char *)s;
    struct text_list one = {.items = &item, .n = 1};
    allow(may, &one);
}

static const char folio_marks[] = "0123456789年月日第版一二三四五六七八九十〇/-|·Page";

static void allow_marks(bool *may, bool folio) {
    const struct rules_page *r = &rules.page;
    const struct text_list *const lists[] = {
        &r->brief_labels,  &r->photo_labels, &r->byline_markers, &r->byline_roles,
        &r->byline_titles, &r->byline_joins, &r->byline_tails,   &r->photo_roles,
        &r->bullets,       &r->jump_to,      &r->jump_from,      &r->dateline_dashes,
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        allow(may, lists[i]);
    for (size_t i = 0; i < rules.n_sections; i++) {
        allow(may, &rules.sections[i]->labels);
        allow(may, &rules.sections[i]->titles);
    }
    allow_text(may, "()()[]【】〔〕:::,,、;;/→▶>.");
    if (!folio)
        return;
    allow_text(may, folio_marks);
    allow(may, &r->weekdays);
    allow(may, &r->months);
    allow_text(may, "PublicationDateSectionLanguageSource");
}

static void check_conserved(const char *name, struct arena *a, struct slice bytes,
                            const struct parsed *p, bool folio) {
    struct slice text;
    struct fault f;
    assert_int_equal(charset_to_utf8(a, bytes, &text, &f), 0);
    int *codes = calloc(CODES, sizeof *codes);
    bool *may = calloc(CODES, 1);
    assert_true(codes != NULL && may != NULL);
    allow_marks(may, folio);
    count(codes, text, 1);
    for (size_t i = 0; i < p->n_articles; i++) {
        const Article *x = p->articles[i];
        const char *lines[] = {x->headline, x->subheadline, x->dateline, x->continued_on,
                               x->continued_from};
        for (size_t k = 0; k < sizeof lines / sizeof *lines; k++)
            count(codes, slice_of(lines[k]), -1);
        count_list(codes, x->kicker, x->n_kicker, -1);
        count_list(codes, x->byline, x->n_byline, -1);
        count_list(codes, x->reviewers, x->n_reviewers, -1);
        for (size_t k = 0; k < x->n_blocks; k++)
            count(codes, slice_of(x->blocks[k]->text), -1);
        allow_text(may, x->section_label);
        if (folio) {
            allow_text(may, x->publication);
            allow_text(may, x->source);
            allow_text(may, x->language);
        }
    }
    count_list(codes, p->unplaced.items, p->unplaced.n, -1);
    for (uint32_t c = 0; c < CODES; c++)
        if (codes[c] < 0 || (codes[c] > 0 && !may[c])) {
            print_error("%.*s\n", (int)text.len, text.data);
            fail_msg("%s: U+%04X stands %d times %s in the articles", name, c, abs(codes[c]),
                     codes[c] < 0 ? "too often" : "too seldom");
        }
    free(codes);
    free(may);
}

static void check_page(const char *path, const char *expected_path) {
    struct arena *a = arena_new(ARENA_BYTES);
    struct slice bytes = read_file(a, path);
    struct parsed p;
    struct parse_fault f;
    json_error_t error;
    json_t *expected = json_load_file(expected_path, 0, &error);
    if (expected == NULL)
        fail_msg("%s:%d: %s", expected_path, error.line, error.text);
    if (parse_bytes(a, bytes, &p, &f) < 0)
        fail_msg("%s: %s", path, f.fault.reason);
    compare(path, expected, &p);
    check_conserved(path, a, bytes, &p, true);
    json_decref(expected);
    arena_free(a);
}

static void with_suffix(char *to, size_t size, const char *path, const char *suffix) {
    snprintf(to, size, "%.*s%s", (int)(strlen(path) - 4), path, suffix);
}

static void test_fixtures(void **state) {
    (void)state;
    glob_t g;
    char other[512];
    assert_int_equal(glob(FIXTURES "*.txt", 0, NULL, &g), 0);
    assert_true(g.gl_pathc >= 12);
    for (size_t i = 0; i < g.gl_pathc; i++) {
        with_suffix(other, sizeof other, g.gl_pathv[i], ".expected.json");
        check_page(g.gl_pathv[i], other);
        with_suffix(other, sizeof other, g.gl_pathv[i], ".unplaced.json");
        json_t *want = json_load_file(other, 0, NULL);
        if (want == NULL)
            continue;
        struct arena *a = arena_new(ARENA_BYTES);
        struct parsed p;
        struct parse_fault f;
        assert_int_equal(parse_bytes(a, read_file(a, g.gl_pathv[i]), &p, &f), 0);
        json_t *got = strings(p.unplaced.items, p.unplaced.n);
        compare_field(g.gl_pathv[i], 0, "unplaced", want, got);
        json_decref(got);
        json_decref(want);
        arena_free(a);
    }
    globfree(&g);
}

static void test_real_page(void **state) {
    (void)state;
    glob_t g;
    if (glob("../shared/pages/*.txt", 0, NULL, &g) != 0) {
        print_message("the real page isn't on this machine\n");
        skip();
    }
    char expected[512];
    for (size_t i = 0; i < g.gl_pathc; i++) {
        with_suffix(expected, sizeof expected, g.gl_pathv[i], ".expected.json");
        check_page(g.gl_pathv[i], expected);
    }
    globfree(&g);
}

/* ---- generated pages */

static uint64_t seed_state;

static uint32_t draw(uint32_t n) {
    seed_state = seed_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed_state >> 33) % n;
}

static const char *const fragments[] = {
    "柳溪桃园喜开镰",
    "春暖花开促耕忙——",
    "——全乡春耕速写",
    "简讯",
    "图片新闻",
    "BRIEFS",
    "要 闻",
    "□李 禾 赵小麦",
    "本报记者 王禾",
    "(记者 周小满)",
    "■带好头 干群齐上阵",
    "〇",
    "□",
    "(",
    "“",
    "本报讯(记者 王禾 通讯员 赵小麦) 桃农们忙着采摘,仓里堆满。",
    "本报柳溪电 麦田返青水喝足。 □孙田",
    "——修渠铺路。沟渠全都疏通。",
    "桃农们忙着采摘、分拣,一派",
    "丰收景象,仓里堆满。",
    "“桃子又大又甜。",
    "图为孩子们写生。 李禾 摄",
    "图①:村民查看水表。",
    "图②:管道穿过麦田。",
    "本组图片由水利站提供",
    "(下转第三版)",
    "(上接第一版)",
    "编者按:账本不厚,心思不薄。",
    "相关链接",
    "记者手记:离开时灯亮着。",
    "初审:李禾 复审:赵小麦",
    "导读",
    "鱼苗下塘……3版",
    "▲【白沙乡】春灌启动 泵站同时开机,麦田返青。",
    "【河湾村】鱼苗下塘。",
    "村支书王□(上日下文)说,赵〓先报名。",
    "Council votes for a bridge",
    "By Jane Doe, Staff Reporter",
    "HARTWELL — The council voted for",
    "a new bridge over the river.",
    "(Continued on page 3)",
    "Photo: Kites on the common. Photograph by Ann Loe",
    "    indented text goes on",
    "一、种好树",
    "(二)织好网",
    "王禾 摄",
    "(见上图)",
    "2",
    "————",
    "。",
    ")",
    "摄",
    "记者",
    ":",
};

static struct slice generate(char *page, size_t size) {
    size_t n = 0, pieces = 1 + draw(40);
    for (size_t i = 0; i < pieces && n + 400 < size; i++) {
        const char *indent = draw(5) == 0 ? "  " : "", *gap = draw(3) == 0 ? "\n" : "\n\n";
        const char *f = fragments[draw(sizeof fragments / sizeof *fragments)];
        n += (size_t)sprintf(page + n, "%s%s", indent, f);
        if (draw(6) == 0) /* two fragments on one line */
            n += (size_t)sprintf(page + n, " %s",
                                 fragments[draw(sizeof fragments / sizeof *fragments)]);
        if (draw(9) == 0) /* noise: any character of some scripts */
            for (uint32_t k = draw(20); k > 0; k--)
                page[n++] = (char)('!' + draw(90));
        n += (size_t)sprintf(page + n, "%s", draw(12) == 0 ? "\n\n\n\n" : gap);
    }
    return (struct slice){(uint8_t *)page, draw(4) == 0 ? 1 + draw((uint32_t)n) : n};
}

static void test_generated(void **state) {
    (void)state;
    static char page[32 << 10];
    struct arena *a = arena_new(ARENA_BYTES);
    size_t taken = 0;
    for (uint32_t seed = 1; seed <= 4000; seed++) {
        char name[40];
        snprintf(name, sizeof name, "seed %u", seed);
        seed_state = seed;
        struct slice bytes = generate(page, sizeof page);
        struct parsed p;
        struct parse_fault f;
        arena_reset(a);
        int r = parse_bytes(a, bytes, &p, &f);
        if (r < 0) {
            assert_int_equal(r, -EINVAL);
            assert_true(f.fault.reason[0] != '\0');
            continue;
        }
        taken++;
        /* Noise may be a date or number; folio lines are another test. */
        check_conserved(name, a, bytes, &p, true);
    }
    assert_true(taken > 2000);
    arena_free(a);
}

/* ---- encodings, identity, refusals, bounds */

static void test_truncated(void **state) {
    (void)state;
    struct arena *a = arena_new(ARENA_BYTES), *b = arena_new(ARENA_BYTES);
    struct slice whole = read_file(a, FIXTURES "torn-and-boxes.txt");
    for (size_t n = 1; n < whole.len; n += 7) {
        struct parsed p;
        struct parse_fault f;
        arena_reset(b);
        int r = parse_bytes(b, text_head(whole, n), &p, &f);
        assert_true(r == 0 || r == -EINVAL);
        if (r == 0)
            check_conserved("truncated", b, text_head(whole, n), &p, true);
    }
    arena_free(a);
    arena_free(b);
}

/* Any page's name makes uris that the codec takes, and that differ. */
static void test_page_names(void **state) {
    (void)state;
    static const char *const names[] = {
        "Sports A 3", "\x01 x", "",
        "A page with a name that is longer than all that a uri has room for, 柳溪柳溪柳溪柳溪"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct arena *a = arena_new(ARENA_BYTES);
        struct parsed p;
        struct parse_fault f;
        char page[600];
        snprintf(page, sizeof page,
                 "Date: 2031-04-09\nPage: %s\n\n桃园开镰\n\n本报讯 桃农忙。\n\n简讯\n\n"
                 "新桥通车\n\n新桥昨天通车。\n",
                 names[i]);
        assert_int_equal(parse_bytes(a, slice_of(page), &p, &f), 0);
        assert_int_equal(p.n_articles, 2);
        for (size_t k = 0; k < p.n_articles; k++)
            assert_int_equal(codec_check_article(p.articles[k], &f.fault), 0);
        assert_string_not_equal(p.articles[0]->uri, p.articles[1]->uri);
        arena_free(a);
    }
}

static const char small[] = "Date: 2031-04-09\n\n桃园开镰\n\n本报讯 桃农们忙着采摘。\n\n简讯\n\n"
                            "新桥通车\n\n新桥昨天通车。\n\n新桥通车\n\n新桥昨天通车。\n";

static void test_identity(void **state) {
    (void)state;
    struct arena *a = arena_new(ARENA_BYTES);
    struct parsed p, q;
    struct parse_fault f;
    assert_int_equal(parse_bytes(a, slice_of(small), &p, &f), 0);
    assert_int_equal(p.n_articles, 3);
    assert_int_equal(strncmp(p.articles[0]->uri, "urn:newswire:page:2031-04-09:0:", 31), 0);
    assert_int_equal(strlen(p.articles[0]->uri), 31 + 32);
    /* Two items of the same text are two stories, of one source text. */
    assert_string_not_equal(p.articles[1]->uri, p.articles[2]->uri);
    assert_string_equal(p.articles[1]->source_digest, p.articles[2]->source_digest);
    /* White space is no part of it. */
    char spaced[2 * sizeof small];
    size_t n = 0;
    for (const char *s = small; *s != '\0'; s++) {
        if (*s == '\n')
            spaced[n++] = '\r';
        spaced[n++] = *s;
    }
    assert_int_equal(parse_bytes(a, (struct slice){(uint8_t *)spaced, n}, &q, &f), 0);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(p.articles[i]->uri, q.articles[i]->uri);
    arena_free(a);
}

static void test_page_data(void **state) {
    (void)state;
    struct arena *a = arena_new(ARENA_BYTES);
    struct parsed p;
    struct parse_fault f;
    const char text[] = "桃园开镰\n\n本报讯 桃农们忙着采摘。\n";
    struct parse_input input = {
        .bytes = slice_of(text), .name = "qinghe-2031-04-09-2.txt", .section = "economy"};
    assert_int_equal(page_parse(a, &rules, &input, &p, &f), 0);
    assert_string_equal(p.articles[0]->publication, "qinghe");
    assert_string_equal(p.articles[0]->page_date, "2031-04-09");
    assert_string_equal(p.articles[0]->page, "2");
    assert_string_equal(p.articles[0]->section, "economy");
    assert_int_equal(p.warnings.n, 0);
    input.name = "page.txt";
    input.section = NULL;
    assert_int_equal(page_parse(a, &rules, &input, &p, &f), 0);
    assert_int_equal(p.warnings.n, 1);
    assert_string_equal(p.articles[0]->section, "");
    arena_free(a);
}

static void refused(const char *bytes, size_t len, const char *words) {
    struct arena *a = arena_new(ARENA_BYTES);
    struct parsed p;
    struct parse_fault f;
    assert_int_equal(parse_bytes(a, (struct slice){(const uint8_t *)bytes, len}, &p, &f), -EINVAL);
    if (strstr(f.fault.reason, words) == NULL)
        fail_msg("'%s' is not in '%s'", words, f.fault.reason);
    arena_free(a);
}

static void test_refused(void **state) {
    (void)state;
    refused("", 0, "empty");
    refused(" \n\xe3\x80\x80\n\t", 7, "empty");
    refused("a\0b", 3, "NUL at byte 2");
    refused("one\ntwo\n\xff\xfe\xfd", 11, "line 3");
    refused("没有标题的一段话,讲的是桃园。\n", strlen("没有标题的一段话,讲的是桃园。\n"), "title");
    char noise[4096];
    seed_state = 7;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)draw(256);
    refused(noise, sizeof noise, "");
}

/* As many lines as the limit are read, within bounded memory; one more is refused by its number. */
static void test_lines(void **state) {
    (void)state;
    static const char start[] = "桃园开镰\n\n桃园忙。\n";
    char *bytes = malloc(sizeof start + 2 * LIMIT_PAGE_LINES);
    size_t n = sizeof start - 1;
    memcpy(bytes, start, n);
    for (size_t i = 2; i < LIMIT_PAGE_LINES; i++, n += 2)
        memcpy(bytes + n, "a\n", 2);
    struct arena *a = arena_new(ARENA_BYTES);
    struct parsed p;
    struct parse_fault f;
    assert_int_equal(0, parse_bytes(a, (struct slice){(uint8_t *)bytes, n}, &p, &f));
    memcpy(bytes + n, "a\n", 2);
    assert_int_equal(-EINVAL, parse_bytes(a, (struct slice){(uint8_t *)bytes, n + 2}, &p, &f));
    assert_int_equal(LIMIT_PAGE_LINES + 2, f.line);
    assert_non_null(strstr(f.fault.reason, "50002"));
    arena_free(a);
    free(bytes);
}

/* Inputs at which a careless parser is quadratic; each is done in a blink. */
static void test_bounds(void **state) {
    (void)state;
    static const char *const pieces[] = {"桃",      "\n",     "a\n",           "2\n",   "桃园\n\n",
                                         "(",       "□李禾 ", "桃园开镰,\n\n", "图为 ", "——桃,\n",
                                         "第2版\n", "and ",   "桃园忙。 "};
    size_t size = 2 << 20;
    char *bytes = malloc(size + 64);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t len = strlen(pieces[i]), n = 0;
        size_t most = strchr(pieces[i], '\n') == NULL ? size : len * (LIMIT_PAGE_LINES - 1);
        for (; n + len <= size && n + len <= most; n += len)
            memcpy(bytes + n, pieces[i], len);
        struct arena *a = arena_new((size_t)1 << 30);
        struct parsed p;
        struct parse_fault f;
        int r = parse_bytes(a, (struct slice){(uint8_t *)bytes, n}, &p, &f);
        assert_true(r == 0 || r == -EINVAL || r == -ENOMEM);
        arena_free(a);
    }
    for (size_t limit = 1000; limit < 60000; limit += 500) { /* out of memory anywhere */
        struct arena *a = arena_new(limit);
        struct parsed p;
        struct parse_fault f;
        int r = parse_bytes(a, slice_of(small), &p, &f);
        assert_true(r == 0 || r == -ENOMEM);
        arena_free(a);
    }
    free(bytes);
}

static int set_up(void **state) {
    (void)state;
    rules_arena = arena_new(ARENA_BYTES);
    return rules_arena == NULL ? -1 : rules_defaults(rules_arena, &rules);
}

static int tear_down(void **state) {
    (void)state;
    arena_free(rules_arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures),  cmocka_unit_test(test_real_page),
        cmocka_unit_test(test_generated), cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_identity),  cmocka_unit_test(test_page_names),
        cmocka_unit_test(test_page_data), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounds),    cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
