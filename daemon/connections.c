#include "daemon/connections.h"

#include "daemon/loop.h"
#include "proto/journal/journal.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <zmq.h>

enum {
    SOCKETS = 4,
    BANS = 64,
    TURN_REQUESTS = 256,
    ZAP_FRAMES = 16,
    LINE_EVERY_USEC = 1000000, /* of refusals in the journal, at most */
    /* What a peer has sent at least when its handshake is done: the greeting, and
     * HELLO and INITIATE of CURVE, or READY of NULL (ZeroMQ RFC 23, 26). */
    CURVE_BYTES = 64 + 202 + 150,
    NULL_BYTES = 64 + 20,
    /* libzmq keeps what a peer has sent until its message is complete, and bounds neither
     * how many frames a message has nor the bytes that wait. Who has sent so much since a
     * message of his was taken is cut off; what heartbeats need each second doesn't count. */
    UNHEARD_BYTES = 4 * LIMIT_MESSAGE_BYTES,
    HEARTBEAT_BYTES = 256,
    LOOK_USEC = 200000,
};

/* Properties that our ZAP replies give to a connection's messages. */
#define CONNECTION_PROPERTY "X-Newswire-Connection"
#define KEY_PROPERTY        "X-Newswire-Key"

/* A file descriptor of a connection. Numbers are of one count: those of accepts, and
 * those that ZAP gives to connections. */
struct place {
    uint64_t accepted;   /* when; 0: it is none now */
    uint64_t connection; /* that a message told of; 0: none yet */
    uint64_t accepted_usec;
    bool finished;           /* its handshake */
    uint64_t messages, seen; /* that were taken; and when look_round came by last */
    uint64_t heard_bytes;    /* that it had sent then */
    char key[KEY_TEXT_BYTES];
};

struct ban {
    char key[KEY_TEXT_BYTES];
    uint64_t until_usec;
};

struct connections {
    const struct settings *settings;
    void *context;
    sd_event *event;
    bool secure;
    struct key_pair key;
    char key_text[KEY_TEXT_BYTES];
    void *zap;
    struct loop_socket *zap_watch;
    sd_event_source *round;
    struct watched {
        struct connections *all;
        void *socket, *monitor;
        struct loop_socket *watch;
    } watched[SOCKETS];

    pthread_mutex_t mutex; /* for what follows */
    uint64_t count;
    struct place *places; /* by descriptor */
    size_t n_places;
    size_t n_unfinished;

    struct ban bans[BANS];
    size_t next_ban;
    struct connections_counts counts;
    uint64_t line_usec, unsaid;
};

/* ---- places */

static struct place *place_at(struct connections *c, int fd) {
    if (fd < 0)
        return NULL;
    if ((size_t)fd >= c->n_places) {
        size_t n = (size_t)fd + 64;
        struct place *grown = reallocarray(c->places, n, sizeof *grown);
        if (grown == NULL)
            return NULL;
        memset(grown + c->n_places, 0, (n - c->n_places) * sizeof *grown);
        c->places = grown;
        c->n_places = n;
    }
    return &c->places[fd];
}

static void finish(struct connections *c, struct place *p) {
    if (p->accepted != 0 && !p->finished)
        c->n_unfinished--;
    p->finished = true;
}

/* That the peer has sent. 0; -EOPNOTSUPP: a Unix socket, which only this machine's users
 * reach; other -errno. */
static int bytes_received(int fd, uint64_t *ret) {
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return -errno;
    *ret = info.tcpi_bytes_received;
    return 0;
}

static bool has_finished(const struct connections *c, int fd) {
    uint64_t bytes;
    int r = bytes_received(fd, &bytes);
    return r == -EOPNOTSUPP || (r == 0 && bytes >= (c->secure ? CURVE_BYTES : NULL_BYTES));
}

