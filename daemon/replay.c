#include "daemon/replay.h"

#include "daemon/buffer.h"
#include "daemon/catalog.h"
#include "daemon/loop.h"
#include "daemon/meters.h"
#include "daemon/pulse.h"
#include "daemon/socket.h"
#include "proto/journal/journal.h"
#include "proto/topic.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

enum {
    TURN_MESSAGES = 64,
    READERS = 1024,                    /* that are remembered */
    TELL_AHEAD_USEC = 60000000,        /* between lines in the journal about such */
    READER_FORGOTTEN_USEC = 120000000, /* so long, and it is forgotten */
    REQUEST_BYTES = 256 << 10,
    REQUEST_ARENA_BYTES = 4 << 20,
    HEADER_BYTES = 128, /* of a reply, beside its entries */
    PROGRESS_USEC = 1000000,
    TURN_MSEC = 1000, /* it looks round at least so often */
    BLOCKED_MSEC = 1, /* until a full pipe is tried again */
};

struct session {
    struct session *next;
    struct peer *peer;
    uint64_t id;
    struct log_cursor *cursor;
    struct slice *prefixes;
    size_t n_prefixes;
    uint64_t after, until;
    uint64_t credit; /* bytes that may still be sent */
    uint64_t heard_usec, sent_usec;
    bool blocked; /* the pipe to its reader was full; the frame is kept */
    bool last;    /* the kept frame is its last */
    zmq_msg_t frame;
};

/* A connection that has sessions, or frames on their way. */
struct peer {
    struct peer *next;
    struct socket_peer address;
    char key[KEY_TEXT_BYTES]; /* of its client; "" without CURVE */
    struct buffer_tally *tally;
    size_t sessions;
};

struct replay {
    const struct settings *settings; /* a reference */
    struct connections *connections;
    struct log *log;
    void *socket;
    struct text_list bound;
    struct arena *bound_arena;
    struct arena *arena; /* one request */
    pthread_t thread;
    bool running;
    int wake_fd; /* to end, or to take settings */
    atomic_bool stopping;
    struct pulse pulse; /* of the thread */
    struct buffer_pool *pool;
    struct peer *peers;
    size_t buffer_bytes; /* room for a frame, or for one entry alone */
    struct session *sessions;
    size_t n_sessions;

    struct meters *meters;

    pthread_mutex_t mutex;          /* for what follows */
    struct settings *next_settings; /* a reference, until the thread takes it */
    struct replay_reader *readers;
    size_t n_readers;
    struct replay_counts counts;
    char trouble[300];
    uint64_t told_ahead_usec; /* of a reader that has more than there is; monotonic */
};

/* Who has sent a request. */
struct sender {
    const struct socket_peer *peer;
    const struct client *client; /* NULL: it may nothing, or nothing any more */
    const char *key;
};

/* ---- connections */

static bool same_peer(const struct socket_peer *a, const struct socket_peer *b) {
    return a->id_len == b->id_len && memcmp(a->id, b->id, a->id_len) == 0;
}

/* NULL when out of memory. */
static struct peer *find_peer(struct replay *r, const struct sender *from) {
    struct peer *p = r->peers;
    while (p != NULL && !same_peer(&p->address, from->peer))
        p = p->next;
    if (p != NULL)
        return p;
    p = calloc(1, sizeof *p);
    if (p == NULL || (p->tally = buffer_tally_new()) == NULL) {
        free(p);
        return NULL;
    }
    p->address = *from->peer;
    snprintf(p->key, sizeof p->key, "%s", from->key);
    p->next = r->peers;
    r->peers = p;
    return p;
}

/* Forgets those who have nothing under way; or all. */
static void forget_peers(struct replay *r, bool all) {
    for (struct peer **at = &r->peers; *at != NULL;) {
        struct peer *p = *at;
        if (!all && (p->sessions > 0 || buffer_tally_bytes(p->tally) > 0)) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        buffer_tally_free(p->tally);
        free(p);
    }
}

/* ---- replies */

