#include "clients/lib/cursor.h"
#include "clients/lib/link.h"
#include "clients/lib/newswire.h"
#include "proto/codec.h"
#include "proto/newswire.pb-c.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
    AWAY_USEC = 1000000,    /* the user worked for so long: it is no silence of the daemon's */
    ARENA_BYTES = 64 << 20, /* prefixes and a cursor, while it is opened */
    MONITOR_EVERY = 64,     /* messages, when there are many */
    WHOAMI_ARENA_BYTES = 4 << 20,
    REASON_BYTES = 600,
    GOODBYE_MSEC = 200, /* for the last report to leave */
};

struct newswire_reader {
    struct reader *machine;
    struct slice *prefixes;
    size_t n_prefixes;
    char *prefix_text; /* behind the prefixes */
    char *cursor_file;
    int lock_fd; /* -1: none */
    void *context;
    struct link feed, replay;
    bool connected;           /* as the user was told */
    zmq_msg_t topic, message; /* what the machine is at */
    bool replay_next;         /* whose turn it is */
    bool taken;               /* a message, since requests were made */
    unsigned until_monitor;
    uint64_t returned_usec;        /* to the user, who may have worked since */
    bool whoami_due, whoami_asked; /* with keys: what may be read is asked first */
    char reason[REASON_BYTES];     /* of the last trouble */
};

/* No request of the machine's has it. */
static const uint64_t whoami_id = UINT64_MAX;

/* ---- opening */

/* Says why it can't be opened. Returns r. */
__attribute__((format(printf, 4, 5))) static int fail(char *error, size_t size, int r,
                                                      const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, size, format, arguments);
    va_end(arguments);
    return r;
}

static int copy_prefixes(struct newswire_reader *r, const struct newswire_reader_options *o) {
    size_t n = o->n_topics == 0 ? 1 : o->n_topics, bytes = 1;
    for (size_t i = 0; i < o->n_topics; i++)
        bytes += strlen(o->topics[i]) + 1;
    r->prefixes = calloc(n, sizeof *r->prefixes);
    r->prefix_text = malloc(bytes);
    if (r->prefixes == NULL || r->prefix_text == NULL)
        return -ENOMEM;
    char *to = r->prefix_text;
    for (size_t i = 0; i < n; i++) {
        const char *topic = o->n_topics == 0 ? "" : o->topics[i];
        size_t len = strlen(topic);
        memcpy(to, topic, len + 1);
        r->prefixes[i] = (struct slice){(const uint8_t *)to, len};
        to += len + 1;
    }
    r->n_prefixes = n;
    return 0;
}

static int check_prefixes(const struct newswire_reader *r, char *error, size_t size) {
    if (r->n_prefixes > LIMIT_TOPICS)
        return fail(error, size, -EINVAL, "there are too many topics");
    for (size_t i = 0; i < r->n_prefixes; i++)
        if (!topic_prefix_valid(r->prefixes[i]))
            return fail(error, size, -EINVAL, "'%s' is no topic",
                        (const char *)r->prefixes[i].data);
    return 0;
}

/* Where to begin, by options alone. */
static void set_start(const struct newswire_reader_options *o, struct reader_config *c) {
    switch (o->start) {
    case NEWSWIRE_FROM_FIRST: break;
    case NEWSWIRE_FROM_SEQ: c->cursor.proven_seq = c->cursor.start_seq = o->after; break;
    case NEWSWIRE_FROM_TIME:
        c->start = READER_FROM_TIME;
        c->since_usec = o->since_usec;
        break;
    case NEWSWIRE_FROM_HEAD: c->start = READER_FROM_HEAD; break;
    }
}

static int set_cursor(struct newswire_reader *r, struct arena *a, const char *text,
                      const char *name, struct reader_config *c, char *error, size_t size) {
    struct fault fault = {0};
    int e = cursor_from_text(a, text, r->prefixes, r->n_prefixes, &c->cursor, &fault);
    if (e < 0)
        return fail(error, size, e, "%s: %s", name, e == -ENOMEM ? "out of memory" : fault.reason);
    c->start = READER_FROM_CURSOR;
    return 0;
}

