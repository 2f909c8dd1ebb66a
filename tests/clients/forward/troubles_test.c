/* What of a ledger wants a person. */
#include "clients/forward/troubles.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEEN_MOST = 2000, CLAIM = 64 };

static char folder[64];
static struct arena *arena;
static struct forward_config *config;
static struct ledger ledger;
static uint64_t seq;

/* What was told. */
static struct {
    enum trouble_type type;
    char outlet[32], uri[32], headline[32], text[64];
    uint32_t version;
    int64_t since, more;
} seen[SEEN_MOST];
static size_t n_seen;

static int set_up(void **state) {
    (void)state;
    char path[128];
    struct config_fault fault;
    strcpy(folder, "/tmp/newswire-troubles-XXXXXX");
    assert_non_null(mkdtemp(folder));
    arena = arena_new(64 << 20);
    snprintf(path, sizeof path, "%s/f.conf", folder);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fprintf(f, "[forward]\nledger = %s/l.db\n[outlet \"o\"]\nurl = https://o.example/\n", folder);
    fclose(f);
    assert_int_equal(forward_config_load(arena, path, &config, &fault), 0);
    assert_int_equal(ledger_open(&ledger, config, STORE_CREATE), 0);
    assert_int_equal(store_exec(&ledger.store, "PRAGMA synchronous = OFF"), 0);
    seq = 0;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[128];
    ledger_close(&ledger);
    arena = arena_free(arena);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void take(int story, uint32_t version, bool kill) {
    struct arena *a = arena_new(1 << 20);
    struct fault fault;
    char uri[32], headline[32];
    snprintf(uri, sizeof uri, "u:%d", story);
    snprintf(headline, sizeof headline, "Story %d", story);
    Article *x = article_new(a);
    x->uri = uri;
    x->version = version;
    x->kind = KIND_ARTICLE;
    x->headline = headline;
    x->status = kill ? STATUS_CANCELED : STATUS_USABLE;
    struct slice bytes;
    assert_int_equal(codec_pack(a, (const ProtobufCMessage *)x, &bytes), 0);
    struct entry e = {.epoch = 1,
                      .seq = ++seq,
                      .topic = slice_of("news/article"),
                      .uri = slice_of(uri),
                      .version = version,
                      .article = bytes};
    assert_int_equal(ledger_begin(&ledger), 0);
    assert_int_equal(ledger_take(&ledger, &e, &fault), 0);
    assert_int_equal(ledger_commit(&ledger), 0);
    arena_free(a);
}

/* All that is due is sent, and this becomes of it. */
static void send_all(enum verdict_outcome outcome, const char *words) {
    struct ledger_job *jobs[CLAIM];
    for (;;) {
        struct ledger_claim c = {.outlet = config->outlets[0], .most = CLAIM, .jobs = jobs};
        assert_int_equal(ledger_begin(&ledger), 0);
        assert_int_equal(ledger_claim(&ledger, &c), 0);
        for (size_t i = 0; i < c.n; i++) {
            struct verdict v;
            verdict_set(&v, outcome, "%s", words);
            assert_int_equal(ledger_settle(&ledger, c.outlet, jobs[i], &v, 0), 0);
            free(jobs[i]);
        }
        assert_int_equal(ledger_commit(&ledger), 0);
        if (c.n == 0)
            return;
    }
}

static int note(void *userdata, const struct trouble *t) {
    (void)userdata;
    assert_true(n_seen < SEEN_MOST);
    seen[n_seen].type = t->type;
    seen[n_seen].version = t->version;
    seen[n_seen].since = t->since_usec;
    seen[n_seen].more = t->more;
    if (t->more == 0) {
        snprintf(seen[n_seen].outlet, sizeof seen[0].outlet, "%s", t->outlet);
        snprintf(seen[n_seen].uri, sizeof seen[0].uri, "%s", t->uri);
        snprintf(seen[n_seen].headline, sizeof seen[0].headline, "%s", t->headline);
        snprintf(seen[n_seen].text, sizeof seen[0].text, "%s", t->text);
    }
    n_seen++;
    return 0;
}

static void look(size_t n) {
    memset(seen, 0, sizeof seen);
    n_seen = 0;
    assert_int_equal(troubles_each(&ledger, note, NULL), 0);
    assert_int_equal(n_seen, n);
}

/* ---- tests */

static void nothing_is_wrong(void **state) {
    (void)state;
    take(1, 1, false);
    look(0);
    send_all(VERDICT_DELIVERED, "200");
    look(0);
}

static void outlets_that_fail(void **state) {
    (void)state;
    int64_t before = ledger_now();
    assert_int_equal(ledger_set_outlet(&ledger, "o", before + 1, "503 busy"), 0);
    assert_int_equal(ledger_set_outlet(&ledger, "of-old", before + 1, "gone"), 0);
    look(1);
    assert_int_equal(seen[0].type, TROUBLE_OUTLET);
    assert_string_equal(seen[0].outlet, "o");
    assert_string_equal(seen[0].text, "503 busy");
    assert_true(seen[0].since >= before && seen[0].since <= ledger_now());
    assert_int_equal(ledger_set_outlet(&ledger, "o", 0, NULL), 0);
    look(0);
    take(1, 1, false);
    send_all(VERDICT_DISABLED, "410");
    look(1);
    assert_string_equal(seen[0].outlet, "o");
    assert_non_null(strstr(seen[0].text, "410"));
}

static void what_is_parked(void **state) {
    (void)state;
    int64_t before = ledger_now();
    take(1, 1, false);
    take(2, 1, false);
    send_all(VERDICT_PARKED, "422 no such desk");
    look(2);
    assert_int_equal(seen[1].type, TROUBLE_PARKED);
    assert_string_equal(seen[1].uri, "u:2");
    assert_string_equal(seen[1].headline, "Story 2");
    assert_string_equal(seen[1].text, "422 no such desk");
    assert_int_equal(seen[1].version, 1);
    assert_true(seen[1].since >= before && seen[1].since <= ledger_now());
    for (int i = 3; i <= TROUBLES_MOST + 7; i++)
        take(i, 1, false);
    send_all(VERDICT_PARKED, "422");
    look(TROUBLES_MOST + 1);
    assert_string_equal(seen[0].uri, "u:1");
    assert_int_equal(seen[TROUBLES_MOST].more, 7);
    assert_int_equal(seen[TROUBLES_MOST].type, TROUBLE_PARKED);
}

static void kills(void **state) {
    (void)state;
    for (int i = 1; i <= 3; i++)
        take(i, 1, false);
    send_all(VERDICT_DELIVERED, "200");
    int64_t before = ledger_now();
    take(1, 2, true);
    look(1); /* it waits */
    assert_int_equal(seen[0].type, TROUBLE_KILL);
    assert_true(seen[0].since >= before);
    send_all(VERDICT_DELIVERED, "250 queued");
    look(1); /* it went, and nobody has confirmed it */
    assert_int_equal(seen[0].type, TROUBLE_KILL);
    assert_string_equal(seen[0].uri, "u:1");
    take(2, 2, true);
    send_all(VERDICT_PARKED, "550 no");
    look(2); /* one that is parked is no confirmed one, and no parked article */
    assert_int_equal(seen[0].type, TROUBLE_KILL);
    assert_int_equal(seen[1].type, TROUBLE_KILL);
    assert_int_equal(store_exec(&ledger.store, "UPDATE delivery SET state = 'kill-confirmed'"
                                               " WHERE kill = 1"),
                     0);
    look(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(nothing_is_wrong), TEST(outlets_that_fail),
                                       TEST(what_is_parked), TEST(kills)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