static uint8_t *put_header(uint8_t *q, uint64_t id, const struct log_bounds *b, uint64_t proven,
                           bool done) {
    q = wire_put_uint(q, 2, id);
    q = wire_put_uint(q, 3, b->epoch);
    q = wire_put_uint(q, 4, proven);
    q = wire_put_uint(q, 5, b->first);
    q = wire_put_uint(q, 6, b->head);
    q = wire_put_uint(q, 7, done);
    return wire_put_uint(q, 10, b->newest_topic);
}

static void send_message(struct replay *r, const struct socket_peer *peer,
                         const Newswire__V1__ReplayReply *reply) {
    size_t size = newswire__v1__replay_reply__get_packed_size(reply);
    zmq_msg_t m;
    if (zmq_msg_init_size(&m, size) < 0)
        return;
    newswire__v1__replay_reply__pack(reply, zmq_msg_data(&m));
    /* A reader that doesn't read asks again after a while. */
    if (socket_send_message(r->socket, peer, &m) < 0)
        zmq_msg_close(&m);
}

static void send_error(struct replay *r, const struct socket_peer *peer, uint64_t id, int code,
                       const struct fault *f) {
    Newswire__V1__ReplayReply reply = NEWSWIRE__V1__REPLAY_REPLY__INIT;
    Newswire__V1__Error error = NEWSWIRE__V1__ERROR__INIT;
    struct log_bounds b;
    log_bounds(r->log, &b);
    error.code = (Newswire__V1__Error__Code)code;
    error.message = (char *)fault_local(f);
    error.field = (char *)f->field;
    reply.request_id = id;
    reply.epoch = b.epoch;
    reply.first = b.first;
    reply.head = b.head;
    reply.done = true;
    reply.error = &error;
    pthread_mutex_lock(&r->mutex);
    r->counts.refused++;
    pthread_mutex_unlock(&r->mutex);
    send_message(r, peer, &reply);
}

/* ---- sessions */

static struct session *session_free(struct session *s) {
    if (s == NULL)
        return NULL;
    log_cursor_close(s->cursor);
    if (s->blocked)
        zmq_msg_close(&s->frame);
    for (size_t i = 0; i < s->n_prefixes; i++)
        free((void *)s->prefixes[i].data);
    free(s->prefixes);
    free(s);
    return NULL;
}

static struct session **find_session(struct replay *r, const struct socket_peer *peer,
                                     uint64_t id) {
    struct session **s = &r->sessions;
    while (*s != NULL && !((*s)->id == id && same_peer(&(*s)->peer->address, peer)))
        s = &(*s)->next;
    return s;
}

static void end_session(struct replay *r, struct session **at) {
    struct session *s = *at;
    if (s == NULL)
        return;
    *at = s->next;
    s->peer->sessions--;
    r->n_sessions--;
    session_free(s);
}

static int copy_prefixes(struct session *s, char *const *topics, size_t n) {
    s->prefixes = calloc(n + 1, sizeof *s->prefixes);
    if (s->prefixes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        char *copy = strdup(topics[i]);
        if (copy == NULL)
            return -ENOMEM;
        s->prefixes[s->n_prefixes++] = slice_of(copy);
    }
    return 0;
}

/* 0, or what is wrong as a code of Error, with the reason in *f. */
static int check_prefixes(const struct sender *from, char *const *topics, size_t n,
                          struct fault *f) {
    static char *const everything[] = {(char *)""};
    for (size_t i = 0; i < n; i++)
        if (!topic_prefix_valid(slice_of(topics[i]))) {
            fault_set(f, "topics", "'%.96s' is no prefix of a topic", topics[i]);
            return NEWSWIRE__V1__ERROR__CODE__invalid;
        }
    if (n == 0) {
        topics = everything;
        n = 1;
    }
    for (size_t i = 0; i < n; i++)
        if (!trust_may_read(from->client, slice_of(topics[i]))) {
            const char *name = from->client == NULL ? "(none)" : from->client->name;
            if (*topics[i] == '\0')
                fault_set(f, "topics", "client %s may not read everything", name);
            else
                fault_set(f, "topics", "client %s may not read '%.96s'", name, topics[i]);
            return NEWSWIRE__V1__ERROR__CODE__denied;
        }
    return 0;
}