/* Closes the oldest of those who have not finished, when there are too many. */
static void bound_unfinished(struct connections *c) {
    while (c->n_unfinished > c->settings->security.unfinished) {
        struct place *oldest = NULL;
        for (size_t i = 0; i < c->n_places; i++) {
            struct place *p = &c->places[i];
            if (p->accepted != 0 && !p->finished && has_finished(c, (int)i))
                finish(c, p);
            else if (p->accepted != 0 && !p->finished &&
                     (oldest == NULL || p->accepted < oldest->accepted))
                oldest = p;
        }
        if (oldest == NULL || c->n_unfinished <= c->settings->security.unfinished)
            return;
        shutdown((int)(oldest - c->places), SHUT_RDWR);
        finish(c, oldest);
        c->counts.unfinished++;
    }
}

static void accepted(struct connections *c, int fd) {
    struct place *p = place_at(c, fd);
    if (p == NULL)
        return;
    finish(c, p); /* it may have been closed unheard */
    *p = (struct place){.accepted = ++c->count, .accepted_usec = loop_monotonic_usec()};
    c->n_unfinished++;
    bound_unfinished(c);
}

static void closed(struct connections *c, int fd) {
    struct place *p = place_at(c, fd);
    if (p == NULL)
        return;
    finish(c, p);
    *p = (struct place){0};
}

/* ---- monitors */

static bool take_event(struct connections *c, void *monitor) {
    uint8_t frame[6] = {0};
    uint16_t event;
    int32_t value;
    int n = zmq_recv(monitor, frame, sizeof frame, ZMQ_DONTWAIT), more = 0;
    size_t size = sizeof more;
    if (n < 0)
        return false;
    if (zmq_getsockopt(monitor, ZMQ_RCVMORE, &more, &size) == 0 && more)
        zmq_recv(monitor, NULL, 0, ZMQ_DONTWAIT); /* the address */
    memcpy(&event, frame, sizeof event);
    memcpy(&value, frame + sizeof event, sizeof value);
    if (n == sizeof frame && event == ZMQ_EVENT_ACCEPTED)
        accepted(c, value);
    else if (n == sizeof frame && (event == ZMQ_EVENT_DISCONNECTED || event == ZMQ_EVENT_CLOSED))
        closed(c, value);
    return true;
}

/* All that libzmq has told. With the mutex. */
static void mind_monitors(struct connections *c) {
    for (size_t i = 0; i < SOCKETS; i++)
        while (c->watched[i].monitor != NULL && take_event(c, c->watched[i].monitor))
            continue;
}

static void monitor_readable(void *userdata) {
    struct connections *c = ((struct watched *)userdata)->all;
    pthread_mutex_lock(&c->mutex);
    mind_monitors(c);
    pthread_mutex_unlock(&c->mutex);
}

/* ---- refusals */

static void tell_refusal(struct connections *c, const char *address, const char *key,
                         const char *why) {
    uint64_t now = loop_monotonic_usec();
    if (c->line_usec != 0 && now - c->line_usec < LINE_EVERY_USEC) {
        c->unsaid++;
        return;
    }
    char more[64] = "";
    if (c->unsaid > 0)
        snprintf(more, sizeof more, "; %llu others were refused before",
                 (unsigned long long)c->unsaid);
    journal(JOURNAL_CONNECTION_REFUSED,
            &(struct journal_subject){.address = address, .key = key, .reason = why},
            "a connection from %s is refused: its key %s %s%s", address,
            *key == '\0' ? "(none)" : key, why, more);
    c->line_usec = now;
    c->unsaid = 0;
}

/* ---- those who send without an end */

/* Whether it has sent too much since a message of it was taken. */
static bool is_endless(struct place *p, int fd) {
    uint64_t bytes;
    if (bytes_received(fd, &bytes) < 0)
        return false;
    p->heard_bytes += HEARTBEAT_BYTES * LOOK_USEC / 1000000;
    if (p->messages != p->seen || p->heard_bytes > bytes)
        p->heard_bytes = bytes;
    p->seen = p->messages;
    return bytes - p->heard_bytes > UNHEARD_BYTES;
}

static void cut_endless(struct connections *c, struct place *p, int fd) {
    char host[INET6_ADDRSTRLEN] = "?";
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    if (getpeername(fd, (struct sockaddr *)&from, &len) == 0)
        getnameinfo((struct sockaddr *)&from, len, host, sizeof host, NULL, 0, NI_NUMERICHOST);
    tell_refusal(c, host, p->key, "sends a message without an end");
    if (shutdown(fd, SHUT_RDWR) == 0)
        c->counts.cut++;
    p->messages++; /* once is enough */
}

