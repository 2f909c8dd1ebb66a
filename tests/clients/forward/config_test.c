#include "clients/forward/config.h"
#include "clients/forward/ledger.h"
#include "clients/forward/zone.h"
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

static int load(const char *text, struct forward_config **ret) {
    char path[] = "/tmp/newswire-forward-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    memset(&fault, 0, sizeof fault);
    int r = forward_config_load(arena, path, ret, &fault);
    unlink(path);
    return r;
}

static const struct outlet_config *load_one(const char *keys) {
    struct forward_config *c;
    char text[4096];
    snprintf(text, sizeof text, "[outlet \"x\"]\nurl = https://x.example/in\n%s", keys);
    int r = load(text, &c);
    if (r < 0)
        fail_msg("%s: %s", fault.key, fault.reason);
    assert_int_equal(c->n_outlets, 1);
    return c->outlets[0];
}

static void refuse(const char *keys, const char *reason) {
    struct forward_config *c;
    char text[4096];
    snprintf(text, sizeof text, "[outlet \"x\"]\nurl = https://x.example/in\n%s", keys);
    assert_int_equal(load(text, &c), -EINVAL);
    if (strstr(fault.reason, reason) == NULL)
        fail_msg("'%s' says '%s' and not '%s'", keys, fault.reason, reason);
    assert_non_null(strstr(fault.key, "[outlet \"x\"]"));
}

static void each_mistake_is_named(void **state) {
    (void)state;
    refuse("format = docx\n", "format");
    refuse("format = exec:relative\n", "whole path");
    refuse("format = ninjs\ncrlf = yes\n", "only format = text");
    refuse("format = text\ncharset = KLINGON\n", "charset");
    refuse("window = 7-22\n", "window");
    refuse("window = 08:00-08:00\n", "window");
    refuse("window = 08:70-09:00\n", "window");
    refuse("batch = noon\nformat = text\n", "batch");
    refuse("batch = 17:00\n", "batch");
    refuse("timezone = Mars/Olympus\n", "timezone");
    refuse("timezone = ../passwd\n", "timezone");
    refuse("subject = {headlin}\n", "{headlin}");
    refuse("url_kill = {rid}\n", "{rid}");
    refuse("kinds = essay\n", "kinds");
    refuse("topics = a/b/c\n", "topics");
    refuse("urgency = 0\n", "urgency");
    refuse("success = errcode is 0\n", "success");
    refuse("remote_id = data.id\n", "remote_id");
    refuse("signing_secrets = a b c\n", "two");
    refuse("headers = nonsense\n", "headers");
    refuse("headers = authorization: Basic eA==\n", "token");
    refuse("url_kill = ftp://x/\n", "url_kill");
    refuse("url_kill = https://me:pw@x/\n", "without a user");
    refuse("url_kill = https://x/{remote_id}\n", "there has to be remote_id");
}

