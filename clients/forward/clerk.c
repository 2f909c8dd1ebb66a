#include "clients/forward/clerk.h"

#include "clients/tool/follow.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_USEC = 500000, AGAIN_USEC = 500000 };

struct work {
    struct work *next;
    clerk_fn fn;
    void *argument;
    int result;
    sem_t done;
};

struct clerk {
    struct ledger *ledger;
    clerk_after_fn after;
    void *userdata;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wanted;
    struct work *first, **end;
    int64_t data_version;
    bool stopping, in_trouble;
    char trouble[sizeof((struct store *)0)->trouble]; /* the ledger's, for who waits */
};

/* ---- the clerk's thread */

static int run_one(struct ledger *l, struct work *w) {
    int r = store_do(&l->store, "SAVEPOINT work", "");
    if (r < 0)
        return r;
    w->result = w->fn(l, w->argument);
    if (w->result < 0)
        r = store_do(&l->store, "ROLLBACK TO work", "");
    return r < 0 ? r : store_do(&l->store, "RELEASE work", "");
}

/* All of it in one transaction; when that fails, all have failed. */
static void run_all(struct clerk *c, struct work *first) {
    int r = ledger_begin(c->ledger);
    for (struct work *w = first; r == 0 && w != NULL; w = w->next)
        r = run_one(c->ledger, w);
    if (r == 0)
        r = ledger_commit(c->ledger);
    if (r == 0)
        return;
    ledger_rollback(c->ledger);
    for (struct work *w = first; w != NULL; w = w->next)
        w->result = r;
}

static bool changed_outside(struct clerk *c) {
    int64_t version = c->data_version;
    if (store_number(&c->ledger->store, &version, "PRAGMA data_version", "") < 0)
        return false;
    bool changed = version != c->data_version;
    c->data_version = version;
    return changed;
}

static struct work *wait_for_work(struct clerk *c) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_USEC * 1000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    if (c->first == NULL && !c->stopping)
        pthread_cond_timedwait(&c->wanted, &c->mutex, &until);
    struct work *all = c->first;
    c->first = NULL;
    c->end = &c->first;
    return all;
}

static void *work_on(void *userdata) {
    struct clerk *c = userdata;
    pthread_mutex_lock(&c->mutex);
    for (;;) {
        struct work *all = wait_for_work(c);
        if (all == NULL && c->stopping)
            break;
        pthread_mutex_unlock(&c->mutex);
        if (all != NULL)
            run_all(c, all);
        c->after(c->userdata, changed_outside(c));
        pthread_mutex_lock(&c->mutex);
        strcpy(c->trouble, c->ledger->store.trouble);
        for (struct work *w = all, *next; w != NULL; w = next) {
            next = w->next; /* it belongs to who waits, and goes with the post */
            sem_post(&w->done);
        }
    }
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

/* ---- for the others */

int clerk_do(struct clerk *c, clerk_fn fn, void *argument) {
    struct work w = {.fn = fn, .argument = argument};
    sem_init(&w.done, 0, 0);
    pthread_mutex_lock(&c->mutex);
    /* cppcheck-suppress autoVariables ; this function waits for it */
    *c->end = &w;
    /* cppcheck-suppress autoVariables */
    c->end = &w.next;
    pthread_cond_signal(&c->wanted);
    pthread_mutex_unlock(&c->mutex);
    while (sem_wait(&w.done) < 0) /* EINTR */
        continue;
    sem_destroy(&w.done);
    return w.result;
}

static void tell_trouble(struct clerk *c, int r) {
    pthread_mutex_lock(&c->mutex);
    const char *reason = *c->trouble == '\0' ? strerror(-r) : c->trouble;
    if (r < 0 && !c->in_trouble)
        journal(JOURNAL_LEDGER_FAILED, &(struct journal_subject){.reason = reason},
                "the ledger can't be written, nothing moves: %s", reason);
    else if (r >= 0 && c->in_trouble)
        journal(JOURNAL_LEDGER_RESUMED, NULL, "the ledger is written again");
    c->in_trouble = r < 0;
    pthread_mutex_unlock(&c->mutex);
}

int clerk_insist(struct clerk *c, clerk_fn fn, void *argument) {
    int r;
    while ((r = clerk_do(c, fn, argument)) < 0 && follow_stop == 0) {
        struct timespec pause = {0, AGAIN_USEC * 1000L};
        tell_trouble(c, r);
        nanosleep(&pause, NULL);
    }
    tell_trouble(c, r);
    return r;
}

int clerk_start(struct ledger *l, clerk_after_fn after, void *userdata, struct clerk **ret) {
    struct clerk *c = calloc(1, sizeof *c);
    pthread_condattr_t monotonic;
    if (c == NULL)
        return -ENOMEM;
    c->ledger = l;
    c->after = after;
    c->userdata = userdata;
    c->end = &c->first;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->wanted, &monotonic);
    pthread_condattr_destroy(&monotonic);
    changed_outside(c);
    int r = -pthread_create(&c->thread, NULL, work_on, c);
    if (r < 0)
        free(c);
    else
        *ret = c;
    return r;
}

struct clerk *clerk_stop(struct clerk *c) {
    if (c == NULL)
        return NULL;
    pthread_mutex_lock(&c->mutex);
    c->stopping = true;
    pthread_cond_signal(&c->wanted);
    pthread_mutex_unlock(&c->mutex);
    pthread_join(c->thread, NULL);
    pthread_mutex_destroy(&c->mutex);
    pthread_cond_destroy(&c->wanted);
    free(c);
    return NULL;
}
