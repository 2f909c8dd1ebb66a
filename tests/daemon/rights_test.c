/* Rights and limits of clients on replay and submit, and who may know what. */
#include "tests/daemon/keys.h"

#include "daemon/meters.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef Newswire__V1__ReplayRequest Request;
typedef Newswire__V1__ReplayReply Reply;

enum { DENIED = NEWSWIRE__V1__ERROR__CODE__denied, BUSY = NEWSWIRE__V1__ERROR__CODE__busy };
enum {
    ACCEPTED = NEWSWIRE__V1__OUTCOME__VALUE__accepted,
    REFUSED = NEWSWIRE__V1__OUTCOME__VALUE__refused
};

static struct rig r;

static void start(const char *more) {
    rig_setup(&r, keys_config(more));
    rig_open(&r, RIG_REPLAY | RIG_SUBMIT);
}

static int set_up(void **state) {
    (void)state;
    start("");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    rig_teardown(&r);
    return 0;
}

static void *reader(enum keys_who who) {
    return keys_connect(&r, ZMQ_DEALER, replay_endpoints(r.replay), who);
}

static void *sender(enum keys_who who) {
    return keys_connect(&r, ZMQ_DEALER, intake_endpoints(r.intake), who);
}

static const Reply *ask(void *socket, Request *q) {
    rig_send(socket, rig_pack(&r, &q->base));
    return rig_unpack(&r, &newswire__v1__replay_reply__descriptor, rig_receive(&r, socket));
}

static const Reply *ask_open(void *socket, uint64_t id, const char *topic) {
    Request q = NEWSWIRE__V1__REPLAY_REQUEST__INIT;
    Newswire__V1__ReplayOpen open = NEWSWIRE__V1__REPLAY_OPEN__INIT;
    char *topics[] = {(char *)topic};
    open.topics = topics;
    open.n_topics = topic != NULL;
    open.credit_bytes = 1 << 20;
    q.request_id = id;
    q.what_case = NEWSWIRE__V1__REPLAY_REQUEST__WHAT_OPEN;
    q.open = &open;
    return ask(socket, &q);
}

static const Reply *ask_heads(void *socket, const char *topic) {
    Request q = NEWSWIRE__V1__REPLAY_REQUEST__INIT;
    Newswire__V1__HeadsRequest heads = NEWSWIRE__V1__HEADS_REQUEST__INIT;
    char *topics[] = {(char *)topic};
    heads.topics = topics;
    heads.n_topics = topic != NULL;
    q.request_id = 1;
    q.what_case = NEWSWIRE__V1__REPLAY_REQUEST__WHAT_HEADS;
    q.heads = &heads;
    return ask(socket, &q);
}

static const Newswire__V1__Rights *ask_rights(void *socket) {
    Request q = NEWSWIRE__V1__REPLAY_REQUEST__INIT;
    Newswire__V1__WhoamiRequest whoami = NEWSWIRE__V1__WHOAMI_REQUEST__INIT;
    q.request_id = 1;
    q.what_case = NEWSWIRE__V1__REPLAY_REQUEST__WHAT_WHOAMI;
    q.whoami = &whoami;
    const Reply *reply = ask(socket, &q);
    assert_non_null(reply->rights);
    assert_true(reply->done);
    return reply->rights;
}

static const Reply *ask_sections(void *socket) {
    Request q = NEWSWIRE__V1__REPLAY_REQUEST__INIT;
    Newswire__V1__SectionsRequest sections = NEWSWIRE__V1__SECTIONS_REQUEST__INIT;
    q.request_id = 1;
    q.what_case = NEWSWIRE__V1__REPLAY_REQUEST__WHAT_SECTIONS;
    q.sections = &sections;
    return ask(socket, &q);
}

static void is_denied(const Reply *reply) {
    assert_non_null(reply->error);
    assert_int_equal(reply->error->code, DENIED);
    assert_int_equal(reply->n_entries, 0);
    assert_int_equal(reply->n_heads, 0);
}

/* ---- replay */

