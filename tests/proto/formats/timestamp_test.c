#include "proto/formats/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *text, *expected; /* NULL: refused */
};

static void check(const struct row *rows, bool (*read)(struct slice, int64_t *)) {
    for (; rows->text != NULL; rows++) {
        char written[TIMESTAMP_BYTES] = "refused";
        int64_t usec;
        if (read(slice_of(rows->text), &usec))
            timestamp_write(usec, written);
        const char *expected = rows->expected == NULL ? "refused" : rows->expected;
        if (strcmp(written, expected) != 0)
            fail_msg("%s: %s, expected %s", rows->text, written, expected);
    }
}

static void rfc3339_is_strict(void **state) {
    (void)state;
    check((const struct row[]){{"2031-04-09T18:00:00+08:00", "2031-04-09T10:00:00Z"},
                               {" 2031-04-09 18:00Z\n", "2031-04-09T18:00:00Z"},
                               {"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000Z"},
                               {"2031-04-09T18:00:00.000001z", "2031-04-09T18:00:00.000001Z"},
                               {"2032-02-29T00:00:00Z", "2032-02-29T00:00:00Z"},
                               {"2031-02-29T00:00:00Z", NULL},
                               {"2031-04-09T18:00:00", NULL},
                               {"2031-04-09T24:00:00Z", NULL},
                               {"2031-04-09T18:00:00Z x", NULL},
                               {"2031-04-09T180000Z", NULL},
                               {"2031-04-09", NULL},
                               {"", NULL},
                               {0}},
          timestamp_read);
}

static void iso_8601_is_taken_loosely(void **state) {
    (void)state;
    check((const struct row[]){{"20310409T180000+0800", "2031-04-09T10:00:00Z"},
                               {"2031-04-09T18:00:00-05:00", "2031-04-09T23:00:00Z"},
                               {"2031-04-09", "2031-04-09T00:00:00Z"},
                               {"20310409", "2031-04-09T00:00:00Z"},
                               {"2031-04", "2031-04-01T00:00:00Z"},
                               {"2031", "2031-01-01T00:00:00Z"},
                               {"2031-04-09T18:30", "2031-04-09T18:30:00Z"},
                               {"2031-13", NULL},
                               {"2031-04-09T1", NULL},
                               {"tomorrow", NULL},
                               {0}},
          timestamp_read_iso);
}

static void rfc822_as_rss_has_it(void **state) {
    (void)state;
    check((const struct row[]){{"Wed, 09 Apr 2031 18:00:00 +0800", "2031-04-09T10:00:00Z"},
                               {"9 Apr 31 18:00 EST", "2031-04-09T23:00:00Z"},
                               {"Sunday, 01 June 1997 00:00:00 GMT", "1997-06-01T00:00:00Z"},
                               {"01 Jun 97 00:00:00 UT", "1997-06-01T00:00:00Z"},
                               {"09 Apr 2031", "2031-04-09T00:00:00Z"},
                               {"31 Apr 2031 00:00:00 GMT", NULL},
                               {"09 Apr 2031 18:00:00 XXX", NULL},
                               {"Wed, Apr 9 2031", NULL},
                               {0}},
          timestamp_read_rfc822);
}

static void a_date_stands_at_the_start(void **state) {
    (void)state;
    char date[sizeof "2031-04-09"];
    assert_true(timestamp_date(slice_of("20310409T235959-0800"), date));
    assert_string_equal(date, "2031-04-09");
    assert_true(timestamp_date(slice_of(" 2031-04-09T23:59:59-08:00"), date));
    assert_string_equal(date, "2031-04-09");
    assert_false(timestamp_date(slice_of("2031-02-30"), date));
    assert_false(timestamp_date(slice_of("9 Apr"), date));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3339_is_strict),
        cmocka_unit_test(iso_8601_is_taken_loosely),
        cmocka_unit_test(rfc822_as_rss_has_it),
        cmocka_unit_test(a_date_stands_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
