#include "clients/tool/follow.h"

#include "proto/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

enum {
    TURN_MSEC = 500, /* so often a signal is looked for, at least */
    SAVE_USEC = 1000000,
    PROGRESS_USEC = 200000,
    PATIENCE_USEC = 2000000, /* without a connection before a word is said of it */
    BAR_COLUMNS = 24,
    STATUS_USEC = 1000000,
    STATUS_BYTES = 300,
};

atomic_int follow_stop;

static void on_signal(int number) {
    follow_stop = number;
}

void follow_signals(void) {
    struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

uint64_t follow_now_usec(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- what is said beside the entries */

static void clear_progress(struct follow *f) {
    if (f->shows_progress)
        fputs("\r\033[K", stderr);
    f->shows_progress = false;
}

void follow_tell(struct follow *f, enum journal_event event, const struct journal_subject *about,
                 const char *format, ...) {
    va_list arguments;
    clear_progress(f);
    va_start(arguments, format);
    journal_va(event, about, format, arguments);
    va_end(arguments);
}

void follow_fail(struct follow *f, const char *format, ...) {
    va_list arguments;
    clear_progress(f);
    va_start(arguments, format);
    journal_va(JOURNAL_TOOL_FAILED, NULL, format, arguments);
    va_end(arguments);
}

/* A bar, on a terminal where nothing else is printed. */
static void draw_bar(struct follow *f, const char *what, uint64_t at, uint64_t of) {
    if (f->wire.quiet || !isatty(STDERR_FILENO) || (f->use->prints && isatty(STDOUT_FILENO)))
        return;
    int done = at >= of ? BAR_COLUMNS : (int)(at * BAR_COLUMNS / of);
    f->shows_progress = true;
    fprintf(stderr, "\r\033[K[%.*s%.*s] %3llu%%  %s, at %llu of %llu", done,
            "########################", BAR_COLUMNS - done, "                        ",
            (unsigned long long)(at >= of ? 100 : at * 100 / of), what, (unsigned long long)at,
            (unsigned long long)of);
}

/* Of catching up; at once when the head is known. */
static void show_progress(struct follow *f, uint64_t now) {
    char what[64];
    uint64_t head = newswire_reader_head(f->reader);
    if (f->caught_up || head == 0 || now - f->progress_usec < PROGRESS_USEC)
        return;
    f->progress_usec = now;
    snprintf(what, sizeof what, "%llu %s", (unsigned long long)f->taken,
             f->what == NULL ? "entries" : f->what);
    draw_bar(f, what, newswire_reader_proven(f->reader), head);
}

void follow_progress(struct follow *f, const char *what, uint64_t at, uint64_t of) {
    uint64_t now = follow_now_usec();
    if (at >= of)
        clear_progress(f);
    else if (now - f->progress_usec >= PROGRESS_USEC) {
        f->progress_usec = now;
        draw_bar(f, what, at, of);
    }
}

/* The sentence in systemctl status. */
static void tell_status(struct follow *f, uint64_t now) {
    uint64_t proven = newswire_reader_proven(f->reader), head = newswire_reader_head(f->reader);
    uint64_t away = f->connected ? 0 : now - f->away_since_usec;
    char where[320], more[STATUS_BYTES] = "";
    if (now - f->status_usec < STATUS_USEC)
        return;
    f->status_usec = now;
    if (f->use->status != NULL)
        f->use->status(f->userdata, more, sizeof more);
    if (away >= PATIENCE_USEC)
        snprintf(where, sizeof where,
                 "No newswired at %.200s for %llu s; all up to entry %llu is "
                 "here",
                 f->wire.feed, (unsigned long long)away / 1000000, (unsigned long long)proven);
    else if (!f->caught_up)
        snprintf(where, sizeof where, "Catching up, at entry %llu of %llu",
                 (unsigned long long)proven, (unsigned long long)(head > proven ? head : proven));
    else
        snprintf(where, sizeof where, "Up to date, at entry %llu", (unsigned long long)proven);
    sd_notifyf(0, "STATUS=%s%s%s", where, *more == '\0' ? "" : "; ", more);
}

static int take_error(struct follow *f, const struct newswire_event *event) {
    char *message = text_harmless(slice_of(event->message));
    follow_tell(f, JOURNAL_DAEMON_REFUSES,
                &(struct journal_subject){.reason = message == NULL ? "" : message}, "%s%s",
                event->damaged ? "the daemon's log is damaged: " : "",
                message == NULL ? "out of memory" : message);
    free(message);
    return !event->final    ? OPTIONS_GO_ON
           : event->damaged ? EX_DATAERR
           : event->denied  ? EX_NOPERM
                            : EX_PROTOCOL;
}

static void tell_loss(struct follow *f, const struct newswire_event *event) {
    char topic[LIMIT_TOPIC_BYTES + 1];
    snprintf(topic, sizeof topic, "%.*s", (int)event->topic.len, (const char *)event->topic.data);
    follow_tell(f, JOURNAL_ENTRIES_LOST,
                &(struct journal_subject){.topic = topic, .seq = event->upto},
                "%s: entries after %llu, up to %llu, are kept no more", topic,
                (unsigned long long)event->after, (unsigned long long)event->upto);
    f->unsaved = true;
}

static void tell_epoch(struct follow *f, const struct newswire_event *event) {
    follow_tell(f, JOURNAL_EPOCH_CHANGED, &(struct journal_subject){.epoch = event->epoch},
                "the log is another one (epoch %llu, before %llu): all of it follows; "
                "go by uri and version",
                (unsigned long long)event->epoch, (unsigned long long)event->epoch_before);
    f->caught_up = false;
}

/* ---- events */

static int take_entry(struct follow *f, const struct newswire_entry *e) {
    f->unsaved = f->busy = true;
    f->unsaved_entries++;
    f->taken++;
    return f->use->entry(f->userdata, e);
}

static int tell_tool(struct follow *f, const struct newswire_event *event) {
    return f->use->event == NULL ? OPTIONS_GO_ON : f->use->event(f->userdata, event);
}

static void take_connected(struct follow *f) {
    if (f->told_unreachable && !f->wire.quiet)
        follow_tell(f, JOURNAL_DAEMON_FOUND, &(struct journal_subject){.address = f->wire.feed},
                    "connected");
    f->connected = true;
    f->told_unreachable = false;
    if (!f->told_ready)
        sd_notify(0, "READY=1");
    f->told_ready = true;
}

static int take_event(struct follow *f, const struct newswire_event *event) {
    switch (event->type) {
    case NEWSWIRE_ENTRY: return take_entry(f, &event->entry);
    case NEWSWIRE_LOSS: tell_loss(f, event); return tell_tool(f, event);
    case NEWSWIRE_EPOCH: tell_epoch(f, event); return tell_tool(f, event);
    case NEWSWIRE_CAUGHT_UP:
        f->caught_up = f->unsaved = true;
        clear_progress(f);
        return f->until_head ? EX_OK : OPTIONS_GO_ON;
    case NEWSWIRE_CONNECTED: take_connected(f); break;
    case NEWSWIRE_DISCONNECTED:
        f->connected = false;
        f->away_since_usec = follow_now_usec();
        break;
    case NEWSWIRE_UNANSWERED:
        if (!f->wire.quiet)
            follow_tell(f, JOURNAL_DAEMON_SILENT,
                        &(struct journal_subject){.address = f->wire.replay},
                        "the daemon does not answer; it is asked again");
        return f->wire.timeout_sec.given ? EX_UNAVAILABLE : OPTIONS_GO_ON;
    case NEWSWIRE_CHECKPOINT:
        f->unsaved = f->unsaved || f->use->event != NULL;
        return tell_tool(f, event);
    case NEWSWIRE_ERROR: return take_error(f, event);
    }
    return OPTIONS_GO_ON;
}

/* Whether the daemon has been away for too long, and a word about it. */
static int mind_connection(struct follow *f, uint64_t now) {
    uint64_t away = now - f->away_since_usec;
    if (f->connected)
        return OPTIONS_GO_ON;
    if (f->wire.timeout_sec.given && away / 1000000 >= f->wire.timeout_sec.value) {
        follow_tell(f, JOURNAL_DAEMON_MISSING, &(struct journal_subject){.address = f->wire.feed},
                    "no daemon at %s and %s", f->wire.feed, f->wire.replay);
        return EX_UNAVAILABLE;
    }
    if (!f->wire.quiet && !f->told_unreachable && away >= PATIENCE_USEC) {
        follow_tell(f, JOURNAL_DAEMON_MISSING, &(struct journal_subject){.address = f->wire.feed},
                    "no daemon at %s and %s; waiting for it", f->wire.feed, f->wire.replay);
        f->told_unreachable = true;
    }
    return OPTIONS_GO_ON;
}

static int save(struct follow *f) {
    f->saved_usec = follow_now_usec();
    f->unsaved = false;
    f->unsaved_entries = 0;
    return f->use->save == NULL ? OPTIONS_GO_ON : f->use->save(f->userdata, f->reader);
}

static int save_at_times(struct follow *f, uint64_t now) {
    bool time = now - f->saved_usec >= (f->save_usec == 0 ? SAVE_USEC : f->save_usec);
    bool many = f->save_after > 0 && f->unsaved_entries >= f->save_after;
    return f->unsaved && (time || many) ? save(f) : OPTIONS_GO_ON;
}

/* How long to wait for an event: not past the time to save. */
static int patience_msec(const struct follow *f) {
    uint64_t now = follow_now_usec(),
             due = f->saved_usec + (f->save_usec == 0 ? SAVE_USEC : f->save_usec);
    if (f->busy || (f->unsaved && due <= now))
        return 0;
    uint64_t left_msec = f->unsaved ? (due - now) / 1000 + 1 : TURN_MSEC;
    return left_msec < TURN_MSEC ? (int)left_msec : TURN_MSEC;
}

/* One event, if there is one in time. What was done gets its idle call before a wait,
 * and a wait that was in vain has one too. */
static int turn(struct follow *f) {
    struct newswire_event event;
    int r = newswire_reader_next(f->reader, patience_msec(f), &event);
    uint64_t now = follow_now_usec();
    int code = OPTIONS_GO_ON;
    if (r < 0 && r != -EINTR) {
        follow_fail(f, "%s", strerror(-r));
        return EX_OSERR;
    }
    if (r > 0) {
        code = take_event(f, &event);
    } else {
        code = f->busy ? OPTIONS_GO_ON : mind_connection(f, now);
        f->busy = false;
        if (code == OPTIONS_GO_ON && f->use->idle != NULL)
            code = f->use->idle(f->userdata);
        f->busy = f->more;
        f->more = false;
    }
    if (code == OPTIONS_GO_ON)
        code = save_at_times(f, now);
    show_progress(f, now);
    tell_status(f, now);
    return code;
}

int follow_run(struct follow *f) {
    int code = OPTIONS_GO_ON;
    f->away_since_usec = f->saved_usec = follow_now_usec();
    f->busy = true; /* what is left of the last time gets its idle call at once */
    while (code == OPTIONS_GO_ON && follow_stop == 0)
        code = turn(f);
    clear_progress(f);
    sd_notify(0, "STOPPING=1");
    if (code == EX_IOERR || f->unfinished)
        return code > 0 ? code : EX_OK; /* nothing is known of what was done */
    int saved = save(f);
    return code > 0 ? code : saved > 0 ? saved : EX_OK;
}

/* ---- beginning and end */

int follow_open(struct follow *f, struct newswire_reader_options *reader) {
    char error[512];
    f->wire.feed = options_endpoint(f->wire.feed, f->wire.server, OPTIONS_FEED_PORT, f->feed);
    f->wire.replay =
        options_endpoint(f->wire.replay, f->wire.server, OPTIONS_REPLAY_PORT, f->replay);
    if (f->wire.feed == NULL || f->wire.replay == NULL)
        return options_fault(f->options, "--server: the name is too long");
    follow_signals();
    reader->feed = f->wire.feed;
    reader->replay = f->wire.replay;
    reader->client = f->wire.client;
    reader->key_file = options_key(f->wire.key);
    int r = newswire_reader_new(reader, &f->reader, error, sizeof error);
    if (r == 0)
        return EX_OK;
    follow_fail(f, "%s", error);
    return r == -EBUSY                    ? EX_TEMPFAIL
           : r == -EINVAL                 ? EX_USAGE
           : r == -EPERM || r == -EBADMSG ? EX_CONFIG
           : r == -ENOMEM                 ? EX_OSERR
                                          : EX_IOERR;
}

void follow_close(struct follow *f) {
    f->reader = newswire_reader_free(f->reader);
}

int follow_topics(char *const *names, size_t n, const char *const **ret) {
    size_t bytes = (n + 1) * sizeof(char *);
    for (size_t i = 0; i < n; i++)
        bytes += strlen(names[i]) + 2;
    char **topics = malloc(bytes);
    if (topics == NULL)
        return -ENOMEM;
    char *at = (char *)(topics + n + 1);
    for (size_t i = 0; i < n; i++) {
        bool bare = strchr(names[i], '/') == NULL && *names[i] != '\0';
        topics[i] = at;
        at += sprintf(at, "%s%s", names[i], bare ? "/" : "") + 1;
    }
    topics[n] = NULL;
    *ret = (const char *const *)topics;
    return 0;
}
