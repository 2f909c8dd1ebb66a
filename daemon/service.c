#include "daemon/service.h"

#include "daemon/loop.h"
#include "proto/journal/journal.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>

enum {
    LOOK_ROUND_USEC = 2000000,
    STUCK_USEC = 30000000,      /* without a watchdog, whose time it is else */
    SPOOL_SLOW_USEC = 60000000, /* one file, however large, is read sooner */
    COUNT_USEC = 500000,        /* that counting what the log has of today may take */
    STATUS_BYTES = 1024,
};

struct service {
    struct service_subject subject;
    sd_event *event;
    sd_event_source *round;
    uint64_t stuck_usec;
    struct health health;
    uint64_t head; /* as last seen */
    bool taking;

    /* Articles of today. */
    int day;          /* of the year, local */
    uint64_t counted; /* when this began to count */
    uint64_t before;  /* of publish's entries that are not of today */
    bool more;        /* there were too many to count */
};

/* ---- today */

static struct tm local_time(void) {
    time_t now = time(NULL);
    struct tm tm;
    return *localtime_r(&now, &tm);
}

static int64_t midnight_usec(void) {
    struct tm tm = local_time();
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_isdst = -1;
    return (int64_t)mktime(&tm) * 1000000;
}

/* What the log has of today when the daemon starts. */
static void count_today(struct service *s, struct log_cursor *cursor, uint8_t *buffer) {
    struct log_bounds b;
    struct log_read read = {0};
    struct fault f;
    uint64_t begin = loop_monotonic_usec();
    log_bounds(s->subject.log, &b);
    if (log_cursor_seek_time(cursor, midnight_usec(), &read.scanned_seq) < 0)
        return;
    while (!read.at_until && !s->more) {
        if (log_cursor_read(cursor, NULL, 0, read.scanned_seq, b.head, buffer, LIMIT_ENTRY_BYTES,
                            LIMIT_ENTRY_BYTES, &read, &f) < 0)
            return; /* whoever replays it is told */
        s->counted += read.entries;
        s->more = loop_monotonic_usec() - begin > COUNT_USEC;
    }
}

static void begin_counting(struct service *s) {
    uint8_t *buffer = malloc(LIMIT_ENTRY_BYTES);
    struct log_cursor *cursor = NULL;
    s->day = local_time().tm_yday;
    if (buffer != NULL && log_cursor_open(s->subject.log, &cursor) == 0)
        count_today(s, cursor, buffer);
    log_cursor_close(cursor);
    free(buffer);
}

static uint64_t articles_today(struct service *s) {
    uint64_t published = publish_counts(s->subject.publish)->entries;
    int day = local_time().tm_yday;
    if (day != s->day) {
        s->day = day;
        s->counted = 0;
        s->before = published;
        s->more = false;
    }
    return s->counted + (published - s->before);
}

/* ---- how things are */

static void spool_trouble(const struct service *s, char *buffer, size_t size) {
    struct spool_counts n = {.trouble = ""};
    if (s->subject.spool != NULL)
        spool_get_counts(s->subject.spool, &n);
    if (n.busy_usec > SPOOL_SLOW_USEC)
        snprintf(buffer, size, "%s: no answer for %llu s", s->subject.settings->spool.directory,
                 (unsigned long long)n.busy_usec / 1000000);
    else
        snprintf(buffer, size, "%s", n.trouble);
}

static void judge(struct service *s, const struct log_bounds *b, const struct replay_counts *replay,
                  struct health *ret) {
    char damage[300], checkpoints[300], spool[350];
    replay_trouble(s->subject.replay, damage, sizeof damage);
    notary_trouble(s->subject.notary, checkpoints, sizeof checkpoints);
    spool_trouble(s, spool, sizeof spool);
    struct health_facts facts = {
        .log = b,
        .replay = replay->pulse,
        .directory = s->subject.settings->log.directory,
        .damage = damage,
        .checkpoints = checkpoints,
        .spool = spool,
        .stuck_usec = s->stuck_usec,
        .disk_usec = s->subject.settings->service.disk_patience_usec,
    };
    health_judge(&facts, ret);
}

static const struct health_trouble *trouble_of(const struct health *h, const char *of) {
    for (size_t i = 0; i < h->n; i++)
        if (strcmp(h->troubles[i].of, of) == 0)
            return &h->troubles[i];
    return NULL;
}

/* A trouble that was not there, or was another. Those of threads and disks count on. */
static void tell_new(const struct service *s, const struct health *now, const char *of,
                     enum journal_event event) {
    const struct health_trouble *t = trouble_of(now, of), *before = trouble_of(&s->health, of);
    bool counts = event == JOURNAL_THREAD_STUCK || event == JOURNAL_DISK_SLOW;
    if (t != NULL && (before == NULL || (!counts && strcmp(t->text, before->text) != 0)))
        journal(event, &(struct journal_subject){.reason = t->text}, "%s", t->text);
}

