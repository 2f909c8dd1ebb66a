#include "daemon/subscriptions.h"

#include "daemon/loop.h"
#include "proto/journal/journal.h"
#include "proto/topic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { LINE_EVERY_USEC = 1000000 };

/* A connection that has subscribed. */
struct reader {
    struct reader *next;
    struct identity who;
    char **prefixes; /* a set: libzmq tells duplicates twice and their end once */
    size_t n_prefixes;
};

struct subscriptions {
    struct connections *connections;
    void *socket;
    struct reader *readers;
    size_t n_readers;
    uint64_t line_usec;
};

/* ---- readers */

static void reader_free(struct reader *r) {
    for (size_t i = 0; i < r->n_prefixes; i++)
        free(r->prefixes[i]);
    free(r->prefixes);
    free(r);
}

static struct reader *find_reader(struct subscriptions *s, const struct identity *who) {
    struct reader *r = s->readers;
    while (r != NULL && r->who.connection != who->connection)
        r = r->next;
    return r;
}

/* Those whose connections are gone. */
static void forget_readers(struct subscriptions *s) {
    for (struct reader **at = &s->readers; *at != NULL;) {
        struct reader *r = *at;
        if (connections_alive(s->connections, &r->who)) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        s->n_readers--;
        reader_free(r);
    }
}

static struct reader *add_reader(struct subscriptions *s, const struct identity *who) {
    struct reader *r = find_reader(s, who);
    if (r != NULL)
        return r;
    forget_readers(s);
    r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->who = *who;
    r->next = s->readers;
    s->readers = r;
    s->n_readers++;
    return r;
}

static size_t find_prefix(const struct reader *r, struct slice prefix) {
    size_t i = 0;
    while (i < r->n_prefixes && !slice_equal(slice_of(r->prefixes[i]), prefix))
        i++;
    return i;
}

/* ---- passing on */

static enum subscription subscribe(struct subscriptions *s, const struct identity *who,
                                   struct slice prefix) {
    struct reader *r = add_reader(s, who);
    if (r == NULL)
        return SUBSCRIPTION_REFUSED;
    if (find_prefix(r, prefix) < r->n_prefixes)
        return SUBSCRIPTION_MADE;
    char **grown = r->n_prefixes >= LIMIT_TOPICS
                       ? NULL
                       : reallocarray(r->prefixes, r->n_prefixes + 1, sizeof *grown);
    char *copy = grown == NULL ? NULL : strndup((const char *)prefix.data, prefix.len);
    if (grown != NULL)
        r->prefixes = grown;
    if (copy == NULL || zmq_setsockopt(s->socket, ZMQ_SUBSCRIBE, prefix.data, prefix.len) < 0) {
        free(copy);
        return SUBSCRIPTION_REFUSED;
    }
    r->prefixes[r->n_prefixes++] = copy;
    return SUBSCRIPTION_MADE;
}

static void unsubscribe(struct subscriptions *s, const struct identity *who, struct slice prefix) {
    struct reader *r = find_reader(s, who);
    size_t i = r == NULL ? 0 : find_prefix(r, prefix);
    if (r == NULL || i == r->n_prefixes)
        return;
    zmq_setsockopt(s->socket, ZMQ_UNSUBSCRIBE, prefix.data, prefix.len);
    free(r->prefixes[i]);
    r->prefixes[i] = r->prefixes[--r->n_prefixes];
}

/* ---- the attack */

static bool is_subscription(zmq_msg_t *m) {
    const uint8_t *data = zmq_msg_data(m);
    return zmq_msg_size(m) >= 1 && data[0] <= 1 && !zmq_msg_more(m);
}

static void repel(struct subscriptions *s, const struct identity *sender) {
    zmq_msg_t m;
    size_t dropped = 0;
    if (sender->connection != 0)
        connections_ban(s->connections, sender->key);
    connections_cut(s->connections, sender);
    zmq_msg_init(&m);
    for (; zmq_msg_recv(&m, s->socket, ZMQ_DONTWAIT) >= 0; dropped++) {
        struct identity who;
        connections_identify(&m, &who);
        if (!is_subscription(&m) && who.connection != 0)
            connections_ban(s->connections, who.key);
        connections_cut(s->connections, &who);
    }
    zmq_msg_close(&m);
    journal(JOURNAL_FEED_ATTACKED, &(struct journal_subject){.key = sender->key},
            "feed: key %s sent what is no subscription; it is banned, and %zu subscriptions that "
            "waited are to be made again",
            sender->key, dropped);
}

/* ---- all of it */

static void tell_refusal(struct subscriptions *s, const struct client *client,
                         struct slice prefix) {
    uint64_t now = loop_monotonic_usec();
    if (s->line_usec != 0 && now - s->line_usec < LINE_EVERY_USEC)
        return;
    s->line_usec = now;
    const char *name = client == NULL ? "(none)" : client->name;
    char topic[LIMIT_TOPIC_BYTES + 1];
    snprintf(topic, sizeof topic, "%.*s",
             prefix.len < LIMIT_TOPIC_BYTES ? (int)prefix.len : LIMIT_TOPIC_BYTES,
             (const char *)prefix.data);
    journal(JOURNAL_SUBSCRIPTION_REFUSED, &(struct journal_subject){.client = name, .topic = topic},
            "feed: client %s may not read '%s'", name, topic);
}

enum subscription subscriptions_take(struct subscriptions *s, const struct settings *settings,
                                     void *message, struct slice *ret_prefix) {
    struct identity who;
    connections_identify(message, &who);
    if (!is_subscription(message)) {
        repel(s, &who);
        return SUBSCRIPTION_STRANGE;
    }
    const uint8_t *data = zmq_msg_data(message);
    struct slice prefix = {data + 1, zmq_msg_size(message) - 1};
    /* libzmq makes one up for each subscription of a connection that went. */
    if (who.connection == 0 || !connections_alive(s->connections, &who))
        return SUBSCRIPTION_ENDED;
    connections_note(s->connections, &who);
    if (data[0] == 0) {
        unsubscribe(s, &who, prefix);
        return SUBSCRIPTION_ENDED;
    }
    const struct client *client = trust_client(settings, who.key);
    if (!topic_prefix_valid(prefix) || !trust_may_read(client, prefix)) {
        tell_refusal(s, client, prefix);
        return SUBSCRIPTION_REFUSED;
    }
    *ret_prefix = prefix;
    return subscribe(s, &who, prefix);
}

int subscriptions_new(struct connections *connections, void *socket, struct subscriptions **ret) {
    struct subscriptions *s = calloc(1, sizeof *s);
    int yes = 1;
    if (s == NULL)
        return -ENOMEM;
    s->connections = connections;
    s->socket = socket;
    if (zmq_setsockopt(socket, ZMQ_XPUB_MANUAL, &yes, sizeof yes) < 0) {
        free(s);
        return -errno;
    }
    *ret = s;
    return 0;
}

struct subscriptions *subscriptions_free(struct subscriptions *s) {
    if (s == NULL)
        return NULL;
    while (s->readers != NULL) {
        struct reader *r = s->readers;
        s->readers = r->next;
        reader_free(r);
    }
    free(s);
    return NULL;
}
