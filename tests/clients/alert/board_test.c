/* The board: what is told, when, and how often. The clock is the test's. */
#include "clients/alert/board.h"
#include "clients/alert/state.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static struct arena *arena;
static struct group_config group;
static struct board board;
static struct findings findings;
static int64_t now;

/* 2031-04-09, a Wednesday, 12:00 in UTC. */
static const int64_t noon = INT64_C(1933502400) * SECOND;

static int set_up(void **state) {
    (void)state;
    arena = arena_new(16 << 20);
    group = (struct group_config){.name = "duty",
                                  .title = "newswire",
                                  .merge_usec = MINUTE,
                                  .remind_usec = 12 * HOUR,
                                  .rate = 3600,
                                  .lines = 20,
                                  .quiet = {-1, -1},
                                  .format = ALERT_JSON};
    for (size_t i = 0; i < ALERT_KINDS; i++)
        group.wants[i] = true;
    group.is_urgent[ALERT_DAEMON_DOWN] = true;
    assert_int_equal(zone_load(arena, "UTC", &group.zone), 0);
    board = (struct board){.group = &group, .wire = "here"};
    findings = (struct findings){.arena = arena};
    now = noon;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    board_done(&board);
    arena = arena_free(arena);
    return 0;
}

static void found_for(enum alert_kind kind, const char *subject, int64_t since, int64_t needed) {
    struct finding f = {kind, subject, NULL, since, (uint64_t)needed};
    assert_int_equal(findings_add(&findings, &f, "%s is bad", subject), 0);
}

static void found(enum alert_kind kind, const char *subject) {
    found_for(kind, subject, 0, 0);
}

/* A look with what was found since the one before; then the board's turn. */
static void look(void) {
    assert_int_equal(board_take(&board, &findings, now), 0);
    findings = (struct findings){.arena = arena};
    assert_int_equal(board_compose(&board, now), 0);
}

static void turn(void) {
    assert_int_equal(board_compose(&board, now), 0);
}

static void nothing(void) {
    if (*board.message.id != '\0')
        fail_msg("there is a message: %s", board.message.title);
}

/* It is there, and goes. */
static void told(const char *title) {
    assert_string_not_equal(board.message.id, "");
    assert_string_equal(board.message.title, title);
    assert_true(board_should_send(&board, now));
    board_sent(&board, now);
}

static void says(const char *words) {
    assert_non_null(board.message.text);
    if (strstr(board.message.text, words) == NULL)
        fail_msg("'%s' isn't in '%s'", words, board.message.text);
}

/* ---- once */

static void an_alert_is_told_once_and_when_it_is_over(void **state) {
    (void)state;
    found(ALERT_OUTLET_FAILING, "daily");
    look();
    nothing(); /* it waits for others */
    now += MINUTE;
    found(ALERT_OUTLET_FAILING, "daily");
    look();
    says("daily is bad (since 12:00)");
    says("1 open in all");
    told("newswire: outlet failing");
    for (int i = 0; i < 100; i++) {
        now += MINUTE;
        found(ALERT_OUTLET_FAILING, "daily");
        look();
        nothing();
    }
    now += MINUTE;
    look();
    nothing();
    now += MINUTE;
    look();
    says("daily is bad (12:00 to 13:42)");
    says("0 open in all");
    told("newswire: over: outlet failing");
    for (int i = 0; i < 100; i++, now += HOUR)
        look();
    nothing();
    assert_int_equal(board.n, 0);
}

static void what_is_short_is_never_told(void **state) {
    (void)state;
    found_for(ALERT_DAEMON_DOWN, "newswired", 0, 5 * MINUTE);
    look();
    now += 4 * MINUTE;
    found_for(ALERT_DAEMON_DOWN, "newswired", 0, 5 * MINUTE);
    look();
    assert_int_equal(board_open(&board, now), 0);
    now += 30 * SECOND;
    look(); /* it answers again */
    assert_int_equal(board.n, 0);
    now += HOUR;
    turn();
    nothing();
}

static void it_counts_from_its_beginning(void **state) {
    (void)state;
    int64_t since = now;
    found_for(ALERT_OUTLET_FAILING, "daily", since, 30 * MINUTE);
    look();
    now = since + 30 * MINUTE - 1;
    found_for(ALERT_OUTLET_FAILING, "daily", since, 30 * MINUTE);
    look();
    assert_int_equal(board_open(&board, now), 0);
    now = since + 30 * MINUTE;
    found_for(ALERT_OUTLET_FAILING, "daily", since, 30 * MINUTE);
    look();
    assert_int_equal(board_open(&board, now), 1);
    now += MINUTE;
    turn();
    says("(since 12:00)");
    told("newswire: outlet failing");
}

