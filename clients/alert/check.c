/* newswire-alert check, test: looking once, and whether a message arrives. */
#include "clients/alert/commands.h"
#include "clients/alert/courier.h"
#include "clients/alert/judge.h"
#include "clients/alert/message.h"
#include "clients/tool/words.h"
#include "proto/json.h"

#include <curl/curl.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct check_options {
    struct watch_options watch;
    bool sample;
};

static const struct options_row check_rows[] = {
    {"sample", OPTIONS_FLAG, offsetof(struct check_options, sample), NULL, NULL,
     "print a config with every key and its default"},
    WATCH_CONFIG_ROW(struct check_options),
    WATCH_JSON_ROW(struct check_options),
    {0},
};

static const struct options check_options = {
    .program = "newswire-alert check",
    .arguments = "",
    .summary = "Reads the config, looks once, and prints what is wrong; tells nobody. Ends\n"
               "with 0 when all is well, with 69 when something is wrong.",
    .rows = check_rows,
};

static void print_finding(const struct group_config *g, const struct finding *f, bool counts,
                          bool json) {
    if (json) {
        json_t *line = json_pack("{s:s,s:s,s:s,s:s,s:I,s:b}", "group", g->name, "kind",
                                 alert_kind_name(f->kind), "subject", f->subject, "text", f->text,
                                 "since_usec", (json_int_t)f->since_usec, "counts", counts);
        (void)!json_write_line(stdout, line);
        return;
    }
    printf("%-12s %-16s %s", g->name, alert_kind_name(f->kind), words_text(f->text));
    if (f->since_usec > 0)
        printf("  since %s", words_time(f->since_usec));
    if (!counts)
        printf("  (counts after %s)", words_span((int64_t)f->for_usec));
    putchar('\n');
}

/* *ret_n: how much is wrong. */
static int print_findings(const struct group_config *g, const struct look *l, bool json,
                          size_t *ret_n) {
    struct findings findings = {0};
    int r = judge(g, l, &findings);
    for (size_t i = 0; r == 0 && i < findings.n; i++) {
        const struct finding *f = findings.items[i];
        int64_t since = f->since_usec > 0 ? f->since_usec : l->now_usec;
        if (!g->wants[f->kind])
            continue;
        print_finding(g, f, since + (int64_t)f->for_usec <= l->now_usec, json);
        ++*ret_n;
    }
    return r;
}

static int check(const struct watch *w, bool json) {
    struct look look;
    size_t n = 0;
    int r = look_at(w->config, ledger_now(), &look);
    for (size_t i = 0; r == 0 && i < w->config->n_groups; i++)
        r = print_findings(w->config->groups[i], &look, json, &n);
    look_done(&look, w->config);
    if (r < 0)
        return watch_short_of_memory();
    if (n == 0 && !json)
        printf("%zu groups; nothing is wrong\n", w->config->n_groups);
    return n == 0 ? EX_OK : EX_UNAVAILABLE;
}

int alert_check(int argc, char **argv) {
    struct check_options o = {0};
    struct watch w = {0};
    int code = options_parse(&check_options, argc, argv, &o, NULL);
    if (code != OPTIONS_GO_ON)
        return code;
    if (o.sample)
        return config_write_sample(alert_sections, stdout) < 0 ? EX_IOERR : EX_OK;
    code = watch_open(&w, &check_options, o.watch.config);
    if (code == EX_OK)
        code = check(&w, o.watch.json);
    watch_close(&w);
    return code;
}

/* ---- test */

struct test_options {
    struct watch_options watch;
};

static const struct options_row test_rows[] = {WATCH_CONFIG_ROW(struct test_options), {0}};

static const struct options test_options = {
    .program = "newswire-alert test",
    .arguments = "GROUP",
    .summary = "Sends a message to the group that says it is a test.",
    .rows = test_rows,
};

static int send_test(const struct watch *w, const struct group_config *g) {
    struct message m = {0};
    char error[MESSAGE_ERROR_BYTES];
    uint64_t asked;
    if (message_write_test(g, w->config->watch.name, ledger_now(), &m) < 0)
        return watch_short_of_memory();
    snprintf(m.id, sizeof m.id, "test%08x%08x", randombytes_random(), randombytes_random());
    int r = courier_send(g, &m, error, &asked);
    if (r == 0)
        printf("%s took it: %s\n", g->name, m.title);
    else
        fprintf(stderr, "%s: %s: %s\n", w->options->program, g->name, error);
    message_done(&m);
    return r == 0 ? EX_OK : EX_UNAVAILABLE;
}

int alert_test(int argc, char **argv) {
    struct test_options o = {0};
    struct watch w = {0};
    int first, code = options_parse(&test_options, argc, argv, &o, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    if (argc - first != 1)
        return options_fault(&test_options, "which GROUP?");
    if (sodium_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return EX_OSERR;
    code = watch_open(&w, &test_options, o.watch.config);
    const struct group_config *g = code == EX_OK ? alert_group(w.config, argv[first]) : NULL;
    if (code == EX_OK)
        code = g == NULL
                   ? options_fault(&test_options, "the config has no [alert \"%s\"]", argv[first])
                   : send_test(&w, g);
    watch_close(&w);
    curl_global_cleanup();
    return code;
}
