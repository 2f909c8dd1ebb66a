/* What is held, as the operator handles it, and what a submitter asks about. */

#include "tests/daemon/rig.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INVALID NEWSWIRE__V1__ERROR__CODE__invalid
#define UNKNOWN NEWSWIRE__V1__ERROR__CODE__unknown

static struct rig r;
static void *desk, *sender;
static const int64_t HOUR = 3600 * INT64_C(1000000);

static int set_up(void **state) {
    (void)state;
    rig_setup(&r,
              "[section \"briefs\"]\nmedia_topics = medtop:11000000\nnames = en: Briefs | 简讯\n"
              "[section \"reviewed\"]\nrelease = approve:2\n"
              "[intake]\ndefault_section = briefs\n");
    rig_open(&r, RIG_ALL);
    char endpoint[128], *item = endpoint;
    struct text_list list = {.items = &item, .n = 1};
    snprintf(endpoint, sizeof endpoint, "ipc://%s", r.settings.control.path);
    desk = rig_connect(&r, ZMQ_DEALER, &list);
    sender = rig_connect(&r, ZMQ_DEALER, intake_endpoints(r.intake));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    rig_close(&r);
    rig_teardown(&r);
    return 0;
}

/* ---- asking */

static const Newswire__V1__ControlReply *command(const char *name, char *item, char *who) {
    Newswire__V1__ControlRequest q = NEWSWIRE__V1__CONTROL_REQUEST__INIT;
    char *arguments[] = {item, who, "a note"};
    q.command = (char *)name;
    q.arguments = arguments;
    q.n_arguments = item == NULL ? 0 : 3;
    rig_send(desk, rig_pack(&r, &q.base));
    return rig_unpack(&r, &newswire__v1__control_reply__descriptor, rig_receive(&r, desk));
}

static void refused(const Newswire__V1__ControlReply *p, int code, const char *why) {
    assert_non_null(p->error);
    assert_int_equal(p->error->code, code);
    if (strstr(p->error->message, why) == NULL)
        fail_msg("'%s', expected '%s'", p->error->message, why);
}

static void answered(const Newswire__V1__ControlReply *p, const char *part) {
    if (p->error != NULL)
        fail_msg("refused: %s", p->error->message);
    if (strstr(p->json, part) == NULL)
        fail_msg("'%s', expected '%s'", p->json, part);
}

static const Newswire__V1__SubmitReply *submit(Newswire__V1__SubmitRequest *q, Article *article) {
    ProtobufCBinaryData data;
    if (article != NULL) {
        struct slice s = rig_bytes(&r, article);
        data = (ProtobufCBinaryData){s.len, (uint8_t *)s.data};
        q->articles = &data;
        q->n_articles = 1;
    }
    rig_send(sender, rig_pack(&r, &q->base));
    return rig_unpack(&r, &newswire__v1__submit_reply__descriptor, rig_receive(&r, sender));
}

static const Newswire__V1__SubmitResult *put(Article *article) {
    Newswire__V1__SubmitRequest q = NEWSWIRE__V1__SUBMIT_REQUEST__INIT;
    const Newswire__V1__SubmitReply *p = submit(&q, article);
    assert_int_equal(p->n_results, 1);
    return p->results[0];
}

static Article *story(const char *uri, char *section, char *headline) {
    Article *a = rig_story(&r, uri, section);
    a->headline = headline;
    return a;
}

static Article *embargoed(const char *uri, char *headline) {
    Article *a = story(uri, "briefs", headline);
    a->embargoed_until = atomic_load(&test_clock) + HOUR;
    return a;
}

/* ---- the operator */

static void an_item_is_named_in_three_ways(void **state) {
    (void)state;
    answered(command("held", NULL, NULL), "[]");
    assert_int_equal(put(embargoed("urn:x:1", "Prize awarded"))->outcome,
                     NEWSWIRE__V1__OUTCOME__VALUE__held);
    put(embargoed("urn:x:2", "Prize refused"));
    put(embargoed("urn:x:3", "植树开始"));
    const Newswire__V1__ControlReply *p = command("held", NULL, NULL);
    answered(p, "\"headline\":\"植树开始\"");
    json_t *list = json_loads(p->json, 0, NULL);
    assert_int_equal(json_array_size(list), 3);
    char number[24];
    snprintf(number, sizeof number, "%lld",
             (long long)json_integer_value(json_object_get(json_array_get(list, 1), "number")));
    json_decref(list);
    refused(command("release", "prize", "Ann"), INVALID, "could be 2 articles");
    refused(command("release", "nobody", "Ann"), UNKNOWN, "nothing that is held");
    refused(command("release", "", "Ann"), UNKNOWN, "nothing that is held");
    answered(command("release", "urn:x:1", "Ann"), "\"outcome\":\"released\"");
    answered(command("release", number, ""), "\"headline\":\"Prize refused\"");
    answered(command("reject", "植树", "Ann"), "\"outcome\":\"rejected\"");
    answered(command("held", NULL, NULL), "[]");
}