static void what_began_long_ago_is_news_all_the_same(void **state) {
    (void)state;
    found_for(ALERT_OUTLET_FAILING, "daily", now - 3 * HOUR, 30 * MINUTE);
    look();
    nothing(); /* it waits for others, as anything new */
    now += MINUTE;
    turn();
    says("(since 09:00)");
    told("newswire: outlet failing");
}

static void over_before_it_was_told(void **state) {
    (void)state;
    found(ALERT_DISK_FULL, "/srv");
    look();
    now += 20 * SECOND;
    look();
    now += 40 * SECOND;
    turn();
    says("/srv is bad (12:00 to 12:00)");
    told("newswire: meanwhile, and over: disk full");
    assert_int_equal(board.n, 0);
}

static void what_comes_back_before_it_was_told_to_be_over(void **state) {
    (void)state;
    found(ALERT_DISK_FULL, "/srv");
    look();
    now += MINUTE;
    found(ALERT_DISK_FULL, "/srv");
    look();
    told("newswire: disk full");
    now += MINUTE;
    look(); /* over */
    now += 30 * SECOND;
    found(ALERT_DISK_FULL, "/srv");
    look(); /* and not */
    now += HOUR;
    turn();
    nothing();
    assert_int_equal(board_open(&board, now), 1);
}

static void what_cant_be_looked_at_is_neither_new_nor_over(void **state) {
    (void)state;
    found(ALERT_OUTLET_FAILING, "daily");
    look();
    now += MINUTE;
    found(ALERT_OUTLET_FAILING, "daily");
    look();
    told("newswire: outlet failing");
    for (int i = 0; i < 5; i++) {
        now += MINUTE;
        findings.unknown[ALERT_OUTLET_FAILING] = true;
        look();
        nothing();
        assert_int_equal(board_open(&board, now), 1);
    }
}

static void a_group_hears_of_what_it_wants(void **state) {
    (void)state;
    group.wants[ALERT_ITEM_PARKED] = false;
    found(ALERT_ITEM_PARKED, "a");
    found(ALERT_NO_PAGE, "page");
    look();
    now += MINUTE;
    turn();
    told("newswire: no page came");
}

/* ---- many in one */

static void many_are_one_message(void **state) {
    (void)state;
    found(ALERT_OUTLET_FAILING, "daily");
    look();
    now += 30 * SECOND;
    found(ALERT_OUTLET_FAILING, "daily");
    found(ALERT_OUTLET_FAILING, "radio");
    found(ALERT_ITEM_PARKED, "one");
    look();
    nothing();
    now += 30 * SECOND;
    found(ALERT_OUTLET_FAILING, "daily");
    found(ALERT_OUTLET_FAILING, "radio");
    found(ALERT_OUTLET_FAILING, "weekly");
    found(ALERT_DAEMON_DOWN, "newswired");
    found(ALERT_ITEM_PARKED, "one");
    look();
    says("3 outlets failing:\n- daily is bad (since 12:00)\n- radio is bad (since 12:00)\n- weekly "
         "is bad (since 12:01)\n");
    assert_true(board.message.urgent);
    told("newswire: newswired does not answer, 3 outlets failing, item parked");
}

static void what_has_no_room_is_counted(void **state) {
    (void)state;
    char name[16];
    group.lines = 8;
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "item%02d", i);
        found(ALERT_ITEM_PARKED, name);
    }
    look();
    now += MINUTE;
    turn();
    says("item07 is bad");
    says("and 12 more");
    assert_null(strstr(board.message.text, "item08"));
    assert_non_null(strstr(board.message.json, "\"more\":12"));
    told("newswire: 20 items parked");
    now += MINUTE;
    turn();
    nothing(); /* they count as told */
}

/* WeCom cuts nothing off: a message that is too long is refused. */
static void it_fits_the_robot(void **state) {
    (void)state;
    char name[400];
    group.format = ALERT_WECOM;
    group.language = ALERT_CHINESE;
    group.lines = 1000;
    for (int i = 0; i < 50; i++) {
        int n = snprintf(name, sizeof name, "第%02d号稿件", i);
        for (int k = 0; k < 30; k++)
            n += snprintf(name + n, sizeof name - (size_t)n, "植树节");
        found(ALERT_ITEM_PARKED, name);
    }
    look();
    now += MINUTE;
    turn();
    assert_in_range(strlen(board.message.title) + 1 + strlen(board.message.text), 1200, 2048);
    says("另有 4");
    told("newswire：稿件转发被搁置 50 项");
}

