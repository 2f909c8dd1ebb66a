/* How the daemon judges itself: what is degraded, what is stuck, and that the log's thread
 * tells a disk that hangs from a thread that does. */

#include "daemon/health.h"

#include "tests/daemon/log/log_helper.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECOND = 1000000 };

/* With a watchdog of 30 s, and a minute's patience with disks. */
static struct health judge(struct log_bounds log, struct pulse_state replay) {
    struct health h;
    struct health_facts facts = {
        .log = &log,
        .replay = replay,
        .directory = "/var/lib/newswire/log",
        .damage = "",
        .checkpoints = "",
        .spool = "",
        .stuck_usec = 30 * SECOND,
        .disk_usec = 60 * SECOND,
    };
    health_judge(&facts, &h);
    return h;
}

static struct health judge_log(uint64_t busy_sec, bool on_disk) {
    return judge((struct log_bounds){.taking = true, .pulse = {busy_sec * SECOND, on_disk}},
                 (struct pulse_state){0});
}

static void expect_trouble(const struct health *h, enum health_state state, const char *text) {
    assert_int_equal(h->state, state);
    assert_true(h->n > 0);
    if (strstr(h->troubles[0].text, text) == NULL)
        fail_msg("'%s' is not in: %s", text, h->troubles[0].text);
}

static void a_thread_that_gets_on_is_well(void **state) {
    (void)state;
    assert_int_equal(judge_log(0, false).state, HEALTH_OK);
    assert_int_equal(judge_log(29, false).state, HEALTH_OK);
    assert_int_equal(judge_log(4, true).state, HEALTH_OK);
    assert_int_equal(judge_log(29, false).n, 0);
}

static void a_thread_without_a_step_is_stuck(void **state) {
    (void)state;
    struct health h = judge_log(31, false);
    expect_trouble(&h, HEALTH_STUCK, "the log's thread has not got on for 31 s");
    h = judge((struct log_bounds){.taking = true}, (struct pulse_state){31 * SECOND, false});
    expect_trouble(&h, HEALTH_STUCK, "the replay thread has not got on for 31 s");
}

static void a_disk_is_waited_for(void **state) {
    (void)state;
    struct health h = judge_log(6, true);
    expect_trouble(&h, HEALTH_DEGRADED, "the disk has not answered for 6 s");
    h = judge_log(59, true);
    expect_trouble(&h, HEALTH_DEGRADED, "the disk has not answered for 59 s");
    h = judge_log(61, true);
    expect_trouble(&h, HEALTH_STUCK, "the disk does not answer");
}

static void a_disk_may_be_waited_for_for_ever(void **state) {
    (void)state;
    struct log_bounds log = {.taking = true, .pulse = {100000ULL * SECOND, true}};
    struct health_facts facts = {.log = &log,
                                 .directory = "",
                                 .damage = "",
                                 .checkpoints = "",
                                 .spool = "",
                                 .stuck_usec = 30 * SECOND};
    struct health h;
    health_judge(&facts, &h);
    assert_int_equal(h.state, HEALTH_DEGRADED);
    facts.disk_usec = SECOND; /* never sooner than any thread */
    log.pulse.busy_usec = 29 * SECOND;
    health_judge(&facts, &h);
    assert_int_equal(h.state, HEALTH_DEGRADED);
}

static void a_full_disk_is_degraded(void **state) {
    (void)state;
    struct health h =
        judge((struct log_bounds){.trouble = "the disk is full (/x)"}, (struct pulse_state){0});
    expect_trouble(&h, HEALTH_DEGRADED, "the disk is full (/x); nothing is taken in");
}

static void other_troubles_are_told(void **state) {
    (void)state;
    struct log_bounds log = {.taking = true};
    struct health_facts facts = {.log = &log,
                                 .directory = "",
                                 .damage = "00.log at 80",
                                 .checkpoints = "no key",
                                 .spool = "/spool: \033[2Jgone\xff",
                                 .stuck_usec = 30 * SECOND};
    struct health h;
    health_judge(&facts, &h);
    assert_int_equal(h.state, HEALTH_DEGRADED);
    assert_int_equal(h.n, 3);
    assert_string_equal(h.troubles[0].of, "damage");
    assert_string_equal(h.troubles[1].text, "checkpoints can't be signed: no key");
    assert_null(strchr(h.troubles[2].text, '\033'));
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static int gated_sync(int fd) {
    (void)fd;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return 0;
}

static struct pulse_state pulse_of(struct log *log) {
    struct log_bounds b;
    log_bounds(log, &b);
    return b.pulse;
}

static void the_log_tells_what_it_waits_for(void **state) {
    (void)state;
    struct log_fixture f;
    int (*sync)(int) = log_io.fdatasync;
    fixture_setup(&f);
    assert_int_equal(fixture_open(&f), 0);
    fixture_put(&f, (struct story){.uri = "u:0", .version = 1, .topic = "a/brief", .text = "x"});
    while (pulse_of(f.log).busy_usec > 0) /* it goes to rest */
        usleep(1000);
    log_io.fdatasync = gated_sync;
    pthread_mutex_lock(&gate);
    struct story s = {.uri = "u:1", .version = 1, .topic = "a/brief", .text = "y", .id = 1};
    fixture_append(&f, &s, 1);
    while (!pulse_of(f.log).on_disk || pulse_of(f.log).busy_usec < 20000)
        usleep(1000);
    pthread_mutex_unlock(&gate);
    fixture_wait(&f, 2);
    log_io.fdatasync = sync;
    while (pulse_of(f.log).busy_usec > 0)
        usleep(1000);
    assert_false(pulse_of(f.log).on_disk);
    fixture_close(&f);
    fixture_teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_that_gets_on_is_well),
        cmocka_unit_test(a_thread_without_a_step_is_stuck),
        cmocka_unit_test(a_disk_is_waited_for),
        cmocka_unit_test(a_disk_may_be_waited_for_for_ever),
        cmocka_unit_test(a_full_disk_is_degraded),
        cmocka_unit_test(other_troubles_are_told),
        cmocka_unit_test(the_log_tells_what_it_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