/* The cursor file's lock, and what it says. */
static int load_cursor(struct newswire_reader *r, struct arena *a, struct reader_config *c,
                       char *error, size_t size) {
    char *text;
    int e = r->lock_fd = cursor_lock(r->cursor_file);
    if (e < 0)
        return fail(error, size, e, "%s: %s", r->cursor_file,
                    e == -EBUSY ? "another reader uses it" : strerror(-e));
    e = cursor_load(r->cursor_file, &text);
    if (e < 0)
        return fail(error, size, e, "%s: %s", r->cursor_file, strerror(-e));
    if (text != NULL)
        e = set_cursor(r, a, text, r->cursor_file, c, error, size);
    free(text);
    return e;
}

static const char *client_name(const struct newswire_reader_options *o, char buffer[static 128]) {
    char host[64] = "";
    if (o->client != NULL)
        return o->client;
    gethostname(host, sizeof host - 1);
    snprintf(buffer, 128, "%s[%ld]", host, (long)getpid());
    return buffer;
}

static int open_machine(struct newswire_reader *r, const struct newswire_reader_options *o,
                        char *error, size_t size) {
    struct reader_config c = READER_CONFIG_DEFAULTS;
    char name[128];
    _cleanup_arena_ struct arena *a = arena_new(ARENA_BYTES);
    if (a == NULL)
        return -ENOMEM;
    c.prefixes = r->prefixes;
    c.n_prefixes = r->n_prefixes;
    c.client = client_name(o, name);
    if (getrandom(&c.seed, sizeof c.seed, GRND_NONBLOCK) < 0)
        c.seed = link_now_usec();
    set_start(o, &c);
    int e = check_prefixes(r, error, size);
    if (e == 0 && r->cursor_file != NULL)
        e = load_cursor(r, a, &c, error, size);
    else if (e == 0 && o->cursor_text != NULL)
        e = set_cursor(r, a, o->cursor_text, "cursor", &c, error, size);
    return e < 0 ? e : reader_new(&c, &r->machine);
}

static int open_links(struct newswire_reader *r, const struct newswire_reader_options *o,
                      char *error, size_t size) {
    r->context = zmq_ctx_new();
    if (r->context == NULL)
        return -errno;
    int e = link_open(r->context, ZMQ_SUB, o->feed, o->key_file, &r->feed, error, size);
    if (e == 0)
        e = link_open(r->context, ZMQ_DEALER, o->replay, o->key_file, &r->replay, error, size);
    for (size_t i = 0; i < r->n_prefixes && e == 0; i++)
        if (zmq_setsockopt(r->feed.socket, ZMQ_SUBSCRIBE, r->prefixes[i].data, r->prefixes[i].len) <
            0)
            e = -errno;
    return e;
}

int newswire_reader_new(const struct newswire_reader_options *o, struct newswire_reader **ret,
                        char *error, size_t size) {
    struct newswire_reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return fail(error, size, -ENOMEM, "%s", strerror(ENOMEM));
    r->lock_fd = -1;
    zmq_msg_init(&r->topic);
    zmq_msg_init(&r->message);
    if (size > 0)
        *error = '\0';
    int e = copy_prefixes(r, o);
    if (e == 0 && o->cursor_file != NULL && (r->cursor_file = strdup(o->cursor_file)) == NULL)
        e = -ENOMEM;
    if (e == 0)
        e = open_machine(r, o, error, size);
    if (e == 0)
        e = open_links(r, o, error, size);
    if (e == 0) {
        *ret = r;
        return 0;
    }
    if (size > 0 && *error == '\0')
        fail(error, size, e, "%s", strerror(-e));
    newswire_reader_free(r);
    return e;
}

/* The operator's list has where it ended. */
static void say_goodbye(struct newswire_reader *r) {
    int linger = GOODBYE_MSEC;
    struct slice report;
    if (r->replay.socket != NULL && reader_leave(r->machine, &report) &&
        zmq_send(r->replay.socket, report.data, report.len, ZMQ_DONTWAIT) >= 0)
        zmq_setsockopt(r->replay.socket, ZMQ_LINGER, &linger, sizeof linger);
}

struct newswire_reader *newswire_reader_free(struct newswire_reader *r) {
    if (r == NULL)
        return NULL;
    if (r->machine != NULL)
        say_goodbye(r);
    zmq_msg_close(&r->topic);
    zmq_msg_close(&r->message);
    link_close(&r->feed);
    link_close(&r->replay);
    if (r->context != NULL)
        zmq_ctx_term(r->context);
    reader_free(r->machine);
    if (r->lock_fd >= 0)
        close(r->lock_fd);
    free(r->cursor_file);
    free(r->prefixes);
    free(r->prefix_text);
    free(r);
    return NULL;
}