/* How many sessions the client has, on all its connections. */
static uint64_t count_sessions(const struct replay *r, const struct client *c) {
    uint64_t n = 0;
    for (const struct peer *p = r->peers; p != NULL; p = p->next)
        if (p->sessions > 0 && trust_client(r->settings, p->key) == c)
            n += p->sessions;
    return n;
}

static uint64_t capped(const struct replay *r, uint64_t credit) {
    return credit < r->settings->replay.credit_bytes ? credit : r->settings->replay.credit_bytes;
}

/* Where a session that asks for a time begins. */
static int seek(struct session *s, const Newswire__V1__ReplayOpen *open, struct fault *f) {
    if (open->since_usec == 0)
        return 0;
    int e = log_cursor_seek_time(s->cursor, open->since_usec, &s->after);
    if (e < 0)
        fault_set_error(f, e, "since_usec", "the log can't be searched");
    return e;
}

/* Whether one more may run; if not, the sender is told. */
static bool has_room(struct replay *r, const struct sender *from, uint64_t id) {
    struct fault f = {0};
    if (r->n_sessions >= r->settings->replay.sessions)
        fault_set(&f, "", "%zu replays are running; try again", r->n_sessions);
    else if (from->client != &trust_anybody &&
             count_sessions(r, from->client) >= from->client->replays)
        fault_set(&f, "", "client %s has %llu replays running; try again", from->client->name,
                  (unsigned long long)from->client->replays);
    else
        return true;
    send_error(r, from->peer, id, NEWSWIRE__V1__ERROR__CODE__busy, &f);
    return false;
}

static void note_trouble(struct replay *r, const struct fault *f) {
    pthread_mutex_lock(&r->mutex);
    snprintf(r->trouble, sizeof r->trouble, "%s", f->reason);
    pthread_mutex_unlock(&r->mutex);
}

/* Whether a reader has what the same life of the log lacks, which was durable when it
 * was given out. It must not wait until the numbers have come so far again, and miss
 * what gets them: it is told, and so is the operator, who knows whether it lies. */
static bool has_more(struct replay *r, const struct sender *from, uint64_t id, uint64_t epoch,
                     uint64_t seq) {
    struct fault f = {0};
    struct log_bounds b;
    uint64_t now = loop_monotonic_usec();
    log_bounds(r->log, &b);
    if (epoch != b.epoch || seq <= b.head)
        return false;
    fault_set(&f, "after",
              "a reader has entries that this log lacks: a copy from before was put back, and "
              "has to be restored (newswired --restore)");
    if (r->told_ahead_usec == 0 || now - r->told_ahead_usec > TELL_AHEAD_USEC) {
        r->told_ahead_usec = now;
        journal(JOURNAL_READER_AHEAD,
                &(struct journal_subject){.client = from->client->name, .seq = seq},
                "reader %s has entry %llu of this log, which ends at %llu: if a copy from before "
                "was put back, restore it (newswired --restore)",
                from->client->name, (unsigned long long)seq, (unsigned long long)b.head);
    }
    send_error(r, from->peer, id, NEWSWIRE__V1__ERROR__CODE__damaged, &f);
    return true;
}

