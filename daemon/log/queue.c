/* The loop's side of the file engine: what is asked for goes into the queue, what has
 * become durable is handed back. */

#include "daemon/log/batch.h"
#include "daemon/log/file.h"
#include "proto/topic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

static struct file_log *of(const struct log *log) {
    return (struct file_log *)log;
}

/* How urgent an item is among those that wait: 1 is the most. A kill that says
 * nothing is, other news that says nothing is in the middle. */
static uint32_t urgency_of(const struct file_item *item) {
    if (item->is_ask || item->proposal.urgency > 0)
        return item->is_ask ? 1 : item->proposal.urgency;
    return item->proposal.canceled ? 1 : 5;
}

/* Puts a kill before what is less urgent. A version of its own story that waits
 * is known then to be dead when its turn comes; the kill needs no other original. */
static void insert_kill(struct file_log *l, struct file_item *kill) {
    struct file_item **at = &l->queue;
    while (*at != NULL &&
           ((*at)->is_ask || (*at)->proposal.canceled || urgency_of(*at) <= urgency_of(kill)))
        at = &(*at)->next;
    for (const struct file_item *i = *at; i != NULL; i = i->next)
        if (!i->is_ask && strcmp(i->proposal.uri, kill->proposal.uri) == 0) {
            kill->proposal.forced = true;
            memcpy(kill->topic, i->topic, sizeof kill->topic);
        }
    kill->next = *at;
    *at = kill;
    if (kill->next == NULL)
        l->queue_tail = &kill->next;
}

/* The mutex is held. */
static void enqueue(struct file_log *l, struct file_item *items) {
    while (items != NULL) {
        struct file_item *item = items;
        items = item->next;
        item->next = NULL;
        l->queue_bytes += item->bytes;
        if (!item->is_ask && item->proposal.canceled) {
            insert_kill(l, item);
            continue;
        }
        *l->queue_tail = item;
        l->queue_tail = &item->next;
    }
}

/* Takes the items, or frees them when there is no room. */
static int queue_items(struct file_log *l, struct file_item *items, size_t bytes) {
    pthread_mutex_lock(&l->mutex);
    bool fits = l->queue_bytes == 0 || l->queue_bytes + bytes <= l->config.queue_bytes;
    bool wake = fits && l->asleep;
    if (fits) {
        enqueue(l, items);
        pulse_want(&l->pulse);
    }
    pthread_mutex_unlock(&l->mutex);
    if (wake)
        pthread_cond_signal(&l->wake);
    if (!fits)
        batch_free_items(items);
    return fits ? 0 : -EAGAIN;
}

int file_append(struct log *log, const struct log_proposal *proposals, size_t n) {
    struct file_item *first = NULL, **tail = &first;
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        struct file_item *item = batch_item(&proposals[i]);
        if (item != NULL) {
            *tail = item;
            tail = &item->next;
            bytes += item->bytes;
            continue;
        }
        batch_free_items(first);
        return -EAGAIN;
    }
    return queue_items(of(log), first, bytes);
}

int file_ask(struct log *log, const struct log_ask *ask) {
    struct file_item *item = batch_ask(ask);
    return item == NULL ? -EAGAIN : queue_items(of(log), item, item->bytes);
}

int file_fd(const struct log *log) {
    return of(log)->event;
}

bool file_dispatch(struct log *log, size_t max_results) {
    struct file_log *l = of(log);
    eventfd_t count;
    bool more = true;
    if (eventfd_read(l->event, &count) < 0 && errno != EAGAIN)
        return false;
    while (more && max_results > 0) {
        pthread_mutex_lock(&l->mutex);
        struct file_batch *b = l->done;
        pthread_mutex_unlock(&l->mutex);
        if (b == NULL)
            return false;
        size_t n = b->n - b->dispatched;
        if (n > max_results)
            n = max_results;
        max_results -= n;
        b->dispatched += n;
        bool all = b->dispatched == b->n;
        l->follow(l->userdata, &b->batch, b->results + (b->dispatched - n), n);
        pthread_mutex_lock(&l->mutex);
        if (all && (l->done = b->next) == NULL)
            l->done_tail = &l->done;
        more = l->done != NULL;
        pthread_mutex_unlock(&l->mutex);
        if (all)
            log_batch_unref(&b->batch);
    }
    if (more && eventfd_write(l->event, 1) < 0)
        return true; /* it can't fail: it never counts that far */
    return more;
}

void file_configure(struct log *log, const struct log_config *config) {
    struct file_log *l = of(log);
    pthread_mutex_lock(&l->mutex);
    l->next_config = *config;
    l->next_config.directory = l->directory;
    l->next_config.now_usec = l->config.now_usec;
    l->configured = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->mutex);
}

void file_bounds(struct log *log, struct log_bounds *ret) {
    struct file_log *l = of(log);
    pthread_mutex_lock(&l->mutex);
    *ret = l->bounds;
    pthread_mutex_unlock(&l->mutex);
    ret->pulse = pulse_look(&l->pulse);
}

static bool head_wanted(const struct log_head *h, const struct slice *prefixes, size_t n) {
    if (h->head == 0 || n == 0)
        return h->head != 0;
    for (size_t i = 0; i < n; i++)
        if (topic_matches(prefixes[i], slice_of(h->topic)))
            return true;
    return false;
}

int file_heads(struct log *log, const struct slice *prefixes, size_t n_prefixes,
               struct log_head **ret, size_t *ret_n, uint64_t *ret_as_of, uint64_t *ret_newest) {
    struct file_log *l = of(log);
    size_t n = 0;
    pthread_mutex_lock(&l->mutex);
    struct log_head *heads = malloc((l->n_heads + 1) * sizeof *heads);
    for (size_t i = 0; heads != NULL && i < l->n_heads; i++)
        if (head_wanted(&l->heads[i], prefixes, n_prefixes))
            heads[n++] = l->heads[i];
    if (heads != NULL) {
        *ret = heads;
        *ret_n = n;
        *ret_as_of = l->bounds.head;
        *ret_newest = l->bounds.newest_topic;
    }
    pthread_mutex_unlock(&l->mutex);
    return heads == NULL ? -ENOMEM : 0;
}
