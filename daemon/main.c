/*
 * newswired: takes articles in, makes them durable, publishes them.
 */
#include "daemon/audit.h"
#include "daemon/control.h"
#include "daemon/log/restore.h"
#include "daemon/loop.h"
#include "daemon/metrics_server.h"
#include "daemon/service.h"
#include "proto/journal/journal.h"
#include "proto/keyfile.h"
#include "proto/options.h"
#include "proto/translation.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <zmq.h>

enum {
    DISPATCH_RESULTS = 1024,
    NOTES_ARENA_BYTES = 1 << 20,
    TRIM_BYTES = 4 << 20, /* free memory at the end of a heap goes back beyond this */
};

struct daemon {
    const char *config;        /* the file, as named; NULL: none was */
    struct settings *settings; /* a reference */
    struct arena *arena;
    sd_event *event;
    sd_event_source *log_source;
    void *zmq;
    struct connections *connections;
    struct log *log;
    struct notary *notary;
    struct intake *intake;
    struct spool *spool;
    struct publish *publish;
    struct replay *replay;
    struct control *control;
    struct metrics_server *metrics;
    struct service *service;
    struct admit_counts counts;
};

/* The log's durable results: first to the readers, then to who waits. */
static void follow(void *userdata, struct log_batch *batch, const struct log_result *results,
                   size_t n) {
    struct daemon *d = userdata;
    (void)batch;
    if (d->publish != NULL)
        publish_results(d->publish, results, n);
    for (size_t i = 0; i < n; i++) {
        struct admit_waiter *waiter = results[i].cookie;
        if (waiter != NULL)
            waiter->decided(waiter, &results[i]);
        else
            audit_followed(&results[i]);
    }
    if (d->intake != NULL)
        intake_log_moved(d->intake);
    if (d->spool != NULL)
        spool_log_moved(d->spool);
}

static int log_moved(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
    struct daemon *d = userdata;
    (void)source;
    (void)fd;
    (void)revents;
    log_dispatch(d->log, DISPATCH_RESULTS);
    return 0;
}

static struct log_config log_config(const struct settings *s) {
    return (struct log_config){
        .directory = s->log.directory,
        .segment_bytes = s->log.segment_bytes,
        .retain_usec = s->log.retain_usec,
        .retain_bytes = s->log.retain_bytes,
        .remember_usec = s->log.remember_usec,
        .batch_bytes = s->log.batch_bytes,
        .queue_bytes = s->log.queue_bytes,
        .checkpoint_entries = s->log.checkpoint_entries,
        .free_bytes = s->log.free_bytes,
    };
}

static void tell_notes(const struct text_list *notes) {
    for (size_t i = 0; i < notes->n; i++)
        journal(JOURNAL_LOG_RECOVERED, &(struct journal_subject){.reason = notes->items[i]},
                "log: %s", notes->items[i]);
}

static int open_log(struct daemon *d, struct fault *f) {
    struct text_list notes = {0};
    struct log_config config = log_config(d->settings);
    int r = log_open(&config, follow, d, &d->log, &notes, d->arena, f);
    tell_notes(&notes);
    if (r == 0)
        r = sd_event_add_io(d->event, &d->log_source, log_fd(d->log), EPOLLIN, log_moved, d);
    return r;
}

/* ---- reading the config again */

/* The file to read now; NULL: every key has its default. */
static const char *config_file(const struct daemon *d) {
    static const char usual[] = "/etc/newswire/newswired.conf";
    struct stat st;
    return d->config != NULL || stat(usual, &st) < 0 ? d->config : usual;
}

static void take_settings(struct daemon *d, struct settings *next) {
    struct log_config limits = log_config(next);
    log_configure(d->log, &limits);
    journal_set_level(settings_priority(next->service.log_level));
    publish_reload(d->publish, next);
    intake_reload(d->intake, next);
    if (d->spool != NULL)
        spool_reload(d->spool, next);
    replay_reload(d->replay, next);
    service_reload(d->service, next);
    control_reload(d->control, next);
    metrics_server_reload(d->metrics, next);
    connections_reload(d->connections, next); /* last: who is cut off finds the new rights */
    settings_unref(d->settings);
    d->settings = next;
}