static void the_rate_holds_back_and_loses_nothing(void **state) {
    (void)state;
    char name[16];
    int messages = 0;
    size_t alerts = 0;
    group.rate = 6;
    group.merge_usec = 0;
    for (int i = 0; i < 120; i++, now += MINUTE) {
        for (int k = 0; k <= i; k++) {
            snprintf(name, sizeof name, "item%03d", k);
            found(ALERT_ITEM_PARKED, name);
        }
        look();
        if (*board.message.id == '\0')
            continue;
        messages++;
        unsigned n = 1;
        sscanf(board.message.title, "newswire: %u items", &n);
        alerts += n;
        board_sent(&board, now);
    }
    assert_in_range(messages, 12, 15); /* six an hour, and three in a row at first */
    now += HOUR;
    turn();
    if (*board.message.id != '\0') {
        unsigned n = 1;
        sscanf(board.message.title, "newswire: %u items", &n);
        alerts += n;
    }
    assert_int_equal(alerts, 120);
}

/* ---- times of day */

static void quiet_hours_hold_what_can_wait(void **state) {
    (void)state;
    group.quiet = (struct day_window){22 * 60, 6 * 60 + 30};
    now = noon + 11 * HOUR; /* 23:00 */
    found(ALERT_OUTLET_FAILING, "daily");
    found(ALERT_OUTLET_FAILING, "radio");
    look();
    for (int i = 0; i < 60; i++) {
        now += MINUTE;
        found(ALERT_OUTLET_FAILING, "daily");
        if (i < 30)
            found(ALERT_OUTLET_FAILING, "radio");
        look();
        nothing();
    }
    now = noon + 14 * HOUR; /* 02:00 */
    found(ALERT_OUTLET_FAILING, "daily");
    found(ALERT_DAEMON_DOWN, "newswired");
    look();
    now += MINUTE;
    found(ALERT_OUTLET_FAILING, "daily");
    found(ALERT_DAEMON_DOWN, "newswired");
    look();
    told("newswire: newswired does not answer");
    now = noon + 18 * HOUR + 29 * MINUTE; /* 06:29 */
    found(ALERT_OUTLET_FAILING, "daily");
    found(ALERT_DAEMON_DOWN, "newswired");
    look();
    nothing();
    now += MINUTE;
    turn();
    says("- daily is bad (since 04-09 23:00)");
    says("- radio is bad (04-09 23:00 to 04-09 23:31)");
    says("- newswired is bad (since 02:00)");
    told("newswire: while it was quiet: outlet failing; still: newswired does not answer; "
         "meanwhile, and over: outlet failing");
    now += HOUR;
    turn();
    nothing();
}

static void a_quiet_night_has_no_digest(void **state) {
    (void)state;
    group.quiet = (struct day_window){22 * 60, 6 * 60};
    for (now = noon; now < noon + 48 * HOUR; now += 10 * MINUTE) {
        look();
        nothing();
    }
    /* What was told in the evening, over in the night, and back, is no news. */
    now = noon;
    found(ALERT_DISK_FULL, "/srv");
    look();
    now += MINUTE;
    turn();
    told("newswire: disk full");
    group.remind_usec = 0;
    now = noon + 11 * HOUR;
    look();
    now += MINUTE;
    found(ALERT_DISK_FULL, "/srv");
    look();
    now = noon + 19 * HOUR;
    turn();
    nothing();
    assert_int_equal(board.held_usec, 0);
}

static void reminders_come_together(void **state) {
    (void)state;
    found(ALERT_OUTLET_FAILING, "daily");
    look();
    now += MINUTE;
    turn();
    told("newswire: outlet failing");
    now += 6 * HOUR;
    found(ALERT_OUTLET_FAILING, "daily");
    found(ALERT_DISK_FULL, "/srv");
    look();
    now += MINUTE;
    turn();
    told("newswire: disk full");
    now = noon + 12 * HOUR + 2 * MINUTE;
    turn();
    told("newswire: still: disk full, outlet failing");
    now += 12 * HOUR - MINUTE;
    turn();
    nothing();
    now += 2 * MINUTE;
    turn();
    told("newswire: still: disk full, outlet failing");
}

/* ---- sending */