/* ---- events */

static struct newswire_bytes bytes_of(struct slice s) {
    return (struct newswire_bytes){s.data, s.len};
}

_Static_assert((int)NEWSWIRE_PATH_MOST == (int)LIMIT_PATH,
               "the public header says the limit again");
_Static_assert((int)NEWSWIRE_APPROVALS_MOST == (int)LIMIT_APPROVALS,
               "the public header says the limit again");

static void fill_entry(const struct entry *e, struct newswire_entry *ret) {
    ret->epoch = e->epoch;
    ret->seq = e->seq;
    ret->prev_seq = e->prev_seq;
    ret->topic = bytes_of(e->topic);
    ret->stored_at_usec = e->stored_at_usec;
    ret->uri = bytes_of(e->uri);
    ret->version = e->version;
    ret->content_digest = bytes_of(e->content_digest);
    ret->replaces = e->replaces;
    ret->n_path = e->n_path;
    for (size_t i = 0; i < e->n_path; i++)
        ret->path[i] = bytes_of(e->path[i]);
    ret->n_approved_by = e->n_approved_by;
    for (size_t i = 0; i < e->n_approved_by; i++)
        ret->approved_by[i] = bytes_of(e->approved_by[i]);
    ret->signature = bytes_of(e->signature);
    ret->origin = bytes_of(e->origin);
    ret->article_digest = bytes_of(e->article_digest);
    ret->article = bytes_of(e->article);
}

static void fill_event(const struct reader_event *e, struct newswire_event *ret) {
    static const enum newswire_event_type types[] = {
        [READER_ENTRY] = NEWSWIRE_ENTRY,           [READER_LOSS] = NEWSWIRE_LOSS,
        [READER_EPOCH] = NEWSWIRE_EPOCH,           [READER_CAUGHT_UP] = NEWSWIRE_CAUGHT_UP,
        [READER_UNANSWERED] = NEWSWIRE_UNANSWERED, [READER_ERROR] = NEWSWIRE_ERROR,
        [READER_CHECKPOINT] = NEWSWIRE_CHECKPOINT,
    };
    ret->type = types[e->type];
    if (e->type == READER_ENTRY) {
        fill_entry(&e->entry, &ret->entry);
        return;
    }
    ret->topic = bytes_of(e->topic);
    ret->checkpoint = bytes_of(e->checkpoint);
    ret->after = e->after;
    ret->upto = e->upto;
    ret->epoch_before = e->epoch_before;
    ret->epoch = e->epoch;
    ret->final = e->final;
    ret->damaged = e->code == NEWSWIRE__V1__ERROR__CODE__damaged;
    ret->denied = e->code == NEWSWIRE__V1__ERROR__CODE__denied;
    ret->message = e->message;
}

/* ---- messages */

static struct slice slice_in(zmq_msg_t *m) {
    return (struct slice){zmq_msg_data(m), zmq_msg_size(m)};
}

static void drop_rest(void *socket, zmq_msg_t *last) {
    while (zmq_msg_more(last) && zmq_msg_recv(last, socket, ZMQ_DONTWAIT) >= 0)
        ;
}

/* A message with one frame too many, or one that doesn't hold together, is as if
 * it had been lost: the machine has it sent again. */
static bool take_feed(struct newswire_reader *r) {
    if (zmq_msg_recv(&r->topic, r->feed.socket, ZMQ_DONTWAIT) < 0)
        return false;
    if (!zmq_msg_more(&r->topic) || zmq_msg_recv(&r->message, r->feed.socket, ZMQ_DONTWAIT) < 0)
        return true;
    if (zmq_msg_more(&r->message))
        drop_rest(r->feed.socket, &r->message);
    else if (reader_feed(r->machine, slice_in(&r->topic), slice_in(&r->message), link_now_usec()) <
             0)
        return true;
    return true;
}

/* ---- rights */