static void replays_what_is_allowed(void **state) {
    static const char *const others[] = {NULL, "", "e", "economy", "politics/", "politics/brief"};
    (void)state;
    rig_fill(&r, "economy/brief", 50, 1);
    rig_fill(&r, "politics/brief", 50, 1);
    void *econ = reader(KEYS_ECON);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        is_denied(ask_open(econ, 7 + i, others[i]));
        is_denied(ask_heads(econ, others[i]));
    }
    const Reply *reply = ask_open(econ, 50, "economy/");
    assert_null(reply->error);
    assert_int_equal(reply->n_entries, 1);
    assert_string_equal(reply->entries[0]->topic, "economy/brief");
    reply = ask_heads(econ, "economy/");
    assert_int_equal(reply->n_heads, 3);
    assert_int_equal(ask_open(reader(KEYS_ARCHIVE), 1, NULL)->n_entries, 2);
}

static void says_who_one_is(void **state) {
    (void)state;
    const Newswire__V1__Rights *econ = ask_rights(reader(KEYS_ECON)),
                               *archive = ask_rights(reader(KEYS_ARCHIVE));
    assert_string_equal(econ->client, "econ");
    assert_int_equal(econ->n_read, 1);
    assert_string_equal(econ->read[0], "economy/");
    assert_int_equal(econ->n_send, 1);
    assert_string_equal(econ->send[0], "economy");
    assert_false(econ->relay);
    assert_int_equal(archive->n_read, 1);
    assert_string_equal(archive->read[0], "");
    assert_string_equal(archive->send[0], "");
    assert_true(archive->relay);
}

static void tells_of_known_sections_only(void **state) {
    (void)state;
    const Reply *reply = ask_sections(reader(KEYS_ECON));
    assert_int_equal(reply->n_sections, 1);
    assert_string_equal(reply->sections[0]->key, "economy");
    assert_int_equal(ask_sections(reader(KEYS_ARCHIVE))->n_sections, 2);
}

static void bounds_replays_of_a_client(void **state) {
    (void)state;
    start("[client \"econ\"]\nreplays = 2\n");
    rig_fill(&r, "economy/brief", 1000, 200);
    void *one = reader(KEYS_ECON), *other = reader(KEYS_ECON);
    Request q = NEWSWIRE__V1__REPLAY_REQUEST__INIT;
    Newswire__V1__ReplayOpen open = NEWSWIRE__V1__REPLAY_OPEN__INIT;
    char *topics[] = {(char *)"economy/"};
    open.topics = topics;
    open.n_topics = 1;
    open.credit_bytes = 1; /* a first entry, and then it waits */
    q.what_case = NEWSWIRE__V1__REPLAY_REQUEST__WHAT_OPEN;
    q.open = &open;
    for (q.request_id = 1; q.request_id <= 2; q.request_id++)
        assert_null(ask(one, &q)->error);
    const Reply *reply = ask(other, &q);
    assert_non_null(reply->error);
    assert_int_equal(reply->error->code, BUSY);
    assert_non_null(strstr(reply->error->message, "econ"));
    assert_null(ask(reader(KEYS_ARCHIVE), &q)->error);
}

/* A reload ends the sessions of those who lost the right, and new ones are denied. */
static void revokes_a_replay(void **state) {
    struct settings now;
    struct client econ;
    (void)state;
    rig_fill(&r, "economy/brief", 50, 1);
    void *socket = reader(KEYS_ECON);
    assert_null(ask_open(socket, 1, "economy/")->error);
    memcpy(&now, &r.settings, sizeof now);
    econ = *r.settings.clients[1];
    econ.read = (struct text_list){0};
    struct client *clients[] = {r.settings.clients[0], &econ};
    now.clients = clients;
    replay_reload(r.replay, &now);
    usleep(100000);
    is_denied(ask_open(socket, 2, "economy/"));
    rig_close(&r);
}

/* ---- submit */

static const Newswire__V1__SubmitReply *send_request(void *socket, Newswire__V1__SubmitRequest *q) {
    rig_send(socket, rig_pack(&r, &q->base));
    return rig_unpack(&r, &newswire__v1__submit_reply__descriptor, rig_receive(&r, socket));
}