static int look_round(sd_event_source *source, uint64_t usec, void *userdata) {
    struct connections *c = userdata;
    (void)usec;
    pthread_mutex_lock(&c->mutex);
    mind_monitors(c);
    for (size_t i = 0; i < c->n_places; i++)
        if (c->places[i].accepted != 0 && is_endless(&c->places[i], (int)i))
            cut_endless(c, &c->places[i], (int)i);
    pthread_mutex_unlock(&c->mutex);
    sd_event_source_set_time_relative(source, LOOK_USEC);
    return 0;
}

/* ---- ZAP */

static bool is_banned(const struct connections *c, const char *key) {
    for (size_t i = 0; i < BANS; i++)
        if (c->bans[i].until_usec > loop_monotonic_usec() && strcmp(c->bans[i].key, key) == 0)
            return true;
    return false;
}

static size_t put_property(uint8_t *to, const char *name, const char *value) {
    size_t n = strlen(name), v = strlen(value);
    to[0] = (uint8_t)n;
    memcpy(to + 1, name, n);
    memcpy(to + 1 + n, (uint8_t[]){0, 0, (uint8_t)(v >> 8), (uint8_t)v}, 4);
    memcpy(to + 5 + n, value, v);
    return 5 + n + v;
}

static void send_verdict(struct connections *c, const uint8_t *id, size_t id_len,
                         const struct client *client, const char *key, const char *reason) {
    uint8_t properties[256];
    char number[24];
    size_t len = 0;
    if (client != NULL) {
        pthread_mutex_lock(&c->mutex);
        mind_monitors(c); /* the number is to rise above that of its accept */
        snprintf(number, sizeof number, "%llu", (unsigned long long)++c->count);
        pthread_mutex_unlock(&c->mutex);
        len = put_property(properties, CONNECTION_PROPERTY, number);
        len += put_property(properties + len, KEY_PROPERTY, key);
    }
    const char *user = client == NULL ? "" : client->name;
    zmq_send(c->zap, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(c->zap, id, id_len, ZMQ_SNDMORE);
    zmq_send(c->zap, client == NULL ? "400" : "200", 3, ZMQ_SNDMORE);
    zmq_send(c->zap, reason, strlen(reason), ZMQ_SNDMORE);
    zmq_send(c->zap, user, strlen(user), ZMQ_SNDMORE);
    zmq_send(c->zap, properties, len, 0);
}

struct zap_request {
    uint8_t frames[ZAP_FRAMES][256];
    size_t len[ZAP_FRAMES], n;
};

enum { VERSION, REQUEST_ID, DOMAIN, ADDRESS, IDENTITY, MECHANISM, CREDENTIALS };

static bool receive_request(struct connections *c, struct zap_request *q) {
    int more = 1;
    q->n = 0;
    while (more) {
        uint8_t rest[256];
        size_t size = sizeof more;
        uint8_t *to = q->n < ZAP_FRAMES ? q->frames[q->n] : rest;
        int n = zmq_recv(c->zap, to, sizeof rest - 1, ZMQ_DONTWAIT);
        if (n < 0)
            return false;
        if (q->n < ZAP_FRAMES) {
            q->len[q->n] = (size_t)n < sizeof rest - 1 ? (size_t)n : sizeof rest - 1;
            to[q->len[q->n++]] = '\0';
        }
        if (zmq_getsockopt(c->zap, ZMQ_RCVMORE, &more, &size) < 0)
            return false;
    }
    return true;
}

static void judge(struct connections *c, const struct zap_request *q) {
    char key[KEY_TEXT_BYTES] = "";
    const struct client *client = NULL;
    const char *reason = "belongs to no client";
    if (q->n > CREDENTIALS && strcmp((const char *)q->frames[MECHANISM], "CURVE") == 0 &&
        q->len[CREDENTIALS] == KEY_BYTES) {
        key_public_text(KEY_CURVE, q->frames[CREDENTIALS], key);
        client = trust_client(c->settings, key);
    }
    if (client != NULL && is_banned(c, key)) {
        client = NULL;
        reason = "is banned for a while";
        c->counts.banned++;
    }
    if (client == NULL) {
        c->counts.refused++;
        tell_refusal(c, q->n > ADDRESS ? (const char *)q->frames[ADDRESS] : "?", key, reason);
    }
    send_verdict(c, q->frames[REQUEST_ID], q->n > REQUEST_ID ? q->len[REQUEST_ID] : 0, client, key,
                 client == NULL ? reason : "");
}

static void zap_readable(void *userdata) {
    struct connections *c = userdata;
    struct zap_request q;
    for (int i = 0; i < TURN_REQUESTS && receive_request(c, &q); i++)
        judge(c, &q);
}

/* ---- messages */

void connections_identify(void *message, struct identity *ret) {
    const char *number = zmq_msg_gets(message, CONNECTION_PROPERTY);
    const char *key = zmq_msg_gets(message, KEY_PROPERTY);
    *ret = (struct identity){.fd = zmq_msg_get(message, ZMQ_SRCFD)};
    if (number == NULL || key == NULL)
        return;
    ret->connection = strtoull(number, NULL, 10);
    snprintf(ret->key, sizeof ret->key, "%s", key);
}

/* The place of a connection that still stands; NULL. With the mutex. */
static struct place *place_of(struct connections *c, const struct identity *who) {
    struct place *p = who->fd < 0 || (size_t)who->fd >= c->n_places ? NULL : &c->places[who->fd];
    return p == NULL || who->connection == 0 || p->accepted == 0 || p->accepted > who->connection
               ? NULL
               : p;
}

void connections_note(struct connections *c, const struct identity *who) {
    pthread_mutex_lock(&c->mutex);
    struct place *p = place_of(c, who);
    if (who->fd >= 0 && (size_t)who->fd < c->n_places)
        c->places[who->fd].messages++;
    if (p != NULL && p->connection != who->connection) {
        p->connection = who->connection;
        memcpy(p->key, who->key, sizeof p->key);
        finish(c, p);
    }
    pthread_mutex_unlock(&c->mutex);
}

bool connections_alive(struct connections *c, const struct identity *who) {
    pthread_mutex_lock(&c->mutex);
    mind_monitors(c);
    bool alive = place_of(c, who) != NULL;
    pthread_mutex_unlock(&c->mutex);
    return alive;
}

void connections_cut(struct connections *c, const struct identity *who) {
    pthread_mutex_lock(&c->mutex);
    mind_monitors(c);
    if (place_of(c, who) != NULL && shutdown(who->fd, SHUT_RDWR) == 0)
        c->counts.cut++;
    pthread_mutex_unlock(&c->mutex);
}

void connections_ban(struct connections *c, const char *key) {
    struct ban *b = &c->bans[c->next_ban++ % BANS];
    snprintf(b->key, sizeof b->key, "%s", key);
    b->until_usec = loop_monotonic_usec() + c->settings->security.ban_usec;
}

void connections_reload(struct connections *c, const struct settings *now) {
    pthread_mutex_lock(&c->mutex);
    mind_monitors(c);
    for (size_t i = 0; i < c->n_places; i++) {
        struct place *p = &c->places[i];
        if (p->accepted == 0 || p->connection == 0 ||
            trust_same(trust_client(c->settings, p->key), trust_client(now, p->key)))
            continue;
        shutdown((int)i, SHUT_RDWR);
        c->counts.cut++;
    }
    c->settings = now;
    pthread_mutex_unlock(&c->mutex);
}

/* ---- beginning and end */

bool connections_secure(const struct connections *c) {
    return c->secure;
}

const char *connections_key(const struct connections *c) {
    return c->key_text;
}

const struct connections_counts *connections_counts(const struct connections *c) {
    return &c->counts;
}

static int secure_socket(struct connections *c, void *socket) {
    static const char domain[] = "newswire";
    int yes = 1;
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes) < 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, c->key.secret, KEY_BYTES) < 0 ||
        zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, sizeof domain - 1) < 0)
        return -errno;
    return 0;
}

