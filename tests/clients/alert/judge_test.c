/* What of a look is wrong, by a group's thresholds. */
#include "clients/alert/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define HOUR   (3600 * SECOND)

/* 2031-04-09, a Wednesday, 00:00 in Shanghai. */
static const int64_t midnight = (INT64_C(1933502400) - 20 * 3600) * SECOND;

static struct arena *arena;
static struct group_config group;
static struct look look;
static json_t *came[1];
static struct findings findings;

static const char healthy[] =
    "{\"taking\":true,\"trouble\":\"\",\"readers\":[],\"spool\":null,\"checkpoints\":null}";

static int set_up(void **state) {
    (void)state;
    arena = arena_new(16 << 20);
    group = (struct group_config){
        .name = "duty", .no_page_minute = -1, .reader_lag = 100, .disk_free_bytes = 1 << 30};
    for (size_t i = 0; i < ALERT_KINDS; i++)
        group.wants[i] = true;
    for (size_t i = 0; i < 7; i++)
        group.days[i] = true;
    assert_int_equal(zone_load(arena, "Asia/Shanghai", &group.zone), 0);
    look = (struct look){.arena = arena,
                         .now_usec = midnight + 12 * HOUR,
                         .watches_daemon = true,
                         .status = json_loads(healthy, 0, NULL),
                         .came = came};
    return look.status == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    json_decref(look.status);
    json_decref(came[0]);
    came[0] = NULL;
    arena = arena_free(arena);
    return 0;
}

static void set_status(const char *json) {
    json_t *more = json_loads(json, 0, NULL);
    assert_non_null(more);
    assert_int_equal(json_object_update(look.status, more), 0);
    json_decref(more);
}

static void set_came(const char *json) {
    json_decref(came[0]);
    came[0] = json_loads(json, 0, NULL);
    assert_non_null(came[0]);
}

static void judged(size_t n) {
    assert_int_equal(judge(&group, &look, &findings), 0);
    if (findings.n != n)
        fail_msg("%zu findings, the first: %s", findings.n,
                 findings.n == 0 ? "" : findings.items[0]->text);
}

static void finding_is(size_t i, enum alert_kind kind, const char *text) {
    assert_int_equal(findings.items[i]->kind, kind);
    assert_string_equal(findings.items[i]->text, text);
}

static void all_is_well(void **state) {
    (void)state;
    judged(0);
    for (size_t i = 0; i < ALERT_KINDS; i++)
        assert_false(findings.unknown[i]);
}

static void a_daemon_that_does_not_answer(void **state) {
    (void)state;
    json_decref(look.status);
    look.status = NULL;
    look.no_answer = "no daemon answers at /run/x: nobody is there";
    group.daemon_down_usec = 60;
    judged(1);
    finding_is(0, ALERT_DAEMON_DOWN, look.no_answer);
    assert_int_equal(findings.items[0]->for_usec, 60);
    assert_true(findings.unknown[ALERT_INTAKE_STOPPED] && findings.unknown[ALERT_NO_PAGE] &&
                findings.unknown[ALERT_READER_BEHIND] && findings.unknown[ALERT_READER_GONE] &&
                findings.unknown[ALERT_UNSIGNED]);
    assert_false(findings.unknown[ALERT_OUTLET_FAILING] || findings.unknown[ALERT_DAEMON_DOWN]);
    look.watches_daemon = false;
    judged(0);
}

static void what_the_daemon_says(void **state) {
    (void)state;
    set_status("{\"taking\":false,\"trouble\":\"the disk is full\","
               "\"spool\":{\"trouble\":\"/srv: No such file\"},"
               "\"checkpoints\":{\"trouble\":\"no key\"}}");
    judged(3);
    finding_is(0, ALERT_INTAKE_STOPPED, "the disk is full");
    finding_is(1, ALERT_INTAKE_STOPPED, "the spool: /srv: No such file");
    finding_is(2, ALERT_UNSIGNED, "no key");
    assert_string_not_equal(findings.items[0]->subject, findings.items[1]->subject);
}

