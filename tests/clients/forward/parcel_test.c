/*
 * An article made ready for an outlet, without an outlet.
 */
#include "clients/forward/parcel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_new(16 << 20);
    return arena == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    arena = arena_free(arena);
    return 0;
}

static const struct outlet_config *load(const char *keys) {
    char path[] = "/tmp/newswire-parcel-XXXXXX", text[1024];
    struct forward_config *c;
    struct config_fault fault;
    snprintf(text, sizeof text, "[outlet \"x\"]\nurl = https://x.example/in\nformat = text\n%s",
             keys);
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    int r = forward_config_load(arena, path, &c, &fault);
    unlink(path);
    if (r < 0)
        fail_msg("%s: %s", fault.key, fault.reason);
    return c->outlets[0];
}

static struct parcel make(const struct outlet_config *o, const char *headline, const char *id) {
    struct fault fault;
    struct parcel p;
    Article *x = article_new(arena);
    x->uri = (char *)"urn:x:1";
    x->version = 1;
    x->kind = KIND_BRIEF;
    x->headline = (char *)headline;
    assert_int_equal(article_add_block(arena, x, BLOCK_PARAGRAPH, "Text.", 5), 0);
    struct parcel_order order = {
        .message_id = id, .remote_id = "", .receipt = "", .headline = "", .topic = "news/brief"};
    assert_int_equal(codec_pack(arena, (const ProtobufCMessage *)x, &order.bytes), 0);
    assert_int_equal(parcel_make(arena, o, &order, &p, &fault), 0);
    return p;
}

static void expect_body(const struct parcel *p, const char *wanted, size_t len) {
    assert_int_equal(p->body.len, len);
    assert_memory_equal(p->body.data, wanted, len);
}

static void a_text_comes_in_the_outlets_charset(void **state) {
    (void)state;
    static const char gb[] = "\xd6\xb2\xca\xf7\r\n\r\nText.\r\n", latin[] = "?? \xe9\n\nText.\n";
    struct parcel p = make(load("charset = GB18030\ncrlf = yes\n"), "植树", "msg_1");
    expect_body(&p, gb, sizeof gb - 1);
    assert_string_equal(p.media_type, "text/plain; charset=GB18030");
    p = make(load("charset = ISO-8859-1\n"), "植树 é", "msg_1");
    expect_body(&p, latin, sizeof latin - 1);
}

static void a_files_name_leads_nowhere_else(void **state) {
    (void)state;
    const struct outlet_config *o = load("filename = {headline}{suffix}\n");
    assert_string_equal(make(o, "a/../b c", "msg_1").filename, "a-..-b-c.txt");
    assert_string_equal(make(o, "植树", "msg_1").filename, "植树.txt");
}

static void a_batch_has_the_name_of_what_is_in_it(void **state) {
    (void)state;
    const struct outlet_config *o = load("batch = 17:00\n");
    struct parcel all[] = {make(o, "One", "msg_1"), make(o, "Two", "msg_2"),
                           make(o, "Three", "msg_3")};
    struct parcel two, again, three, one;
    assert_int_equal(parcel_join(arena, o, all, 2, &two), 0);
    assert_int_equal(parcel_join(arena, o, all, 2, &again), 0);
    assert_int_equal(parcel_join(arena, o, all, 3, &three), 0);
    assert_int_equal(parcel_join(arena, o, all, 1, &one), 0);
    assert_string_equal(two.message_id, again.message_id);
    assert_string_not_equal(two.message_id, three.message_id);
    assert_string_not_equal(two.message_id, "msg_1");
    assert_string_equal(one.message_id, "msg_1");
    assert_non_null(strstr(two.text, "One"));
    assert_non_null(strstr(two.text, "Two"));
    assert_null(strstr(two.text, "Three"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_text_comes_in_the_outlets_charset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_files_name_leads_nowhere_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_has_the_name_of_what_is_in_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
