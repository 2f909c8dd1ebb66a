/* Encodings by their bytes, and what is refused. */
#include "proto/charset.h"
#include "proto/source.h"

#include <errno.h>
#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char text[] = "桃园开镰\n\n  本报讯(记者 王禾) 桃农们忙着采摘,仓里堆满。\n";

static struct slice encoded(struct arena *a, const char *to, const char *mark, size_t mark_len) {
    iconv_t cd = iconv_open(to, "UTF-8");
    assert_true(cd != (iconv_t)-1);
    char *out = arena_alloc(a, 1000), *p = out + mark_len, *in = (char *)text;
    memcpy(out, mark, mark_len);
    size_t in_left = sizeof text - 1, left = 900;
    assert_int_equal(iconv(cd, &in, &in_left, &p, &left), 0);
    iconv_close(cd);
    return (struct slice){(uint8_t *)out, (size_t)(p - out)};
}

static void test_encodings(void **state) {
    (void)state;
    static const struct {
        const char *name, *mark;
        size_t len;
    } cases[] = {
        {"UTF-8", "", 0},
        {"UTF-8", "\xef\xbb\xbf", 3},
        {"UTF-16LE", "\xff\xfe", 2},
        {"UTF-16LE", "", 0},
        {"UTF-16BE", "\xfe\xff", 2},
        {"UTF-16BE", "", 0},
        {"GB18030", "", 0},
        {"GBK", "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *a = arena_new(8 << 20);
        struct slice out;
        struct fault f;
        int r =
            charset_to_utf8(a, encoded(a, cases[i].name, cases[i].mark, cases[i].len), &out, &f);
        if (r != 0 || !slice_equal(out, slice_of(text)))
            fail_msg("%s, mark of %zu bytes: %d", cases[i].name, cases[i].len, r);
        arena_free(a);
    }
}

static void test_line_ends(void **state) {
    (void)state;
    struct arena *a = arena_new(8 << 20);
    struct slice out;
    struct fault f;
    assert_int_equal(charset_to_utf8(a, slice_of("a\r\nb\rc\n\r\n"), &out, &f), 0);
    assert_true(slice_equal(out, slice_of("a\nb\nc\n\n")));
    arena_free(a);
}

static void refused(struct slice in, const char *words) {
    struct arena *a = arena_new(8 << 20);
    struct slice out;
    struct fault f = {0};
    assert_int_equal(charset_to_utf8(a, in, &out, &f), -EINVAL);
    if (strstr(f.reason, words) == NULL)
        fail_msg("'%s' is not in '%s'", words, f.reason);
    arena_free(a);
}

static void test_refused(void **state) {
    (void)state;
    refused((struct slice){(const uint8_t *)"ab\0c", 4}, "NUL at byte 3");
    refused(slice_of("\xff\xfe\x41"), "UTF-16LE");
    refused(slice_of("\xef\xbb\xbf"
                     "a\n\x80"),
            "line 2");
    refused(slice_of("\x01\x02\x03\x04 a"), "control characters");
    /* One damaged place in UTF-8 doesn't make the rest GBK. */
    char damaged[sizeof text];
    memcpy(damaged, text, sizeof text);
    damaged[20] = '\xff';
    refused(slice_of(damaged), "not valid UTF-8");
    refused((struct slice){(const uint8_t *)text, sizeof text - 3}, "UTF-8");
}

static void test_source_digest(void **state) {
    (void)state;
    char a[SOURCE_DIGEST_SIZE], b[SOURCE_DIGEST_SIZE], c[SOURCE_DIGEST_SIZE];
    source_digest(slice_of("abc"), a);
    source_digest(slice_of(" a\xe3\x80\x80"
                           "b\n\tc\xc2\xa0"),
                  b);
    source_digest(slice_of("abd"), c);
    /* hashlib.sha256(b"abc").hexdigest() */
    assert_string_equal(a,
                        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_source_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