static int watch(struct connections *c, struct watched *w, void *socket) {
    char name[64];
    int unbounded = 0, linger = 0; /* or libzmq's thread would wait for us */
    snprintf(name, sizeof name, "inproc://newswired-monitor-%p", socket);
    w->all = c;
    w->socket = socket;
    if (zmq_socket_monitor(socket, name,
                           ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED) < 0)
        return -errno;
    w->monitor = zmq_socket(c->context, ZMQ_PAIR);
    if (w->monitor == NULL ||
        zmq_setsockopt(w->monitor, ZMQ_RCVHWM, &unbounded, sizeof unbounded) < 0 ||
        zmq_setsockopt(w->monitor, ZMQ_LINGER, &linger, sizeof linger) < 0 ||
        zmq_connect(w->monitor, name) < 0)
        return -errno;
    return loop_socket_new(c->event, w->monitor, "monitor", monitor_readable, w, &w->watch);
}

int connections_guard(struct connections *c, void *socket) {
    int handshake = (int)(c->settings->security.handshake_usec / 1000);
    int r = c->secure ? secure_socket(c, socket) : 0;
    if (r == 0 && zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &handshake, sizeof handshake) < 0)
        r = -errno;
    for (size_t i = 0; r == 0 && i < SOCKETS; i++)
        if (c->watched[i].socket == NULL)
            return watch(c, &c->watched[i], socket);
    return r < 0 ? r : -ENOSPC;
}

