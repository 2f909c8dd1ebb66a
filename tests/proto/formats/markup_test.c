#include "proto/formats/markup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;

static int make(void **state) {
    (void)state;
    arena = arena_new(256 << 20);
    return arena == NULL ? -1 : 0;
}

static int unmake(void **state) {
    (void)state;
    arena = arena_free(arena);
    return 0;
}

/* The blocks as one string: "p:One|h:Two". */
static const char *shown(const Article *article) {
    static char text[8192];
    char *out = text;
    for (size_t i = 0; i < article->n_blocks; i++)
        out += snprintf(out, 1024, "%s%c:%s", i == 0 ? "" : "|", "?phcql"[article->blocks[i]->type],
                        article -> blocks[i] -> text);
    *out = '\0';
    return text;
}

static const char *read_html(const char *html) {
    Article *article = article_new(arena);
    assert_int_equal(markup_read(arena, slice_of(html), article), 0);
    return shown(article);
}

static const char *read_plain(const char *text) {
    Article *article = article_new(arena);
    assert_int_equal(markup_read_plain(arena, slice_of(text), article), 0);
    return shown(article);
}

static void elements_become_blocks(void **state) {
    (void)state;
    assert_string_equal(read_html("<p>One <b>bold</b> word</p><h2>Two</h2><blockquote><p>Three"
                                  "</p></blockquote><ul><li>Four</li><li><p>Five</p></li></ul>"
                                  "<figure><img alt='no'/><figcaption>Six</figcaption></figure>"
                                  "<p class=\"caption\">Seven</p>Eight"),
                        "p:One bold word|h:Two|q:Three|l:Four|l:Five|c:Six|c:Seven|p:Eight");
    assert_string_equal(read_html("<div>柳溪<span>新桥</span><p>通车</p></div>"),
                        "p:柳溪新桥|p:通车");
    assert_string_equal(read_html("<table><tr><th>a<td>b</tr><tr><td>c</td></tr></table>"),
                        "p:a b|p:c");
    assert_string_equal(read_html("<ul><li>a<ul><li>b</li></ul>c</li></ul>d"), "l:a|l:b|l:c|p:d");
    assert_string_equal(read_html("<x:h3>a</x:h3><x:p>b"), "h:a|p:b");
}

static void what_nobody_sees_is_left_out(void **state) {
    (void)state;
    assert_string_equal(read_html("<style>p {}</style>a<script>if (1 < 2) x('</p>');</script>"
                                  "<!-- <p>no --> b<?pi ?><!DOCTYPE x><title>no</title>"),
                        "p:a b");
    assert_string_equal(read_html("<a title=\"x > y\" href='<p>'>a</a>"), "p:a");
    assert_string_equal(read_html("a<script src='x'/> b"), "p:a b");
    assert_string_equal(read_html("<![CDATA[a]]"), "p:a]]");
    assert_string_equal(read_html("<p>&nbsp;</p><p>\u3000</p><p> </p>"), "");
}

static void broken_markup_keeps_its_text(void **state) {
    (void)state;
    assert_string_equal(read_html("1 < 2 and 3 > 2 & so &on; &amp"),
                        "p:1 < 2 and 3 > 2 & so &on; &amp");
    assert_string_equal(read_html("<h1>a<p>b</h1>c</ul></li></blockquote>d"), "h:a|p:b|p:c|p:d");
    assert_string_equal(read_html("<b title=\"x>a</b> b"), "p:a b");
    assert_string_equal(read_html("a<b"), "p:a");
    assert_string_equal(read_html("a<!-- b"), "p:a");
    assert_string_equal(read_html("a</"), "p:a</");
}

static void references_are_resolved(void **state) {
    (void)state;
    assert_string_equal(read_html("&lt;p&gt; &amp;amp; &quot;&apos;&eacute;&hellip;&#8212;&#x67f3;"
                                  "&#150;&#0;&#xd800;&#1114112;&#99999999999;&#;&#x;&"),
                        "p:<p> &amp; \"'é…—柳–\ufffd\ufffd\ufffd\ufffd&#;&#x;&");
    assert_string_equal(read_html("a&#10;&#32;b&nbsp;c"), "p:a b\u00a0c");
    assert_string_equal(read_html("&thetasym;&zwnj;|&AElig;&notanentity;"),
                        "p:ϑ\u200c|Æ&notanentity;");
}

static void white_space_is_evened_out(void **state) {
    (void)state;
    assert_string_equal(read_html(" a \n\t b<br>c<br/><br/>d<br/> <br/> <br/>e "),
                        "p:a b c|p:d|p:e");
    assert_string_equal(read_html("<p>\u3000\u3000柳溪\n新桥<br/>。Tom\nReed</p>"),
                        "p:柳溪新桥。Tom Reed");
    assert_string_equal(read_html("柳溪 新桥"), "p:柳溪 新桥");
}