static void open_session(struct replay *r, const struct sender *from, uint64_t id,
                         const Newswire__V1__ReplayOpen *open) {
    const struct socket_peer *peer = from->peer;
    struct fault f = {0};
    struct log_bounds b;
    log_bounds(r->log, &b);
    end_session(r, find_session(r, peer, id)); /* asked anew: the old one has no reader */
    int wrong = check_prefixes(from, open->topics, open->n_topics, &f);
    if (wrong != 0) {
        send_error(r, peer, id, wrong, &f);
        return;
    }
    if (open->epoch != 0 && open->epoch != b.epoch) {
        fault_set(&f, "epoch", "this log's epoch is %llu", (unsigned long long)b.epoch);
        send_error(r, peer, id, NEWSWIRE__V1__ERROR__CODE__wrong_epoch, &f);
        return;
    }
    if (has_more(r, from, id, open->epoch, open->after))
        return;
    if (!has_room(r, from, id))
        return;
    struct session *s = calloc(1, sizeof *s);
    int e = s == NULL || (s->peer = find_peer(r, from)) == NULL
                ? -ENOMEM
                : copy_prefixes(s, open->topics, open->n_topics);
    if (e == 0)
        e = log_cursor_open(r->log, &s->cursor);
    if (e == 0) {
        s->id = id;
        s->after = open->after;
        s->until = open->until == 0 || open->until > b.head ? b.head : open->until;
        s->credit = capped(r, open->credit_bytes);
        s->heard_usec = s->sent_usec = loop_monotonic_usec();
        e = seek(s, open, &f);
    }
    if (e < 0) {
        session_free(s);
        if (*f.reason == '\0')
            fault_set(&f, "", "the daemon is short of memory; try again");
        send_error(r, peer, id, NEWSWIRE__V1__ERROR__CODE__busy, &f);
        return;
    }
    /* At the end of the list, so that the others keep their turns. */
    struct session **last = &r->sessions;
    while (*last != NULL)
        last = &(*last)->next;
    *last = s;
    s->peer->sessions++;
    r->n_sessions++;
    pthread_mutex_lock(&r->mutex);
    r->counts.sessions++;
    pthread_mutex_unlock(&r->mutex);
}

static void give_credit(struct replay *r, const struct socket_peer *peer, uint64_t id,
                        uint64_t bytes) {
    struct session *s = *find_session(r, peer, id);
    if (s == NULL) {
        /* Not when it has just ended: then the reader has its last frame. */
        return;
    }
    s->credit = capped(r, bytes > UINT64_MAX - s->credit ? UINT64_MAX : s->credit + bytes);
    s->heard_usec = loop_monotonic_usec();
}

/* ---- what there is */

static void send_catalog(struct replay *r, const struct sender *from,
                         const Newswire__V1__ReplayRequest *q) {
    const struct socket_peer *peer = from->peer;
    Newswire__V1__ReplayReply reply = NEWSWIRE__V1__REPLAY_REPLY__INIT;
    const struct rules *rules = &r->settings->rules;
    struct log_bounds b;
    struct fault f = {0};
    log_bounds(r->log, &b);
    reply.head = b.head;
    bool heads = q->what_case == NEWSWIRE__V1__REPLAY_REQUEST__WHAT_HEADS;
    int wrong = heads ? check_prefixes(from, q->heads->topics, q->heads->n_topics, &f) : 0;
    if (wrong != 0) {
        send_error(r, peer, q->request_id, wrong, &f);
        return;
    }
    int e = heads ? catalog_heads(rules, r->log, r->arena, q->heads, &reply)
            : q->what_case == NEWSWIRE__V1__REPLAY_REQUEST__WHAT_WHOAMI
                ? catalog_rights(from->client, r->arena, &reply)
                : catalog_sections(rules, from->client, r->arena, &reply);
    if (e < 0) {
        fault_set(&f, "", "the daemon is short of memory; try again");
        send_error(r, peer, q->request_id, NEWSWIRE__V1__ERROR__CODE__busy, &f);
        return;
    }
    reply.request_id = q->request_id;
    reply.epoch = b.epoch;
    reply.first = b.first;
    reply.done = true;
    send_message(r, peer, &reply);
}

/* ---- reports */

static void forget_readers(struct replay *r, int64_t now) {
    size_t kept = 0;
    for (size_t i = 0; i < r->n_readers; i++)
        if (now - r->readers[i].seen_usec < READER_FORGOTTEN_USEC)
            r->readers[kept++] = r->readers[i];
    r->n_readers = kept;
}

/* The place of a reader's report: its own one, or that of one which had its name
 * and went. Two at the same time are two. */
