/*
 * The ledger against a model: entries, claims, verdicts and crashes in random order.
 * The outlet of the model knows what it truly received.
 */
#include "clients/forward/ledger.h"
#include "clients/forward/receipts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { STORIES = 6, STEPS = 400, RUNS = 40, CLAIM = 4, FLYING = 2 };

static char folder[64];
static struct arena *arena;
static struct forward_config *config;
static struct ledger ledger;
static uint64_t seq;

/* What is true of a story. */
struct story {
    uint32_t version;  /* newest that was taken */
    bool killed;       /* a kill was taken */
    uint32_t received; /* newest version that the outlet has; 0: none */
    bool may_have;     /* an answer was lost: the forwarder must count it as received */
    bool got_kill;
    bool parked; /* the newest version was refused */
};
static struct story stories[STORIES];

static struct ledger_job *jobs[CLAIM]; /* claimed and not begun */
static size_t n_jobs;
static struct ledger_job *flying[FLYING]; /* being sent */

static int story_of(const char *uri) {
    return atoi(strrchr(uri, ':') + 1);
}

/* ---- the ledger's surroundings */

static bool recall(void *userdata, const struct outlet_config *o, int64_t delivery) {
    (void)userdata, (void)o;
    for (size_t i = 0; i < n_jobs; i++)
        if (jobs[i] != NULL && jobs[i]->id == delivery) {
            free(jobs[i]);
            jobs[i] = NULL;
            return true;
        }
    return false;
}

static void touch(void *userdata, const struct outlet_config *o, bool kill) {
    (void)userdata, (void)o, (void)kill;
}

static const struct ledger_senders senders = {recall, touch, NULL};

static void open_ledger(void) {
    if (ledger_open(&ledger, config, STORE_CREATE) < 0)
        fail_msg("%s", ledger.store.trouble);
    ledger.senders = &senders;
    assert_int_equal(store_exec(&ledger.store, "PRAGMA synchronous = OFF"), 0);
}