static void two_persons_approve(void **state) {
    (void)state;
    assert_int_equal(put(story("urn:x:1", "reviewed", "Minister resigns"))->outcome,
                     NEWSWIRE__V1__OUTCOME__VALUE__held);
    refused(command("approve", "Minister", ""), INVALID, "--as NAME");
    refused(command("approve", "Minister", "Ann (chief)"), INVALID, "brackets");
    answered(command("approve", "Minister", "Ann"), "\"missing\":1");
    refused(command("approve", "Minister", "ANN"), INVALID, "has approved it already");
    answered(command("held", NULL, NULL), "\"approved_by\":[\"Ann (");
    answered(command("approve", "Minister", "Bob"), "\"outcome\":\"released\"");
    struct read_entry *e;
    size_t n;
    assert_int_equal(fixture_read(&r.disk, NULL, 0, &e, &n), 0);
    assert_int_equal(n, 1);
    assert_non_null(strstr(e[0].approved_by, "Ann ("));
    assert_non_null(strstr(e[0].approved_by, ",Bob ("));
    free(e);
}

/* An answer that comes when control has closed goes nowhere. */
static void control_closes_with_a_call_under_way(void **state) {
    (void)state;
    Newswire__V1__ControlRequest q = NEWSWIRE__V1__CONTROL_REQUEST__INIT;
    q.command = "held";
    rig_gate_close(&r);
    rig_append(&r, "briefs/brief", 10);
    RIG_UNTIL(&r, rig_gate_waits());
    rig_send(desk, rig_pack(&r, &q.base));
    for (int i = 0; i < 20; i++)
        rig_turn(&r, NULL, 5);
    r.control = control_close(r.control);
    rig_gate_open(&r);
    RIG_UNTIL(&r, r.n_results >= 2);
}

/* ---- the submitter */

static void questions_see_what_came_before(void **state) {
    (void)state;
    Newswire__V1__SubmitRequest q = NEWSWIRE__V1__SUBMIT_REQUEST__INIT;
    char *uris[] = {"urn:x:1", "urn:x:2"};
    q.request_id = 7;
    q.stories = uris;
    q.n_stories = 2;
    const Newswire__V1__SubmitReply *p = submit(&q, story("urn:x:1", "briefs", "One"));
    assert_int_equal(p->request_id, 7);
    assert_int_equal(p->n_results, 1);
    assert_int_equal(p->n_stories, 2);
    assert_string_equal(p->stories[0]->uri, "urn:x:1");
    assert_int_equal(p->stories[0]->version, 1);
    assert_int_equal(p->stories[0]->seq, p->results[0]->seq);
    assert_string_equal(p->stories[0]->topic, "briefs/brief");
    assert_int_equal(p->stories[1]->version, 0);
    Article *next = embargoed("urn:x:1", "One");
    next->version = 2;
    put(next);
    q.n_articles = 0;
    p = submit(&q, NULL);
    assert_int_equal(p->n_results, 0);
    assert_int_equal(p->stories[0]->held_version, 2);
    assert_string_equal(p->stories[0]->held_topic, "briefs/brief");
}

static void what_is_held_of_a_page(void **state) {
    (void)state;
    Newswire__V1__SubmitRequest q = NEWSWIRE__V1__SUBMIT_REQUEST__INIT;
    char *starts[] = {"urn:page:1:", "urn:story:"};
    put(embargoed("urn:page:1:a", "One"));
    put(embargoed("urn:page:1:b", "Two"));
    put(embargoed("urn:page:2:c", "Three"));
    q.held = starts;
    q.n_held = 2;
    const Newswire__V1__SubmitReply *p = submit(&q, embargoed("urn:page:1:d", "Four"));
    assert_int_equal(p->n_results, 1);
    assert_int_equal(p->n_stories, 0);
    assert_int_equal(p->n_held, 3);
    Article *article;
    struct fault fault;
    assert_int_equal(codec_unpack_article(r.arena, (struct slice){p->held[1].data, p->held[1].len},
                                          &article, &fault),
                     0);
    assert_string_equal(article->headline, "Two");
}