static void tell_changes(const struct service *s, const struct log_bounds *b,
                         const struct health *now) {
    if (b->taking != s->taking && !b->taking)
        journal(JOURNAL_INTAKE_STOPPED, &(struct journal_subject){.reason = b->trouble},
                "takes nothing in: %s", b->trouble);
    else if (b->taking != s->taking)
        journal(JOURNAL_INTAKE_RESUMED, NULL, "takes articles in again");
    tell_new(s, now, "damage", JOURNAL_LOG_DAMAGED);
    tell_new(s, now, "checkpoints", JOURNAL_CHECKPOINT_FAILED);
    tell_new(s, now, "disk", JOURNAL_DISK_SLOW);
    if (now->state == HEALTH_STUCK && s->health.state != HEALTH_STUCK)
        journal(JOURNAL_THREAD_STUCK, &(struct journal_subject){.reason = now->troubles[0].text},
                "%s; systemd's watchdog is left to restart newswired", now->troubles[0].text);
    if (s->health.state != HEALTH_OK && now->state == HEALTH_OK)
        journal(JOURNAL_WELL_AGAIN, NULL, "all is well again");
}

/* "5 readers, county-archive 240 behind". */
static void describe_readers(const struct replay_reader *readers, size_t n, uint64_t head,
                             char *buffer, size_t size) {
    const struct replay_reader *last = NULL;
    for (size_t i = 0; i < n; i++)
        if (readers[i].proven_seq < head &&
            (last == NULL || readers[i].proven_seq < last->proven_seq))
            last = &readers[i];
    int len = snprintf(buffer, size, "%zu reader%s", n, n == 1 ? "" : "s");
    if (last != NULL)
        snprintf(buffer + len, size - (size_t)len, ", %.60s %llu behind", last->client,
                 (unsigned long long)(head - last->proven_seq));
}

/* The sentence in systemctl status. */
static void tell_status(struct service *s, const struct log_bounds *b,
                        const struct replay_reader *readers, size_t n_readers) {
    char text[STATUS_BYTES], who[128];
    const struct health *h = &s->health;
    size_t len = 0;
    describe_readers(readers, n_readers, b->head, who, sizeof who);
    if (h->state == HEALTH_OK)
        len += (size_t)snprintf(text, sizeof text, "Taking articles in");
    else
        len += (size_t)snprintf(text, sizeof text, "%s: %.500s%s",
                                h->state == HEALTH_STUCK ? "STUCK" : "DEGRADED",
                                h->troubles[0].text, h->n > 1 ? ", and more" : "");
    snprintf(text + len, sizeof text - len, "; %s%llu today, entry %llu is the newest; %s%s",
             s->more ? "more than " : "", (unsigned long long)articles_today(s),
             (unsigned long long)b->head, who,
             s->subject.settings->security.insecure ? "; INSECURE: without keys" : "");
    sd_notifyf(0, "STATUS=%s", text);
}

/* sd-event answers the watchdog at its turns, as long as it is told to. */
static void mind_watchdog(struct service *s, enum health_state state) {
    bool was = s->health.state != HEALTH_STUCK, is = state != HEALTH_STUCK;
    if (is != was)
        sd_event_set_watchdog(s->event, is);
}

/* Gives memory back, too, that a burst has left. */
static int look_round(sd_event_source *source, uint64_t usec, void *userdata) {
    struct service *s = userdata;
    struct log_bounds b;
    struct replay_counts counts = {0};
    struct replay_reader *readers = NULL;
    struct health now;
    size_t n = 0;
    (void)usec;
    log_bounds(s->subject.log, &b);
    if (replay_readers(s->subject.replay, &readers, &n, &counts) < 0)
        n = 0; /* without memory for it: later */
    judge(s, &b, &counts, &now);
    mind_watchdog(s, now.state);
    tell_changes(s, &b, &now);
    s->health = now;
    tell_status(s, &b, readers, n);
    free(readers);
    if (b.head == s->head)
        malloc_trim(0);
    s->head = b.head;
    s->taking = b.taking;
    sd_event_source_set_time_relative(source, LOOK_ROUND_USEC);
    return 0;
}

const struct health *service_health(const struct service *s) {
    return &s->health;
}

/* ---- beginning, reloading, end */

int service_open(sd_event *event, const struct service_subject *subject, struct service **ret) {
    struct service *s = calloc(1, sizeof *s);
    uint64_t watchdog_usec;
    if (s == NULL)
        return -ENOMEM;
    s->subject = *subject;
    s->event = sd_event_ref(event);
    s->taking = true;
    s->stuck_usec = sd_watchdog_enabled(0, &watchdog_usec) > 0 ? watchdog_usec : STUCK_USEC;
    begin_counting(s);
    int r = sd_event_set_watchdog(event, true);
    if (r >= 0)
        r = sd_event_add_time_relative(event, &s->round, CLOCK_MONOTONIC, 0, 0, look_round, s);
    if (r >= 0)
        r = sd_event_source_set_enabled(s->round, SD_EVENT_ON);
    if (r < 0) {
        service_close(s);
        return r;
    }
    *ret = s;
    return 0;
}

void service_ready(void) {
    sd_notify(0, "READY=1");
}

void service_reloading(void) {
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)loop_monotonic_usec());
}

void service_stopping(void) {
    sd_notify(0, "STOPPING=1\nSTATUS=Stopping: what was taken in is made durable");
}

void service_reload(struct service *s, const struct settings *settings) {
    s->subject.settings = settings;
}

struct service *service_close(struct service *s) {
    if (s == NULL)
        return NULL;
    sd_event_source_disable_unref(s->round);
    sd_event_unref(s->event);
    free(s);
    return NULL;
}
