#include "daemon/notary.h"

#include "daemon/log/crc32c.h"
#include "daemon/log/io.h"
#include "daemon/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    EVERY_SEC = 1,
    SAVE_USEC = 60000000,
    READ_BYTES = 1 << 20,
    FORMAT = 1,
    FILE_MOST_BYTES = 256 << 20,
};

static const char file_name[] = "chains";
static const char magic[8] = "NWIRECHN";

/* As the file has it, behind a struct header. */
struct chain {
    char topic[LIMIT_TOPIC_BYTES];
    uint64_t after, head, entries;
    uint8_t chain[CHECKPOINT_CHAIN_BYTES];
};

_Static_assert(sizeof(struct chain) == 152, "format");

struct header {
    char magic[8];
    uint32_t format;
    uint32_t crc; /* of all behind it */
    uint64_t epoch, scanned, n;
};

struct signed_one {
    uint8_t bytes[CHECKPOINT_ENCODED_BYTES];
    size_t len;
};

struct notary {
    struct log *log;
    struct log_cursor *cursor;
    struct key_pair key;
    int folder;
    pthread_t thread;
    bool running;

    /* the thread's own */
    uint8_t *buffer;
    size_t buffer_bytes;
    struct chain *chains;
    bool *due; /* for a signature; of each */
    size_t n_chains;
    uint64_t epoch, scanned, saved; /* up to which number */
    uint64_t saved_usec;

    pthread_mutex_t mutex; /* for what follows */
    pthread_cond_t stop;
    bool stopping;
    struct signed_one *newest; /* of each chain */
    char trouble[300];
};

static void tell_trouble(struct notary *n, const char *text) {
    pthread_mutex_lock(&n->mutex);
    snprintf(n->trouble, sizeof n->trouble, "%s", text);
    pthread_mutex_unlock(&n->mutex);
}

/* ---- chains */

static size_t find(const struct notary *n, struct slice topic) {
    size_t i = 0;
    while (i < n->n_chains &&
           (strnlen(n->chains[i].topic, sizeof n->chains[i].topic) != topic.len ||
            memcmp(n->chains[i].topic, topic.data, topic.len) != 0))
        i++;
    return i;
}

/* A new one's place, behind the others; NULL when out of memory. */
static struct chain *add(struct notary *n, struct slice topic) {
    pthread_mutex_lock(&n->mutex); /* others look up the names */
    size_t i = n->n_chains;
    struct chain *chains = reallocarray(n->chains, i + 1, sizeof *chains);
    if (chains != NULL)
        n->chains = chains;
    bool *due = reallocarray(n->due, i + 1, sizeof *due);
    if (due != NULL)
        n->due = due;
    struct signed_one *newest = reallocarray(n->newest, i + 1, sizeof *newest);
    if (newest != NULL) {
        n->newest = newest;
        newest[i].len = 0;
    }
    if (chains != NULL && due != NULL && newest != NULL) {
        chains[i] = (struct chain){0};
        memcpy(chains[i].topic, topic.data, topic.len);
        due[i] = false;
        n->n_chains++;
    }
    pthread_mutex_unlock(&n->mutex);
    return n->n_chains > i ? &n->chains[i] : NULL;
}

static int take(struct notary *n, const struct entry *e) {
    uint8_t digest[SIGNATURE_ARTICLE_DIGEST_BYTES];
    size_t i = find(n, e->topic);
    struct chain *c = i < n->n_chains ? &n->chains[i] : add(n, e->topic);
    if (c == NULL)
        return -ENOMEM;
    if (!checkpoint_article_digest(e, digest))
        return -EBADMSG;
    if (c->head != e->prev_seq || c->entries == 0) { /* what is between is kept no more */
        c->after = e->prev_seq;
        c->entries = 0;
        memset(c->chain, 0, sizeof c->chain);
    }
    checkpoint_chain(c->chain, e, digest);
    c->head = e->seq;
    c->entries++;
    n->due[i] = true;
    return 0;
}

static int take_all(struct notary *n, size_t bytes) {
    struct slice rest = {n->buffer, bytes};
    int r = 0;
    while (r == 0 && rest.len > 0) {
        struct wire_field f;
        struct entry e;
        r = !wire_get_field(&rest, &f) || entry_decode(f.bytes, &e) < 0 ? -EBADMSG : take(n, &e);
    }
    return r;
}

