/* newswire-forward retry, park, send, test: what an operator does by hand. */
#include "clients/forward/commands.h"
#include "clients/forward/sender.h"

#include "proto/json.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct operate_options {
    struct desk_options desk;
};

static const struct options_row rows[] = {
    DESK_CONFIG_ROW(struct operate_options),
    DESK_JSON_ROW(struct operate_options),
    {0},
};

/* What a command does in one transaction: how many deliveries it changed, or an error. */
typedef int (*change_fn)(struct desk *d, const struct outlet_config *o, const char *uri);

static int changed(struct desk *d) {
    return sqlite3_changes(d->ledger.store.db);
}

static int note_all(struct desk *d, const struct outlet_config *o, const char *uri,
                    const char *event, const char *where_states) {
    return store_do(&d->ledger.store,
                    "INSERT INTO history (delivery, at_usec, event) SELECT id, ?, ? FROM delivery"
                    " WHERE outlet = ? AND (?4 IS NULL OR uri = ?4) AND instr(?5, state) > 0",
                    "issss", ledger_now(), event, o->name, uri, where_states);
}

static int retry(struct desk *d, const struct outlet_config *o, const char *uri) {
    return ledger_retry(&d->ledger, o, uri);
}

static int park(struct desk *d, const struct outlet_config *o, const char *uri) {
    int r = note_all(d, o, uri, "parked by hand", "queued retrying");
    if (r == 0)
        r = store_do(&d->ledger.store,
                     "UPDATE delivery SET state = 'parked', due_usec = NULL WHERE outlet = ? AND"
                     " (?2 IS NULL OR uri = ?2) AND state IN ('queued', 'retrying')",
                     "ss", o->name, uri);
    return r < 0 ? r : changed(d);
}

static int send_again(struct desk *d, const struct outlet_config *o, const char *uri) {
    int r = ledger_enqueue(&d->ledger, o, uri);
    return r < 0 ? r : 1;
}

static int report_change(struct desk *d, const struct operate_options *o, const char *what,
                         int result) {
    if (result == -EBUSY) {
        fprintf(stderr, "%s: it is being sent right now; try again\n", d->options->program);
        return EX_TEMPFAIL;
    }
    if (result < 0)
        return desk_trouble(d, result);
    if (o->desk.json)
        return json_write_line(stdout, json_pack("{s:i}", what, result)) < 0 ? EX_IOERR : EX_OK;
    printf("%d %s\n", result, what);
    return EX_OK;
}