/* A config that isn't good changes nothing. */
static int read_again(struct daemon *d, const struct audit_by *by, char *ret_text, size_t size) {
    struct settings *next;
    struct config_fault fault = {0};
    struct text_list notes = {0};
    char text[800], changes[400];
    int r = settings_load(config_file(d), &next, &fault);
    if (r == 0 && (r = settings_keep_fixed(d->settings, next, &notes)) < 0)
        settings_unref(next);
    if (r < 0) {
        snprintf(ret_text, size, "the config is as before: %s",
                 r == -ENOMEM ? "out of memory" : config_fault_text(&fault, text, sizeof text));
        journal(JOURNAL_RELOAD_FAILED, &(struct journal_subject){.reason = ret_text}, "reload: %s",
                ret_text);
        return r;
    }
    *ret_text = '\0';
    for (size_t i = 0, at = 0; i < notes.n && at < size; i++)
        at +=
            (size_t)snprintf(ret_text + at, size - at, "%s%s", i == 0 ? "" : ", ", notes.items[i]);
    trust_changes(d->settings, next, changes, sizeof changes);
    take_settings(d, next);
    snprintf(text, sizeof text, "%s%s%s", changes,
             *ret_text == '\0' ? "" : "; at the next start: ", ret_text);
    audit_note(AUDIT_RELOADED, by, NULL, text);
    return 0;
}

/* As control_subject has it. */
static int reload(void *userdata, const struct audit_by *by, char *ret_text, size_t size) {
    service_reloading();
    int r = read_again(userdata, by, ret_text, size);
    service_ready();
    return r;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
    char text[1024], user[AUDIT_USER_BYTES];
    (void)source;
    audit_user(info->ssi_uid, user);
    reload(userdata, &(struct audit_by){.transport = "signal", .user = user}, text, sizeof text);
    return 0;
}

static int add_signals(struct daemon *d) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    int r = sd_event_add_signal(d->event, NULL, SIGTERM, NULL, NULL);
    if (r >= 0)
        r = sd_event_add_signal(d->event, NULL, SIGINT, NULL, NULL);
    return r < 0 ? r : sd_event_add_signal(d->event, NULL, SIGHUP, on_hangup, d);
}

static int take_sockets(struct daemon *d, struct fault *f) {
    struct text_list notes = {0};
    int r = inherited_load(d->settings, d->arena, &notes, f);
    for (size_t i = 0; i < notes.n; i++)
        journal(JOURNAL_SOCKET_DIFFERS, &(struct journal_subject){.reason = notes.items[i]}, "%s",
                notes.items[i]);
    return r;
}

static int open_service(struct daemon *d) {
    struct service_subject subject = {
        .settings = d->settings,
        .log = d->log,
        .publish = d->publish,
        .replay = d->replay,
        .notary = d->notary,
        .spool = d->spool,
    };
    return service_open(d->event, &subject, &d->service);
}