static void sign_due(struct notary *n) {
    for (size_t i = 0; i < n->n_chains; i++) {
        const struct chain *c = &n->chains[i];
        struct checkpoint made = {.epoch = n->epoch,
                                  .after = c->after,
                                  .head = c->head,
                                  .entries = c->entries,
                                  .made_at_usec = loop_utc_usec()};
        struct signed_one one;
        if (!n->due[i])
            continue;
        made.topic = (struct slice){(const uint8_t *)c->topic, strnlen(c->topic, sizeof c->topic)};
        memcpy(made.chain, c->chain, sizeof made.chain);
        one.len = checkpoint_sign(&n->key, &made, one.bytes);
        pthread_mutex_lock(&n->mutex);
        n->newest[i] = one;
        pthread_mutex_unlock(&n->mutex);
        n->due[i] = false;
    }
}

/* ---- the file */

static int save(struct notary *n) {
    struct header h = {
        .format = FORMAT, .epoch = n->epoch, .scanned = n->scanned, .n = n->n_chains};
    size_t len = sizeof h + n->n_chains * sizeof *n->chains;
    _cleanup_free_ uint8_t *bytes = malloc(len);
    if (bytes == NULL)
        return -ENOMEM;
    memcpy(h.magic, magic, sizeof h.magic);
    memcpy(bytes, &h, sizeof h);
    if (n->n_chains > 0)
        memcpy(bytes + sizeof h, n->chains, n->n_chains * sizeof *n->chains);
    size_t skip = offsetof(struct header, epoch);
    h.crc = crc32c(0, bytes + skip, len - skip);
    memcpy(bytes, &h, sizeof h);
    n->saved = n->scanned;
    n->saved_usec = loop_monotonic_usec();
    return io_replace(n->folder, file_name, bytes, len);
}

/* What can't be used is as if it weren't there. */
static int load(struct notary *n, const struct log_bounds *b) {
    _cleanup_free_ uint8_t *bytes = NULL;
    struct header h;
    size_t len = 0, skip = offsetof(struct header, epoch);
    if (io_load(n->folder, file_name, FILE_MOST_BYTES, &bytes, &len) < 0 || len < sizeof h)
        return 0;
    memcpy(&h, bytes, sizeof h);
    if (memcmp(h.magic, magic, sizeof magic) != 0 || h.format != FORMAT || h.epoch != b->epoch ||
        h.scanned > b->head || h.n != (len - sizeof h) / sizeof(struct chain) ||
        h.crc != crc32c(0, bytes + skip, len - skip))
        return 0;
    for (size_t i = 0; i < h.n; i++) {
        struct chain c;
        memcpy(&c, bytes + sizeof h + i * sizeof c, sizeof c);
        struct slice topic = {(const uint8_t *)c.topic, strnlen(c.topic, sizeof c.topic)};
        struct chain *to = add(n, topic);
        if (to == NULL)
            return -ENOMEM;
        *to = c;
        n->due[i] = c.entries > 0;
    }
    n->scanned = n->saved = h.scanned;
    return 0;
}

/* ---- the thread */

/* Reads on, as far as the log is durable. 0, or an error that is told. */
static int follow(struct notary *n) {
    struct log_bounds b;
    struct log_read read = {0};
    struct fault f = {0};
    int r = 0;
    log_bounds(n->log, &b);
    while (r == 0 && n->scanned < b.head && !read.at_until) {
        r = log_cursor_read(n->cursor, NULL, 0, n->scanned, b.head, n->buffer, n->buffer_bytes,
                            READ_BYTES, &read, &f);
        if (r == 0)
            r = take_all(n, read.bytes);
        if (r == 0)
            n->scanned = read.scanned_seq;
        pthread_mutex_lock(&n->mutex);
        bool stopping = n->stopping;
        pthread_mutex_unlock(&n->mutex);
        if (stopping)
            break;
    }
    if (r < 0)
        tell_trouble(n, *f.reason == '\0' ? strerror(-r) : f.reason);
    return r;
}