static size_t find_reader(const struct replay *r, const struct replay_reader *reader) {
    size_t i = 0;
    for (; i < r->n_readers; i++) {
        const struct replay_reader *known = &r->readers[i];
        if (strcmp(known->client, reader->client) == 0 &&
            (same_peer(&known->peer, &reader->peer) ||
             reader->seen_usec - known->seen_usec > REPLAY_READER_GONE_USEC))
            break;
    }
    return i;
}

static void take_report(struct replay *r, const struct sender *from,
                        const Newswire__V1__Report *report) {
    struct replay_reader reader = {.peer = *from->peer,
                                   .epoch = report->epoch,
                                   .proven_seq = report->proven_seq,
                                   .seen_usec = loop_utc_usec()};
    /* What it calls itself counts for nothing: behind the name that its key has. */
    snprintf(reader.client, sizeof reader.client, "%s%s%s",
             from->client == &trust_anybody ? "" : from->client->name,
             from->client == &trust_anybody ? "" : ": ", report->client);
    for (size_t i = 0, at = 0; i < report->n_topics && at < sizeof reader.topics; i++)
        at += (size_t)snprintf(reader.topics + at, sizeof reader.topics - at, "%s%s",
                               at == 0 ? "" : " ", report->topics[i]);
    codec_mend_utf8(reader.client);
    codec_mend_utf8(reader.topics);
    pthread_mutex_lock(&r->mutex);
    forget_readers(r, reader.seen_usec);
    size_t i = find_reader(r, &reader);
    if (i < READERS) {
        r->readers[i] = reader;
        if (i == r->n_readers)
            r->n_readers++;
    }
    pthread_mutex_unlock(&r->mutex);
    has_more(r, from, 0, report->epoch, report->proven_seq);
}

/* Whether the sender is known and within its limits; if not, it is told. */
static bool may_ask(struct replay *r, const struct sender *from, uint64_t id) {
    struct fault f = {0};
    if (from->client == NULL) {
        fault_set(&f, "", "this key belongs to no client any more");
        send_error(r, from->peer, id, NEWSWIRE__V1__ERROR__CODE__denied, &f);
        return false;
    }
    if (meters_take(r->meters, from->client, 1, 0, 0, &f) < 0) {
        send_error(r, from->peer, id, NEWSWIRE__V1__ERROR__CODE__busy, &f);
        return false;
    }
    return true;
}

static void take_request(struct replay *r, const struct sender *from, struct slice body) {
    const struct socket_peer *peer = from->peer;
    struct fault f = {0};
    ProtobufCMessage *message;
    arena_reset(r->arena);
    if (codec_unpack(&newswire__v1__replay_request__descriptor, r->arena, body, &message, &f) < 0) {
        send_error(r, peer, 0, NEWSWIRE__V1__ERROR__CODE__malformed, &f);
        return;
    }
    const Newswire__V1__ReplayRequest *q = (const Newswire__V1__ReplayRequest *)message;
    if (!may_ask(r, from, q->request_id))
        return;
    switch (q->what_case) {
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_OPEN:
        open_session(r, from, q->request_id, q->open);
        break;
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_CREDIT:
        give_credit(r, peer, q->request_id, q->credit->bytes);
        break;
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_CLOSE:
        end_session(r, find_session(r, peer, q->request_id));
        break;
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_HEADS:
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_SECTIONS:
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_WHOAMI: send_catalog(r, from, q); break;
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_REPORT: take_report(r, from, q->report); break;
    default:
        fault_set(&f, "what", "the request asks for nothing");
        send_error(r, peer, q->request_id, NEWSWIRE__V1__ERROR__CODE__malformed, &f);
        break;
    }
}

static void take_message(struct replay *r, const struct socket_peer *peer, zmq_msg_t *m) {
    struct identity who;
    struct sender from = {.peer = peer, .client = &trust_anybody, .key = ""};
    connections_identify(m, &who);
    connections_note(r->connections, &who);
    if (connections_secure(r->connections)) {
        from.client = trust_client(r->settings, who.key);
        from.key = who.key;
    }
    take_request(r, &from, (struct slice){zmq_msg_data(m), zmq_msg_size(m)});
}