static void ask_whoami(struct newswire_reader *r) {
    Newswire__V1__ReplayRequest q = NEWSWIRE__V1__REPLAY_REQUEST__INIT;
    Newswire__V1__WhoamiRequest whoami = NEWSWIRE__V1__WHOAMI_REQUEST__INIT;
    uint8_t bytes[32];
    q.request_id = whoami_id;
    q.what_case = NEWSWIRE__V1__REPLAY_REQUEST__WHAT_WHOAMI;
    q.whoami = &whoami;
    size_t len = newswire__v1__replay_request__pack(&q, bytes);
    r->whoami_due = zmq_send(r->replay.socket, bytes, len, ZMQ_DONTWAIT) < 0;
    r->whoami_asked = !r->whoami_due;
}

static bool covers(const Newswire__V1__Rights *rights, struct slice prefix) {
    for (size_t i = 0; i < rights->n_read; i++) {
        struct slice right = slice_of(rights->read[i]);
        if (prefix.len >= right.len && memcmp(prefix.data, right.data, right.len) == 0)
            return true;
    }
    return false;
}

static void tell_denied(struct newswire_reader *r, const Newswire__V1__Rights *rights,
                        const char *topic) {
    int at = snprintf(r->reason, sizeof r->reason, "client %.64s may not read %s%.96s; it may read",
                      rights->client, *topic == '\0' ? "everything" : "", topic);
    for (size_t i = 0; i < rights->n_read && at < REASON_BYTES; i++)
        at += snprintf(r->reason + at, (size_t)(REASON_BYTES - at), "%s %s", i == 0 ? "" : ",",
                       rights->read[i]);
    if (rights->n_read == 0)
        snprintf(r->reason + at, (size_t)(REASON_BYTES - at), " nothing");
}

/* Whether the message is the answer that was waited for; if it says that something is
 * not to be read, r->reason says so. */
static bool take_whoami(struct newswire_reader *r, struct slice message) {
    _cleanup_arena_ struct arena *a = arena_new(WHOAMI_ARENA_BYTES);
    ProtobufCMessage *unpacked;
    struct fault fault;
    if (a == NULL ||
        codec_unpack(&newswire__v1__replay_reply__descriptor, a, message, &unpacked, &fault) < 0)
        return false;
    const Newswire__V1__ReplayReply *reply = (const Newswire__V1__ReplayReply *)unpacked;
    if (reply->request_id != whoami_id)
        return false;
    r->whoami_asked = false;
    for (size_t i = 0; reply->rights != NULL && i < r->n_prefixes; i++)
        if (!covers(reply->rights, r->prefixes[i])) {
            tell_denied(r, reply->rights, (const char *)r->prefixes[i].data);
            break;
        }
    return true;
}

static bool take_replay(struct newswire_reader *r) {
    if (zmq_msg_recv(&r->message, r->replay.socket, ZMQ_DONTWAIT) < 0)
        return false;
    if (zmq_msg_more(&r->message))
        drop_rest(r->replay.socket, &r->message);
    else if (r->whoami_asked && take_whoami(r, slice_in(&r->message)))
        return true;
    else if (reader_replay(r->machine, slice_in(&r->message), link_now_usec()) < 0)
        return true;
    return true;
}

/* The feed is drained also while there is replay, and the other way round. */
static bool take_message(struct newswire_reader *r) {
    bool taken = r->replay_next ? take_replay(r) : take_feed(r);
    r->replay_next = !r->replay_next;
    if (!taken)
        taken = r->replay_next ? take_replay(r) : take_feed(r);
    return taken;
}

/* Whether the user is to be told of something that a link met. */
static bool mind_link(struct newswire_reader *r, enum reader_link which, struct link *link,
                      struct newswire_event *ret) {
    enum link_trouble trouble;
    const char *reason;
    while (link_event(link, &trouble, &reason) > 0) {
        reader_link(r->machine, which, link->up, link_now_usec());
        if (which == READER_LINK_REPLAY)
            r->whoami_due = link->up && link->secure;
        if (trouble == LINK_FINE)
            continue;
        snprintf(r->reason, sizeof r->reason, "%s: %s",
                 which == READER_LINK_FEED ? "feed" : "replay", reason);
        *ret = (struct newswire_event){.type = NEWSWIRE_ERROR,
                                       .final = trouble == LINK_DENIED,
                                       .denied = trouble == LINK_DENIED,
                                       .message = r->reason};
        return true;
    }
    return false;
}

