/* The control socket, and the log lines that it tells of. */

#include "proto/formats/timestamp.h"
#include "proto/journal/journal.h"
#include "tests/daemon/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct rig r;
static json_t *json; /* of the test that runs */
static int stderr_before = -1;

static char *lines_path(void) {
    static char path[80];
    snprintf(path, sizeof path, "%s/lines", r.disk.directory);
    return path;
}

static int set_up(void **state) {
    (void)state;
    rig_setup(&r, "[section \"briefs\"]\n[section \"politics\"]\n"
                  "[feed]\nheartbeat_interval = 1h\n");
    journal_open("newswired");
    journal_set_level(LOG_WARNING);
    rig_open(&r, RIG_ALL);
    return 0;
}

/* Standard error goes to a file meanwhile. */
static int set_up_lines(void **state) {
    set_up(state);
    fflush(stderr);
    stderr_before = dup(STDERR_FILENO);
    int fd = open(lines_path(), O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
    assert_true(stderr_before >= 0 && fd >= 0);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    close(fd);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    json_decref(json);
    json = NULL;
    rig_close(&r);
    fflush(stderr);
    if (stderr_before >= 0) {
        dup2(stderr_before, STDERR_FILENO);
        close(stderr_before);
        stderr_before = -1;
    }
    rig_teardown(&r);
    return 0;
}

static void *operator(void) {
    char endpoint[128], *item = endpoint;
    struct text_list list = {.items = &item, .n = 1};
    snprintf(endpoint, sizeof endpoint, "ipc://%s", r.settings.control.path);
    return rig_connect(&r, ZMQ_DEALER, &list);
}

static void ask_about(void *socket, const char *command, const char *argument) {
    Newswire__V1__ControlRequest q = NEWSWIRE__V1__CONTROL_REQUEST__INIT;
    q.command = (char *)command;
    q.arguments = (char **)&argument;
    q.n_arguments = argument == NULL ? 0 : 1;
    rig_send(socket, rig_pack(&r, &q.base));
}

static void ask(void *socket, const char *command) {
    ask_about(socket, command, NULL);
}

static const Newswire__V1__ControlReply *reply(void *socket) {
    return rig_unpack(&r, &newswire__v1__control_reply__descriptor, rig_receive(&r, socket));
}

/* The answer, as JSON. */
static void take_json(void *socket) {
    json_error_t error;
    const Newswire__V1__ControlReply *p = reply(socket);
    assert_null(p->error);
    json_decref(json);
    json = json_loads(p->json, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL)
        fail_msg("%s: %s", error.text, p->json);
    assert_true(json_is_object(json));
}

static void status(void *socket) {
    ask(socket, "status");
    take_json(socket);
}

static void refused(void *socket, int code, const char *words) {
    const Newswire__V1__ControlReply *p = reply(socket);
    assert_non_null(p->error);
    assert_int_equal(p->error->code, code);
    assert_string_equal(p->json, "");
    if (strstr(p->error->message, words) == NULL)
        fail_msg("'%s' isn't said in '%s'", words, p->error->message);
}

/* By a path such as "topics:briefs/brief:head"; a number is an array's index. */
static json_t *at(const char *path) {
    char copy[200], *rest = copy;
    json_t *value = json;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *part; (part = strsep(&rest, ":")) != NULL;) {
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(part))
                                     : json_object_get(value, part);
        if (value == NULL)
            fail_msg("there is no %s", path);
    }
    return value;
}

static long long number(const char *path) {
    assert_true(json_is_integer(at(path)));
    return json_integer_value(at(path));
}

static const char *text(const char *path) {
    assert_true(json_is_string(at(path)));
    return json_string_value(at(path));
}

/* ---- status */

static void an_idle_daemon(void **state) {
    (void)state;
    struct log_bounds b;
    log_bounds(r.disk.log, &b);
    void *s = operator();
    status(s);
    assert_string_equal(text("version"), NEWSWIRE_VERSION);
    assert_in_range(number("uptime_sec"), 0, 60);
    assert_int_equal(number("epoch"), b.epoch);
    assert_int_equal(number("head"), 0);
    assert_int_equal(number("first"), 1);
    assert_int_equal(number("entries"), 0);
    assert_int_equal(number("bytes"), b.bytes);
    assert_true(json_is_true(at("taking")));
    assert_string_equal(text("trouble"), "");
    assert_int_equal(json_object_size(at("topics")), 0);
    assert_int_equal(json_array_size(at("readers")), 0);
    assert_true(json_is_null(at("last_error")));
    assert_true(json_is_null(at("checkpoints"))); /* no key */
    assert_string_equal(text("feed:bind:0"), publish_endpoints(r.publish)->items[0]);
    assert_string_equal(text("replay:bind:0"), replay_endpoints(r.replay)->items[0]);
    assert_string_equal(text("submit:bind:0"), intake_endpoints(r.intake)->items[0]);
}

