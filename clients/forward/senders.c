#include "clients/forward/sender_thread.h"

#include "clients/tool/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STACK_BYTES = 512 << 10 };

/* ---- what others do to a sender */

static void wake(struct sender *s, bool interrupt) {
    pthread_mutex_lock(&s->mutex);
    s->awake = true;
    s->interrupted = s->interrupted || interrupt;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->mutex);
}

static bool recall(void *userdata, const struct outlet_config *o, int64_t delivery) {
    struct senders *all = userdata;
    bool taken = false;
    for (size_t i = 0; i < o->connections && !taken; i++) {
        struct sender *s = all->senders[all->first[o->index] + i];
        pthread_mutex_lock(&s->mutex);
        for (size_t k = 0; k < s->n && !taken; k++) {
            int claimed = CLAIMED;
            taken = s->jobs[k] != NULL && s->jobs[k]->id == delivery &&
                    atomic_compare_exchange_strong(&s->states[k], &claimed, RECALLED);
        }
        pthread_mutex_unlock(&s->mutex);
    }
    return taken;
}

/* Within a transaction: who looks now finds nothing yet, and is woken after it. */
static void touch(void *userdata, const struct outlet_config *o, bool kill) {
    struct senders *all = userdata;
    for (size_t i = 0; i < o->connections; i++) {
        struct sender *s = all->senders[all->first[o->index] + i];
        pthread_mutex_lock(&s->mutex);
        s->awake = true;
        s->interrupted = s->interrupted || kill;
        pthread_mutex_unlock(&s->mutex);
    }
}

void senders_after(void *userdata, bool outside) {
    struct senders *all = userdata;
    for (size_t i = 0; i < all->n; i++) {
        struct sender *s = all->senders[i];
        pthread_mutex_lock(&s->mutex);
        s->awake = s->awake || outside;
        s->hurried = s->hurried || outside;
        if (s->awake)
            pthread_cond_signal(&s->wake);
        pthread_mutex_unlock(&s->mutex);
    }
}

/* ---- all of them */

struct senders *senders_new(const struct forward_config *config) {
    struct senders *all = calloc(1, sizeof *all);
    size_t n = 0;
    if (all == NULL)
        return NULL;
    for (size_t i = 0; i < config->n_outlets; i++)
        n += config->outlets[i]->connections;
    all->config = config;
    all->hooks = (struct ledger_senders){recall, touch, all};
    all->senders = calloc(n + 1, sizeof(struct sender *));
    all->first = calloc(config->n_outlets + 1, sizeof *all->first);
    bool good =
        all->senders != NULL && all->first != NULL && receipt_links_new(config, &all->links) == 0;
    for (size_t i = 0; good && i < config->n_outlets; i++) {
        all->first[i] = all->n;
        for (uint64_t k = 0; good && k < config->outlets[i]->connections; k++) {
            struct sender *s = sender_new(all, config->outlets[i]);
            good = s != NULL && s->arena != NULL;
            if (s != NULL)
                all->senders[all->n++] = s;
        }
    }
    return good ? all : senders_free(all);
}

const struct ledger_senders *senders_hooks(struct senders *all) {
    return &all->hooks;
}

int senders_start(struct senders *all, struct clerk *clerk) {
    pthread_attr_t attributes;
    int r = 0;
    all->clerk = clerk;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (size_t i = 0; r == 0 && i < all->n; i++) {
        struct sender *s = all->senders[i];
        r = -pthread_create(&s->thread, &attributes, sender_run, s);
        s->running = r == 0;
    }
    pthread_attr_destroy(&attributes);
    return r;
}

void senders_stop(struct senders *all) {
    if (all == NULL)
        return;
    for (size_t i = 0; i < all->n; i++)
        wake(all->senders[i], true);
    for (size_t i = 0; i < all->n; i++)
        if (all->senders[i]->running)
            pthread_join(all->senders[i]->thread, NULL);
}

struct senders *senders_free(struct senders *all) {
    if (all == NULL)
        return NULL;
    for (size_t i = 0; i < all->n; i++)
        sender_free(all->senders[i]);
    receipt_links_free(all->links);
    free(all->senders);
    free(all->first);
    free(all);
    return NULL;
}

int sender_send(const struct forward_config *config, const struct outlet_config *o,
                const struct ledger_job *j, struct verdict *ret) {
    struct senders *all = calloc(1, sizeof *all);
    struct sender *s = all == NULL ? NULL : sender_new(all, o);
    char error[256] = "";
    int r = s == NULL || s->arena == NULL ? -ENOMEM : receipt_links_new(config, &all->links);
    if (r == 0)
        r = transport_find(o->url)->open(o, &s->session, error, sizeof error);
    if (r == 0) {
        sender_send_one(s, j, ret);
        transport_find(o->url)->close(s->session);
    } else {
        verdict_set(ret, VERDICT_RETRY, "%s", *error == '\0' ? strerror(-r) : error);
    }
    if (all != NULL)
        receipt_links_free(all->links);
    sender_free(s);
    free(all);
    return r;
}