/* Whether to end; a second later if not. */
static bool wait_for_stop(struct notary *n) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += EVERY_SEC;
    pthread_mutex_lock(&n->mutex);
    while (!n->stopping && pthread_cond_timedwait(&n->stop, &n->mutex, &until) != ETIMEDOUT)
        continue;
    bool stopping = n->stopping;
    pthread_mutex_unlock(&n->mutex);
    return stopping;
}

static void *run(void *userdata) {
    struct notary *n = userdata;
    int r = 0;
    do {
        r = follow(n);
        if (r == 0)
            sign_due(n);
        if (r == 0 && n->scanned != n->saved && loop_monotonic_usec() - n->saved_usec > SAVE_USEC &&
            (r = save(n)) < 0)
            tell_trouble(n, strerror(-r));
    } while (!wait_for_stop(n));
    if (r == 0 && n->scanned != n->saved && (r = save(n)) < 0)
        tell_trouble(n, strerror(-r));
    return NULL;
}

size_t notary_checkpoint(struct notary *n, struct slice topic,
                         uint8_t ret[static CHECKPOINT_ENCODED_BYTES]) {
    size_t len = 0;
    if (n == NULL)
        return 0;
    pthread_mutex_lock(&n->mutex);
    size_t i = find(n, topic);
    if (i < n->n_chains) {
        len = n->newest[i].len;
        memcpy(ret, n->newest[i].bytes, len);
    }
    pthread_mutex_unlock(&n->mutex);
    return len;
}

void notary_trouble(struct notary *n, char *buffer, size_t size) {
    if (size > 0)
        *buffer = '\0';
    if (n == NULL)
        return;
    pthread_mutex_lock(&n->mutex);
    snprintf(buffer, size, "%s", n->trouble);
    pthread_mutex_unlock(&n->mutex);
}

/* The thread takes no signals: they are the loop's. */
static int start_thread(struct notary *n) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = -pthread_create(&n->thread, NULL, run, n);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    n->running = r == 0;
    return r;
}

static int open_all(struct notary *n, const struct settings *settings, struct fault *f) {
    struct log_bounds b;
    log_bounds(n->log, &b);
    n->epoch = b.epoch;
    n->buffer_bytes = (size_t)READ_BYTES + LIMIT_ENTRY_BYTES; /* one entry alone may be larger */
    n->buffer = malloc(n->buffer_bytes);
    n->saved_usec = loop_monotonic_usec();
    n->folder = open(settings->log.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (n->buffer == NULL)
        return -ENOMEM;
    if (n->folder < 0)
        return -errno;
    int r = key_pair_read(KEY_ED25519, settings->log.sign, &n->key, f);
    if (r == 0)
        r = load(n, &b);
    if (r == 0)
        r = log_cursor_open(n->log, &n->cursor);
    return r < 0 ? r : start_thread(n);
}

int notary_open(const struct settings *settings, struct log *log, struct notary **ret,
                struct fault *ret_fault) {
    pthread_condattr_t monotonic;
    *ret = NULL;
    if (*settings->log.sign == '\0')
        return 0;
    struct notary *n = calloc(1, sizeof *n);
    if (n == NULL)
        return -ENOMEM;
    n->log = log;
    n->folder = -1;
    pthread_mutex_init(&n->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&n->stop, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int r = open_all(n, settings, ret_fault);
    if (r < 0)
        notary_close(n);
    else
        *ret = n;
    return r;
}

struct notary *notary_close(struct notary *n) {
    if (n == NULL)
        return NULL;
    pthread_mutex_lock(&n->mutex);
    n->stopping = true;
    pthread_cond_signal(&n->stop);
    pthread_mutex_unlock(&n->mutex);
    if (n->running)
        pthread_join(n->thread, NULL);
    if (n->cursor != NULL)
        log_cursor_close(n->cursor);
    if (n->folder >= 0)
        close(n->folder);
    key_pair_free(&n->key);
    pthread_mutex_destroy(&n->mutex);
    pthread_cond_destroy(&n->stop);
    free(n->buffer);
    free(n->chains);
    free(n->due);
    free(n->newest);
    free(n);
    return NULL;
}
