#include "proto/reader/parts.h"

#include <errno.h>

enum {
    RETRY_USEC = 250000, /* the first wait before asking again; doubles */
    RETRY_DOUBLINGS = 6, /* up to 16 s */
};

/* ---- time and chance */

static uint64_t random_below(struct reader *r, uint64_t n) {
    r->random ^= r->random << 13;
    r->random ^= r->random >> 7;
    r->random ^= r->random << 17;
    return n == 0 ? 0 : r->random % n;
}

uint64_t reader_retry_at(struct reader *r) {
    uint64_t wait = (uint64_t)RETRY_USEC
                    << (r->failures < RETRY_DOUBLINGS ? r->failures : RETRY_DOUBLINGS);
    if (r->failures < RETRY_DOUBLINGS)
        r->failures++;
    return r->now + wait / 2 + random_below(r, wait / 2 + 1);
}

uint64_t reader_sooner(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* ---- events */

void reader_tell(struct reader *r, struct reader_event event) {
    if (!r->failed && r->n_queue < sizeof r->queue / sizeof r->queue[0])
        r->queue[r->n_queue++] = event;
}

void reader_tell_error(struct reader *r, uint32_t code, bool final, struct slice message) {
    if (r->failed)
        return;
    size_t len = message.len < sizeof r->message ? message.len : sizeof r->message - 1;
    if (len > 0)
        memcpy(r->message, message.data, len);
    r->message[len] = '\0';
    if (final)
        r->n_queue = 0; /* nothing else matters now, and there must be room */
    reader_tell(r, (struct reader_event){
                       .type = READER_ERROR, .code = code, .final = final, .message = r->message});
    r->failed = final;
}

void reader_fail(struct reader *r, const char *message) {
    reader_tell_error(r, 0, true, slice_of(message));
}

/* ---- what the user calls */

bool reader_next(struct reader *r, struct reader_event *ret) {
    free(r->given);
    r->given = NULL;
    for (;;) {
        if (r->n_queue > 0) {
            *ret = r->queue[0];
            memmove(r->queue, r->queue + 1, --r->n_queue * sizeof r->queue[0]);
            return true;
        }
        if (r->failed)
            return false;
        if (reader_scan_topics(r, ret))
            return true;
        if (r->n_queue > 0)
            continue;
        if (r->source == FROM_REPLAY && !r->entered) {
            r->entered = true;
            reader_enter_reply(r);
            continue;
        }
        if (r->source == FROM_NOWHERE)
            return false;
        if (reader_walk_frame(r, ret))
            return true;
    }
}

int reader_feed(struct reader *r, struct slice topic, struct slice message, uint64_t now_usec) {
    r->now = now_usec;
    if (r->failed)
        return 0;
    int e = frame_read_feed(message, &r->frame);
    if (e < 0)
        return e;
    r->source = FROM_FEED;
    r->feed_topic = topic;
    r->rest = message;
    return 0;
}

int reader_replay(struct reader *r, struct slice message, uint64_t now_usec) {
    r->now = now_usec;
    if (r->failed)
        return 0;
    int e = frame_read_replay(message, &r->frame);
    if (e < 0) {
        reader_hole_in_replay(r);
        return e;
    }
    r->source = FROM_REPLAY;
    r->entered = false;
    r->rest = message;
    return 0;
}

/* ---- the whole */

static int copy_config(struct reader *r, const struct reader_config *config) {
    static const struct slice everything[] = {{(const uint8_t *)"", 0}};
    r->config = *config;
    r->config.n_prefixes = config->n_prefixes == 0 ? 1 : config->n_prefixes;
    r->prefixes = calloc(r->config.n_prefixes, sizeof *r->prefixes);
    if (r->prefixes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < r->config.n_prefixes; i++) {
        struct slice prefix = config->n_prefixes == 0 ? everything[0] : config->prefixes[i];
        if (!topic_prefix_valid(prefix))
            return -EINVAL;
        char *copy = strndup((const char *)prefix.data, prefix.len);
        if (copy == NULL)
            return -ENOMEM;
        r->prefixes[i] = slice_of(copy);
    }
    if (config->client != NULL && (r->client = strndup(config->client, LIMIT_LINE_BYTES)) == NULL)
        return -ENOMEM;
    size_t room = frame_request_max(r->prefixes, r->config.n_prefixes) +
                  (r->client == NULL ? 0 : strlen(r->client));
    r->request = malloc(room);
    return r->request == NULL ? -ENOMEM : 0;
}

static int take_cursor(struct reader *r, const struct reader_cursor *cursor) {
    if (cursor->start_seq > cursor->proven_seq)
        return -EINVAL;
    r->started = true;
    r->epoch = cursor->epoch;
    r->proven = cursor->proven_seq;
    r->start = cursor->start_seq;
    for (size_t i = 0; i < cursor->n_positions; i++) {
        struct topic *t = reader_get_topic(r, cursor->positions[i].topic);
        if (t == NULL)
            return r->failed ? -ENOMEM : -EINVAL;
        t->last = t->wanted = cursor->positions[i].last_seq;
    }
    return 0;
}

int reader_new(const struct reader_config *config, struct reader **ret) {
    struct reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return -ENOMEM;
    int e = config->n_prefixes > LIMIT_TOPICS ? -EINVAL : copy_config(r, config);
    if (e == 0 && config->start == READER_FROM_CURSOR)
        e = take_cursor(r, &config->cursor);
    if (e < 0) {
        reader_free(r);
        return e;
    }
    r->random = config->seed * 0x9e3779b97f4a7c15 | 1;
    r->round = 1;
    r->heads_due = r->replay_due = true;
    *ret = r;
    return 0;
}

struct reader *reader_free(struct reader *r) {
    if (r == NULL)
        return NULL;
    reader_drop_pending(r);
    free(r->given);
    for (size_t i = 0; r->prefixes != NULL && i < r->config.n_prefixes; i++)
        free((void *)r->prefixes[i].data);
    free(r->prefixes);
    free(r->client);
    free(r->topics);
    free(r->slots);
    free(r->positions);
    free(r->request);
    free(r);
    return NULL;
}

int reader_cursor(struct reader *r, struct reader_cursor *ret) {
    size_t n = 0;
    struct reader_position *positions =
        reallocarray(r->positions, r->n_topics + 1, sizeof *positions);
    if (positions == NULL)
        return -ENOMEM;
    r->positions = positions;
    for (size_t i = 0; i < r->n_topics; i++) {
        const struct topic *t = &r->topics[i];
        if (t->last > r->start)
            positions[n++] = (struct reader_position){.topic = {(const uint8_t *)t->name, t->len},
                                                      .last_seq = t->last};
    }
    *ret = (struct reader_cursor){.epoch = r->epoch,
                                  .proven_seq = r->proven,
                                  .start_seq = r->start,
                                  .positions = positions,
                                  .n_positions = n};
    return 0;
}

uint64_t reader_head_seq(const struct reader *r) {
    return r->head;
}

uint64_t reader_proven_seq(const struct reader *r) {
    return r->proven;
}

bool reader_started(const struct reader *r) {
    return r->started;
}