static int open_all(struct daemon *d, struct fault *f) {
    struct control_subject subject = {
        .settings = d->settings,
        .counts = &d->counts,
        .started_usec = loop_utc_usec(),
        .reload = reload,
        .userdata = d,
    };
    int r = sd_event_default(&d->event);
    if (r >= 0)
        r = add_signals(d);
    if (r >= 0)
        r = take_sockets(d, f);
    if (r >= 0)
        r = audit_open(d->event);
    d->zmq = zmq_ctx_new();
    if (r >= 0 && d->zmq == NULL)
        r = -errno;
    if (r >= 0)
        r = connections_open(d->event, d->zmq, d->settings, &d->connections, f);
    if (r >= 0)
        r = open_log(d, f);
    if (r >= 0)
        r = publish_open(d->event, d->zmq, d->settings, d->connections, d->log, &d->publish, f);
    if (r >= 0)
        r = notary_open(d->settings, d->log, &d->notary, f);
    if (r >= 0)
        publish_checkpoints(d->publish, d->notary);
    if (r >= 0)
        r = replay_open(d->zmq, d->settings, d->connections, d->log, &d->replay, f);
    if (r >= 0)
        r = intake_open(d->event, d->zmq, d->settings, d->connections, d->log, &d->counts,
                        &d->intake, f);
    if (r >= 0)
        r = spool_open(d->event, d->settings, d->log, &d->counts, &d->spool, f);
    if (r >= 0)
        r = open_service(d);
    subject.connections = d->connections;
    subject.log = d->log;
    subject.spool = d->spool;
    subject.intake = d->intake;
    subject.publish = d->publish;
    subject.replay = d->replay;
    if (r >= 0)
        subject.health = service_health(d->service);
    subject.notary = d->notary;
    if (r >= 0)
        r = metrics_server_open(d->event, &subject, &d->metrics, f);
    subject.metrics = d->metrics;
    return r < 0 ? r : control_open(d->event, d->zmq, &subject, &d->control, f);
}

/* In an order that loses nothing: no more is taken in, the log decides what it
 * has and hands it over to readers and senders, then the sockets close. */
static void close_all(struct daemon *d) {
    if (d->intake != NULL)
        intake_stop(d->intake);
    if (d->spool != NULL)
        spool_stop(d->spool);
    d->control = control_close(d->control);
    d->metrics = metrics_server_close(d->metrics);
    d->service = service_close(d->service);
    d->replay = replay_close(d->replay);
    if (d->publish != NULL)
        publish_checkpoints(d->publish, NULL);
    d->notary = notary_close(d->notary);
    sd_event_source_disable_unref(d->log_source);
    d->log = log_close(d->log);
    d->spool = spool_close(d->spool);
    d->intake = intake_close(d->intake);
    d->publish = publish_close(d->publish);
    d->connections = connections_close(d->connections);
    audit_close();
    if (d->zmq != NULL)
        zmq_ctx_term(d->zmq);
    sd_event_unref(d->event);
}

static void tell_start(const struct daemon *d) {
    struct log_bounds b;
    char text[800];
    log_bounds(d->log, &b);
    snprintf(text, sizeof text,
             "version %s, epoch %llu, entry %llu the newest; feed %s, replay %s, submit %s",
             NEWSWIRE_VERSION, (unsigned long long)b.epoch, (unsigned long long)b.head,
             publish_endpoints(d->publish)->items[0], replay_endpoints(d->replay)->items[0],
             intake_endpoints(d->intake)->items[0]);
    audit_note(AUDIT_STARTED, &(struct audit_by){0}, NULL, text);
}

static int run(struct daemon *d) {
    struct fault f = {0};
    int r = open_all(d, &f);
    if (r < 0) {
        const char *reason = *f.reason == '\0' ? strerror(-r) : f.reason;
        journal(JOURNAL_START_FAILED, &(struct journal_subject){.field = f.field, .reason = reason},
                "can't start: %s%s%s", f.field, *f.field == '\0' ? "" : ": ", reason);
        close_all(d);
        return EX_UNAVAILABLE;
    }
    tell_start(d);
    if (d->settings->security.insecure)
        journal(JOURNAL_INSECURE, NULL,
                "insecure = yes: whoever can connect may read and send all");
    service_ready();
    r = sd_event_loop(d->event);
    service_stopping();
    journal(JOURNAL_STOPPING, NULL, "stopping");
    close_all(d);
    return r < 0 ? EX_SOFTWARE : EX_OK;
}

/* ---- instead of serving */

