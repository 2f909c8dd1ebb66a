#include "daemon/metrics.h"

#include "daemon/report.h"
#include "proto/metrics.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- what the status has in one place each */

/* Rows of the same name are one family, and stand together; the first has the help. */
static const struct row {
    struct metrics_family family;
    struct metrics_label label;
    const char *path; /* in the status: "submit:accepted" */
    bool usec;        /* a time, which is written in seconds */
} rows[] = {
    {{"newswire_uptime_seconds", METRICS_GAUGE, "Time since the daemon started."},
     {0},
     "uptime_sec",
     false},
    {{"newswire_taking", METRICS_GAUGE, "Whether articles are taken in: 1, or 0."},
     {0},
     "taking",
     false},
    {{"newswire_log_epoch", METRICS_GAUGE, "The log's epoch; another one is another log."},
     {0},
     "epoch",
     false},
    {{"newswire_log_first", METRICS_GAUGE, "Number of the oldest entry that can be read."},
     {0},
     "first",
     false},
    {{"newswire_log_head", METRICS_GAUGE, "Number of the newest entry."}, {0}, "head", false},
    {{"newswire_log_entries", METRICS_GAUGE, "Entries that can be read."}, {0}, "entries", false},
    {{"newswire_log_bytes", METRICS_GAUGE, "Size of the log on disk."}, {0}, "bytes", false},
    {{"newswire_held", METRICS_GAUGE, "Articles that wait for their time or for a person."},
     {0},
     "waiting_for_release",
     false},
#define ARTICLES(outcome, text)                                                                    \
    {                                                                                              \
        {"newswire_articles", METRICS_COUNTER, text}, {"outcome", #outcome}, "submit:" #outcome,   \
            false                                                                                  \
    }
    ARTICLES(accepted, "Articles that came in, by what became of them."),
    ARTICLES(duplicate, ""),
    ARTICLES(held, ""),
    ARTICLES(refused, ""),
    ARTICLES(unavailable, ""),
    ARTICLES(malformed, ""),
    {{"newswire_submit_waiting", METRICS_GAUGE, "Requests that wait for their answer."},
     {0},
     "submit:waiting",
     false},
    {{"newswire_spool_files", METRICS_COUNTER, "Files of the spool, by what became of them."},
     {"outcome", "accepted"},
     "spool:accepted",
     false},
    {{"newswire_spool_files", METRICS_COUNTER, ""},
     {"outcome", "rejected"},
     "spool:rejected",
     false},
    {{"newswire_spool_waiting", METRICS_GAUGE, "Files that wait in incoming."},
     {0},
     "spool:waiting",
     false},
    {{"newswire_feed_entries", METRICS_COUNTER, "Entries published."}, {0}, "feed:entries", false},
    {{"newswire_feed_messages", METRICS_COUNTER, "Messages with entries."},
     {0},
     "feed:messages",
     false},
    {{"newswire_feed_heartbeats", METRICS_COUNTER, "Heartbeats sent."},
     {0},
     "feed:heartbeats",
     false},
    {{"newswire_feed_subscriptions", METRICS_COUNTER, "Subscriptions made."},
     {0},
     "feed:subscriptions",
     false},
    {{"newswire_feed_subscriptions_refused", METRICS_COUNTER,
      "Subscriptions to what the reader may not read."},
     {0},
     "feed:refused",
     false},
    {{"newswire_replay_sessions", METRICS_COUNTER, "Replays begun."},
     {0},
     "replay:sessions",
     false},
    {{"newswire_replay_running", METRICS_GAUGE, "Replays that run."}, {0}, "replay:running", false},
    {{"newswire_replay_entries", METRICS_COUNTER, "Entries replayed."},
     {0},
     "replay:entries",
     false},
    {{"newswire_replay_refused", METRICS_COUNTER, "Replays refused."},
     {0},
     "replay:refused",
     false},
#define REFUSED(why, text)                                                                         \
    {                                                                                              \
        {"newswire_connections_refused", METRICS_COUNTER, text}, {"why", #why}, "security:" #why,  \
            false                                                                                  \
    }
    REFUSED(refused, "Connections closed: with an unknown key, banned, unfinished, cut off."),
    REFUSED(banned, ""),
    REFUSED(unfinished, ""),
    REFUSED(cut, ""),
    {{"newswire_insecure", METRICS_GAUGE, "Whether everybody who can connect may read and send."},
     {0},
     "security:insecure",
     false},
    {{"newswire_last_error_timestamp_seconds", METRICS_GAUGE,
      "When the journal last had a warning or an error."},
     {0},
     "last_error:time_usec",
     true},
};

static const json_t *at(const json_t *value, const char *path) {
    char copy[64], *rest = copy;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *part; value != NULL && (part = strsep(&rest, ":")) != NULL;)
        value = json_object_get(value, part);
    return value;
}

static void put_rows(FILE *out, const json_t *status) {
    const char *last = "";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        const struct metrics_label labels[] = {row->label, {0}};
        const json_t *value = at(status, row->path);
        if (!json_is_integer(value) && !json_is_boolean(value))
            continue; /* as the spool, where there is none */
        if (strcmp(last, row->family.name) != 0)
            metrics_begin(out, &row->family);
        last = row->family.name;
        if (row->usec)
            metrics_seconds(out, &row->family, labels, json_integer_value(value));
        else
            metrics_value(out, &row->family, labels,
                          json_is_integer(value) ? json_integer_value(value) : json_is_true(value));
    }
}

