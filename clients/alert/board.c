#include "clients/alert/board.h"

#include "clients/alert/message.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many messages may go in a row, before the rate holds them back. */
enum { BURST = 3, REFUSALS_MOST = 3 };

static const int64_t hour_usec = 3600 * INT64_C(1000000);

/* ---- alerts */

static void alert_done(struct alert *a) {
    free(a->subject);
    free(a->text);
}

static void forget(struct board *b, size_t i) {
    alert_done(&b->alerts[i]);
    memmove(&b->alerts[i], &b->alerts[i + 1], (b->n - i - 1) * sizeof *b->alerts);
    b->n--;
    b->changed = true;
}

int board_add(struct board *b, const struct alert *alert) {
    if (b->n == b->max) {
        size_t max = b->max * 2 + 16;
        struct alert *alerts = reallocarray(b->alerts, max, sizeof *alerts);
        if (alerts == NULL)
            return -ENOMEM;
        b->alerts = alerts;
        b->max = max;
    }
    struct alert copy = *alert;
    copy.subject = strdup(alert->subject);
    copy.text = strdup(alert->text);
    if (copy.subject == NULL || copy.text == NULL) {
        alert_done(&copy);
        return -ENOMEM;
    }
    b->alerts[b->n++] = copy;
    b->changed = true;
    return 0;
}

static struct alert *find(const struct board *b, const struct finding *f) {
    for (size_t i = 0; i < b->n; i++)
        if (b->alerts[i].kind == f->kind && strcmp(b->alerts[i].subject, f->subject) == 0)
            return &b->alerts[i];
    return NULL;
}

bool alert_is_ripe(const struct alert *a, int64_t now) {
    return a->told_usec > 0 || a->over_usec > 0 || a->ripe_usec <= now;
}

/* ---- what a look found */

static int take_finding(struct board *b, const struct finding *f, int64_t now) {
    struct alert *a = find(b, f);
    if (a == NULL) {
        int64_t since = f->since_usec > 0 ? f->since_usec : now;
        struct alert new = {.kind = f->kind,
                            .subject = (char *)f->subject,
                            .text = (char *)f->text,
                            .since_usec = since,
                            .ripe_usec = since + (int64_t)f->for_usec,
                            .found = true};
        /* What began long ago is news from now on. */
        if (new.ripe_usec < now)
            new.ripe_usec = now;
        return board_add(b, &new);
    }
    char *text = strdup(f->text);
    if (text == NULL)
        return -ENOMEM;
    free(a->text);
    a->text = text;
    b->changed = b->changed || a->over_usec != 0;
    a->over_usec = 0; /* it went on before anybody heard that it was over */
    a->found = true;
    return 0;
}

int board_take(struct board *b, const struct findings *f, int64_t now) {
    for (size_t i = 0; i < b->n; i++)
        b->alerts[i].found = false;
    for (size_t i = 0; i < f->n; i++) {
        int r = b->group->wants[f->items[i]->kind] ? take_finding(b, f->items[i], now) : 0;
        if (r < 0)
            return r;
    }
    for (size_t i = b->n; i-- > 0;) {
        struct alert *a = &b->alerts[i];
        if (a->found || a->over_usec > 0 || f->unknown[a->kind])
            continue;
        if (!alert_is_ripe(a, now) || !b->group->wants[a->kind]) {
            forget(b, i);
            continue;
        }
        a->over_usec = now;
        b->changed = true;
    }
    return 0;
}

/* ---- what is to be told */

/* Since when it is to be told; INT64_MAX: it isn't. */
static int64_t event_of(const struct board *b, const struct alert *a, int64_t now,
                        enum event_type *ret) {
    int64_t again = a->told_usec + (int64_t)b->group->remind_usec;
    if (a->over_usec > 0) {
        *ret = a->told_usec > 0 ? EVENT_OVER : EVENT_PASSED;
        return a->told_usec > 0 ? a->over_usec : a->ripe_usec;
    }
    *ret = a->told_usec > 0 ? EVENT_STILL : EVENT_NEW;
    if (a->told_usec > 0)
        return b->group->remind_usec > 0 && again <= now ? again : INT64_MAX;
    return a->ripe_usec <= now ? a->ripe_usec : INT64_MAX;
}

static bool is_quiet(const struct board *b, const struct alert *a, int64_t now) {
    return !b->group->is_urgent[a->kind] && zone_within(b->group->zone, &b->group->quiet, now);
}

/* When the first of what may be told happened; INT64_MAX: nothing. */
static int64_t look_for_news(struct board *b, int64_t now) {
    int64_t first = INT64_MAX, held = INT64_MAX;
    for (size_t i = 0; i < b->n; i++) {
        enum event_type type;
        int64_t at = event_of(b, &b->alerts[i], now, &type);
        int64_t *earliest = is_quiet(b, &b->alerts[i], now) ? &held : &first;
        *earliest = at < *earliest ? at : *earliest;
    }
    if (held != INT64_MAX && b->held_usec == 0) {
        b->held_usec = held;
        b->changed = true;
    }
    return first;
}

