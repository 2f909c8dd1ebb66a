/* Work beside the loop, and counting over time. */

#include "daemon/rate.h"
#include "daemon/tasks.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

struct job {
    pthread_t worked_in, done_in;
    int *gate; /* a pipe: the work waits for a byte */
};

static int worked, ended;

static void work(void *userdata) {
    struct job *job = userdata;
    char byte;
    if (job->gate != NULL)
        assert_int_equal(read(job->gate[0], &byte, 1), 1);
    job->worked_in = pthread_self();
    __atomic_add_fetch(&worked, 1, __ATOMIC_SEQ_CST);
}

static void done(void *userdata) {
    struct job *job = userdata;
    job->done_in = pthread_self();
    ended++;
}

static void the_loop_goes_on(void **state) {
    (void)state;
    sd_event *event;
    struct tasks *t;
    struct job job = {0};
    worked = ended = 0;
    assert_true(sd_event_new(&event) >= 0);
    assert_int_equal(tasks_new(event, &t), 0);
    assert_int_equal(tasks_start(t, work, done, &job), 0);
    while (ended == 0)
        assert_true(sd_event_run(event, UINT64_MAX) >= 0);
    assert_false(pthread_equal(job.worked_in, pthread_self()));
    assert_true(pthread_equal(job.done_in, pthread_self()));
    assert_null(tasks_free(t));
    assert_int_equal(ended, 1);
    sd_event_unref(event);
}

static void only_so_many_at_a_time(void **state) {
    (void)state;
    sd_event *event;
    struct tasks *t;
    int gate[2];
    struct job jobs[TASKS_MOST + 1] = {0};
    worked = ended = 0;
    assert_int_equal(pipe(gate), 0);
    assert_true(sd_event_new(&event) >= 0);
    assert_int_equal(tasks_new(event, &t), 0);
    for (int i = 0; i < TASKS_MOST; i++) {
        jobs[i].gate = gate;
        assert_int_equal(tasks_start(t, work, done, &jobs[i]), 0);
    }
    assert_int_equal(tasks_start(t, work, done, &jobs[TASKS_MOST]), -EAGAIN);
    assert_int_equal(write(gate[1], "x", 1), 1);
    while (ended == 0)
        assert_true(sd_event_run(event, UINT64_MAX) >= 0);
    assert_int_equal(tasks_start(t, work, done, &jobs[TASKS_MOST]), 0);
    assert_int_equal(write(gate[1], "xxxxxxxx", TASKS_MOST - 1), TASKS_MOST - 1);
    assert_null(tasks_free(t)); /* waits for all */
    assert_int_equal(worked, TASKS_MOST + 1);
    assert_int_equal(ended, TASKS_MOST + 1);
    close(gate[0]);
    close(gate[1]);
    sd_event_unref(event);
}

/* ---- rates */

static const uint64_t SECOND = 1000000;

static void what_is_old_does_not_count(void **state) {
    (void)state;
    struct rate r = {0};
    uint64_t now = 86400 * SECOND;
    assert_int_equal(rate_sum(&r, now, rate_quarter_usec), 0);
    for (int i = 0; i < 3; i++)
        rate_add(&r, now);
    rate_add(&r, now + 30 * SECOND);
    now += 30 * SECOND;
    assert_int_equal(rate_sum(&r, now, rate_minute_usec), 4);
    assert_int_equal(rate_sum(&r, now + 50 * SECOND, rate_minute_usec), 1);
    assert_int_equal(rate_sum(&r, now + 90 * SECOND, rate_minute_usec), 0);
    assert_int_equal(rate_sum(&r, now + 90 * SECOND, rate_quarter_usec), 4);
    assert_int_equal(rate_sum(&r, now + 920 * SECOND, rate_quarter_usec), 0);
}

static void a_pause_longer_than_it_remembers(void **state) {
    (void)state;
    struct rate r = {0};
    for (uint64_t s = 0; s < 1000; s++)
        rate_add(&r, s * SECOND);
    assert_in_range(rate_sum(&r, 999 * SECOND, rate_minute_usec), 60, 75);
    assert_in_range(rate_sum(&r, 999 * SECOND, rate_quarter_usec), 900, 915);
    rate_add(&r, 100000 * SECOND);
    assert_int_equal(rate_sum(&r, 100000 * SECOND, rate_quarter_usec), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loop_goes_on),
        cmocka_unit_test(only_so_many_at_a_time),
        cmocka_unit_test(what_is_old_does_not_count),
        cmocka_unit_test(a_pause_longer_than_it_remembers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