/* ---- states, topics, readers */

static void put_info(FILE *out) {
    static const struct metrics_family build = {"newswire_build", METRICS_INFO, "The program."};
    const struct metrics_label labels[] = {{"version", NEWSWIRE_VERSION}, {0}};
    metrics_begin(out, &build);
    metrics_value(out, &build, labels, 1);
}

/* One of the states is 1, the others are 0. */
static void put_health(FILE *out, const struct health *h) {
    static const struct metrics_family health = {"newswire_health", METRICS_GAUGE,
                                                 "How the daemon is: 1 at ok, degraded or stuck."},
                                       troubles = {"newswire_troubles", METRICS_GAUGE,
                                                   "What is wrong now, by what it is of."};
    metrics_begin(out, &health);
    for (enum health_state state = HEALTH_OK; state <= HEALTH_STUCK; state++) {
        const struct metrics_label labels[] = {{"state", health_word(state)}, {0}};
        metrics_value(out, &health, labels, h->state == state);
    }
    metrics_begin(out, &troubles);
    for (size_t i = 0; i < h->n; i++) {
        const struct metrics_label labels[] = {{"of", h->troubles[i].of}, {0}};
        bool again = false; /* two of the same are one */
        for (size_t k = 0; k < i; k++)
            again = again || strcmp(h->troubles[k].of, h->troubles[i].of) == 0;
        if (!again)
            metrics_value(out, &troubles, labels, 1);
    }
}

static void put_topic_values(FILE *out, json_t *topics, const struct metrics_family *family,
                             const char *key) {
    metrics_begin(out, family);
    for (void *i = json_object_iter(topics); i != NULL; i = json_object_iter_next(topics, i)) {
        const struct metrics_label labels[] = {{"topic", json_object_iter_key(i)}, {0}};
        metrics_value(out, family, labels,
                      json_integer_value(json_object_get(json_object_iter_value(i), key)));
    }
}

static void put_topics(FILE *out, json_t *topics) {
    static const struct metrics_family entries = {"newswire_topic_entries", METRICS_COUNTER,
                                                  "Entries of a topic in this log's life."},
                                       heads = {"newswire_topic_head", METRICS_GAUGE,
                                                "Number of a topic's newest entry."};
    put_topic_values(out, topics, &entries, "entries");
    put_topic_values(out, topics, &heads, "head");
}

static const char *word(const json_t *reader, const char *key) {
    return json_string_value(json_object_get(reader, key));
}

static bool same_reader(const json_t *a, const json_t *b) {
    return strcmp(word(a, "client"), word(b, "client")) == 0 &&
           strcmp(word(a, "topics"), word(b, "topics")) == 0;
}