static int restore(struct daemon *d, const char *from) {
    struct log_config config = log_config(d->settings);
    struct log_restored done;
    struct text_list notes = {0};
    struct fault f = {0};
    int r = log_restore(&config, from, &done, &notes, d->arena, &f);
    tell_notes(&notes);
    if (r < 0) {
        fprintf(stderr, "newswired: nothing is restored: %s\n", f.reason);
        return r == -EBUSY     ? EX_UNAVAILABLE
               : r == -EBADMSG ? EX_DATAERR
               : r == -ENOENT  ? EX_NOINPUT
               : r == -EEXIST  ? EX_CANTCREAT
                               : EX_IOERR;
    }
    printf("%s has the log of %s: up to entry %" PRIu64 ", %" PRIu64 " entries, %" PRIu64
           " held\nepoch %" PRIu64 ", before %" PRIu64 ": readers are told, and begin anew\n",
           config.directory, from, done.head, done.entries, done.held, done.epoch,
           done.epoch_before);
    if (!done.proven)
        puts("there was no manifest: that it is all of a backup, nobody knows");
    return EX_OK;
}

/* Readers and senders are spoken to in English rather than not at all. */
static void choose_language(const char *language) {
    int r = translation_choose(language);
    if (r < 0)
        journal(JOURNAL_LANGUAGE_MISSING, &(struct journal_subject){.reason = strerror(-r)},
                "[service] language = %s: there is no translation (%s); it is English", language,
                strerror(-r));
}

struct arguments {
    const char *config, *restore;
    bool check, show, sample;
};

static const struct options_row rows[] = {
    {"config", OPTIONS_STRING, offsetof(struct arguments, config), "FILE", NULL,
     "default /etc/newswire/newswired.conf, if it is there"},
    {"check", OPTIONS_FLAG, offsetof(struct arguments, check), NULL, NULL,
     "say whether the config is good, and end"},
    {"show-config", OPTIONS_FLAG, offsetof(struct arguments, show), NULL, NULL,
     "print what counts, defaults and all, and end"},
    {"sample-config", OPTIONS_FLAG, offsetof(struct arguments, sample), NULL, NULL,
     "print every key with its help and default, and end"},
    {"restore", OPTIONS_STRING, offsetof(struct arguments, restore), "DIR", NULL,
     "make the log from a backup, with a new epoch, and end"},
    {0},
};

static const struct options options = {
    .program = "newswired",
    .arguments = "",
    .summary = "The news wire's service: takes articles in, makes them durable, publishes them.",
    .rows = rows,
};

static int show_config(const struct settings *s) {
    return config_write_values(settings_tables, s, stdout) < 0 ? EX_IOERR : EX_OK;
}

int main(int argc, char **argv) {
    struct arguments o = {0};
    struct config_fault fault = {0};
    char text[800];
    int code = options_parse(&options, argc, argv, &o, NULL);
    if (code != OPTIONS_GO_ON)
        return code;
    if (o.sample)
        return config_write_sample(settings_tables, stdout) < 0 ? EX_IOERR : EX_OK;
    journal_open("newswired");
    mallopt(M_TRIM_THRESHOLD, TRIM_BYTES); /* or it rises with the largest burst */
    mallopt(M_MMAP_THRESHOLD, TRIM_BYTES);
    key_hide_memory();
    struct daemon d = {.config = o.config, .arena = arena_new(NOTES_ARENA_BYTES)};
    if (d.arena == NULL || sodium_init() < 0)
        return EX_OSERR;
    int r = settings_load(config_file(&d), &d.settings, &fault);
    if (r < 0) {
        journal(JOURNAL_CONFIG_BAD,
                &(struct journal_subject){.file = fault.file, .reason = fault.reason}, "%s",
                config_fault_text(&fault, text, sizeof text));
    } else {
        journal_set_level(settings_priority(d.settings->service.log_level));
        choose_language(d.settings->service.language);
    }
    code = r < 0               ? EX_CONFIG
           : o.check           ? EX_OK
           : o.show            ? show_config(d.settings)
           : o.restore != NULL ? restore(&d, o.restore)
                               : run(&d);
    settings_unref(d.settings);
    arena_free(d.arena);
    return code;
}
