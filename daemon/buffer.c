#include "daemon/buffer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    POOL = 4,   /* buffers that are kept */
    SMALL = 16, /* a frame this many times smaller than its buffer is copied, so that it
                   doesn't hold the whole */
};

struct buffer_tally {
    atomic_size_t bytes;
    atomic_size_t owners; /* who made it, and each message */
};

struct buffer {
    struct buffer_pool *pool; /* NULL: a small one, freed when it is sent */
    struct buffer_tally *tally;
    size_t len;
    uint8_t data[];
};

struct buffer_pool {
    pthread_mutex_t mutex;
    struct buffer *free[POOL];
    size_t n;
    size_t size;
    size_t owners; /* who made it, and each buffer that is away */
};

struct buffer_pool *buffer_pool_new(size_t size) {
    struct buffer_pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    pthread_mutex_init(&p->mutex, NULL);
    p->size = size;
    p->owners = 1;
    return p;
}

/* A buffer comes back, or the owner leaves (NULL). */
static void leave(struct buffer_pool *p, struct buffer *b) {
    pthread_mutex_lock(&p->mutex);
    if (b != NULL && p->n < POOL)
        p->free[p->n++] = b;
    else
        free(b);
    bool last = --p->owners == 0;
    pthread_mutex_unlock(&p->mutex);
    if (!last)
        return;
    while (p->n > 0)
        free(p->free[--p->n]);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

struct buffer_pool *buffer_pool_free(struct buffer_pool *p) {
    if (p != NULL)
        leave(p, NULL);
    return NULL;
}

uint8_t *buffer_take(struct buffer_pool *p) {
    pthread_mutex_lock(&p->mutex);
    struct buffer *b = p->n > 0 ? p->free[--p->n] : NULL;
    p->owners++;
    pthread_mutex_unlock(&p->mutex);
    if (b == NULL)
        b = malloc(sizeof *b + p->size);
    if (b == NULL) {
        leave(p, NULL);
        return NULL;
    }
    b->pool = p;
    return b->data;
}

static struct buffer *of(uint8_t *data) {
    return (struct buffer *)(void *)(data - offsetof(struct buffer, data));
}

void buffer_drop(uint8_t *data) {
    leave(of(data)->pool, of(data));
}

struct buffer_tally *buffer_tally_new(void) {
    struct buffer_tally *t = calloc(1, sizeof *t);
    if (t != NULL)
        t->owners = 1;
    return t;
}

struct buffer_tally *buffer_tally_free(struct buffer_tally *t) {
    if (t != NULL && atomic_fetch_sub(&t->owners, 1) == 1)
        free(t);
    return NULL;
}

size_t buffer_tally_bytes(const struct buffer_tally *t) {
    return atomic_load(&t->bytes);
}

/* Any thread of libzmq's. */
static void sent(void *data, void *hint) {
    struct buffer *b = hint;
    struct buffer_tally *tally = b->tally;
    (void)data;
    atomic_fetch_sub(&tally->bytes, b->len);
    buffer_tally_free(tally);
    if (b->pool != NULL)
        leave(b->pool, b);
    else
        free(b);
}

/* The buffer itself, or a copy of what little it holds. NULL when out of memory. */
static struct buffer *compact(struct buffer *b, size_t len) {
    if (len >= b->pool->size / SMALL)
        return b;
    struct buffer *copy = malloc(sizeof *copy + len);
    if (copy != NULL) {
        copy->pool = NULL;
        memcpy(copy->data, b->data, len);
    }
    leave(b->pool, b);
    return copy;
}

int buffer_message(uint8_t *data, size_t len, struct buffer_tally *tally, zmq_msg_t *ret) {
    struct buffer *b = compact(of(data), len);
    if (b == NULL)
        return -ENOMEM;
    b->tally = tally;
    b->len = len;
    atomic_fetch_add(&tally->bytes, len);
    atomic_fetch_add(&tally->owners, 1);
    if (zmq_msg_init_data(ret, b->data, len, sent, b) == 0)
        return 0;
    sent(b->data, b);
    return -ENOMEM;
}