/* Readers with the same name and topics can't be told apart: of them the furthest behind,
 * or the one heard of longest ago. NULL when one before it stands for all. */
static const json_t *worst(const json_t *readers, size_t i) {
    const json_t *found = json_array_get(readers, i);
    for (size_t k = 0; k < json_array_size(readers); k++) {
        const json_t *other = json_array_get(readers, k);
        if (k == i || !same_reader(found, other))
            continue;
        if (k < i)
            return NULL;
        if (json_integer_value(json_object_get(other, "lag")) >
            json_integer_value(json_object_get(found, "lag")))
            found = other;
    }
    return found;
}

static void put_readers(FILE *out, const json_t *readers, const struct metrics_family *family,
                        const char *key) {
    metrics_begin(out, family);
    for (size_t i = 0; i < json_array_size(readers); i++) {
        const json_t *reader = worst(readers, i), *value = json_object_get(reader, key);
        if (reader == NULL)
            continue;
        const struct metrics_label labels[] = {
            {"client", word(reader, "client")}, {"topics", word(reader, "topics")}, {0}};
        if (strcmp(key, "seen_usec") == 0)
            metrics_seconds(out, family, labels, json_integer_value(value));
        else
            metrics_value(out, family, labels, json_integer_value(value));
    }
}

/* ---- the process and its disk */

static void put_process(FILE *out, const struct control_subject *s) {
    static const struct metrics_family cpu = {"process_cpu_seconds", METRICS_COUNTER,
                                              "Time of the processor."},
                                       start = {"process_start_time_seconds", METRICS_GAUGE,
                                                "When the daemon started."},
                                       memory = {"process_resident_memory_bytes", METRICS_GAUGE,
                                                 "Memory in use."};
    struct rusage used;
    unsigned long long pages = 0;
    getrusage(RUSAGE_SELF, &used);
    metrics_begin(out, &cpu);
    metrics_seconds(out, &cpu, NULL,
                    (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * INT64_C(1000000) +
                        used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    metrics_begin(out, &start);
    metrics_seconds(out, &start, NULL, s->started_usec);
    FILE *f = fopen("/proc/self/statm", "re");
    if (f != NULL && fscanf(f, "%*u %llu", &pages) == 1) {
        metrics_begin(out, &memory);
        metrics_value(out, &memory, NULL, (int64_t)pages * sysconf(_SC_PAGESIZE));
    }
    if (f != NULL)
        fclose(f);
}

static void put_disk(FILE *out, const char *directory) {
    static const struct metrics_family size = {"newswire_disk_size_bytes", METRICS_GAUGE,
                                               "Size of the disk that the log is on."},
                                       left = {"newswire_disk_free_bytes", METRICS_GAUGE,
                                               "What that disk has left."};
    struct statvfs disk;
    if (statvfs(directory, &disk) < 0)
        return;
    metrics_begin(out, &size);
    metrics_value(out, &size, NULL, (int64_t)disk.f_blocks * (int64_t)disk.f_frsize);
    metrics_begin(out, &left);
    metrics_value(out, &left, NULL, (int64_t)disk.f_bavail * (int64_t)disk.f_frsize);
}

char *metrics_text(const struct control_subject *s, size_t *ret_len) {
    static const struct metrics_family behind = {"newswire_reader_behind", METRICS_GAUGE,
                                                 "Entries that a reader hasn't got yet."},
                                       seen = {"newswire_reader_seen_timestamp_seconds",
                                               METRICS_GAUGE, "When a reader was last heard of."};
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_len);
    json_t *status = out == NULL ? NULL : report_status(s);
    if (status != NULL) {
        put_info(out);
        put_health(out, s->health);
        put_rows(out, status);
        put_topics(out, json_object_get(status, "topics"));
        put_readers(out, json_object_get(status, "readers"), &behind, "lag");
        put_readers(out, json_object_get(status, "readers"), &seen, "seen_usec");
        put_disk(out, s->settings->log.directory);
        put_process(out, s);
        metrics_end(out);
    }
    json_decref(status);
    if (out != NULL && (fclose(out) != 0 || status == NULL)) {
        free(text);
        text = NULL;
    }
    return text;
}
