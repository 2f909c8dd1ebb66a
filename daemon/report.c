#include "daemon/report.h"

#include "daemon/loop.h"
#include "daemon/metrics_server.h"
#include "proto/journal/journal.h"

#include <stdlib.h>

static json_t *number(uint64_t value) {
    return json_integer((json_int_t)value);
}

static json_t *endpoints(const struct text_list *bound) {
    json_t *array = json_array();
    for (size_t i = 0; i < bound->n; i++)
        json_array_append_new(array, json_string(bound->items[i]));
    return json_pack("{s:o}", "bind", array);
}

static json_t *topics(const struct control_subject *s) {
    json_t *object = json_object();
    struct log_head *heads;
    size_t n;
    uint64_t as_of, newest;
    if (log_heads(s->log, NULL, 0, &heads, &n, &as_of, &newest) < 0)
        return object;
    for (size_t i = 0; i < n; i++) {
        uint64_t minute, quarter;
        publish_rates(s->publish, slice_of(heads[i].topic), &minute, &quarter);
        json_object_set_new(object, heads[i].topic,
                            json_pack("{s:o,s:o,s:o,s:o}", "entries", number(heads[i].entries),
                                      "head", number(heads[i].head), "last_minute", number(minute),
                                      "last_15_minutes", number(quarter)));
    }
    free(heads);
    return object;
}

static json_t *readers(const struct control_subject *s, uint64_t head, json_t **ret_replay) {
    json_t *array = json_array();
    struct replay_reader *list;
    struct replay_counts counts;
    int64_t now = loop_utc_usec();
    size_t n;
    if (replay_readers(s->replay, &list, &n, &counts) < 0)
        return array;
    for (size_t i = 0; i < n; i++) {
        uint64_t lag = head > list[i].proven_seq ? head - list[i].proven_seq : 0;
        bool connected = now - list[i].seen_usec < REPLAY_READER_GONE_USEC;
        json_array_append_new(
            array,
            json_pack("{s:s,s:s,s:o,s:o,s:I,s:b}", "client", list[i].client, "topics",
                      list[i].topics, "proven_seq", number(list[i].proven_seq), "lag", number(lag),
                      "seen_usec", (json_int_t)list[i].seen_usec, "connected", (int)connected));
    }
    free(list);
    *ret_replay = endpoints(replay_endpoints(s->replay));
    json_object_set_new(*ret_replay, "sessions", number(counts.sessions));
    json_object_set_new(*ret_replay, "running", number(counts.running));
    json_object_set_new(*ret_replay, "entries", number(counts.entries));
    json_object_set_new(*ret_replay, "refused", number(counts.refused));
    return array;
}

static json_t *feed(const struct control_subject *s) {
    const struct publish_counts *n = publish_counts(s->publish);
    json_t *object = endpoints(publish_endpoints(s->publish));
    json_object_set_new(object, "entries", number(n->entries));
    json_object_set_new(object, "messages", number(n->messages));
    json_object_set_new(object, "heartbeats", number(n->heartbeats));
    json_object_set_new(object, "subscriptions", number(n->subscriptions));
    json_object_set_new(object, "refused", number(n->refused));
    json_object_set_new(object, "strange", number(n->strange));
    return object;
}

static json_t *submit(const struct control_subject *s) {
    const struct admit_counts *n = s->counts;
    json_t *object = endpoints(intake_endpoints(s->intake));
    json_object_set_new(object, "waiting", number(intake_waiting(s->intake)));
    json_object_set_new(object, "accepted", number(n->accepted));
    json_object_set_new(object, "duplicate", number(n->duplicate));
    json_object_set_new(object, "held", number(n->held));
    json_object_set_new(object, "refused", number(n->refused));
    json_object_set_new(object, "unavailable", number(n->unavailable));
    json_object_set_new(object, "malformed", number(n->malformed));
    return object;
}

static json_t *spool(const struct control_subject *s) {
    struct spool_counts n;
    if (s->spool == NULL)
        return json_null();
    spool_get_counts(s->spool, &n);
    return json_pack("{s:s,s:o,s:o,s:o,s:s}", "directory", s->settings->spool.directory, "waiting",
                     number(n.waiting), "accepted", number(n.accepted), "rejected",
                     number(n.rejected), "trouble", n.trouble);
}

