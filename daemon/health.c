#include "daemon/health.h"

#include "proto/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOW_DISK_USEC = 5000000 }; /* a healthy one answers in milliseconds */

__attribute__((format(printf, 4, 5))) static void add(struct health *h, enum health_state state,
                                                      const char *of, const char *format, ...) {
    char text[HEALTH_TEXT_BYTES];
    va_list arguments;
    if (h->n == HEALTH_TROUBLES)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct health_trouble *t = &h->troubles[h->n++];
    char *harmless = text_harmless(slice_of(text));
    t->of = of;
    snprintf(t->text, sizeof t->text, "%s", harmless == NULL ? "out of memory" : harmless);
    codec_mend_utf8(t->text);
    free(harmless);
    if (state > h->state)
        h->state = state;
}

static unsigned long long seconds(uint64_t usec) {
    return usec / 1000000;
}

static bool is_stuck(const struct health_facts *f, const struct pulse_state *p) {
    uint64_t disk = f->disk_usec > f->stuck_usec ? f->disk_usec : f->stuck_usec;
    return p->on_disk ? f->disk_usec > 0 && p->busy_usec > disk : p->busy_usec > f->stuck_usec;
}

static bool waits_long(const struct pulse_state *p) {
    return p->on_disk && p->busy_usec > SLOW_DISK_USEC;
}

void health_judge(const struct health_facts *f, struct health *ret) {
    *ret = (struct health){0};
    const struct pulse_state *log = &f->log->pulse, *replay = &f->replay;
    if (is_stuck(f, log))
        add(ret, HEALTH_STUCK, "log", "the log's thread has not got on for %llu s%s",
            seconds(log->busy_usec), log->on_disk ? ": the disk does not answer" : "");
    else if (waits_long(log))
        add(ret, HEALTH_DEGRADED, "disk",
            "the disk has not answered for %llu s (%s); articles wait", seconds(log->busy_usec),
            f->directory);
    if (is_stuck(f, replay))
        add(ret, HEALTH_STUCK, "replay", "the replay thread has not got on for %llu s%s",
            seconds(replay->busy_usec), replay->on_disk ? ": the disk does not answer" : "");
    else if (waits_long(replay) && !waits_long(log))
        add(ret, HEALTH_DEGRADED, "disk",
            "the disk has not answered for %llu s (%s); readers wait for what they missed",
            seconds(replay->busy_usec), f->directory);
    if (!f->log->taking)
        add(ret, HEALTH_DEGRADED, "log", "%s; nothing is taken in, readers are served",
            f->log->trouble);
    if (*f->damage != '\0')
        add(ret, HEALTH_DEGRADED, "damage", "the log is damaged: %s", f->damage);
    if (*f->checkpoints != '\0')
        add(ret, HEALTH_DEGRADED, "checkpoints", "checkpoints can't be signed: %s", f->checkpoints);
    if (*f->spool != '\0' && f->log->taking)
        add(ret, HEALTH_DEGRADED, "spool", "spool: %s", f->spool);
}

const char *health_word(enum health_state state) {
    static const char *const words[] = {"ok", "degraded", "stuck"};
    return words[state];
}