static void receive(struct replay *r) {
    for (int i = 0; i < TURN_MESSAGES; i++) {
        struct socket_peer peer;
        struct fault f = {0};
        zmq_msg_t m;
        int e = socket_receive(r->socket, REQUEST_BYTES, &peer, &m, &f);
        if (e == -EBADMSG || e == -EMSGSIZE) {
            send_error(r, &peer, 0,
                       e == -EMSGSIZE ? NEWSWIRE__V1__ERROR__CODE__too_large
                                      : NEWSWIRE__V1__ERROR__CODE__malformed,
                       &f);
            continue;
        }
        if (e < 0)
            return;
        take_message(r, &peer, &m);
        zmq_msg_close(&m);
    }
}

/* ---- serving */

/* Keeps as many whole entries as the credit pays for, and at least one. 0, or
 * -EBADMSG with *ret_fault set. */
static int cut_to_credit(const uint8_t *data, struct log_read *read, uint64_t credit,
                         struct fault *ret_fault) {
    struct slice rest = {data, read->bytes};
    size_t kept = 0, entries = 0;
    uint64_t last = 0;
    while (rest.len > 0) {
        struct wire_field f;
        struct entry e;
        if (!wire_get_field(&rest, &f) || entry_decode(f.bytes, &e) < 0) {
            fault_set(ret_fault, "", "the entry after %llu can't be read",
                      (unsigned long long)last);
            return -EBADMSG;
        }
        size_t end = read->bytes - rest.len;
        if (end > credit && entries > 0) {
            read->scanned_seq = last;
            read->at_until = false;
            break;
        }
        kept = end;
        last = e.seq;
        entries++;
    }
    read->bytes = kept;
    read->entries = entries;
    return 0;
}

/* Sends the session's frame, which is kept if the pipe to the reader is full.
 * Whether the session goes on. */
static bool send_frame(struct replay *r, struct session *s) {
    int e = socket_send_message(r->socket, &s->peer->address, &s->frame);
    s->blocked = e == -EAGAIN;
    if (s->blocked)
        return true;
    if (e < 0)
        zmq_msg_close(&s->frame);
    s->sent_usec = loop_monotonic_usec();
    return e == 0 && !s->last;
}

static void account(struct replay *r, struct session *s, const struct log_read *read, size_t len) {
    s->after = read->scanned_seq;
    s->credit -= len < s->credit ? len : s->credit;
    s->last = read->at_until;
    pthread_mutex_lock(&r->mutex);
    r->counts.entries += read->entries;
    r->counts.bytes += len;
    pthread_mutex_unlock(&r->mutex);
}

/* One turn: reads a bounded part of the log and sends what it found. Whether
 * the session goes on. */
static bool serve(struct replay *r, struct session *s) {
    struct log_read read = {0};
    struct log_bounds b;
    struct fault f = {0};
    uint8_t *buffer = buffer_take(r->pool);
    if (buffer == NULL)
        return true;
    int e = log_cursor_read(s->cursor, s->prefixes, s->n_prefixes, s->after, s->until, buffer,
                            r->buffer_bytes, r->settings->replay.frame_bytes, &read, &f);
    if (e == 0 && read.bytes > s->credit)
        e = cut_to_credit(buffer, &read, s->credit, &f);
    if (e < 0) {
        buffer_drop(buffer);
        note_trouble(r, &f);
        send_error(r, &s->peer->address, s->id, NEWSWIRE__V1__ERROR__CODE__damaged, &f);
        return false;
    }
    if (read.entries == 0 && !read.at_until &&
        loop_monotonic_usec() - s->sent_usec < PROGRESS_USEC) {
        buffer_drop(buffer);
        s->after = read.scanned_seq;
        return true;
    }
    log_bounds(r->log, &b);
    uint8_t *end = put_header(buffer + read.bytes, s->id, &b, read.scanned_seq, read.at_until);
    size_t len = (size_t)(end - buffer);
    if (buffer_message(buffer, len, s->peer->tally, &s->frame) < 0)
        return true;
    account(r, s, &read, len);
    return send_frame(r, s);
}