static json_t *security(const struct control_subject *s) {
    const struct connections_counts *n = connections_counts(s->connections);
    json_t *object = json_object();
    json_object_set_new(object, "curve", json_boolean(connections_secure(s->connections)));
    json_object_set_new(object, "public_key", json_string(connections_key(s->connections)));
    json_object_set_new(object, "insecure", json_boolean(s->settings->security.insecure));
    json_object_set_new(object, "clients", number(s->settings->n_clients));
    json_object_set_new(object, "refused", number(n->refused));
    json_object_set_new(object, "banned", number(n->banned));
    json_object_set_new(object, "unfinished", number(n->unfinished));
    json_object_set_new(object, "cut", number(n->cut));
    return object;
}

/* NULL without a key to sign with. */
static json_t *checkpoints(const struct control_subject *s) {
    char trouble[256] = "";
    if (s->notary == NULL)
        return json_null();
    notary_trouble(s->notary, trouble, sizeof trouble);
    codec_mend_utf8(trouble);
    return json_pack("{s:s}", "trouble", trouble);
}

static json_t *health(const struct health *h) {
    json_t *troubles = json_array();
    for (size_t i = 0; i < h->n; i++)
        json_array_append_new(
            troubles, json_pack("{s:s,s:s}", "of", h->troubles[i].of, "text", h->troubles[i].text));
    return json_pack("{s:s,s:o}", "state", health_word(h->state), "troubles", troubles);
}

json_t *report_status(const struct control_subject *s) {
    struct log_bounds b;
    long long error_usec;
    char error[512];
    journal_last_error(error, sizeof error, &error_usec);
    json_t *replay = NULL, *object = json_object();
    log_bounds(s->log, &b);
    codec_mend_utf8(b.trouble);
    json_object_set_new(object, "version", json_string(NEWSWIRE_VERSION));
    json_object_set_new(object, "uptime_sec",
                        json_integer((loop_utc_usec() - s->started_usec) / 1000000));
    json_object_set_new(object, "epoch", number(b.epoch));
    json_object_set_new(object, "first", number(b.first));
    json_object_set_new(object, "head", number(b.head));
    json_object_set_new(object, "entries", number(b.entries));
    json_object_set_new(object, "bytes", number(b.bytes));
    json_object_set_new(object, "waiting_for_release", number(b.held));
    json_object_set_new(object, "taking", json_boolean(b.taking));
    json_object_set_new(object, "trouble", json_string(b.trouble));
    json_object_set_new(object, "health", health(s->health));
    json_object_set_new(object, "security", security(s));
    json_object_set_new(object, "topics", topics(s));
    json_object_set_new(object, "readers", readers(s, b.head, &replay));
    json_object_set_new(object, "feed", feed(s));
    if (replay != NULL)
        json_object_set_new(object, "replay", replay);
    json_object_set_new(object, "submit", submit(s));
    json_object_set_new(object, "spool", spool(s));
    json_object_set_new(object, "metrics", json_string(metrics_server_address(s->metrics)));
    json_object_set_new(object, "checkpoints", checkpoints(s));
    json_object_set_new(object, "last_error",
                        *error == '\0' ? json_null()
                                       : json_pack("{s:s,s:I}", "text", error, "time_usec",
                                                   (json_int_t)error_usec));
    return object;
}

int report_since(const struct control_subject *s, int64_t since_usec, json_t **ret) {
    struct log_cursor *cursor;
    struct log_head *heads = NULL;
    uint64_t after, as_of, newest;
    size_t n = 0;
    int r = log_cursor_open(s->log, &cursor);
    if (r < 0)
        return r;
    r = log_cursor_seek_time(cursor, since_usec, &after);
    if (r == 0)
        r = log_heads(s->log, NULL, 0, &heads, &n, &as_of, &newest);
    log_cursor_close(cursor);
    if (r < 0)
        return r;
    json_t *topics = json_object();
    for (size_t i = 0; i < n; i++)
        if (heads[i].head > after)
            json_object_set_new(topics, heads[i].topic, number(heads[i].head));
    free(heads);
    *ret = json_pack("{s:I,s:o,s:o}", "since_usec", (json_int_t)since_usec, "after", number(after),
                     "topics", topics);
    return 0;
}
