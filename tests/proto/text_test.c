#include "proto/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>
#include <uniwidth.h>

#include <cmocka.h>

static struct arena *arena;
static char *out;
static size_t out_len;

static int make_arena(void **state) {
    (void)state;
    setenv("TZ", "UTC", 1);
    arena = arena_new(16 << 20);
    return arena == NULL;
}

static int free_arena(void **state) {
    (void)state;
    arena = arena_free(arena);
    free(out);
    return 0;
}

static const struct entry entry = {.epoch = 1,
                                   .seq = 3,
                                   .prev_seq = 1,
                                   .version = 1,
                                   .topic = {(const uint8_t *)"briefs/brief", 12},
                                   .stored_at_usec = 1933462801500000};

static const char *shown(const struct entry *e, const Article *article, struct text_style style) {
    free(out);
    FILE *file = open_memstream(&out, &out_len);
    assert_non_null(file);
    assert_int_equal(text_entry(file, e, article, &style), 0);
    assert_int_equal(fclose(file), 0);
    return out;
}

static Article *sample(void) {
    Article *a = article_new(arena);
    a->headline = "植树 begins";
    a->dateline = "开发区讯";
    a->publication = "Hartwell Gazette";
    a->page = "2";
    assert_int_equal(article_push_string(arena, &a->byline, &a->n_byline, "王禾", 6), 0);
    assert_int_equal(article_push_string(arena, &a->byline, &a->n_byline, "Jane Doe", 8), 0);
    assert_int_equal(article_add_block(arena, a, BLOCK_PARAGRAPH, "First.", 6), 0);
    assert_int_equal(article_add_block(arena, a, BLOCK_CROSSHEAD, "Second", 6), 0);
    return a;
}

static void an_entry_as_people_read_it(void **state) {
    (void)state;
    assert_string_equal(shown(&entry, sample(), (struct text_style){80, false}),
                        "briefs/brief  #3  2031-04-09 01:00:01\n"
                        "  植树 begins\n"
                        "  王禾, Jane Doe\n"
                        "  Hartwell Gazette, 2\n"
                        "  开发区讯\n"
                        "\n"
                        "  First.\n"
                        "\n"
                        "  Second\n"
                        "\n");
}

static void a_killed_story_and_a_new_version_are_named(void **state) {
    (void)state;
    struct entry e = entry;
    e.version = 2;
    e.replaces = 1;
    e.uri = slice_of("urn:x:1");
    assert_string_equal(
        shown(&e, NULL, (struct text_style){80, false}),
        "briefs/brief  #3  2031-04-09 01:00:01\n"
        "  *** KILLED *** version 2 of this story was withdrawn later; its text is not\n"
        "  served\n"
        "  (urn:x:1)\n\n");
    Article *a = article_new(arena);
    a->headline = "H";
    a->note_to_editors = "A name is wrong";
    e.approved_by[0] = slice_of("Ann (desk)");
    e.n_approved_by = 1;
    assert_string_equal(shown(&e, a, (struct text_style){80, false}),
                        "briefs/brief  #3  2031-04-09 01:00:01\n"
                        "  *** CORRECTION *** version 2 takes the place of #1\n"
                        "  Approved by Ann (desk)\n"
                        "  H\n"
                        "  Note to editors: A name is wrong\n\n");
    e.n_approved_by = 0;
    a->status = STATUS_CANCELED;
    assert_string_equal(shown(&e, a, (struct text_style){80, false}),
                        "briefs/brief  #3  2031-04-09 01:00:01\n"
                        "  *** KILL *** do not use this story; remove it where it was used\n"
                        "  (withdraws #1, urn:x:1)\n"
                        "  H\n"
                        "  Note to editors: A name is wrong\n\n");
    assert_non_null(strstr(shown(&e, a, (struct text_style){80, true}), "\033[1;37;41m*** KILL"));
    a->moved_to = "economy/brief";
    assert_non_null(strstr(shown(&e, a, (struct text_style){80, false}),
                           "  *** MOVED *** this story goes on as economy/brief and is no longer "
                           "valid here\n"));
    /* What is on no log has neither number nor time. */
    e.seq = 0;
    assert_non_null(strstr(shown(&e, a, (struct text_style){80, false}), "briefs/brief\n"));
}

/* Appends the text without its spaces. */
static void add_dense(char *to, const char *text) {
    for (to += strlen(to); *text != '\0'; text++)
        if (*text != ' ')
            *to++ = *text;
    *to = '\0';
}

/* No line is wider than the screen, and no character is lost. */
static void text_wraps_by_what_it_takes_on_the_screen(void **state) {
    (void)state;
    static const char text[] =
        "记者从区政府新闻办获悉，今年植树活动将于四月十日开始，预计种植三千棵树。"
        "The county board voted 7 to 2 on Tuesday，并决定 to replace the bridge。";
    for (int columns = 20; columns < 60; columns++) {
        Article *a = article_new(arena);
        assert_int_equal(article_add_block(arena, a, BLOCK_PARAGRAPH, text, strlen(text)), 0);
        char *at = strchr(shown(&entry, a, (struct text_style){columns, false}), '\n') + 1;
        char joined[512] = "", wanted[512] = "";
        int lines = 0;
        for (char *line; (line = strsep(&at, "\n")) != NULL;) {
            assert_true(u8_width((uint8_t *)line, strlen(line), "UTF-8") <= columns);
            lines += *line != '\0';
            add_dense(joined, line);
        }
        add_dense(wanted, text);
        assert_string_equal(joined, wanted);
        assert_true(lines >= 2 && lines <= 14);
    }
}

static void text_does_nothing_to_the_terminal(void **state) {
    (void)state;
    Article *a = sample();
    a->headline = "a\033[2Jb\xc2\x9b"
                  "31mc\x7f\xe2\x80\xae"
                  "d\xe2\x81\xa6"
                  "e\rf\tg";
    shown(&entry, a, (struct text_style){80, false});
    assert_non_null(strstr(out, "  a\uFFFD[2Jb\uFFFD31mc\uFFFD\uFFFDd\uFFFDe f g\n"));
    for (size_t i = 0; i < out_len; i++)
        assert_true((unsigned char)out[i] >= ' ' || out[i] == '\n');
    shown(&entry, a, (struct text_style){80, true});
    assert_non_null(strstr(out, "  \033[1ma\uFFFD[2J"));
}

static void anything_becomes_harmless(void **state) {
    (void)state;
    static const uint8_t bad[] = {'x', 0xff, 0xc3, '\n', 0, 0xe5, 0xbc};
    char *s = text_harmless((struct slice){bad, sizeof bad});
    assert_non_null(s);
    assert_null(u8_check((uint8_t *)s, strlen(s)));
    assert_null(strchr(s, '\n'));
    assert_int_equal(*s, 'x');
    free(s);
    s = text_harmless((struct slice){NULL, 0});
    assert_string_equal(s, "");
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_as_people_read_it),
        cmocka_unit_test(a_killed_story_and_a_new_version_are_named),
        cmocka_unit_test(text_wraps_by_what_it_takes_on_the_screen),
        cmocka_unit_test(text_does_nothing_to_the_terminal),
        cmocka_unit_test(anything_becomes_harmless),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