static void force_and_hold(void **state) {
    (void)state;
    Newswire__V1__SubmitRequest q = NEWSWIRE__V1__SUBMIT_REQUEST__INIT;
    Article *a = story("urn:x:1", "briefs", "Nine");
    a->version = 9;
    const Newswire__V1__SubmitResult *result = put(a);
    assert_int_equal(result->outcome, NEWSWIRE__V1__OUTCOME__VALUE__refused);
    assert_string_equal(result->field, "uri");
    q.force = true;
    assert_int_equal(submit(&q, a)->results[0]->outcome, NEWSWIRE__V1__OUTCOME__VALUE__accepted);
    q.force = false;
    q.hold = "text is missing";
    assert_int_equal(submit(&q, story("urn:x:2", "briefs", "Two"))->results[0]->outcome,
                     NEWSWIRE__V1__OUTCOME__VALUE__held);
    answered(command("approve", "Two", "Ann"), "\"outcome\":\"released\"");
}

static void a_kill_carries_no_text(void **state) {
    (void)state;
    put(story("urn:x:1", "briefs", "One"));
    Article *a = story("urn:x:1", "briefs", "One");
    a->version = 2;
    a->status = STATUS_CANCELED;
    assert_int_equal(article_add_block(r.arena, a, BLOCK_PARAGRAPH, "x", 1), 0);
    const Newswire__V1__SubmitResult *result = put(a);
    assert_int_equal(result->outcome, NEWSWIRE__V1__OUTCOME__VALUE__refused);
    assert_string_equal(result->field, "blocks");
    article_strip_kill(a);
    assert_int_equal(put(a)->outcome, NEWSWIRE__V1__OUTCOME__VALUE__accepted);
}

/* ---- sections */

static void a_subjects_code_chooses_the_section(void **state) {
    (void)state;
    Article *a = story("urn:x:1", "", "One");
    Subject subject = NEWSWIRE__V1__SUBJECT__INIT, *subjects[] = {&subject};
    r.settings.intake.default_section = "reviewed";
    subject.uri = "http://cv.iptc.org/newscodes/mediatopic/11000000";
    a->subjects = subjects;
    a->n_subjects = 1;
    assert_string_equal(put(a)->topic, "briefs/brief");
    a->uri = "urn:x:2";
    subject.uri = "http://cv.iptc.org/newscodes/mediatopic/12000000";
    assert_int_equal(put(a)->outcome, NEWSWIRE__V1__OUTCOME__VALUE__held);
}

static void readers_are_told_of_sections(void **state) {
    (void)state;
    Newswire__V1__ReplayRequest q = NEWSWIRE__V1__REPLAY_REQUEST__INIT;
    Newswire__V1__SectionsRequest sections = NEWSWIRE__V1__SECTIONS_REQUEST__INIT;
    void *reader = rig_connect(&r, ZMQ_DEALER, replay_endpoints(r.replay));
    q.request_id = 3;
    q.what_case = NEWSWIRE__V1__REPLAY_REQUEST__WHAT_SECTIONS;
    q.sections = &sections;
    rig_send(reader, rig_pack(&r, &q.base));
    const Newswire__V1__ReplayReply *p =
        rig_unpack(&r, &newswire__v1__replay_reply__descriptor, rig_receive(&r, reader));
    assert_int_equal(p->request_id, 3);
    assert_true(p->done);
    assert_int_equal(p->n_sections, 2);
    const Newswire__V1__Section *briefs = p->sections[0];
    assert_string_equal(briefs->key, "briefs");
    assert_int_equal(briefs->n_titles, 2);
    assert_string_equal(briefs->titles[0]->language, "en");
    assert_string_equal(briefs->titles[0]->title, "Briefs");
    assert_string_equal(briefs->titles[1]->language, "");
    assert_string_equal(briefs->titles[1]->title, "简讯");
    assert_string_equal(briefs->media_topics[0], "medtop:11000000");
    assert_int_equal(briefs->n_topics, 3);
    assert_string_equal(briefs->topics[1], "briefs/brief");
    assert_int_equal(p->sections[1]->approvals, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_item_is_named_in_three_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_persons_approve, set_up, tear_down),
        cmocka_unit_test_setup_teardown(control_closes_with_a_call_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(questions_see_what_came_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_held_of_a_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(force_and_hold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kill_carries_no_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_subjects_code_chooses_the_section, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readers_are_told_of_sections, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