/* Whatever credit its reader has given, and however often it opened sessions. */
static bool is_choked(const struct replay *r, const struct session *s) {
    return buffer_tally_bytes(s->peer->tally) >= r->settings->replay.credit_bytes;
}

static bool may_send(const struct replay *r, const struct session *s) {
    return s->credit > 0 && !s->blocked && !is_choked(r, s);
}

/* Gives each session a turn. Whether one could use another at once. */
static bool serve_all(struct replay *r) {
    uint64_t now = loop_monotonic_usec();
    bool more = false;
    for (struct session **at = &r->sessions; *at != NULL;) {
        struct session *s = *at;
        bool goes_on = true;
        if (s->blocked)
            goes_on = send_frame(r, s);
        if (goes_on && may_send(r, s))
            goes_on = serve(r, s);
        else if (goes_on && now - s->heard_usec > r->settings->replay.session_timeout_usec)
            goes_on = false;
        if (!goes_on) {
            end_session(r, at);
            continue;
        }
        more = more || may_send(r, s);
        at = &s->next;
    }
    return more;
}

/* Whether what the session reads is still its client's to read. */
static bool keeps_rights(const struct replay *r, const struct session *s) {
    static const struct slice everything = {(const uint8_t *)"", 0};
    const struct client *c = connections_secure(r->connections)
                                 ? trust_client(r->settings, s->peer->key)
                                 : &trust_anybody;
    bool may = s->n_prefixes > 0 || trust_may_read(c, everything);
    for (size_t i = 0; may && i < s->n_prefixes; i++)
        may = trust_may_read(c, s->prefixes[i]);
    return may;
}

static void take_settings(struct replay *r) {
    pthread_mutex_lock(&r->mutex);
    struct settings *next = r->next_settings;
    r->next_settings = NULL;
    pthread_mutex_unlock(&r->mutex);
    if (next == NULL)
        return;
    settings_unref((struct settings *)r->settings);
    r->settings = next;
    for (struct session **at = &r->sessions; *at != NULL;)
        if (keeps_rights(r, *at))
            at = &(*at)->next;
        else
            end_session(r, at);
}

void replay_reload(struct replay *r, const struct settings *settings) {
    uint64_t one = 1;
    pthread_mutex_lock(&r->mutex);
    settings_unref(r->next_settings);
    r->next_settings = settings_ref(settings);
    pthread_mutex_unlock(&r->mutex);
    if (write(r->wake_fd, &one, sizeof one) < 0)
        return; /* it looks once a second, too */
}

static void *run(void *userdata) {
    struct replay *r = userdata;
    zmq_pollitem_t items[] = {
        {.socket = r->socket, .events = ZMQ_POLLIN},
        {.fd = r->wake_fd, .events = ZMQ_POLLIN},
    };
    bool more = false;
    pthread_setname_np(pthread_self(), "replay");
    pulse_begin(&r->pulse);
    for (;;) {
        bool blocked = false;
        for (struct session *s = r->sessions; s != NULL; s = s->next)
            blocked = blocked || s->blocked || is_choked(r, s);
        /* A full pipe isn't told; it is tried again after a moment. */
        if (zmq_poll(items, 2, more ? 0 : blocked ? BLOCKED_MSEC : TURN_MSEC) < 0 && errno != EINTR)
            break;
        pulse_step(&r->pulse); /* it never rests longer than TURN_MSEC */
        uint64_t woken;
        if (items[1].revents != 0 && read(r->wake_fd, &woken, sizeof woken) < 0)
            break;
        if (atomic_load(&r->stopping))
            break;
        take_settings(r);
        if (items[0].revents != 0)
            receive(r);
        more = serve_all(r);
        forget_peers(r, false);
        pthread_mutex_lock(&r->mutex);
        r->counts.running = r->n_sessions;
        pthread_mutex_unlock(&r->mutex);
    }
    return NULL;
}

