#include "daemon/replay/parts.h"

#include "daemon/loop.h"

#include <errno.h>
#include <stdlib.h>

enum { PROGRESS_USEC = 1000000 };

/* ---- connections */

bool replay_same_peer(const struct socket_peer *a, const struct socket_peer *b) {
    return a->id_len == b->id_len && memcmp(a->id, b->id, a->id_len) == 0;
}

/* NULL when out of memory. */
static struct peer *find_peer(struct replay *r, const struct sender *from) {
    struct peer *p = r->peers;
    while (p != NULL && !replay_same_peer(&p->address, from->peer))
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
void replay_forget_peers(struct replay *r, bool all) {
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

struct session **replay_find_session(struct replay *r, const struct socket_peer *peer,
                                     uint64_t id) {
    struct session **s = &r->sessions;
    while (*s != NULL && !((*s)->id == id && replay_same_peer(&(*s)->peer->address, peer)))
        s = &(*s)->next;
    return s;
}

void replay_end_session(struct replay *r, struct session **at) {
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
    replay_refuse(r, from->peer, id, NEWSWIRE__V1__ERROR__CODE__busy, &f);
    return false;
}

void replay_open_session(struct replay *r, const struct sender *from, uint64_t id,
                         const Newswire__V1__ReplayOpen *open) {
    const struct socket_peer *peer = from->peer;
    struct fault f = {0};
    struct log_bounds b;
    log_bounds(r->log, &b);
    replay_end_session(
        r, replay_find_session(r, peer, id)); /* asked anew: the old one has no reader */
    int wrong = replay_check_prefixes(from, open->topics, open->n_topics, &f);
    if (wrong != 0) {
        replay_refuse(r, peer, id, wrong, &f);
        return;
    }
    if (open->epoch != 0 && open->epoch != b.epoch) {
        fault_set(&f, "epoch", "this log's epoch is %llu", (unsigned long long)b.epoch);
        replay_refuse(r, peer, id, NEWSWIRE__V1__ERROR__CODE__wrong_epoch, &f);
        return;
    }
    if (replay_has_more(r, from, id, open->epoch, open->after))
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
        replay_refuse(r, peer, id, NEWSWIRE__V1__ERROR__CODE__busy, &f);
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

void replay_give_credit(struct replay *r, const struct socket_peer *peer, uint64_t id,
                        uint64_t bytes) {
    struct session *s = *replay_find_session(r, peer, id);
    if (s == NULL) {
        /* Not when it has just ended: then the reader has its last frame. */
        return;
    }
    s->credit = capped(r, bytes > UINT64_MAX - s->credit ? UINT64_MAX : s->credit + bytes);
    s->heard_usec = loop_monotonic_usec();
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

void replay_end_denied(struct replay *r) {
    for (struct session **at = &r->sessions; *at != NULL;)
        if (keeps_rights(r, *at))
            at = &(*at)->next;
        else
            replay_end_session(r, at);
}

/* ---- serving */

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

static void note_trouble(struct replay *r, const struct fault *f) {
    pthread_mutex_lock(&r->mutex);
    snprintf(r->trouble, sizeof r->trouble, "%s", f->reason);
    pthread_mutex_unlock(&r->mutex);
}

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
    uint64_t frame = r->settings->replay.frame_bytes;
    int e = log_cursor_read(s->cursor, s->prefixes, s->n_prefixes, s->after, s->until, buffer,
                            r->buffer_bytes, frame < r->buffer_bytes ? frame : r->buffer_bytes,
                            &read, &f);
    if (e == 0 && read.bytes > s->credit)
        e = cut_to_credit(buffer, &read, s->credit, &f);
    if (e < 0) {
        buffer_drop(buffer);
        note_trouble(r, &f);
        replay_refuse(r, &s->peer->address, s->id, NEWSWIRE__V1__ERROR__CODE__damaged, &f);
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
bool replay_is_choked(const struct replay *r, const struct session *s) {
    return buffer_tally_bytes(s->peer->tally) >= r->settings->replay.credit_bytes;
}

static bool may_send(const struct replay *r, const struct session *s) {
    return s->credit > 0 && !s->blocked && !replay_is_choked(r, s);
}

/* Gives each session a turn. Whether one could use another at once. */
bool replay_serve(struct replay *r) {
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
            replay_end_session(r, at);
            continue;
        }
        more = more || may_send(r, s);
        at = &s->next;
    }
    return more;
}