void connections_leave(struct connections *c, void *socket) {
    for (size_t i = 0; i < SOCKETS; i++) {
        struct watched *w = &c->watched[i];
        if (socket == NULL || w->socket != socket)
            continue;
        zmq_socket_monitor(socket, NULL, 0);
        pthread_mutex_lock(&c->mutex);
        loop_socket_free(w->watch);
        if (w->monitor != NULL)
            zmq_close(w->monitor);
        *w = (struct watched){0};
        pthread_mutex_unlock(&c->mutex);
    }
}

static int open_zap(struct connections *c) {
    int linger = 0;
    c->zap = zmq_socket(c->context, ZMQ_REP);
    if (c->zap == NULL || zmq_setsockopt(c->zap, ZMQ_LINGER, &linger, sizeof linger) < 0 ||
        zmq_bind(c->zap, "inproc://zeromq.zap.01") < 0)
        return -errno;
    return loop_socket_new(c->event, c->zap, "zap", zap_readable, c, &c->zap_watch);
}

int connections_open(sd_event *event, void *zmq_context, const struct settings *settings,
                     struct connections **ret, struct fault *ret_fault) {
    struct connections *c = calloc(1, sizeof *c);
    if (c == NULL)
        return -ENOMEM;
    pthread_mutex_init(&c->mutex, NULL);
    c->settings = settings;
    c->context = zmq_context;
    c->event = event;
    c->secure = *settings->security.secret_key != '\0';
    int r =
        c->secure ? key_pair_read(KEY_CURVE, settings->security.secret_key, &c->key, ret_fault) : 0;
    if (r == 0 && c->secure) {
        key_public_text(KEY_CURVE, c->key.public_key, c->key_text);
        r = open_zap(c);
    }
    if (r == 0)
        r = sd_event_add_time_relative(event, &c->round, CLOCK_MONOTONIC, LOOK_USEC, 0, look_round,
                                       c);
    if (r >= 0)
        r = sd_event_source_set_enabled(c->round, SD_EVENT_ON);
    if (r < 0)
        connections_close(c);
    else
        *ret = c;
    return r < 0 ? r : 0;
}

struct connections *connections_close(struct connections *c) {
    if (c == NULL)
        return NULL;
    sd_event_source_disable_unref(c->round);
    loop_socket_free(c->zap_watch);
    if (c->zap != NULL)
        zmq_close(c->zap);
    key_pair_free(&c->key);
    pthread_mutex_destroy(&c->mutex);
    free(c->places);
    free(c);
    return NULL;
}