static const Newswire__V1__SubmitReply *send_article(void *socket, const Article *article,
                                                     char *path) {
    Newswire__V1__SubmitRequest q = NEWSWIRE__V1__SUBMIT_REQUEST__INIT;
    struct slice bytes = rig_bytes(&r, article);
    ProtobufCBinaryData data = {bytes.len, (uint8_t *)bytes.data};
    q.request_id = 1;
    q.articles = &data;
    q.n_articles = 1;
    q.path = &path;
    q.n_path = path != NULL;
    return send_request(socket, &q);
}

static const Newswire__V1__SubmitResult *send_story(void *socket, const char *uri,
                                                    const char *section, uint32_t version) {
    Article *a = rig_story(&r, uri, section);
    a->version = version;
    const Newswire__V1__SubmitReply *reply = send_article(socket, a, NULL);
    assert_null(reply->error);
    assert_int_equal(reply->n_results, 1);
    return reply->results[0];
}

static void takes_what_is_allowed(void **state) {
    (void)state;
    void *econ = sender(KEYS_ECON), *archive = sender(KEYS_ARCHIVE);
    assert_int_equal(send_story(econ, "urn:e", "economy", 1)->outcome, ACCEPTED);
    const Newswire__V1__SubmitResult *result = send_story(econ, "urn:p", "politics", 1);
    assert_int_equal(result->outcome, REFUSED);
    assert_string_equal(result->field, "section");
    assert_non_null(strstr(result->reason, "econ"));
    assert_int_equal(send_story(archive, "urn:p", "politics", 1)->outcome, ACCEPTED);
}

/* A correction, a kill or a move takes the story away from where it is. */
static void changes_no_story_of_others(void **state) {
    (void)state;
    void *econ = sender(KEYS_ECON), *archive = sender(KEYS_ARCHIVE);
    assert_int_equal(send_story(archive, "urn:p", "politics", 1)->outcome, ACCEPTED);
    const Newswire__V1__SubmitResult *result = send_story(econ, "urn:p", "economy", 2);
    assert_int_equal(result->outcome, REFUSED);
    assert_string_equal(result->field, "uri");
    assert_null(strstr(result->reason, "politics"));
    assert_string_not_equal(result->topic, "politics/brief");
    Article *kill = rig_story(&r, "urn:p", "economy");
    kill->version = 2;
    kill->status = STATUS_CANCELED;
    kill->n_blocks = 0;
    assert_int_equal(send_article(econ, kill, NULL)->results[0]->outcome, REFUSED);
    /* the other way round it is a move, which the archive may do */
    assert_int_equal(send_story(econ, "urn:e", "economy", 1)->outcome, ACCEPTED);
    assert_int_equal(send_story(archive, "urn:e", "politics", 2)->outcome, ACCEPTED);
    assert_int_equal(send_story(econ, "urn:e", "economy", 3)->outcome, REFUSED);
}

static void knows_no_story_of_others(void **state) {
    (void)state;
    void *econ = sender(KEYS_ECON), *archive = sender(KEYS_ARCHIVE);
    Newswire__V1__SubmitRequest q = NEWSWIRE__V1__SUBMIT_REQUEST__INIT;
    char *uris[] = {(char *)"urn:p", (char *)"urn:e"};
    send_story(archive, "urn:p", "politics", 1);
    send_story(archive, "urn:e", "economy", 1);
    q.request_id = 3;
    q.stories = uris;
    q.n_stories = 2;
    const Newswire__V1__SubmitReply *reply = send_request(econ, &q);
    assert_int_equal(reply->n_stories, 2);
    assert_int_equal(reply->stories[0]->version, 0);
    assert_string_equal(reply->stories[0]->topic, "");
    assert_int_equal(reply->stories[1]->version, 1);
    assert_int_equal(send_request(archive, &q)->stories[0]->version, 1);
}