static void submit(void *socket, const char *uri, const char *section) {
    Newswire__V1__SubmitRequest q = NEWSWIRE__V1__SUBMIT_REQUEST__INIT;
    struct slice bytes = rig_bytes(&r, rig_story(&r, uri, section));
    ProtobufCBinaryData article = {bytes.len, (uint8_t *)bytes.data};
    q.articles = &article;
    q.n_articles = 1;
    rig_send(socket, rig_pack(&r, &q.base));
    rig_receive(&r, socket);
}

static void report(void *socket, const char *client, uint64_t proven, const char *topic) {
    Newswire__V1__ReplayRequest q = NEWSWIRE__V1__REPLAY_REQUEST__INIT;
    Newswire__V1__Report report = NEWSWIRE__V1__REPORT__INIT;
    report.client = (char *)client;
    report.proven_seq = proven;
    report.topics = (char **)&topic;
    report.n_topics = 1;
    q.what_case = NEWSWIRE__V1__REPLAY_REQUEST__WHAT_REPORT;
    q.report = &report;
    rig_send(socket, rig_pack(&r, &q.base));
    q.request_id = 1; /* answered behind it: a question that asks for nothing */
    q.what_case = NEWSWIRE__V1__REPLAY_REQUEST__WHAT__NOT_SET;
    rig_send(socket, rig_pack(&r, &q.base));
    rig_receive(&r, socket);
}

static void what_happened_is_told(void **state) {
    (void)state;
    void *s = operator(), *sender = rig_connect(&r, ZMQ_DEALER, intake_endpoints(r.intake)),
         *reader = rig_connect(&r, ZMQ_DEALER, replay_endpoints(r.replay)),
         *feed = rig_connect(&r, ZMQ_SUB, publish_endpoints(r.publish));
    assert_int_equal(zmq_setsockopt(feed, ZMQ_SUBSCRIBE, "politics/", 9), 0);
    RIG_UNTIL(&r, publish_counts(r.publish)->subscriptions == 1);
    submit(sender, "u:1", "briefs");
    submit(sender, "u:2", "briefs");
    submit(sender, "u:1", "briefs");
    submit(sender, "u:3", "politics");
    submit(sender, "u:4", "nowhere");
    rig_send(sender, slice_of("\xff"));
    rig_receive(&r, sender);
    report(reader, "archive", 2, "briefs/");
    int64_t before = loop_utc_usec() - 10000000;
    status(s);
    assert_int_equal(number("head"), 3);
    assert_int_equal(number("first"), 1);
    assert_int_equal(number("entries"), 3);
    assert_true(number("bytes") > 100);
    assert_int_equal(json_object_size(at("topics")), 2);
    assert_int_equal(number("topics:briefs/brief:entries"), 2);
    assert_int_equal(number("topics:briefs/brief:head"), 2);
    assert_int_equal(number("topics:politics/brief:entries"), 1);
    assert_int_equal(number("topics:politics/brief:head"), 3);
    assert_int_equal(json_array_size(at("readers")), 1);
    assert_string_equal(text("readers:0:client"), "archive");
    assert_string_equal(text("readers:0:topics"), "briefs/");
    assert_int_equal(number("readers:0:proven_seq"), 2);
    assert_int_equal(number("readers:0:lag"), 1);
    assert_true(number("readers:0:seen_usec") > before);
    assert_int_equal(number("submit:accepted"), 3);
    assert_int_equal(number("submit:duplicate"), 1);
    assert_int_equal(number("submit:refused"), 1);
    assert_int_equal(number("submit:malformed"), 1);
    assert_int_equal(number("submit:unavailable"), 0);
    assert_int_equal(number("submit:waiting"), 0);
    assert_int_equal(number("feed:entries"), 3);
    assert_int_equal(number("feed:subscriptions"), 1);
    assert_true(number("feed:heartbeats") >= 3);
    assert_int_equal(number("replay:refused"), 1);
    assert_non_null(strstr(text("last_error:text"), "SubmitRequest"));
    assert_true(number("last_error:time_usec") > before);
}