static void topics_must_be_followed(void **state) {
    (void)state;
    static const struct {
        const char *followed, *taken;
        int wanted;
    } cases[] = {{"economy", "economy", 0},
                 {"economy", "economy/brief", 0},
                 {"economy/", "economy/brief", 0},
                 {"economy/brief", "economy", 0},
                 {"news economy/brief", "economy/brief news", 0},
                 {"economy", "economyx", -EINVAL},
                 {"economyx", "economy", -EINVAL},
                 {"economy/brief", "economy/photo", -EINVAL},
                 {"economy", "economy news", -EINVAL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct forward_config *c;
        char text[512];
        snprintf(text, sizeof text,
                 "[forward]\ntopics = %s\n[outlet \"x\"]\nurl = https://x.example/\ntopics = %s\n",
                 cases[i].followed, cases[i].taken);
        if (load(text, &c) != cases[i].wanted)
            fail_msg("'%s' of '%s': %s", cases[i].taken, cases[i].followed, fault.reason);
    }
}

static void each_transport_has_its_own(void **state) {
    (void)state;
    struct forward_config *c;
    assert_int_equal(load("[outlet \"m\"]\nurl = smtp://x\n", &c), -EINVAL);
    assert_non_null(strstr(fault.reason, "mail_from"));
    assert_int_equal(load("[outlet \"m\"]\nurl = sftp://me@x/\n", &c), -EINVAL);
    assert_non_null(strstr(fault.reason, "without a user"));
    assert_int_equal(load("[outlet \"m\"]\nurl = https://me:pw@x.example/in\n", &c), -EINVAL);
    assert_non_null(strstr(fault.reason, "without a user"));
    assert_int_equal(load("[outlet \"m\"]\nurl = https://x.example/{remote_id}\n", &c), -EINVAL);
    assert_non_null(strstr(fault.reason, "{remote_id}"));
    assert_int_equal(load("[outlet \"m\"]\nurl = https://x.example/@desk?to=a@b\n", &c), 0);
    assert_int_equal(load("[outlet \"m\"]\nurl = newswire://host\n", &c), -EINVAL);
    assert_non_null(strstr(fault.reason, "port"));
    assert_int_equal(load("[outlet \"m\"]\nurl = file://relative\n", &c), -EINVAL);
    assert_int_equal(load("[outlet \"m\"]\n", &c), -EINVAL);
    assert_non_null(strstr(fault.reason, "url"));
}

static bool takes(const struct outlet_config *o, const char *topic, Article *x) {
    return outlet_takes(o, topic, x);
}

static void filters_choose(void **state) {
    (void)state;
    Article *x = article_new(arena);
    x->headline = (char *)"Harbour Bridge closed";
    x->language = (char *)"zh-Hans";
    x->urgency = 4;
    assert_int_equal(article_push_string(arena, &x->keywords, &x->n_keywords, "traffic", 7), 0);
    assert_int_equal(article_add_block(arena, x, BLOCK_PARAGRAPH, "港区大桥封闭", 18), 0);
    assert_true(takes(load_one(""), "economy/brief", x));
    assert_true(takes(load_one("topics = economy\n"), "economy/brief", x));
    assert_false(takes(load_one("topics = economy\n"), "economyx/brief", x));
    assert_true(takes(load_one("topics = politics economy/brief\n"), "economy/brief", x));
    assert_false(takes(load_one("topics = economy/brief\n"), "economy/photo", x));
    assert_false(takes(load_one("kinds = article photo\n"), "economy/brief", x));
    assert_true(takes(load_one("languages = en zh\n"), "economy/brief", x));
    assert_false(takes(load_one("languages = z\n"), "economy/brief", x));
    assert_true(takes(load_one("urgency = 4\n"), "economy/brief", x));
    assert_false(takes(load_one("urgency = 3\n"), "economy/brief", x));
    assert_true(takes(load_one("keywords = Traffic\n"), "economy/brief", x));
    assert_true(takes(load_one("keywords = none | 大桥\n"), "economy/brief", x));
    assert_true(takes(load_one("keywords = bridge\n"), "economy/brief", x));
    assert_false(takes(load_one("keywords = traf\n"), "economy/brief", x));
    x->urgency = 0; /* says nothing: 5 */
    assert_false(takes(load_one("urgency = 4\n"), "economy/brief", x));
    x->status = STATUS_WITHHELD;
    assert_false(takes(load_one(""), "economy/brief", x));
}

/* 2031-04-09T07:29:30+08:00 */
static const int64_t morning = 1933457370LL * 1000000;

static void times_of_day_are_those_of_the_zone(void **state) {
    (void)state;
    int64_t open;
    char date[16];
    const struct outlet_config *o =
        load_one("window = 07:30-22:00\ntimezone = Asia/Shanghai\nformat = text\nbatch = 17:00\n");
    zone_date(o->zone, morning, date);
    assert_string_equal(date, "2031-04-09");
    assert_int_equal(zone_minute(o->zone, morning), 7 * 60 + 29);
    assert_false(outlet_is_open(o, morning, &open));
    assert_int_equal(open, morning + 30 * 1000000LL);
    assert_true(outlet_is_open(o, open, &open));
    assert_int_equal(outlet_due(o, morning), morning + (9 * 3600 + 30 * 60 + 30) * 1000000LL);
    o = load_one("window = 22:00-07:30\ntimezone = Asia/Shanghai\n");
    assert_true(outlet_is_open(o, morning, &open));
    assert_false(outlet_is_open(o, morning + 31 * 1000000LL, &open));
    assert_int_equal(outlet_due(o, morning), morning);
}

/* 2031-03-30, 02:00 to 03:00 does not exist in Berlin. */
static void a_day_may_lack_an_hour(void **state) {
    (void)state;
    const struct outlet_config *o = load_one("timezone = Europe/Berlin\n");
    int64_t before = 1932598800LL * 1000000; /* 01:00 UTC less 20 minutes: 01:40 local */
    before -= 20 * 60 * 1000000LL;
    assert_int_equal(zone_minute(o->zone, before), 60 + 40);
    assert_int_equal(zone_minute(o->zone, before + 30 * 60 * 1000000LL), 3 * 60 + 10);
    int64_t next = zone_next(o->zone, before, 2 * 60 + 30);
    assert_true(next > before + 20 * 3600 * 1000000LL); /* the next day's */
    assert_int_equal(zone_minute(o->zone, next), 2 * 60 + 30);
}

/* ---- the ledger */

static void expect_ledger(const char *path, const char *text, const char *ledger) {
    struct forward_config *c;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    int r = forward_config_load(arena, path, &c, &fault);
    unlink(path);
    assert_int_equal(r, 0);
    assert_string_equal(c->forward.ledger, ledger);
}

static void each_config_has_a_ledger_of_its_own(void **state) {
    char folder[] = "/tmp/newswire-forward-XXXXXX", usual[64], county[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(usual, sizeof usual, "%s/forward.conf", folder);
    snprintf(county, sizeof county, "%s/county.conf", folder);
    expect_ledger(usual, "[forward]\n", "/var/lib/newswire-forward/ledger.db");
    expect_ledger(county, "[forward]\n", "/var/lib/newswire-forward/county/ledger.db");
    expect_ledger(county, "[forward]\nledger = /srv/l.db\n", "/srv/l.db");
    rmdir(folder);
}

/* ---- the sample and the manual say what the tables say */

static char *read_whole(const char *name) {
    char *text = calloc(1, 1 << 20);
    FILE *in = fopen(name, "re");
    assert_non_null(in);
    assert_true(fread(text, 1, (1 << 20) - 1, in) > 0);
    fclose(in);
    return text;
}

static void the_sample_is_made_from_the_tables(void **state) {
    (void)state;
    char *text = NULL, *file = read_whole("clients/newswire-forward.conf");
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_int_equal(config_write_sample(forward_sections, out), 0);
    fclose(out);
    assert_string_equal(file, text);
    free(text);
    free(file);
}

/* After a change of the tables, a run with WRITE_MANUAL=FILE writes the list, to be
 * put into the page. */
static void the_manual_lists_the_keys_of_the_tables(void **state) {
    (void)state;
    char *text = NULL, *page = read_whole("clients/newswire-forward.conf.5");
    size_t size;
    FILE *out = open_memstream(&text, &size);
    manual_write_keys(out, forward_sections, "NAME");
    fclose(out);
    if (getenv("WRITE_MANUAL") != NULL && (out = fopen(getenv("WRITE_MANUAL"), "we")) != NULL) {
        fputs(text, out);
        fclose(out);
    }
    const char *first = strstr(page, ".Ss [forward]"), *end = strstr(page, "\n.Sh FILES");
    assert_true(first != NULL && end != NULL);
    page[end + 1 - page] = '\0';
    assert_string_equal(first, text);
    free(text);
    free(page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_mistake_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(topics_must_be_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_transport_has_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(filters_choose, set_up, tear_down),
        cmocka_unit_test_setup_teardown(times_of_day_are_those_of_the_zone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_day_may_lack_an_hour, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_config_has_a_ledger_of_its_own, set_up, tear_down),
        cmocka_unit_test(the_sample_is_made_from_the_tables),
        cmocka_unit_test(the_manual_lists_the_keys_of_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
