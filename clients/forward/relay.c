/* Another newswired: the article as it came, with the way that it has come. */
#include "clients/forward/transport.h"
#include "clients/tool/follow.h"
#include "proto/signature.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATIENCE_USEC = 100000 };

struct relay {
    const struct outlet_config *outlet;
    struct newswire_submitter *submitter;
    struct verdict *verdict; /* of what is being sent */
};

static const char *const schemes[] = {"newswire", NULL};

static const char *check(const struct outlet_config *o) {
    if (o->batch_minute >= 0)
        return "batch: another newswired takes articles one by one";
    return strchr(o->url + strlen("newswire://"), ':') == NULL
               ? "url: newswire://host:port, the port of its submit"
               : NULL;
}

static void take_result(void *userdata, const struct newswire_result *r) {
    struct relay *relay = userdata;
    struct verdict *v = relay->verdict;
    switch (r->outcome) {
    case NEWSWIRE_ACCEPTED:
        verdict_set(v, VERDICT_DELIVERED, "entry %llu on %s", (unsigned long long)r->seq, r->topic);
        break;
    case NEWSWIRE_DUPLICATE:
        verdict_set(v, VERDICT_DELIVERED, "it had it, as entry %llu", (unsigned long long)r->seq);
        break;
    case NEWSWIRE_HELD: verdict_set(v, VERDICT_DELIVERED, "held there for a person"); break;
    case NEWSWIRE_REFUSED:
        verdict_set(v, VERDICT_PARKED, "%s%s%s", r->field, *r->field == '\0' ? "" : ": ",
                    r->reason);
        break;
    }
    v->confirmed = v->outcome == VERDICT_DELIVERED && !relay->outlet->kill_needs_receipt;
}

static void close_relay(void *session) {
    struct relay *relay = session;
    if (relay != NULL)
        newswire_submitter_free(relay->submitter);
    free(relay);
}

static const char *or_null(const char *text) {
    return text == NULL || *text == '\0' ? NULL : text;
}

static int connect_relay(struct relay *relay, char *error, size_t size) {
    char endpoint[512];
    const struct outlet_config *o = relay->outlet;
    snprintf(endpoint, sizeof endpoint, "tcp://%s", o->url + strlen("newswire://"));
    struct newswire_submitter_options options = {.submit = endpoint,
                                                 .client = "newswire-forward",
                                                 .result = take_result,
                                                 .userdata = relay,
                                                 .key_file = or_null(o->key),
                                                 .patience_usec = PATIENCE_USEC};
    return newswire_submitter_new(&options, &relay->submitter, error, size);
}

static int open_relay(const struct outlet_config *o, void **ret, char *error, size_t size) {
    struct relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL)
        return -ENOMEM;
    relay->outlet = o;
    int r = connect_relay(relay, error, size);
    if (r < 0)
        close_relay(relay);
    else
        *ret = relay;
    return r;
}

/* Until it has its outcome, the outlet's time is over, or the program is to end. */
static int await_outcome(struct relay *relay) {
    uint64_t begun = follow_now_usec();
    int r;
    while ((r = newswire_submitter_finish(relay->submitter)) == -ETIMEDOUT && follow_stop == 0 &&
           follow_now_usec() - begun < relay->outlet->timeout_usec) {
        struct timespec pause = {0, PATIENCE_USEC * 100L};
        nanosleep(&pause, NULL);
    }
    return r;
}

/* What has no outcome must not get one while the next is sent. */
static void start_anew(struct relay *relay, struct verdict *v) {
    char error[256];
    verdict_set(v, VERDICT_RETRY, "%s", newswire_submitter_trouble(relay->submitter));
    v->about_outlet = true;
    v->maybe_received = true; /* it may be on its way */
    relay->submitter = newswire_submitter_free(relay->submitter);
    if (connect_relay(relay, error, sizeof error) < 0)
        relay->submitter = NULL;
}

/* Where it has been, and here. */
static int set_path(struct relay *relay, const struct parcel *p) {
    const char *path[LIMIT_PATH];
    char names[LIMIT_PATH][LIMIT_NAME_BYTES + 1];
    size_t n = 0;
    for (; n < p->entry.n_path && n < LIMIT_PATH; n++) {
        size_t len =
            p->entry.path[n].len < LIMIT_NAME_BYTES ? p->entry.path[n].len : LIMIT_NAME_BYTES;
        memcpy(names[n], p->entry.path[n].data, len);
        names[n][len] = '\0';
        path[n] = names[n];
    }
    if (n == LIMIT_PATH)
        return -ELOOP;
    path[n++] = relay->outlet->here;
    return newswire_submitter_path(relay->submitter, path, n);
}

/* With the signature that it came with. */
static int add(struct relay *relay, const struct parcel *p) {
    struct newswire_signature signature;
    struct signature own;
    bool is_signed = signature_decode(p->entry.signature, &own) == 0;
    if (is_signed)
        memcpy(&signature, &own, sizeof signature);
    return newswire_submitter_add_signed(relay->submitter, p->bytes.data, p->bytes.len,
                                         is_signed ? &signature : NULL, NULL);
}

static void send_relay(void *session, const struct parcel *p, struct verdict *v) {
    struct relay *relay = session;
    char error[256] = "";
    relay->verdict = v;
    int r = relay->submitter == NULL ? connect_relay(relay, error, sizeof error) : 0;
    if (r < 0) {
        verdict_set(v, VERDICT_RETRY, "%s", error);
        return;
    }
    r = set_path(relay, p);
    if (r == 0)
        r = add(relay, p);
    if (r == 0)
        r = await_outcome(relay);
    if (r == -ELOOP)
        verdict_set(v, VERDICT_PARKED, "it came through %d other wires already", LIMIT_PATH);
    else if (r < 0)
        start_anew(relay, v);
}

const struct transport transport_newswire = {schemes, check, open_relay, send_relay, close_relay};