/* A command's frame: [ITEM] OUTLET, one transaction, what it did. */
static int change(const struct options *options, int argc, char **argv, bool item_optional,
                  change_fn fn, const char *what) {
    struct operate_options o = {0};
    struct desk d = {0};
    const char *uri = NULL;
    int64_t article = 0;
    int first, code = options_parse(options, argc, argv, &o, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    if (argc - first != 2 && !(item_optional && argc - first == 1))
        return options_fault(options, "it wants %s", options->arguments);
    code = desk_open(&d, options, o.desk.config, STORE_WRITE);
    const struct outlet_config *outlet = code == EX_OK ? desk_outlet(&d, argv[argc - 1]) : NULL;
    if (code == EX_OK && outlet == NULL)
        code = EX_USAGE;
    if (code == EX_OK && argc - first == 2)
        code = desk_item(&d, argv[first], &uri, &article);
    if (code == EX_OK) {
        int r = ledger_begin(&d.ledger), n = r;
        if (r == 0)
            r = n = fn(&d, outlet, uri);
        if (r >= 0)
            r = ledger_commit(&d.ledger);
        if (r < 0)
            ledger_rollback(&d.ledger);
        code = report_change(&d, &o, what, r < 0 ? r : n);
    }
    desk_close(&d);
    return code;
}

static const struct options retry_options = {
    .program = "newswire-forward retry",
    .arguments = "[ITEM] OUTLET",
    .summary = "Sends again what is parked or waits for its next try, at once: one article, or\n"
               "all of the outlet. One that was disabled is enabled. A running 'run' notices.",
    .rows = rows,
};

static const struct options park_options = {
    .program = "newswire-forward park",
    .arguments = "[ITEM] OUTLET",
    .summary = "Puts what waits aside until somebody sends it with 'retry': one article, or\n"
               "all of the outlet. What is being sent goes on.",
    .rows = rows,
};

static const struct options send_options = {
    .program = "newswire-forward send",
    .arguments = "ITEM OUTLET",
    .summary = "Puts the newest version of an article in an outlet's queue, whatever its topics\n"
               "and filters say. One that the outlet had goes under a new id.",
    .rows = rows,
};

int forward_retry(int argc, char **argv) {
    return change(&retry_options, argc, argv, true, retry, "retried");
}

int forward_park(int argc, char **argv) {
    return change(&park_options, argc, argv, true, park, "parked");
}

int forward_send(int argc, char **argv) {
    return change(&send_options, argc, argv, false, send_again, "queued");
}

/* ---- test */

static const struct options test_options = {
    .program = "newswire-forward test",
    .arguments = "OUTLET",
    .summary = "Sends an item that says it is a test, now, past the queue, and prints what the\n"
               "outlet's server said.",
    .rows = rows,
};

/* An article that nobody takes for news. */
static int make_test(struct arena *a, const struct outlet_config *o, struct slice *ret,
                     const char **ret_uri) {
    static const char text[] = "This is a test of the connection by newswire. Please ignore it; it "
                               "is not for publication. 这是连接测试,请勿刊发。";
    char uri[200];
    Article *x = article_new(a);
    if (x == NULL)
        return -ENOMEM;
    snprintf(uri, sizeof uri, "urn:newswire:test:%.60s:%lld", o->name, (long long)ledger_now());
    x->uri = arena_strndup(a, uri, strlen(uri));
    x->version = 1;
    x->kind = KIND_BRIEF;
    x->section = (char *)"test";
    x->headline = (char *)"TEST: please ignore / 测试,请勿刊发";
    x->language = (char *)"en";
    x->urgency = 9;
    x->created_at = ledger_now();
    *ret_uri = x->uri;
    int r =
        x->uri == NULL ? -ENOMEM : article_add_block(a, x, BLOCK_PARAGRAPH, text, sizeof text - 1);
    return r < 0 ? r : codec_pack(a, (const ProtobufCMessage *)x, ret);
}

static int print_verdict(const struct operate_options *o, const char *outlet,
                         const struct verdict *v) {
    static const char *const words[] = {"delivered", "failed for now", "refused", "gone"};
    if (o->desk.json)
        (void)!json_write_line(stdout, json_pack("{s:s, s:s, s:s, s:i, s:s}", "outlet", outlet,
                                                 "outcome", words[v->outcome], "text", v->text,
                                                 "status", v->status, "remote_id", v->remote_id));
    else
        printf("%s: %s: %s\n", outlet, words[v->outcome], v->text);
    return v->outcome == VERDICT_DELIVERED ? EX_OK
           : v->outcome == VERDICT_RETRY   ? EX_TEMPFAIL
                                           : EX_UNAVAILABLE;
}

int forward_test(int argc, char **argv) {
    struct operate_options o = {0};
    struct desk d = {0};
    struct verdict v = {0};
    const char *uri;
    struct slice bytes;
    int first, code = options_parse(&test_options, argc, argv, &o, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    if (argc - first != 1)
        return options_fault(&test_options, "it wants an OUTLET");
    if (sodium_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return EX_OSERR;
    code = desk_configure(&d, &test_options, o.desk.config);
    const struct outlet_config *outlet = code == EX_OK ? desk_outlet(&d, argv[first]) : NULL;
    if (code == EX_OK && outlet == NULL)
        code = EX_USAGE;
    if (code == EX_OK && make_test(d.arena, outlet, &bytes, &uri) < 0)
        code = EX_OSERR;
    if (code == EX_OK) {
        char id[64];
        snprintf(id, sizeof id, "msg_test_%lld", (long long)ledger_now());
        struct ledger_job job = {.action = PARCEL_CREATE,
                                 .version = 1,
                                 .stored_usec = ledger_now(),
                                 .uri = (char *)uri,
                                 .topic = (char *)"test/brief",
                                 .headline = (char *)"",
                                 .message_id = id,
                                 .remote_id = (char *)"",
                                 .path = (char *)"",
                                 .bytes = bytes};
        int r = sender_send(d.config, outlet, &job, &v);
        code = r == -ENOMEM ? EX_OSERR : print_verdict(&o, outlet->name, &v);
    }
    desk_close(&d);
    curl_global_cleanup();
    return code;
}