static void a_message_stays_until_it_went(void **state) {
    (void)state;
    char id[MESSAGE_ID_BYTES];
    found(ALERT_OUTLET_FAILING, "daily");
    look();
    now += MINUTE;
    turn();
    memcpy(id, board.message.id, sizeof id);
    board_failed(&board, now, 10 * SECOND, false, "503 busy");
    assert_false(board_should_send(&board, now + 10 * SECOND - 1));
    assert_true(board_should_send(&board, now + 10 * SECOND));
    now += 10 * MINUTE;
    look(); /* it is over meanwhile, and something else began */
    found(ALERT_DISK_FULL, "/srv");
    look();
    now += 10 * MINUTE;
    found(ALERT_DISK_FULL, "/srv");
    look();
    assert_string_equal(board.message.id, id);
    assert_string_equal(board.message.error, "503 busy");
    told("newswire: outlet failing");
    turn();
    assert_string_not_equal(board.message.id, id);
    told("newswire: disk full; over: outlet failing");
}

/* A robot may dislike a word of a headline, and nobody would hear of anything again. */
static void what_is_refused_again_and_again_is_said_in_short(void **state) {
    (void)state;
    char id[MESSAGE_ID_BYTES];
    found(ALERT_ITEM_PARKED, "a bad word");
    look();
    now += MINUTE;
    turn();
    memcpy(id, board.message.id, sizeof id);
    for (int i = 0; i < 5; i++)
        board_failed(&board, now, SECOND, false, "503 busy");
    for (int i = 0; i < 2; i++)
        board_failed(&board, now, SECOND, true, "errcode 1");
    assert_string_equal(board.message.id, id);
    board_failed(&board, now, SECOND, true, "errcode 1");
    now += SECOND;
    assert_string_not_equal(board.message.id, id);
    assert_null(strstr(board.message.text, "a bad word"));
    assert_null(strstr(board.message.json, "a bad word"));
    says("newswire-alert status");
    told("newswire: there is news");
    assert_int_equal(board_open(&board, now), 1);
}

/* ---- over a restart */

static void a_restart_changes_nothing(void **state) {
    (void)state;
    char folder[] = "/tmp/newswire-alert-XXXXXX", path[64];
    struct group_config *groups[] = {&group};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/state/state.json", folder);
    struct alert_config config = {
        .watch = {.state = path, .name = "here"}, .groups = groups, .n_groups = 1};
    struct state before = {&config, &board}, after;
    found(ALERT_OUTLET_FAILING, "日报");
    found_for(ALERT_DISK_FULL, "/srv", 0, HOUR);
    look();
    now += MINUTE;
    found(ALERT_OUTLET_FAILING, "日报");
    found_for(ALERT_DISK_FULL, "/srv", 0, HOUR);
    look();
    board_failed(&board, now, MINUTE, true, "坏了");
    assert_int_equal(state_make_folder(path), 0);
    assert_true(state_changed(&before));
    assert_int_equal(state_save(&before), 0);
    assert_false(state_changed(&before));

    assert_int_equal(state_new(&config, &after), 0);
    assert_int_equal(state_load(&after), 0);
    const struct board *b = &after.boards[0];
    assert_int_equal(b->n, 2);
    assert_string_equal(b->message.id, board.message.id);
    assert_string_equal(b->message.text, board.message.text);
    assert_string_equal(b->message.json, board.message.json);
    assert_string_equal(b->message.error, "坏了");
    assert_int_equal(b->message.tries, 1);
    assert_int_equal(b->message.refusals, 1);
    assert_int_equal(b->paced_usec, board.paced_usec);
    json_t *was = state_board(&board), *is = state_board(b);
    assert_true(json_equal(was, is));
    json_decref(was);
    json_decref(is);
    state_done(&after);

    /* What is damaged is no state, and what isn't there is said to be so. */
    assert_int_equal(truncate(path, 40), 0);
    assert_int_equal(state_new(&config, &after), 0);
    assert_int_equal(state_load(&after), -EINVAL);
    unlink(path);
    assert_int_equal(state_load(&after), -ENOENT);
    state_done(&after);
    snprintf(path, sizeof path, "%s/state", folder);
    rmdir(path);
    rmdir(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_alert_is_told_once_and_when_it_is_over),
        TEST(what_is_short_is_never_told),
        TEST(it_counts_from_its_beginning),
        TEST(what_began_long_ago_is_news_all_the_same),
        TEST(over_before_it_was_told),
        TEST(what_comes_back_before_it_was_told_to_be_over),
        TEST(what_cant_be_looked_at_is_neither_new_nor_over),
        TEST(a_group_hears_of_what_it_wants),
        TEST(many_are_one_message),
        TEST(what_has_no_room_is_counted),
        TEST(it_fits_the_robot),
        TEST(the_rate_holds_back_and_loses_nothing),
        TEST(quiet_hours_hold_what_can_wait),
        TEST(a_quiet_night_has_no_digest),
        TEST(reminders_come_together),
        TEST(a_message_stays_until_it_went),
        TEST(what_is_refused_again_and_again_is_said_in_short),
        TEST(a_restart_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