static int set_up(void **state) {
    (void)state;
    char path[128], text[512];
    struct config_fault fault;
    strcpy(folder, "/tmp/newswire-ledger-XXXXXX");
    assert_non_null(mkdtemp(folder));
    arena = arena_new(64 << 20);
    snprintf(path, sizeof path, "%s/f.conf", folder);
    snprintf(
        text, sizeof text,
        "[forward]\nledger = %s/l.db\n[outlet \"o\"]\nurl = https://o.example/\ntopics = news\n"
        "retry_for = 1000d\n",
        folder);
    FILE *f = fopen(path, "we");
    fputs(text, f);
    fclose(f);
    assert_int_equal(forward_config_load(arena, path, &config, &fault), 0);
    memset(stories, 0, sizeof stories);
    n_jobs = 0;
    memset(flying, 0, sizeof flying);
    seq = 0;
    open_ledger();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[128];
    for (size_t i = 0; i < n_jobs; i++)
        free(jobs[i]);
    for (size_t i = 0; i < FLYING; i++)
        free(flying[i]);
    ledger_close(&ledger);
    arena = arena_free(arena);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* ---- what happens */

static void take(int i, bool kill, const char *topic) {
    struct arena *a = arena_new(1 << 20);
    struct fault fault;
    char uri[32];
    snprintf(uri, sizeof uri, "urn:x:%d", i);
    Article *x = article_new(a);
    x->uri = uri;
    x->version = ++stories[i].version;
    x->kind = KIND_ARTICLE;
    x->headline = (char *)"H";
    x->status = kill ? STATUS_CANCELED : STATUS_USABLE;
    struct slice bytes;
    assert_int_equal(codec_pack(a, (const ProtobufCMessage *)x, &bytes), 0);
    struct entry e = {.epoch = 1,
                      .seq = ++seq,
                      .topic = slice_of(topic),
                      .uri = slice_of(uri),
                      .version = x->version,
                      .article = bytes};
    assert_int_equal(ledger_begin(&ledger), 0);
    if (ledger_take(&ledger, &e, &fault) < 0)
        fail_msg("%s", ledger.store.trouble);
    assert_int_equal(ledger_commit(&ledger), 0);
    stories[i].killed = stories[i].killed || kill;
    stories[i].parked = false;
    arena_free(a);
}

static void claim(void) {
    struct ledger_claim c = {.outlet = config->outlets[0], .most = CLAIM, .jobs = jobs};
    for (size_t i = 0; i < n_jobs; i++)
        if (jobs[i] != NULL)
            return; /* there is work still */
    assert_int_equal(ledger_begin(&ledger), 0);
    n_jobs = 0;
    assert_int_equal(ledger_claim(&ledger, &c), 0);
    assert_int_equal(ledger_commit(&ledger), 0);
    n_jobs = c.n;
}

/* What must hold of what is about to be sent. */
static void check_job(const struct ledger_job *j) {
    const struct story *s = &stories[story_of(j->uri)];
    bool has = s->received > 0 || s->may_have;
    if (j->action == PARCEL_KILL) {
        assert_true(s->killed && has);
        return;
    }
    assert_false(s->killed);                  /* a killed text goes nowhere */
    assert_int_equal(j->version, s->version); /* an older one was replaced */
    assert_true(j->version > s->received || s->may_have);
    if (j->action == PARCEL_CORRECT)
        assert_true(has);
    else
        assert_true(s->received == 0 || s->received == j->version); /* again, its answer was lost */
}

static void settle(struct ledger_job *j, enum verdict_outcome outcome, bool maybe) {
    struct verdict v = {.outcome = outcome, .maybe_received = maybe, .confirmed = true};
    assert_int_equal(ledger_begin(&ledger), 0);
    assert_int_equal(ledger_settle(&ledger, config->outlets[0], j, &v, 0), 0);
    assert_int_equal(ledger_commit(&ledger), 0);
}

static void arrive(const struct ledger_job *j) {
    struct story *s = &stories[story_of(j->uri)];
    if (j->action == PARCEL_KILL)
        s->got_kill = true;
    else
        s->received = j->version;
}

/* Begins to send the next: from here on it can't be taken back. False when there is
 * none, or too many are on their way. */
static bool begin_next(void) {
    size_t place = 0;
    while (place < FLYING && flying[place] != NULL)
        place++;
    for (size_t i = 0; i < n_jobs && place < FLYING; i++)
        if (jobs[i] != NULL) {
            check_job(jobs[i]);
            flying[place] = jobs[i];
            jobs[i] = NULL;
            return true;
        }
    return false;
}

/* One that is on its way comes to its end; luck 0: delivered, 1: not at all, 2 and 3: the
 * answer is lost, 4: refused, 5: the outlet is gone. False when there is none. */
static bool land(int luck) {
    size_t place = 0;
    while (place < FLYING && flying[place] == NULL)
        place++;
    if (place == FLYING)
        return false;
    struct ledger_job *j = flying[place];
    struct story *s = &stories[story_of(j->uri)];
    bool kill = j->action == PARCEL_KILL, refused = luck == 4 && !kill;
    flying[place] = NULL;
    if (luck == 0 || luck == 2)
        arrive(j);
    s->may_have = s->may_have || (!kill && (luck == 2 || luck == 3));
    s->parked = s->parked || (refused && j->version == s->version);
    settle(j,
           luck == 0   ? VERDICT_DELIVERED
           : luck == 5 ? VERDICT_DISABLED
           : refused   ? VERDICT_PARKED
                       : VERDICT_RETRY,
           luck == 2 || luck == 3);
    free(j);
    return true;
}

static void lose(struct ledger_job **j) {
    if (*j == NULL)
        return;
    if ((*j)->action != PARCEL_KILL)
        stories[story_of((*j)->uri)].may_have = true;
    if (rand() % 2 == 0)
        arrive(*j);
    free(*j);
    *j = NULL;
}

/* Somebody has all of the outlet tried again, also what was refused. */
static void retry(void) {
    assert_int_equal(ledger_begin(&ledger), 0);
    assert_true(ledger_retry(&ledger, config->outlets[0], NULL) >= 0);
    assert_int_equal(ledger_commit(&ledger), 0);
    for (int i = 0; i < STORIES; i++)
        stories[i].parked = false;
}

/* It ends without a word: what was claimed may have arrived. */
static void crash(void) {
    size_t n;
    for (size_t i = 0; i < n_jobs; i++)
        lose(&jobs[i]);
    for (size_t i = 0; i < FLYING; i++)
        lose(&flying[i]);
    n_jobs = 0;
    ledger_close(&ledger);
    open_ledger();
    assert_int_equal(ledger_begin(&ledger), 0);
    assert_int_equal(ledger_recover(&ledger, &n), 0);
    assert_int_equal(ledger_commit(&ledger), 0);
}

static void check_rows(void) {
    int64_t most = 0, sending = 0;
    assert_true(store_number(&ledger.store, &sending,
                             "SELECT max(n) FROM (SELECT count(*) AS n FROM delivery WHERE state ="
                             " 'sending' GROUP BY uri)",
                             "") >= 0);
    assert_true(sending <= 1);
    assert_true(store_number(&ledger.store, &most,
                             "SELECT max(n) FROM (SELECT count(*) AS n FROM delivery WHERE kill = 0"
                             " AND due_usec IS NOT NULL GROUP BY uri)",
                             "") >= 0);
    assert_true(most <= 1);
}

/* Everything goes well from here: each story ends as it must. */
static void drain(void) {
    retry(); /* an outlet that is gone is there again */
    for (int rounds = 0; rounds < 100; rounds++) {
        claim();
        while (begin_next() || land(0))
            continue;
    }
    for (int i = 0; i < STORIES; i++) {
        const struct story *s = &stories[i];
        if (s->version == 0)
            continue;
        if (s->killed)
            assert_int_equal(s->got_kill, s->received > 0 || s->may_have);
        else if (!s->parked)
            assert_int_equal(s->received, s->version);
    }
}

static void step(void) {
    int i = rand() % STORIES;
    switch (rand() % 9) {
    case 0:
    case 1:
        if (!stories[i].killed)
            take(i, false, "news/article");
        break;
    case 2:
        if (!stories[i].killed && stories[i].version > 0 && rand() % 4 == 0)
            take(i, true, "news/article");
        break;
    case 3: claim(); break;
    case 4: begin_next(); break;
    case 5: land(rand() % 6); break;
    case 6: land(0); break;
    case 7:
        if (rand() % 4 == 0)
            retry();
        break;
    default:
        if (rand() % 10 == 0)
            crash();
    }
    check_rows();
}

static void whatever_happens_each_gets_what_it_must(void **state) {
    unsigned seed = getenv("SEED") != NULL ? (unsigned)atoi(getenv("SEED")) : (unsigned)getpid();
    print_message("# seed %u\n", seed);
    srand(seed);
    for (int run = 0; run < RUNS; run++) {
        if (run > 0)
            assert_int_equal(set_up(state), 0);
        for (int i = 0; i < STEPS; i++)
            step();
        drain();
        if (run + 1 < RUNS)
            tear_down(state);
    }
}

/* ---- one by one */

static const char *state_of(const char *uri) {
    static char text[32];
    sqlite3_stmt *st =
        store_query(&ledger.store,
                    "SELECT state FROM delivery WHERE uri = ? ORDER BY id DESC LIMIT 1", "s", uri);
    assert_int_equal(store_step(&ledger.store, st), 1);
    snprintf(text, sizeof text, "%s", store_column_string(st, 0));
    sqlite3_reset(st);
    return text;
}

static void what_was_overtaken_while_it_was_sent_never_goes_again(void **state) {
    (void)state;
    for (int luck = 4; luck <= 5; luck++) { /* refused; the outlet is gone */
        int corrected = 2 * luck, killed = corrected + 1;
        take(corrected % STORIES, false, "news/article");
        take(killed % STORIES, false, "news/article");
        claim();
        assert_true(begin_next() && begin_next());
        take(corrected % STORIES, false, "news/article");
        take(killed % STORIES, true, "news/article");
        assert_true(land(luck) && land(luck));
        retry();
        claim();
        assert_int_equal(n_jobs, 1);
        assert_int_equal(jobs[0]->version, 2);
        assert_int_equal(jobs[0]->action, PARCEL_CREATE);
        assert_true(begin_next() && land(0));
    }
}

static void retry_all(const char *uri, int wanted) {
    assert_int_equal(ledger_begin(&ledger), 0);
    assert_int_equal(ledger_retry(&ledger, config->outlets[0], uri), wanted);
    assert_int_equal(ledger_commit(&ledger), 0);
}

/* Takes a story, which is delivered, and its kill, which is sent and not confirmed. */
static void send_kill(const struct receipt *before) {
    struct verdict sent = {.outcome = VERDICT_DELIVERED};
    take(0, false, "news/article");
    claim();
    assert_true(begin_next() && land(0));
    if (before != NULL)
        assert_int_equal(receipt_put(&ledger, before), 0);
    take(0, true, "news/article");
    claim();
    assert_int_equal(n_jobs, 1);
    assert_int_equal(ledger_settle(&ledger, config->outlets[0], jobs[0], &sent, 0), 0);
}

static void a_kill_that_was_sent_goes_again_by_name_alone(void **state) {
    (void)state;
    send_kill(NULL);
    assert_string_equal(state_of("urn:x:0"), "kill-sent");
    retry_all(NULL, 0);
    retry_all("urn:x:0", 1);
    assert_string_equal(state_of("urn:x:0"), "retrying");
}

static void a_kill_is_confirmed_by_a_receipt_that_was_faster(void **state) {
    (void)state;
    const struct receipt withdrawn = {.outlet = "o", .uri = "urn:x:0", .withdrawn = "Li"};
    send_kill(&withdrawn);
    assert_string_equal(state_of("urn:x:0"), "kill-confirmed");
}

static void who_is_elsewhere_gets_the_kill_alone(void **state) {
    (void)state;
    take(0, false, "news/article");
    claim();
    assert_true(begin_next() && land(0));
    take(0, false, "economy/article"); /* moved to where the outlet doesn't read */
    claim();
    assert_int_equal(n_jobs, 0);
    take(0, true, "economy/article");
    claim();
    assert_int_equal(n_jobs, 1);
    assert_int_equal(jobs[0]->action, PARCEL_KILL);
}

static void a_message_id_is_the_same_whatever_was_lost(void **state) {
    char id[64], path[128];
    take(0, false, "news/article");
    claim();
    strcpy(id, jobs[0]->message_id);
    tear_down(state);
    set_up(state);
    snprintf(path, sizeof path, "%s/l.db", folder);
    take(0, false, "news/article");
    claim();
    assert_string_equal(jobs[0]->message_id, id);
}

static void what_is_late_waits_for_a_person_or_is_dropped(void **state) {
    (void)state;
    struct outlet_config *o = config->outlets[0];
    o->expire_usec = 60 * 1000000;
    const struct {
        int late;
        const char *state;
    } cases[] = {{LATE_PARK, "parked"}, {LATE_DROP, "expired"}, {LATE_SEND, "sending"}};
    for (int i = 0; i < 3; i++) {
        char uri[32];
        snprintf(uri, sizeof uri, "urn:x:%d", i);
        o->late = cases[i].late;
        take(i, false, "news/article");
        assert_int_equal(
            store_exec(&ledger.store, "UPDATE delivery SET queued_usec = queued_usec - 61000000"),
            0);
        claim();
        assert_string_equal(state_of(uri), cases[i].state);
    }
    take(3, false, "news/article"); /* in time */
    take(2, true, "news/article");  /* kills are never late */
    assert_int_equal(n_jobs, 1);
}

static void what_was_tried_for_long_enough_is_parked(void **state) {
    (void)state;
    config->outlets[0]->retry_for_usec = 3600 * 1000000ULL;
    take(0, false, "news/article");
    claim();
    assert_true(begin_next() && land(1));
    assert_string_equal(state_of("urn:x:0"), "retrying");
    assert_int_equal(store_exec(&ledger.store,
                                "UPDATE delivery SET first_try_usec = first_try_usec - 3601000000"),
                     0);
    claim();
    assert_true(begin_next() && land(1));
    assert_string_equal(state_of("urn:x:0"), "parked");
}

static void by_hand_goes_the_newest_and_no_killed_text(void **state) {
    (void)state;
    take(0, false, "economy/article");
    take(0, false, "economy/article");
    claim();
    assert_int_equal(n_jobs, 0); /* its topics don't take it */
    assert_int_equal(ledger_enqueue(&ledger, config->outlets[0], "urn:x:0"), 0);
    claim();
    assert_int_equal(n_jobs, 1);
    assert_int_equal(jobs[0]->version, 2);
    assert_true(begin_next());
    assert_int_equal(ledger_enqueue(&ledger, config->outlets[0], "urn:x:0"), -EBUSY);
    assert_true(land(0));
    take(0, true, "economy/article");
    assert_int_equal(ledger_enqueue(&ledger, config->outlets[0], "urn:x:0"), 0);
    claim();
    for (size_t i = 0; i < n_jobs; i++)
        assert_int_equal(jobs[i]->action, PARCEL_KILL);
    assert_int_equal(ledger_enqueue(&ledger, config->outlets[0], "urn:x:none"), -ENOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whatever_happens_each_gets_what_it_must, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_late_waits_for_a_person_or_is_dropped, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_overtaken_while_it_was_sent_never_goes_again,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kill_that_was_sent_goes_again_by_name_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_kill_is_confirmed_by_a_receipt_that_was_faster, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_tried_for_long_enough_is_parked, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(by_hand_goes_the_newest_and_no_killed_text, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_is_elsewhere_gets_the_kill_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_id_is_the_same_whatever_was_lost, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