static void its_health(void **state) {
    (void)state;
    set_status("{\"taking\":false,\"trouble\":\"full\",\"health\":{\"troubles\":["
               "{\"of\":\"log\",\"text\":\"full; nothing is taken in\"},"
               "{\"of\":\"damage\",\"text\":\"the log is damaged: x\"},"
               "{\"of\":\"checkpoints\",\"text\":\"no\"},{\"of\":\"spool\",\"text\":\"no\"}]}}");
    judged(2);
    finding_is(0, ALERT_INTAKE_STOPPED, "full");
    finding_is(1, ALERT_DEGRADED, "the log is damaged: x");
    set_status("{\"taking\":true}");
    judged(2); /* then it is the log's thread */
    finding_is(0, ALERT_DEGRADED, "full; nothing is taken in");
}

static void readers(void **state) {
    (void)state;
    char *wanted[] = {"archive", "forward"};
    group.readers = (struct text_list){.items = wanted, .n = 2};
    set_status("{\"readers\":[{\"client\":\"archive\",\"lag\":100},"
               "{\"client\":\"radio\\u001b[2J\",\"lag\":101}]}");
    judged(2);
    finding_is(0, ALERT_READER_BEHIND, "radio\xef\xbf\xbd[2J: 101 entries behind");
    finding_is(1, ALERT_READER_GONE, "forward");
}

static void a_page_by_a_time(void **state) {
    (void)state;
    group.no_page_minute = 6 * 60 + 30;
    group.page_after_minute = 18 * 60;
    judged(0);
    assert_true(findings.unknown[ALERT_NO_PAGE]); /* nobody could ask */
    set_came("{\"topics\":{}}");
    judged(1);
    finding_is(0, ALERT_NO_PAGE, "nothing came by 2031-04-09 06:30");
    assert_true(findings.items[0]->since_usec == midnight + 6 * HOUR + HOUR / 2);
    set_came("{\"topics\":{\"news/article\":7}}");
    judged(0);
    char *topics[] = {"politics", "briefs/brief"};
    group.page_topics = (struct text_list){.items = topics, .n = 2};
    judged(1);
    finding_is(0, ALERT_NO_PAGE, "nothing came by 2031-04-09 06:30 in politics briefs/brief");
    set_came("{\"topics\":{\"politics2/article\":7,\"briefs/photo\":8}}");
    judged(1);
    set_came("{\"topics\":{\"politics/article\":7}}");
    judged(0);
    set_came("{\"topics\":{\"briefs/brief\":7}}");
    judged(0);
    topics[0] = "briefs/";
    set_came("{\"topics\":{\"briefs/photo\":7}}");
    judged(0);
}

static void page_time(int64_t now, int64_t start, int64_t deadline) {
    int64_t is_start, is_deadline;
    assert_true(look_page_time(&group, now, &is_start, &is_deadline));
    assert_true(is_start == start);
    assert_true(is_deadline == deadline);
}

static void the_time_of_a_page(void **state) {
    (void)state;
    int64_t day = 24 * HOUR, by = 6 * HOUR + HOUR / 2;
    group.no_page_minute = 6 * 60 + 30;
    group.page_after_minute = 0;
    page_time(midnight + by, midnight, midnight + by);
    page_time(midnight + by - 1, midnight - day, midnight - day + by);
    page_time(midnight + day - 1, midnight, midnight + by);
    group.page_after_minute = 18 * 60; /* of the evening before */
    page_time(midnight + by, midnight - 6 * HOUR, midnight + by);
    group.days[3] = false; /* no Wednesdays */
    page_time(midnight + 12 * HOUR, midnight - day - 6 * HOUR, midnight - day + by);
    for (size_t i = 0; i < 7; i++)
        group.days[i] = i == 4; /* Thursdays alone */
    page_time(midnight + 12 * HOUR, midnight - 6 * day - 6 * HOUR, midnight - 6 * day + by);
    page_time(midnight + day + by, midnight + day - 6 * HOUR, midnight + day + by);
    char *except[] = {"2031-04-03"};
    group.page_except = (struct text_list){.items = except, .n = 1};
    page_time(midnight + 12 * HOUR, midnight - 13 * day - 6 * HOUR, midnight - 13 * day + by);
    int64_t start, deadline;
    memset(group.days, 0, sizeof group.days);
    assert_false(look_page_time(&group, midnight, &start, &deadline));
}