/* Longer than what is kept of it, with a cut at each of a character's bytes:
 * no value is missing for that. */
static char *long_word(size_t shift) {
    enum { BYTES = 1500 };
    char *s = arena_alloc(r.arena, BYTES + 4);
    assert_non_null(s);
    memset(s, 'x', shift);
    for (size_t i = shift; i < BYTES; i += 3)
        memcpy(s + i, "报", 4);
    return s;
}

static void readers_with_long_names(void **state) {
    (void)state;
    void *s = operator(), *reader = rig_connect(&r, ZMQ_DEALER, replay_endpoints(r.replay));
    for (size_t shift = 0; shift < 3; shift++) {
        report(reader, long_word(shift), 2, "briefs/");
        status(s);
        assert_int_equal(json_array_size(at("readers")), shift + 1);
        assert_non_null(strstr(text("readers:0:client"), "报报报"));
    }
}

static void readers_of_long_topics(void **state) {
    (void)state;
    void *s = operator(), *reader = rig_connect(&r, ZMQ_DEALER, replay_endpoints(r.replay));
    for (size_t shift = 0; shift < 3; shift++) {
        report(reader, "archive", 2, long_word(shift));
        status(s);
        assert_int_equal(json_array_size(at("readers")), 1);
        assert_int_equal(number("readers:0:proven_seq"), 2);
    }
}

static void a_long_last_error(void **state) {
    (void)state;
    void *s = operator();
    for (size_t shift = 0; shift < 3; shift++) {
        journal(JOURNAL_LOG_DAMAGED, NULL, "%s", long_word(shift));
        status(s);
        assert_non_null(strstr(text("last_error:text"), "报报报"));
    }
}

static void since(void *socket, int64_t usec) {
    char time[TIMESTAMP_BYTES];
    timestamp_write(usec, time);
    ask_about(socket, "since", time);
    take_json(socket);
}

static void what_came_since_is_told(void **state) {
    (void)state;
    int64_t start = 1000000;
    atomic_store(&test_clock, start);
    void *s = operator(), *sender = rig_connect(&r, ZMQ_DEALER, intake_endpoints(r.intake));
    since(s, start);
    assert_int_equal(json_object_size(at("topics")), 0);
    submit(sender, "u:1", "briefs");
    int64_t between = start + 1;
    atomic_store(&test_clock, between);
    submit(sender, "u:2", "politics");
    since(s, start);
    assert_int_equal(json_object_size(at("topics")), 2);
    assert_int_equal(number("topics:briefs/brief"), 1);
    assert_int_equal(number("topics:politics/brief"), 2);
    since(s, between);
    assert_int_equal(json_object_size(at("topics")), 1);
    assert_int_equal(number("topics:politics/brief"), 2);
    since(s, between + 1);
    assert_int_equal(json_object_size(at("topics")), 0);
    ask(s, "since");
    refused(s, NEWSWIRE__V1__ERROR__CODE__invalid, "TIME");
    ask_about(s, "since", "yesterday");
    refused(s, NEWSWIRE__V1__ERROR__CODE__invalid, "TIME");
}

static void a_full_disk_is_told(void **state) {
    (void)state;
    rig_close(&r);
    r.disk.config.free_bytes = 1 << 20;
    rig_open(&r, RIG_ALL);
    atomic_store(&free_left, 4096);
    void *s = operator(), *sender = rig_connect(&r, ZMQ_DEALER, intake_endpoints(r.intake));
    submit(sender, "u:1", "briefs");
    status(s);
    assert_true(json_is_false(at("taking")));
    assert_non_null(strstr(text("trouble"), "full"));
    assert_int_equal(number("submit:unavailable"), 1);
}

/* ---- requests */

static void an_unknown_command_is_named(void **state) {
    (void)state;
    char name[400] = "x";
    void *s = operator();
    ask(s, "reboot");
    refused(s, NEWSWIRE__V1__ERROR__CODE__unknown, "'reboot'");
    ask(s, "");
    refused(s, NEWSWIRE__V1__ERROR__CODE__unknown, "''");
    ask(s, "STATUS");
    refused(s, NEWSWIRE__V1__ERROR__CODE__unknown, "'STATUS'");
    for (size_t i = 1; i + 4 < sizeof name; i += 3)
        memcpy(name + i, "报", 4);
    ask(s, name);
    refused(s, NEWSWIRE__V1__ERROR__CODE__unknown, "x报"); /* the reply is text */
    status(s);
}

