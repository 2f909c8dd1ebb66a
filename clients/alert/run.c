/* newswire-alert run: looks, again and again, and tells those whom it concerns. */
#include "clients/alert/commands.h"
#include "clients/alert/courier.h"
#include "clients/alert/judge.h"
#include "clients/tool/backoff.h"
#include "clients/tool/follow.h"
#include "clients/tool/store.h"
#include "proto/journal/journal.h"
#include "proto/keyfile.h"

#include <curl/curl.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <time.h>

enum { TURN_NSEC = 250000000, NOTIFY_USEC = 10000000, STATUS_BYTES = 160 };

struct run_options {
    struct watch_options watch;
};

static const struct options_row rows[] = {WATCH_CONFIG_ROW(struct run_options), {0}};

static const struct options options = {
    .program = "newswire-alert run",
    .arguments = "",
    .summary = "Looks at what the config names, and tells its groups what is wrong, until it is\n"
               "told to end.",
    .rows = rows,
};

struct run {
    struct watch watch;
    uint64_t next_look_usec, notified_usec; /* monotonic */
    char status[STATUS_BYTES];              /* that systemd was told */
    int save_error;                         /* that was said */
    bool unsaved;
};

/* ---- the state's file */

static void tell_state(const char *path, const char *reason, const char *what) {
    journal(JOURNAL_ALERT_STATE_FAILED, &(struct journal_subject){.file = path, .reason = reason},
            "%s: %s%s%s", path, reason, *what == '\0' ? "" : "; ", what);
}

/* A disk that is full must not keep anybody from hearing of it. */
static void save(struct run *r) {
    r->unsaved = state_changed(&r->watch.state) || r->unsaved;
    if (!r->unsaved)
        return;
    int error = state_save(&r->watch.state);
    if (error != 0 && error != r->save_error)
        tell_state(r->watch.config->watch.state, strerror(-error),
                   "after a restart, people would be told again what they know");
    r->save_error = error;
    r->unsaved = error != 0;
}

/* A file that can't be read is put aside: to tell twice is better than not to tell. */
static int load(struct run *r) {
    const char *path = r->watch.config->watch.state;
    char aside[4096];
    int error = state_load(&r->watch.state);
    if (error == 0 || error == -ENOENT)
        return EX_OK;
    if (error == -ENOMEM)
        return watch_short_of_memory();
    snprintf(aside, sizeof aside, "%s.bad", path);
    bool moved = error == -EINVAL && rename(path, aside) == 0;
    tell_state(path, error == -EINVAL ? "it is no state of newswire-alert" : strerror(-error),
               moved ? "it is put aside, with .bad behind its name" : "");
    return moved ? EX_OK : EX_IOERR;
}

/* One watcher a state. The lock goes with the process. */
static int lock(struct run *r) {
    const char *path = r->watch.config->watch.state;
    struct store store = {0};
    int fd, error = state_make_folder(path);
    if (error < 0)
        snprintf(store.trouble, sizeof store.trouble, "%s: %s", path, strerror(-error));
    else
        error = store_lock(&store, path, &fd);
    if (error < 0)
        journal(JOURNAL_ALERT_STATE_FAILED,
                &(struct journal_subject){.file = path, .reason = store.trouble}, "%s",
                store.trouble);
    return error == 0 ? EX_OK : error == -EBUSY ? EX_TEMPFAIL : EX_CANTCREAT;
}

/* ---- looking */

static int look_once(struct run *r, int64_t now) {
    const struct alert_config *c = r->watch.config;
    struct look look;
    int error = look_at(c, now, &look);
    for (size_t i = 0; error == 0 && i < c->n_groups; i++) {
        struct findings findings = {0};
        error = judge(c->groups[i], &look, &findings);
        if (error == 0)
            error = board_take(&r->watch.state.boards[i], &findings, now);
    }
    look_done(&look, c);
    return error;
}

/* ---- telling */

static void tell(struct board *b) {
    char error[MESSAGE_ERROR_BYTES];
    uint64_t asked, wait;
    const struct group_config *g = b->group;
    int r = courier_send(g, &b->message, error, &asked);
    if (r == 0) {
        journal(JOURNAL_ALERT_TOLD, NULL, "%s was told: %s", g->name, b->message.title);
        board_sent(b, ledger_now());
        return;
    }
    if (follow_stop != 0)
        return; /* cut off; it goes at the next start */
    wait = backoff_usec(g->retry_first_usec, g->retry_most_usec, b->message.tries);
    wait = asked > wait ? asked : wait;
    journal(JOURNAL_ALERT_NOT_TOLD, &(struct journal_subject){.reason = error},
            "%s could not be told, next try in %.1f s: %s", g->name, (double)wait / 1e6, error);
    board_failed(b, ledger_now(), wait, r == -EBADMSG, error);
}

static int turn_board(struct run *r, struct board *b) {
    int error = board_compose(b, ledger_now());
    save(r); /* before it goes: the same message under the same id, whatever happens */
    if (error == 0 && board_should_send(b, ledger_now())) {
        sd_notify(0, "WATCHDOG=1");
        tell(b);
        save(r);
    }
    return error;
}

/* Tells systemd that it is alive and how things are: at once when that changes. */
static void notify(struct run *r) {
    char status[STATUS_BYTES];
    size_t open = 0, waiting = 0, stuck = 0;
    int64_t now = ledger_now();
    for (size_t i = 0; i < r->watch.config->n_groups; i++) {
        const struct board *b = &r->watch.state.boards[i];
        open += board_open(b, now);
        waiting += board_waiting(b, now);
        stuck += b->message.tries > 0;
    }
    snprintf(status, sizeof status, "%zu alerts open, %zu things wait to be told%s", open, waiting,
             stuck > 0 ? "; somebody can't be reached: see newswire-alert status" : "");
    if (strcmp(status, r->status) == 0 && follow_now_usec() - r->notified_usec < NOTIFY_USEC)
        return;
    sd_notifyf(0, "WATCHDOG=1\nSTATUS=%s", status);
    memcpy(r->status, status, sizeof status);
    r->notified_usec = follow_now_usec();
}

static int turn(struct run *r) {
    int error = 0;
    if (follow_now_usec() >= r->next_look_usec) {
        error = look_once(r, ledger_now());
        r->next_look_usec = follow_now_usec() + r->watch.config->watch.interval_usec;
    }
    for (size_t i = 0; error == 0 && follow_stop == 0 && i < r->watch.config->n_groups; i++)
        error = turn_board(r, &r->watch.state.boards[i]);
    notify(r);
    return error == 0 ? EX_OK : watch_short_of_memory();
}

static int run(struct run *r, const char *config) {
    int code = watch_open(&r->watch, &options, config);
    if (code == EX_OK)
        code = lock(r);
    if (code == EX_OK)
        code = load(r);
    if (code == EX_OK)
        sd_notify(0, "READY=1");
    while (code == EX_OK && follow_stop == 0) {
        code = turn(r);
        if (follow_stop == 0)
            nanosleep(&(struct timespec){.tv_nsec = TURN_NSEC}, NULL);
    }
    sd_notify(0, "STOPPING=1");
    return code;
}

int alert_run(int argc, char **argv) {
    struct run_options o = {0};
    int code = options_parse(&options, argc, argv, &o, NULL);
    if (code != OPTIONS_GO_ON)
        return code;
    struct run r = {0};
    follow_signals();
    key_hide_memory(); /* passwords, and urls that are one */
    if (sodium_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return EX_OSERR;
    code = run(&r, o.watch.config);
    watch_close(&r.watch);
    curl_global_cleanup();
    return code;
}
