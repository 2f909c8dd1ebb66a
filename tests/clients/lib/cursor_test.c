#include "clients/lib/cursor.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena *arena;
static char folder[] = "/tmp/newswire-cursor-XXXXXX", path[64];

static int set_up(void **state) {
    (void)state;
    strcpy(folder, "/tmp/newswire-cursor-XXXXXX");
    arena = arena_new(1 << 20);
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/c", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char name[80];
    static const char *const endings[] = {"", ".lock", ".new"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
    arena = arena_free(arena);
    return rmdir(folder);
}

static struct reader_cursor sample(void) {
    static struct reader_position positions[2];
    positions[0] = (struct reader_position){slice_of("economy/brief"), 3};
    positions[1] = (struct reader_position){slice_of("economy/photo"), UINT64_C(1) << 60};
    return (struct reader_cursor){.epoch = 1933459200000000,
                                  .proven_seq = 5,
                                  .start_seq = 2,
                                  .positions = positions,
                                  .n_positions = 2};
}

static void a_cursor_comes_back_as_it_was(void **state) {
    (void)state;
    struct slice prefixes[] = {slice_of("economy/"), slice_of("briefs/b")};
    struct slice turned[] = {prefixes[1], prefixes[0]};
    struct reader_cursor c = sample(), back;
    struct fault fault;
    char *text = cursor_to_text(&c, prefixes, 2);
    assert_int_equal(cursor_from_text(arena, text, turned, 2, &back, &fault), 0);
    assert_int_equal(back.epoch, c.epoch);
    assert_int_equal(back.proven_seq, 5);
    assert_int_equal(back.start_seq, 2);
    assert_int_equal(back.n_positions, 2);
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 2; k++)
            if (slice_equal(back.positions[i].topic, c.positions[k].topic))
                assert_int_equal(back.positions[i].last_seq, c.positions[k].last_seq);
    free(text);
}

static void other_topics_are_refused(void **state) {
    (void)state;
    struct slice made[] = {slice_of("economy/")}, more[] = {slice_of("economy/"), slice_of("a/")};
    struct slice other[] = {slice_of("economy/b")};
    struct reader_cursor c = sample(), back;
    struct fault fault;
    char *text = cursor_to_text(&c, made, 1);
    assert_int_equal(cursor_from_text(arena, text, more, 2, &back, &fault), -EINVAL);
    assert_int_equal(cursor_from_text(arena, text, other, 1, &back, &fault), -EINVAL);
    assert_int_equal(cursor_from_text(arena, text, NULL, 0, &back, &fault), -EINVAL);
    assert_non_null(strstr(fault.reason, "other topics"));
    free(text);
}

static void what_is_no_cursor_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{}",
        "null",
        "{\"format\":2,\"prefixes\":[],\"epoch\":1,\"start_seq\":0,\"proven_seq\":0,\"topics\":{}}",
        "{\"format\":1,\"prefixes\":[],\"epoch\":1,\"start_seq\":9,\"proven_seq\":0,\"topics\":{}}",
        "{\"format\":1,\"prefixes\":[],\"epoch\":-1,\"start_seq\":0,\"proven_seq\":0,\"topics\":{}"
        "}",
        "{\"format\":1,\"prefixes\":[],\"epoch\":1,\"start_seq\":0,\"proven_seq\":0,\"topics\":"
        "{\"no topic\":1}}",
        "{\"format\":1,\"prefixes\":[],\"epoch\":1,\"start_seq\":0,\"proven_seq\":0,\"topics\":"
        "{\"a/brief\":\"1\"}}",
    };
    struct reader_cursor back;
    struct fault fault;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fault = (struct fault){0};
        assert_int_equal(cursor_from_text(arena, texts[i], NULL, 0, &back, &fault), -EINVAL);
        assert_true(*fault.reason != '\0');
    }
    /* Cut anywhere, as by a disk that was full. */
    struct reader_cursor c = sample();
    char *text = cursor_to_text(&c, NULL, 0);
    for (size_t len = strlen(text); len-- > 0;) {
        text[len] = '\0';
        assert_int_equal(cursor_from_text(arena, text, NULL, 0, &back, &fault), -EINVAL);
    }
    free(text);
}

static void a_file_is_replaced_whole(void **state) {
    (void)state;
    char *text;
    struct stat before, after;
    assert_int_equal(cursor_load(path, &text), 0);
    assert_null(text);
    assert_int_equal(cursor_store(path, "one"), 0);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(cursor_store(path, "two"), 0);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino != after.st_ino); /* never written to in place */
    assert_int_equal(cursor_load(path, &text), 0);
    assert_string_equal(text, "two\n");
    free(text);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(cursor_load(path, &text), 0);
    assert_null(text);
    assert_int_equal(cursor_store("/nowhere/c", "x"), -ENOENT);
}

static void one_at_a_time(void **state) {
    (void)state;
    int first = cursor_lock(path);
    assert_true(first >= 0);
    assert_int_equal(cursor_lock(path), -EBUSY);
    close(first);
    int second = cursor_lock(path);
    assert_true(second >= 0);
    close(second);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_cursor_comes_back_as_it_was),
        TEST(other_topics_are_refused),
        TEST(what_is_no_cursor_is_refused),
        TEST(a_file_is_replaced_whole),
        TEST(one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