int replay_readers(struct replay *r, struct replay_reader **ret, size_t *ret_n,
                   struct replay_counts *ret_counts) {
    pthread_mutex_lock(&r->mutex);
    forget_readers(r, loop_utc_usec());
    struct replay_reader *copy = calloc(r->n_readers + 1, sizeof *copy);
    if (copy != NULL) {
        memcpy(copy, r->readers, r->n_readers * sizeof *copy);
        *ret_n = r->n_readers;
        *ret_counts = r->counts;
        ret_counts->pulse = pulse_look(&r->pulse);
        *ret = copy;
    }
    pthread_mutex_unlock(&r->mutex);
    return copy == NULL ? -ENOMEM : 0;
}

void replay_trouble(struct replay *r, char *buffer, size_t size) {
    pthread_mutex_lock(&r->mutex);
    snprintf(buffer, size, "%s", r->trouble);
    pthread_mutex_unlock(&r->mutex);
}

const struct text_list *replay_endpoints(const struct replay *r) {
    return &r->bound;
}

/* The thread takes no signals: they are the loop's. */
static int start_thread(struct replay *r) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int e = pthread_create(&r->thread, NULL, run, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    r->running = e == 0;
    return -e;
}

int replay_open(void *zmq_context, const struct settings *settings, struct connections *connections,
                struct log *log, struct replay **ret, struct fault *ret_fault) {
    struct replay *r = calloc(1, sizeof *r);
    if (r == NULL)
        return -ENOMEM;
    pthread_mutex_init(&r->mutex, NULL);
    r->settings = settings_ref(settings);
    r->connections = connections;
    r->log = log;
    r->buffer_bytes = settings->replay.frame_bytes > LIMIT_ENTRY_BYTES
                          ? settings->replay.frame_bytes
                          : LIMIT_ENTRY_BYTES;
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->meters = meters_new();
    r->arena = arena_new(REQUEST_ARENA_BYTES);
    r->bound_arena = arena_new(64 << 10);
    r->readers = calloc(READERS, sizeof *r->readers);
    r->pool = buffer_pool_new(r->buffer_bytes + HEADER_BYTES);
    r->socket = socket_new(zmq_context, ZMQ_ROUTER, REQUEST_BYTES);
    /* For a reader that gives credit, or asks for heads, and does not read. One that
     * reads is bounded by its credit before it gets there. */
    int e = 0, frames = (int)(settings->replay.credit_bytes / settings->replay.frame_bytes) + 1;
    if (r->wake_fd < 0 || r->meters == NULL || r->arena == NULL || r->bound_arena == NULL ||
        r->readers == NULL || r->pool == NULL || r->socket == NULL)
        e = -ENOMEM;
    if (e == 0 && zmq_setsockopt(r->socket, ZMQ_SNDHWM, &frames, sizeof frames) < 0)
        e = -errno;
    if (e == 0)
        e = connections_guard(connections, r->socket);
    if (e == 0)
        e = socket_bind(r->socket, INHERITED_REPLAY, &settings->replay.bind, r->bound_arena,
                        &r->bound, ret_fault);
    if (e == 0)
        e = start_thread(r);
    if (e < 0) {
        replay_close(r);
        return e;
    }
    *ret = r;
    return 0;
}

struct replay *replay_close(struct replay *r) {
    if (r == NULL)
        return NULL;
    if (r->running) {
        uint64_t one = 1;
        atomic_store(&r->stopping, true);
        if (write(r->wake_fd, &one, sizeof one) == sizeof one)
            pthread_join(r->thread, NULL);
    }
    while (r->sessions != NULL)
        end_session(r, &r->sessions);
    connections_leave(r->connections, r->socket);
    if (r->socket != NULL)
        zmq_close(r->socket);
    forget_peers(r, true);
    buffer_pool_free(r->pool);
    meters_free(r->meters);
    settings_unref(r->next_settings);
    settings_unref((struct settings *)r->settings);
    if (r->wake_fd >= 0)
        close(r->wake_fd);
    pthread_mutex_destroy(&r->mutex);
    arena_free(r->arena);
    arena_free(r->bound_arena);
    free(r->readers);
    free(r);
    return NULL;
}
