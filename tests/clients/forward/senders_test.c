/*
 * The senders' threads and the clerk's, begun and ended many times: whichever comes
 * first, neither touches what the other has given back. Worth most under a sanitizer.
 */
#include "clients/forward/sender.h"

#include "clients/tool/follow.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { OUTLETS = 30, ROUNDS = 100 };

static char folder[64];
static struct arena *arena;
static struct forward_config *config;

static int set_up(void **state) {
    (void)state;
    char path[128];
    struct config_fault fault;
    snprintf(folder, sizeof folder, "/tmp/newswire-senders-XXXXXX");
    assert_non_null(mkdtemp(folder));
    arena = arena_new(64 << 20);
    snprintf(path, sizeof path, "%s/f.conf", folder);
    FILE *f = fopen(path, "we");
    fprintf(f, "[forward]\nledger = %s/l.db\n", folder);
    for (int i = 0; i < OUTLETS; i++)
        fprintf(f, "[outlet \"o%d\"]\nurl = file://%s/out\ntopics = news\nconnections = 4\n", i,
                folder);
    fclose(f);
    if (forward_config_load(arena, path, &config, &fault) != 0)
        fail_msg("%s: %s", fault.key, fault.reason);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[128];
    arena = arena_free(arena);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static int nothing(struct ledger *l, void *userdata) {
    (void)l, (void)userdata;
    return 0;
}

/* As newswire-forward run does it; the clerk goes on for a while after the senders. */
static void begin_and_end(struct ledger *l, unsigned usec, unsigned clerk_usec) {
    struct clerk *clerk;
    struct senders *senders = senders_new(config);
    assert_non_null(senders);
    l->senders = senders_hooks(senders);
    follow_stop = 0;
    assert_int_equal(clerk_start(l, senders_after, senders, &clerk), 0);
    assert_int_equal(senders_start(senders, clerk), 0);
    assert_int_equal(clerk_do(clerk, nothing, senders), 0);
    nanosleep(&(struct timespec){0, usec * 1000L}, NULL);
    follow_stop = SIGTERM;
    senders_stop(senders);
    nanosleep(&(struct timespec){0, clerk_usec * 1000L}, NULL);
    clerk = clerk_stop(clerk);
    senders = senders_free(senders);
    l->senders = NULL;
}

static void ends_in_order(void **state) {
    (void)state;
    struct ledger ledger;
    assert_int_equal(ledger_open(&ledger, config, STORE_CREATE), 0);
    assert_int_equal(store_exec(&ledger.store, "PRAGMA synchronous = OFF"), 0);
    for (unsigned i = 0; i < ROUNDS; i++)
        begin_and_end(&ledger, i * 97 % 20000, 0);
    begin_and_end(&ledger, 0, 900000); /* longer than the clerk waits before it looks */
    ledger_close(&ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ends_in_order, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