/* Whether the user is to be told of the connections. */
static bool mind_links(struct newswire_reader *r, struct newswire_event *ret) {
    if (mind_link(r, READER_LINK_FEED, &r->feed, ret) ||
        mind_link(r, READER_LINK_REPLAY, &r->replay, ret))
        return true;
    r->until_monitor = MONITOR_EVERY;
    bool connected = r->feed.up && r->replay.up;
    if (connected == r->connected)
        return false;
    r->connected = connected;
    *ret = (struct newswire_event){.type = connected ? NEWSWIRE_CONNECTED : NEWSWIRE_DISCONNECTED};
    return true;
}

static void send_requests(struct newswire_reader *r) {
    struct slice request;
    if (r->whoami_due)
        ask_whoami(r);
    while (reader_request(r->machine, link_now_usec(), &request))
        if (zmq_send(r->replay.socket, request.data, request.len, ZMQ_DONTWAIT) < 0)
            break; /* the connection has just gone; all is asked anew on the next */
}

static int wait(struct newswire_reader *r, uint64_t until_usec) {
    zmq_pollitem_t items[] = {
        {.socket = r->feed.socket, .events = ZMQ_POLLIN},
        {.socket = r->replay.socket, .events = ZMQ_POLLIN},
        {.socket = r->feed.monitor, .events = ZMQ_POLLIN},
        {.socket = r->replay.monitor, .events = ZMQ_POLLIN},
    };
    uint64_t now = link_now_usec(), wake = reader_wake_usec(r->machine);
    if (wake > until_usec)
        wake = until_usec;
    long msec = wake == UINT64_MAX ? -1 : wake <= now ? 0 : (long)((wake - now + 999) / 1000);
    return zmq_poll(items, 4, msec) < 0 ? -errno : 0;
}

/* Does what there is to do without waiting. 1 with an event; 0. */
static int turn(struct newswire_reader *r, struct newswire_event *ret) {
    for (;;) {
        struct reader_event event;
        if (reader_next(r->machine, &event)) {
            fill_event(&event, ret);
            return 1;
        }
        /* What was just taken may want more; else what waits here comes first. */
        if (r->taken)
            send_requests(r);
        r->taken = false;
        if ((r->until_monitor == 0 || r->until_monitor-- == 0) && mind_links(r, ret))
            return 1;
        if (take_message(r)) {
            r->taken = true;
            if (*r->reason == '\0')
                continue;
            *ret = (struct newswire_event){
                .type = NEWSWIRE_ERROR, .final = true, .denied = true, .message = r->reason};
            return 1;
        }
        if (mind_links(r, ret))
            return 1;
        send_requests(r);
        if (!reader_next(r->machine, &event))
            return 0;
        fill_event(&event, ret);
        return 1;
    }
}

int newswire_reader_next(struct newswire_reader *r, int timeout_msec, struct newswire_event *ret) {
    *r->reason = '\0';
    uint64_t now = link_now_usec();
    uint64_t until = timeout_msec < 0 ? UINT64_MAX : now + (uint64_t)timeout_msec * 1000;
    if (r->returned_usec != 0 && now - r->returned_usec > AWAY_USEC)
        reader_away(r->machine, now - r->returned_usec);
    int e = 0;
    for (bool waited = false; (e = turn(r, ret)) == 0; waited = true) {
        if (waited && link_now_usec() >= until)
            break;
        e = wait(r, until);
        if (e < 0)
            break;
    }
    r->returned_usec = link_now_usec();
    return e;
}

/* ---- the cursor */

int newswire_reader_cursor(struct newswire_reader *r, char **ret) {
    struct reader_cursor c;
    *ret = NULL;
    if (!reader_started(r->machine))
        return 0;
    if (reader_cursor(r->machine, &c) < 0 ||
        (*ret = cursor_to_text(&c, r->prefixes, r->n_prefixes)) == NULL)
        return -ENOMEM;
    return 0;
}

int newswire_reader_save(struct newswire_reader *r) {
    char *text;
    int e = r->cursor_file == NULL ? -EINVAL : newswire_reader_cursor(r, &text);
    if (e < 0 || text == NULL)
        return e;
    e = cursor_store(r->cursor_file, text);
    free(text);
    return e;
}

uint64_t newswire_reader_head(const struct newswire_reader *r) {
    return reader_head_seq(r->machine);
}

uint64_t newswire_reader_proven(const struct newswire_reader *r) {
    return reader_proven_seq(r->machine);
}