static void what_is_no_request(void **state) {
    (void)state;
    void *s = operator(), *t = operator();
    struct slice empty = {(const uint8_t *)"", 0};
    bool more;
    rig_send(s, slice_of("\xff\xff\xff"));
    refused(s, NEWSWIRE__V1__ERROR__CODE__malformed, "protobuf");
    rig_send(s, slice_of("\x0a\x02\xff\xfe"));
    refused(s, NEWSWIRE__V1__ERROR__CODE__malformed, "UTF-8");
    rig_send_part(s, slice_of("a"), true);
    rig_send_part(s, slice_of("b"), true);
    rig_send(s, slice_of("c"));
    refused(s, NEWSWIRE__V1__ERROR__CODE__malformed, "one frame");
    rig_send_part(s, empty, true); /* as REQ */
    ask(s, "status");
    assert_int_equal(rig_receive_part(&r, s, &more).len, 0);
    assert_true(more);
    assert_null(reply(s)->error);
    uint8_t *large = calloc(1, (128 << 10) + 1);
    rig_send(s, (struct slice){large, (64 << 10) + 1});
    assert_non_null(strstr(reply(s)->error->message, "65537 bytes"));
    rig_send(s, (struct slice){large, (128 << 10) + 1});
    free(large);
    status(t);
    status(s); /* connected anew */
    ask(t, "status");
    rig_disconnect(&r, t); /* asks, and is gone */
    status(s);
}

/* The operator's user and group, nobody else. */
static void the_socket_is_for_the_operator(void **state) {
    (void)state;
    struct stat st;
    assert_int_equal(stat(r.settings.control.path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07, 0);
    assert_int_equal(st.st_mode & 0660, 0660);
}

static void no_socket_is_left_behind(void **state) {
    (void)state;
    rig_close(&r);
    assert_int_equal(access(r.settings.control.path, F_OK), -1);
    rig_open(&r, RIG_ALL);
    status(operator());
}

/* ---- log lines */

static char *lines(void) {
    size_t len;
    fflush(stderr);
    uint8_t *bytes = file_load(lines_path(), &len);
    char *s = arena_strndup(r.arena, (char *)bytes, len);
    free(bytes);
    return s;
}

/* A sender can't make a line of its own. */
static void no_line_is_forged(void **state) {
    (void)state;
    void *sender = rig_connect(&r, ZMQ_DEALER, intake_endpoints(r.intake));
    submit(sender, "u:1\nnewswired: error: the disk burns", "briefs");
    submit(sender, "u:2", "a\nnewswired: error: the disk burns");
    submit(sender, "u:3\x1b[31mred", "briefs");
    char *s = lines();
    assert_non_null(strstr(s, "u:1"));
    assert_null(strstr(s, "\nnewswired: error: the disk burns"));
    assert_null(strstr(s, "\x1b"));
}

static void lines_below_the_level_are_left_out(void **state) {
    (void)state;
    long long usec;
    char error[512];
    journal_set_level(LOG_WARNING);
    journal(JOURNAL_STOPPING, NULL, "chatter");
    journal(JOURNAL_INSECURE, &(struct journal_subject){.topic = "a/brief"}, "a %s", "warning");
    journal(JOURNAL_LOG_DAMAGED, NULL, "an error");
    journal_last_error(error, sizeof error, &usec);
    assert_string_equal(error, "an error");
    assert_in_range(loop_utc_usec() - usec, 0, 5000000);
    assert_non_null(strstr(lines(), "newswired: a warning\nnewswired: error: an error\n"));
    assert_null(strstr(lines(), "chatter"));
    assert_null(strstr(lines(), "NEWSWIRE_TOPIC"));
}

#define TEST(f)  cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define LINES(f) cmocka_unit_test_setup_teardown(f, set_up_lines, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_idle_daemon), /* first: nothing has gone wrong yet */
        TEST(what_happened_is_told),
        TEST(readers_with_long_names),
        TEST(readers_of_long_topics),
        TEST(a_long_last_error),
        TEST(what_came_since_is_told),
        TEST(a_full_disk_is_told),
        TEST(an_unknown_command_is_named),
        TEST(what_is_no_request),
        TEST(the_socket_is_for_the_operator),
        TEST(no_socket_is_left_behind),
        LINES(no_line_is_forged),
        LINES(lines_below_the_level_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