static void holds_are_others_too(void **state) {
    (void)state;
    void *econ = sender(KEYS_ECON), *archive = sender(KEYS_ARCHIVE);
    static const char *const sections[] = {"politics", "economy"};
    for (int i = 0; i < 2; i++) {
        Article *a = rig_story(&r, i == 0 ? "urn:held:p" : "urn:held:e", sections[i]);
        a->embargoed_until = INT64_C(4000000000000000);
        assert_int_equal(send_article(archive, a, NULL)->results[0]->outcome,
                         NEWSWIRE__V1__OUTCOME__VALUE__held);
    }
    Newswire__V1__SubmitRequest q = NEWSWIRE__V1__SUBMIT_REQUEST__INIT;
    char *starts[] = {(char *)"urn:held:"};
    q.request_id = 4;
    q.held = starts;
    q.n_held = 1;
    assert_int_equal(send_request(econ, &q)->n_held, 1);
    assert_int_equal(send_request(archive, &q)->n_held, 2);
    const Newswire__V1__SubmitResult *result = send_story(econ, "urn:held:p", "economy", 2);
    assert_int_equal(result->outcome, REFUSED);
    assert_string_equal(result->field, "uri");
}

static void relays_only_when_allowed(void **state) {
    (void)state;
    const Article *a = rig_story(&r, "urn:r", "economy");
    const Newswire__V1__SubmitReply *reply = send_article(sender(KEYS_ECON), a, (char *)"county");
    assert_non_null(reply->error);
    assert_int_equal(reply->error->code, DENIED);
    assert_string_equal(reply->error->field, "path");
    assert_int_equal(send_article(sender(KEYS_ARCHIVE), a, (char *)"county")->results[0]->outcome,
                     ACCEPTED);
}

static void slows_a_client_down(void **state) {
    (void)state;
    start("[client \"econ\"]\narticles_per_second = 3\n");
    void *econ = sender(KEYS_ECON);
    char uri[32];
    int busy = 0;
    for (int i = 0; i < 6; i++) {
        snprintf(uri, sizeof uri, "urn:%d", i);
        const Newswire__V1__SubmitReply *reply =
            send_article(econ, rig_story(&r, uri, "economy"), NULL);
        if (reply->error == NULL)
            continue;
        busy++;
        assert_int_equal(reply->error->code, BUSY);
        assert_non_null(strstr(reply->error->message, "3 articles a second"));
    }
    assert_in_range(busy, 1, 3);
    usleep(700000);
    assert_null(send_article(econ, rig_story(&r, "urn:later", "economy"), NULL)->error);
    for (int i = 0; i < 20; i++) /* others are not slowed down with it */
        send_story(sender(KEYS_ARCHIVE), "urn:a", "economy", 1);
}

/* A key that was taken out of the config, on a connection that still stands. */
static void revokes_a_sender(void **state) {
    struct settings now;
    struct client *clients[] = {r.settings.clients[0]};
    (void)state;
    void *econ = sender(KEYS_ECON);
    send_story(econ, "urn:1", "economy", 1);
    memcpy(&now, &r.settings, sizeof now);
    now.clients = clients;
    now.n_clients = 1;
    intake_reload(r.intake, &now);
    const Newswire__V1__SubmitReply *reply =
        send_article(econ, rig_story(&r, "urn:2", "economy"), NULL);
    assert_non_null(reply->error);
    assert_int_equal(reply->error->code, DENIED);
    connections_reload(r.connections, &now);
    assert_int_equal(connections_counts(r.connections)->cut, 1);
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replays_what_is_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_who_one_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_of_known_sections_only, set_up, tear_down),
        cmocka_unit_test_teardown(bounds_replays_of_a_client, tear_down),
        cmocka_unit_test_setup_teardown(revokes_a_replay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_what_is_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changes_no_story_of_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(knows_no_story_of_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holds_are_others_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(relays_only_when_allowed, set_up, tear_down),
        cmocka_unit_test_teardown(slows_a_client_down, tear_down),
        cmocka_unit_test_setup_teardown(revokes_a_sender, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, keys_setup, keys_teardown);
}
