/* What a line carries when systemd started the program: sd_journal_sendv is this
 * file's. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "proto/journal/journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cmocka.h>

static char sent[65536]; /* "NAME=value\n" of each field */
static int sent_result;

int sd_journal_sendv(const struct iovec *parts, int n) {
    size_t at = 0;
    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(sent + at, sizeof sent - at, "%.*s\n", (int)parts[i].iov_len,
                               (const char *)parts[i].iov_base);
    return sent_result;
}

static int saved_stderr;
static FILE *lines;

/* Standard error is a file, and the stream that systemd gave. */
static int set_up(void **state) {
    struct stat st;
    char stream[64];
    (void)state;
    lines = tmpfile();
    saved_stderr = dup(STDERR_FILENO);
    if (lines == NULL || saved_stderr < 0 || dup2(fileno(lines), STDERR_FILENO) < 0 ||
        fstat(STDERR_FILENO, &st) < 0)
        return -1;
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    sent[0] = '\0';
    sent_result = 0;
    journal_open("newswired");
    journal_set_level(LOG_DEBUG);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    unsetenv("JOURNAL_STREAM");
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    return fclose(lines);
}

static const char *on_stderr(void) {
    static char text[4096];
    rewind(lines);
    text[fread(text, 1, sizeof text - 1, lines)] = '\0';
    return text;
}

static bool has(const char *field) {
    char line[4200];
    snprintf(line, sizeof line, "%s\n", field);
    const char *at = strstr(sent, line);
    return at != NULL && (at == sent || at[-1] == '\n');
}

static void a_line_has_its_fields(void **state) {
    (void)state;
    journal(JOURNAL_DELIVERY_PARKED,
            &(struct journal_subject){.uri = "urn:a:1",
                                      .version = 2,
                                      .topic = "briefs/brief",
                                      .seq = 18446744073709551615ULL,
                                      .outlet = "Hartwell",
                                      .reason = "403"},
            "%s: parked", "urn:a:1");
    assert_true(has("MESSAGE=urn:a:1: parked"));
    assert_true(has("PRIORITY=3"));
    assert_true(has("NEWSWIRE_EVENT=DELIVERY_PARKED"));
    assert_true(has("NEWSWIRE_URI=urn:a:1"));
    assert_true(has("NEWSWIRE_VERSION=2"));
    assert_true(has("NEWSWIRE_TOPIC=briefs/brief"));
    assert_true(has("NEWSWIRE_SEQ=18446744073709551615"));
    assert_true(has("NEWSWIRE_OUTLET=Hartwell"));
    assert_true(has("NEWSWIRE_REASON=403"));
    assert_null(strstr(sent, "NEWSWIRE_CLIENT"));
    assert_string_equal(on_stderr(), "");
}

static void an_event_always_has_what_its_entry_names(void **state) {
    (void)state;
    journal(JOURNAL_DELIVERY_PARKED, NULL, "parked");
    assert_true(has("NEWSWIRE_OUTLET=-"));
    assert_true(has("NEWSWIRE_URI=-"));
    assert_true(has("NEWSWIRE_VERSION=-"));
    assert_null(strstr(sent, "NEWSWIRE_TOPIC"));
}

static void what_others_sent_makes_no_field(void **state) {
    (void)state;
    char uri[4096];
    memset(uri, 'u', sizeof uri);
    uri[sizeof uri - 1] = '\0';
    journal(JOURNAL_ARTICLE_REFUSED, &(struct journal_subject){.uri = uri}, "a\nPRIORITY=0%s",
            "\x1b[31m");
    assert_true(has("PRIORITY=4"));
    assert_false(has("PRIORITY=0"));
    assert_null(strchr(sent, '\x1b'));
    assert_non_null(strstr(sent, "NEWSWIRE_URI=uuuu"));
}

static void a_journal_that_takes_nothing(void **state) {
    (void)state;
    sent_result = -ENOBUFS;
    journal(JOURNAL_STOPPING, NULL, "stopping");
    assert_string_equal(on_stderr(), "newswired: stopping\n");
}

static void standard_error_that_is_no_journal(void **state) {
    (void)state;
    setenv("JOURNAL_STREAM", "1:1", 1);
    journal_open("newswired");
    journal(JOURNAL_LOG_DAMAGED, &(struct journal_subject){.reason = "why"}, "damaged");
    assert_string_equal(on_stderr(), "newswired: error: damaged\n");
    assert_string_equal(sent, "");
}

static void the_last_error_stays(void **state) {
    (void)state;
    char text[16];
    long long usec;
    journal(JOURNAL_LOG_DAMAGED, NULL, "a damage that is long");
    journal(JOURNAL_STOPPING, NULL, "stopping");
    journal_last_error(text, sizeof text, &usec);
    assert_string_equal(text, "a damage that i");
    assert_true(usec > 0);
}

static void every_event_has_an_id_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i < JOURNAL_EVENTS_END; i++) {
        const struct journal_event_info *e = &journal_events[i];
        assert_int_equal(strlen(e->id), 32);
        assert_int_equal(strspn(e->id, "0123456789abcdef"), 32);
        assert_in_range(e->priority, LOG_ERR, LOG_DEBUG);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(e->id, journal_events[k].id);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_line_has_its_fields),
        TEST(an_event_always_has_what_its_entry_names),
        TEST(what_others_sent_makes_no_field),
        TEST(a_journal_that_takes_nothing),
        TEST(standard_error_that_is_no_journal),
        TEST(the_last_error_stays),
        cmocka_unit_test(every_event_has_an_id_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
