#include "clients/alert/config.h"
#include "tests/proto/manual.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena *arena;
static struct config_fault fault;

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

static int load(const char *text, struct alert_config **ret) {
    char path[] = "/tmp/newswire-alert-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    memset(&fault, 0, sizeof fault);
    int r = alert_config_load(arena, path, ret, &fault);
    unlink(path);
    return r;
}

static const struct group_config *load_one(const char *keys) {
    struct alert_config *c;
    char text[4096];
    snprintf(text, sizeof text, "[alert \"duty\"]\n%s", keys);
    int r = load(text, &c);
    if (r < 0)
        fail_msg("%s: %s", fault.key, fault.reason);
    assert_int_equal(c->n_groups, 1);
    return c->groups[0];
}

static void refuse(const char *keys, const char *reason) {
    struct alert_config *c;
    char text[4096];
    snprintf(text, sizeof text, "[alert \"duty\"]\n%s", keys);
    assert_int_equal(load(text, &c), -EINVAL);
    if (strstr(fault.reason, reason) == NULL)
        fail_msg("'%s' says '%s' and not '%s'", keys, fault.reason, reason);
    assert_non_null(strstr(fault.key, "duty"));
}

#define HOOK "url = https://x.example/hook\n"
#define MAIL "url = smtp://x.example\nmail_from = a@x.example\nmail_to = b@x.example\n"

static void each_mistake_is_named(void **state) {
    (void)state;
    refuse("", "url");
    refuse(HOOK "url_secret = x\n", "url");
    refuse("url = ftp://x.example\n", "url");
    refuse("url = https://x.example/{id}\n", "%7B");
    refuse(HOOK "mail_to = a@x.example\n", "mail_to");
    refuse("url = smtp://x.example\n", "mail_to");
    refuse("url = smtp://x.example\nmail_from = a\nmail_to = b@x.example\n", "mail_from");
    refuse(MAIL "format = wecom\n", "format");
    refuse(MAIL "secret = x\n", "secret");
    refuse(HOOK "format = wecom\nsecret = x\n", "secret");
    refuse(HOOK "format = dingtalk\ntoken = x\n", "token");
    refuse(
        HOOK
        "title = 值班值班值班值班值班值班值班值班值班值班值班值班值班值班值班值班值班值班值班值班"
        "值班\n",
        "title");
    refuse(HOOK "kinds = daemon_down earthquake\n", "kinds");
    refuse(HOOK "urgent = flood\n", "urgent");
    refuse(HOOK "quiet = 22-6\n", "quiet");
    refuse(HOOK "quiet = 22:00-22:00\n", "quiet");
    refuse(HOOK "timezone = Mars/Olympus\n", "timezone");
    refuse(HOOK "no_page_by = noon\n", "no_page_by");
    refuse(HOOK "page_after =\n", "page_after");
    refuse(HOOK "no_page_by = 06:00\npage_after = 06:00\n", "page_after");
    refuse(HOOK "page_days = mon funday\n", "page_days");
    refuse(HOOK "page_except = 2031-02-30\n", "page_except");
    refuse(HOOK "page_except = 2031-10-01T00:00\n", "page_except");
    refuse(HOOK "page_topics = a/b/c\n", "page_topics");
    struct alert_config *c;
    assert_int_equal(load("[watch]\ninterval = 1min\n", &c), -EINVAL);
    assert_non_null(strstr(fault.reason, "nobody would be told"));
    assert_int_equal(load("[alert \"duty\"]\n" HOOK "format = telegram\n", &c), -EINVAL);
    assert_int_equal(load("[alert \"duty\"]\n" HOOK "outlet_fails = 3h\n", &c), -EINVAL);
}

static void what_is_meant_is_made_of_it(void **state) {
    (void)state;
    const struct group_config *g = load_one(HOOK "kinds = disk_full no_page\nurgent = no_page\n"
                                                 "quiet = 22:00-06:30\nno_page_by = 07:15\n"
                                                 "page_days = mon Tue\n");
    assert_true(g->wants[ALERT_DISK_FULL] && g->wants[ALERT_NO_PAGE]);
    assert_false(g->wants[ALERT_DAEMON_DOWN]);
    assert_true(g->is_urgent[ALERT_NO_PAGE]);
    assert_false(g->is_urgent[ALERT_DAEMON_DOWN] || g->is_mail);
    assert_int_equal(g->quiet.from, 22 * 60);
    assert_int_equal(g->quiet.to, 6 * 60 + 30);
    assert_int_equal(g->no_page_minute, 7 * 60 + 15);
    assert_int_equal(g->page_after_minute, 0);
    assert_true(g->days[1] && g->days[2] && !g->days[0] && !g->days[3]);
    g = load_one(MAIL);
    assert_true(g->is_mail && g->wants[ALERT_KINDS - 1] && g->is_urgent[ALERT_DISK_FULL]);
    assert_int_equal(g->outlet_failing_usec, INT64_C(1800) * 1000000);
    assert_int_equal(g->no_page_minute, -1);
    g = load_one("url_secret = /run/x\nmail_from = a@x.example\nmail_to = b@x.example\n");
    assert_true(g->is_mail);
    g = load_one("url_secret = robot.url\nformat = dingtalk\nsecret = robot.key\n");
    assert_false(g->is_mail);
}

/* ---- the files beside the program */

static char *read_file(const char *path) {
    FILE *f = fopen(path, "re");
    static char text[64 << 10];
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void the_sample_is_made_from_the_tables(void **state) {
    (void)state;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(config_write_sample(alert_sections, out), 0);
    fclose(out);
    assert_string_equal(read_file("clients/newswire-alert.conf"), text);
    free(text);
}

static void the_manual_lists_the_keys_of_the_tables(void **state) {
    (void)state;
    char *text = NULL, *page = read_file("clients/newswire-alert.conf.5");
    size_t len;
    FILE *out = open_memstream(&text, &len);
    manual_write_keys(out, alert_sections, "name");
    fclose(out);
    if (getenv("WRITE_MANUAL") != NULL && (out = fopen(getenv("WRITE_MANUAL"), "we")) != NULL) {
        fputs(text, out);
        fclose(out);
    }
    char *first = strstr(page, ".Ss [watch]"), *end = strstr(page, "\n.Sh FILES");
    assert_true(first != NULL && end != NULL);
    end[1] = '\0';
    assert_string_equal(first, text);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_mistake_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_meant_is_made_of_it, set_up, tear_down),
        cmocka_unit_test(the_sample_is_made_from_the_tables),
        cmocka_unit_test(the_manual_lists_the_keys_of_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