/* Quiet hours have ended, and something waited for that. */
static bool is_digest(const struct board *b, int64_t now) {
    return b->held_usec > 0 && !zone_within(b->group->zone, &b->group->quiet, now);
}

static int64_t pace(const struct board *b) {
    return hour_usec / (int64_t)b->group->rate;
}

static bool is_paced(const struct board *b, int64_t now) {
    int64_t burst = b->group->rate < BURST ? (int64_t)b->group->rate : BURST;
    return b->paced_usec - now > (burst - 1) * pace(b);
}

/* All that is to be told now. Where one alert is told again, the others that go on
 * are too, so that reminders come together; and so in the morning. */
static size_t collect(const struct board *b, int64_t now, struct event *events) {
    bool still = is_digest(b, now);
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        enum event_type type;
        bool due = event_of(b, &b->alerts[i], now, &type) != INT64_MAX;
        still = still || (due && type == EVENT_STILL && !is_quiet(b, &b->alerts[i], now));
    }
    for (size_t i = 0; i < b->n; i++) {
        enum event_type type;
        bool due = event_of(b, &b->alerts[i], now, &type) != INT64_MAX;
        if ((due || (still && type == EVENT_STILL)) && !is_quiet(b, &b->alerts[i], now))
            events[n++] = (struct event){type, &b->alerts[i]};
    }
    return n;
}

static void note_told(struct board *b, const struct event *events, size_t n, int64_t now) {
    for (size_t i = 0; i < n; i++)
        b->alerts[events[i].alert - b->alerts].told_usec = now;
    for (size_t i = b->n; i-- > 0;)
        if (b->alerts[i].over_usec > 0 && b->alerts[i].told_usec == now)
            forget(b, i);
    if (is_digest(b, now))
        b->held_usec = 0;
    b->paced_usec = (b->paced_usec > now ? b->paced_usec : now) + pace(b);
    b->changed = true;
}

static void make_id(char ret[static MESSAGE_ID_BYTES]) {
    uint8_t random[MESSAGE_ID_BYTES / 2];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(ret, MESSAGE_ID_BYTES, random, sizeof random);
}

static int compose(struct board *b, int64_t now) {
    struct event *events = calloc(b->n + 1, sizeof *events);
    struct message m = {.made_usec = now, .next_usec = now};
    if (events == NULL)
        return -ENOMEM;
    size_t n = collect(b, now, events);
    message_sort(events, n);
    struct message_facts facts = {.group = b->group,
                                  .wire = b->wire,
                                  .events = events,
                                  .n = n,
                                  .open = board_open(b, now),
                                  .digest = is_digest(b, now),
                                  .now_usec = now};
    int r = message_write(&facts, &m);
    if (r == 0) {
        make_id(m.id);
        b->message = m;
        /* Of what is over, the time that it is told is the mark by which it goes. */
        note_told(b, events, n, now);
    }
    free(events);
    return r;
}

int board_compose(struct board *b, int64_t now) {
    int64_t first = look_for_news(b, now);
    if (first == INT64_MAX && is_digest(b, now)) { /* it is as it was in the evening */
        b->held_usec = 0;
        b->changed = true;
    }
    if (first == INT64_MAX || *b->message.id != '\0' ||
        now < first + (int64_t)b->group->merge_usec || is_paced(b, now))
        return 0;
    return compose(b, now);
}

/* ---- sending */

bool board_should_send(const struct board *b, int64_t now) {
    return *b->message.id != '\0' && b->message.next_usec <= now;
}

void board_sent(struct board *b, int64_t now) {
    message_done(&b->message);
    b->sent_usec = now;
    b->changed = true;
}

/* What it said is on the board still, but for what is over. */
static void shorten(struct board *b) {
    struct message brief = b->message;
    if (message_write_brief(b->group, b->wire, &brief) < 0)
        return; /* it is tried as it is */
    make_id(brief.id);
    brief.refusals = 0;
    free(b->message.title);
    free(b->message.text);
    free(b->message.json);
    b->message = brief;
}

void board_failed(struct board *b, int64_t now, uint64_t wait, bool refused, const char *error) {
    struct message *m = &b->message;
    m->tries++;
    m->refusals += refused;
    m->next_usec = now + (int64_t)wait;
    snprintf(m->error, sizeof m->error, "%s", error);
    if (refused && m->refusals == REFUSALS_MOST)
        shorten(b);
    b->changed = true;
}

/* ---- for those who ask */

size_t board_open(const struct board *b, int64_t now) {
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        n += b->alerts[i].over_usec == 0 && alert_is_ripe(&b->alerts[i], now);
    return n;
}

size_t board_waiting(const struct board *b, int64_t now) {
    size_t n = 0;
    enum event_type type;
    for (size_t i = 0; i < b->n; i++)
        n += event_of(b, &b->alerts[i], now, &type) != INT64_MAX;
    return n;
}

void message_done(struct message *m) {
    free(m->title);
    free(m->text);
    free(m->json);
    *m = (struct message){0};
}

void board_done(struct board *b) {
    for (size_t i = 0; i < b->n; i++)
        alert_done(&b->alerts[i]);
    free(b->alerts);
    message_done(&b->message);
    *b = (struct board){0};
}
