#include "daemon/meters.h"

#include "daemon/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS, ARTICLES, BYTES, BUCKETS };

struct meter {
    struct meter *next;
    char *name;
    double left[BUCKETS]; /* below zero: to be paid off */
    uint64_t filled_usec;
};

struct meters {
    struct meter *first;
};

struct meters *meters_new(void) {
    return calloc(1, sizeof(struct meters));
}

struct meters *meters_free(struct meters *m) {
    while (m != NULL && m->first != NULL) {
        struct meter *one = m->first;
        m->first = one->next;
        free(one->name);
        free(one);
    }
    free(m);
    return NULL;
}

/* By name, so that a reload of the config forgives nothing. NULL when out of memory. */
static struct meter *find(struct meters *m, const char *name) {
    struct meter *one = m->first;
    while (one != NULL && strcmp(one->name, name) != 0)
        one = one->next;
    if (one != NULL || (one = calloc(1, sizeof *one)) == NULL)
        return one;
    one->name = strdup(name);
    if (one->name == NULL) {
        free(one);
        return NULL;
    }
    one->next = m->first;
    m->first = one;
    return one;
}

static void fill(struct meter *one, const uint64_t *rates) {
    uint64_t now = loop_monotonic_usec();
    double passed = one->filled_usec == 0 ? 1 : (double)(now - one->filled_usec) / 1e6;
    for (int i = 0; i < BUCKETS; i++) {
        double most = (double)rates[i];
        one->left[i] += most * passed;
        if (one->left[i] > most)
            one->left[i] = most;
    }
    one->filled_usec = now;
}

static void tell_limit(struct fault *f, int bucket, const char *name, unsigned long long rate) {
    if (bucket == REQUESTS)
        fault_set(f, "", "client %s sends more than %llu requests a second; try again", name, rate);
    else if (bucket == ARTICLES)
        fault_set(f, "", "client %s sends more than %llu articles a second; try again", name, rate);
    else
        fault_set(f, "", "client %s sends more than %llu bytes a second; try again", name, rate);
}

int meters_take(struct meters *m, const struct client *client, uint64_t requests, uint64_t articles,
                uint64_t bytes, struct fault *ret_fault) {
    const uint64_t rates[] = {client->requests_per_second, client->articles_per_second,
                              client->bytes_per_second};
    const uint64_t wanted[] = {requests, articles, bytes};
    if (client == &trust_anybody)
        return 0;
    struct meter *one = find(m, client->name);
    if (one == NULL)
        return 0;
    fill(one, rates);
    for (int i = 0; i < BUCKETS; i++)
        if (rates[i] > 0 && wanted[i] > 0 && one->left[i] <= 0) {
            tell_limit(ret_fault, i, client->name, rates[i]);
            return -EAGAIN;
        }
    for (int i = 0; i < BUCKETS; i++)
        one->left[i] -= (double)wanted[i];
    return 0;
}