static void plain_text_has_paragraphs(void **state) {
    (void)state;
    assert_string_equal(read_plain("One\ntwo\r\n\r\nthree\n \n\nfour\n"),
                        "p:One two|p:three|p:four");
    assert_string_equal(read_plain("\n\nOne\r\ntwo\rthree  four\n\n"), "p:One|p:two|p:three four");
    assert_string_equal(read_plain("\u3000\u3000柳溪\n\u3000\u3000新桥"), "p:柳溪|p:新桥");
    assert_string_equal(read_plain("柳溪\n新桥\n\n<b>&amp;"), "p:柳溪新桥|p:<b>&amp;");
    assert_string_equal(read_plain(""), "");
}

static void a_title_is_one_line(void **state) {
    (void)state;
    assert_string_equal(markup_line(arena, slice_of("<h1>A <b>bold</b>\n&amp; long</h1><p>title")),
                        "A bold & long title");
    assert_string_equal(markup_line(arena, slice_of(" ")), "");
}

static void blocks_come_back(void **state) {
    (void)state;
    static const char html[] =
        "<p><span class=\"dateline\">LIUXI, April 9 —</span> a &lt;b&gt; &amp; c</p><h2>d</h2>"
        "<blockquote><p>e</p></blockquote><ul><li>f</li><li>g</li></ul><p>柳溪</p><ul><li>h</li>"
        "</ul><p class=\"caption\">i</p>";
    Article *article = article_new(arena);
    assert_int_equal(markup_read(arena, slice_of(html), article), 0);
    assert_string_equal(article->dateline, "LIUXI, April 9 —");
    assert_string_equal(shown(article), "p:a <b> & c|h:d|q:e|l:f|l:g|p:柳溪|l:h|c:i");
    struct slice written;
    assert_int_equal(markup_write(arena, article, &written), 0);
    assert_string_equal((const char *)written.data, html);
    assert_int_equal(written.len, sizeof html - 1);
    assert_int_equal(markup_write_plain(arena, article, &written), 0);
    assert_string_equal((const char *)written.data,
                        "LIUXI, April 9 — a <b> & c\n\nd\n\ne\n\nf\n\ng\n\n柳溪\n\nh\n\ni");
}

static void a_dateline_stands_at_the_start_only(void **state) {
    (void)state;
    Article *article = article_new(arena);
    assert_int_equal(markup_read(arena, slice_of("a <span class=\"dateline\">b</span> c"), article),
                     0);
    assert_string_equal(shown(article), "p:a b c");
    assert_string_equal(article->dateline, "");
}

static void control_characters_are_not_written(void **state) {
    (void)state;
    Article *article = article_new(arena);
    assert_int_equal(article_add_block(arena, article, BLOCK_PARAGRAPH, "a\x01\x1f", 3), 0);
    struct slice written;
    assert_int_equal(markup_write(arena, article, &written), 0);
    assert_string_equal((const char *)written.data, "<p>a\ufffd\ufffd</p>");
}

/* Each would take for ever if it were looked at again and again. */
static void hostile_markup_takes_one_pass(void **state) {
    (void)state;
    static const char *const pieces[] = {"<a b=\"",   "<!--",   "<script>", "</",       "&",
                                         "<",         "<a b='", "&#",       "<ul><li>", "<p",
                                         "<![CDATA[", "<br>",   "<h1>"};
    enum { SIZE = 2 << 20 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t len = strlen(pieces[i]);
        for (size_t at = 0; at < SIZE; at++)
            text[at] = pieces[i][at % len];
        Article *article = article_new(arena);
        assert_int_equal(markup_read(arena, (struct slice){(uint8_t *)text, SIZE}, article), 0);
        arena_reset(arena);
    }
    free(text);
}

static void random_bytes_never_crash(void **state) {
    (void)state;
    static const char alphabet[] = "<>/&;#!-\"'= pahbrulish23x\n[]?";
    unsigned seed = 20310409;
    for (size_t round = 0; round < 20000; round++) {
        char text[64];
        size_t len = (size_t)rand_r(&seed) % sizeof text;
        for (size_t i = 0; i < len; i++)
            text[i] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
        char *copy = malloc(len + 1); /* of its own, so that ASan sees its end */
        assert_non_null(copy);
        struct slice s = {memcpy(copy, text, len), len};
        Article *article = article_new(arena);
        assert_int_equal(markup_read(arena, s, article), 0);
        assert_int_equal(markup_read_plain(arena, s, article), 0);
        assert_non_null(markup_line(arena, s));
        free(copy);
        arena_reset(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_become_blocks),
        cmocka_unit_test(what_nobody_sees_is_left_out),
        cmocka_unit_test(broken_markup_keeps_its_text),
        cmocka_unit_test(references_are_resolved),
        cmocka_unit_test(white_space_is_evened_out),
        cmocka_unit_test(plain_text_has_paragraphs),
        cmocka_unit_test(a_title_is_one_line),
        cmocka_unit_test(blocks_come_back),
        cmocka_unit_test(a_dateline_stands_at_the_start_only),
        cmocka_unit_test(control_characters_are_not_written),
        cmocka_unit_test(hostile_markup_takes_one_pass),
        cmocka_unit_test(random_bytes_never_crash),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
