#include "daemon/replay/parts.h"

#include "daemon/catalog.h"
#include "daemon/loop.h"
#include "proto/journal/journal.h"
#include "proto/topic.h"

enum {
    TURN_MESSAGES = 64,
    TELL_AHEAD_USEC = 60000000,        /* between lines in the journal about such */
    READER_FORGOTTEN_USEC = 120000000, /* so long, and it is forgotten */
};

/* ---- replies */

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

void replay_refuse(struct replay *r, const struct socket_peer *peer, uint64_t id, int code,
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

/* 0, or what is wrong as a code of Error, with the reason in *f. */
int replay_check_prefixes(const struct sender *from, char *const *topics, size_t n,
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

/* Whether a reader has what the same life of the log lacks, which was durable when it
 * was given out. It must not wait until the numbers have come so far again, and miss
 * what gets them: it is told, and so is the operator, who knows whether it lies. */
bool replay_has_more(struct replay *r, const struct sender *from, uint64_t id, uint64_t epoch,
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
    replay_refuse(r, from->peer, id, NEWSWIRE__V1__ERROR__CODE__damaged, &f);
    return true;
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
    int wrong = heads ? replay_check_prefixes(from, q->heads->topics, q->heads->n_topics, &f) : 0;
    if (wrong != 0) {
        replay_refuse(r, peer, q->request_id, wrong, &f);
        return;
    }
    int e = heads ? catalog_heads(rules, r->log, r->arena, q->heads, &reply)
            : q->what_case == NEWSWIRE__V1__REPLAY_REQUEST__WHAT_WHOAMI
                ? catalog_rights(from->client, r->arena, &reply)
                : catalog_sections(rules, from->client, r->arena, &reply);
    if (e < 0) {
        fault_set(&f, "", "the daemon is short of memory; try again");
        replay_refuse(r, peer, q->request_id, NEWSWIRE__V1__ERROR__CODE__busy, &f);
        return;
    }
    reply.request_id = q->request_id;
    reply.epoch = b.epoch;
    reply.first = b.first;
    reply.done = true;
    send_message(r, peer, &reply);
}

/* ---- reports */

void replay_forget_readers(struct replay *r, int64_t now) {
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
            (replay_same_peer(&known->peer, &reader->peer) ||
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
    replay_forget_readers(r, reader.seen_usec);
    size_t i = find_reader(r, &reader);
    if (i < REPLAY_READERS) {
        r->readers[i] = reader;
        if (i == r->n_readers)
            r->n_readers++;
    }
    pthread_mutex_unlock(&r->mutex);
    replay_has_more(r, from, 0, report->epoch, report->proven_seq);
}

/* Whether the sender is known and within its limits; if not, it is told. */
static bool may_ask(struct replay *r, const struct sender *from, uint64_t id) {
    struct fault f = {0};
    if (from->client == NULL) {
        fault_set(&f, "", "this key belongs to no client any more");
        replay_refuse(r, from->peer, id, NEWSWIRE__V1__ERROR__CODE__denied, &f);
        return false;
    }
    if (meters_take(r->meters, from->client, 1, 0, 0, &f) < 0) {
        replay_refuse(r, from->peer, id, NEWSWIRE__V1__ERROR__CODE__busy, &f);
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
        replay_refuse(r, peer, 0, NEWSWIRE__V1__ERROR__CODE__malformed, &f);
        return;
    }
    const Newswire__V1__ReplayRequest *q = (const Newswire__V1__ReplayRequest *)message;
    if (!may_ask(r, from, q->request_id))
        return;
    switch (q->what_case) {
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_OPEN:
        replay_open_session(r, from, q->request_id, q->open);
        break;
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_CREDIT:
        replay_give_credit(r, peer, q->request_id, q->credit->bytes);
        break;
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_CLOSE:
        replay_end_session(r, replay_find_session(r, peer, q->request_id));
        break;
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_HEADS:
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_SECTIONS:
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_WHOAMI: send_catalog(r, from, q); break;
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_REPORT: take_report(r, from, q->report); break;
    default:
        fault_set(&f, "what", "the request asks for nothing");
        replay_refuse(r, peer, q->request_id, NEWSWIRE__V1__ERROR__CODE__malformed, &f);
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

void replay_receive(struct replay *r) {
    for (int i = 0; i < TURN_MESSAGES; i++) {
        struct socket_peer peer;
        struct fault f = {0};
        zmq_msg_t m;
        int e = socket_receive(r->socket, REPLAY_REQUEST_BYTES, &peer, &m, &f);
        if (e == -EBADMSG || e == -EMSGSIZE) {
            replay_refuse(r, &peer, 0,
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