static void what_the_ledgers_say(void **state) {
    (void)state;
    struct look_trouble troubles[] = {
        {{.type = TROUBLE_OUTLET,
          .outlet = "daily",
          .uri = "",
          .headline = "",
          .since_usec = 5,
          .text = "503 busy\nagain"},
         "a.conf"},
        {{.type = TROUBLE_PARKED,
          .outlet = "daily",
          .uri = "u:1",
          .headline = "植树节",
          .version = 2,
          .since_usec = 6,
          .text = ""},
         "a.conf"},
        {{.type = TROUBLE_KILL,
          .outlet = "daily",
          .uri = "u:2",
          .headline = "",
          .version = 2,
          .since_usec = 7,
          .text = "451"},
         "b.conf"},
        {{.type = TROUBLE_PARKED, .outlet = "", .uri = "", .headline = "", .text = "", .more = 12},
         "a.conf"},
    };
    group.outlet_failing_usec = 30;
    group.kill_unconfirmed_usec = 15;
    look.troubles = troubles;
    look.n_troubles = 4;
    judged(4);
    finding_is(0, ALERT_OUTLET_FAILING, "daily: 503 busy again");
    assert_int_equal(findings.items[0]->since_usec, 5);
    assert_int_equal(findings.items[0]->for_usec, 30);
    finding_is(1, ALERT_ITEM_PARKED, "daily: 植树节");
    finding_is(2, ALERT_KILL_UNCONFIRMED, "daily: u:2: 451");
    assert_int_equal(findings.items[2]->for_usec, 15);
    finding_is(3, ALERT_ITEM_PARKED, "12 more");
    /* What is too long is cut between characters. */
    char headline[301];
    for (size_t i = 0; i < 100; i++)
        memcpy(headline + 3 * i, "柳", 4);
    troubles[1].trouble.headline = headline;
    judged(4);
    char wanted[300] = "daily: ";
    for (size_t i = 0; i < 50; i++)
        strcat(wanted, "柳");
    finding_is(1, ALERT_ITEM_PARKED, strcat(wanted, "…"));
    look.n_troubles = 0;
}

static void disks_and_what_cant_be_looked_at(void **state) {
    (void)state;
    struct look_disk disks[] = {{"/srv", 1 << 30}, {"/var", (1 << 30) - 1}};
    struct look_fault ledger = {"a.conf", "it is damaged", LOOK_LEDGER},
                      disk = {"/mnt", "No such file or directory", LOOK_DISK},
                      *faults[] = {&ledger, &disk};
    look.disks = disks;
    look.n_disks = 2;
    judged(1);
    finding_is(0, ALERT_DISK_FULL, "/var: 1023 MiB left");
    look.faults = faults;
    look.n_faults = 1;
    judged(2);
    finding_is(1, ALERT_CANNOT_LOOK, "a.conf: it is damaged");
    assert_true(findings.unknown[ALERT_OUTLET_FAILING] && findings.unknown[ALERT_ITEM_PARKED] &&
                findings.unknown[ALERT_KILL_UNCONFIRMED]);
    assert_false(findings.unknown[ALERT_DISK_FULL]);
    look.n_faults = 2;
    judged(3);
    assert_true(findings.unknown[ALERT_DISK_FULL]);
    group.language = ALERT_CHINESE;
    judged(3);
    finding_is(0, ALERT_DISK_FULL, "/var：剩余 1023 MiB");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(all_is_well),
        TEST(a_daemon_that_does_not_answer),
        TEST(what_the_daemon_says),
        TEST(its_health),
        TEST(readers),
        TEST(a_page_by_a_time),
        TEST(the_time_of_a_page),
        TEST(what_the_ledgers_say),
        TEST(disks_and_what_cant_be_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
