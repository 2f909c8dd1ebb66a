#include "clients/alert/judge.h"

#include "clients/tool/control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of a headline, so that there is room for the reason. */
enum { STORY_BYTES = 150 };

struct judging {
    const struct group_config *group;
    const struct look *look;
    struct findings *findings;
    bool chinese;
};

static long long number(const json_t *object, const char *key) {
    return (long long)json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    return value == NULL ? "" : value;
}

/* ": its words", or nothing. */
static const char *behind(const char *words) {
    static char buffer[CONTROL_REASON_BYTES + 8];
    snprintf(buffer, sizeof buffer, "%s%s", *words == '\0' ? "" : ": ", words);
    return buffer;
}

/* ---- what the daemon says */

static int judge_intake(const struct judging *j, const json_t *status) {
    struct finding f = {
        .kind = ALERT_INTAKE_STOPPED, .subject = "log", .for_usec = j->group->intake_stopped_usec};
    const char *spool = text(json_object_get(status, "spool"), "trouble");
    int r = 0;
    if (!json_is_true(json_object_get(status, "taking")))
        r = findings_add(j->findings, &f, "%s", text(status, "trouble"));
    f.subject = "spool";
    if (r == 0 && *spool != '\0')
        r = findings_add(j->findings, &f, "%s%s", j->chinese ? "投稿目录" : "the spool",
                         behind(spool));
    return r;
}

/* What of its health is a kind of its own is judged there. */
static int judge_health(const struct judging *j, const json_t *status) {
    const json_t *troubles = json_object_get(json_object_get(status, "health"), "troubles");
    bool taking = json_is_true(json_object_get(status, "taking"));
    int r = 0;
    for (size_t i = 0; r == 0 && i < json_array_size(troubles); i++) {
        const json_t *trouble = json_array_get(troubles, i);
        struct finding f = {.kind = ALERT_DEGRADED,
                            .subject = text(trouble, "of"),
                            .for_usec = j->group->degraded_usec};
        if (strcmp(f.subject, "checkpoints") != 0 && strcmp(f.subject, "spool") != 0 &&
            (strcmp(f.subject, "log") != 0 || taking))
            r = findings_add(j->findings, &f, "%s", text(trouble, "text"));
    }
    return r;
}

static const json_t *find_reader(const json_t *readers, const char *name) {
    for (size_t i = 0; i < json_array_size(readers); i++)
        if (strcmp(text(json_array_get(readers, i), "client"), name) == 0)
            return json_array_get(readers, i);
    return NULL;
}

static int judge_readers(const struct judging *j, const json_t *readers) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < json_array_size(readers); i++) {
        const json_t *reader = json_array_get(readers, i);
        struct finding f = {.kind = ALERT_READER_BEHIND,
                            .subject = text(reader, "client"),
                            .for_usec = j->group->reader_behind_usec};
        if (number(reader, "lag") > (long long)j->group->reader_lag)
            r = findings_add(j->findings, &f,
                             j->chinese ? "%s：落后 %lld 条" : "%s: %lld entries behind", f.subject,
                             number(reader, "lag"));
    }
    for (size_t i = 0; r == 0 && i < j->group->readers.n; i++) {
        struct finding f = {.kind = ALERT_READER_GONE,
                            .subject = j->group->readers.items[i],
                            .for_usec = j->group->reader_gone_usec};
        if (find_reader(readers, f.subject) == NULL)
            r = findings_add(j->findings, &f, "%s", f.subject);
    }
    return r;
}

static int judge_checkpoints(const struct judging *j, const json_t *status) {
    struct finding f = {
        .kind = ALERT_UNSIGNED, .subject = "checkpoints", .for_usec = j->group->unsigned_usec};
    const char *trouble = text(json_object_get(status, "checkpoints"), "trouble");
    return *trouble == '\0' ? 0 : findings_add(j->findings, &f, "%s", trouble);
}

/* "economy" covers economy/article. */
static bool covers(const char *wanted, const char *topic) {
    size_t n = strlen(wanted);
    return strncmp(topic, wanted, n) == 0 &&
           (topic[n] == '\0' || topic[n] == '/' || wanted[n - 1] == '/');
}

static bool is_wanted(const struct group_config *g, const char *topic) {
    for (size_t i = 0; i < g->page_topics.n; i++)
        if (covers(g->page_topics.items[i], topic))
            return true;
    return g->page_topics.n == 0;
}

static bool has_come(const struct group_config *g, json_t *topics) {
    for (void *i = json_object_iter(topics); i != NULL; i = json_object_iter_next(topics, i))
        if (is_wanted(g, json_object_iter_key(i)))
            return true;
    return false;
}

static int judge_page(const struct judging *j) {
    const struct group_config *g = j->group;
    json_t *came = j->look->came[g->index];
    int64_t start, deadline;
    char date[16], topics[200] = "";
    if (!look_page_time(g, j->look->now_usec, &start, &deadline))
        return 0;
    if (came == NULL) {
        j->findings->unknown[ALERT_NO_PAGE] = true;
        return 0;
    }
    if (has_come(g, json_object_get(came, "topics")))
        return 0;
    struct finding f = {.kind = ALERT_NO_PAGE, .subject = "page", .since_usec = deadline};
    zone_date(g->zone, deadline, date);
    for (size_t i = 0, n = 0; i < g->page_topics.n && n < sizeof topics; i++)
        n += (size_t)snprintf(topics + n, sizeof topics - n, " %s", g->page_topics.items[i]);
    return findings_add(j->findings, &f,
                        j->chinese ? "%s %02d:%02d 前未收到稿件%s%s"
                                   : "nothing came by %s %02d:%02d%s%s",
                        date, g->no_page_minute / 60, g->no_page_minute % 60,
                        *topics == '\0' ? ""
                        : j->chinese    ? "："
                                        : " in",
                        topics);
}

/* Without an answer nobody knows of the rest. */
static int judge_daemon(const struct judging *j) {
    static const enum alert_kind kinds[] = {ALERT_INTAKE_STOPPED, ALERT_DEGRADED,
                                            ALERT_NO_PAGE,        ALERT_READER_BEHIND,
                                            ALERT_READER_GONE,    ALERT_UNSIGNED};
    const json_t *status = j->look->status;
    if (!j->look->watches_daemon)
        return 0;
    if (status == NULL) {
        struct finding f = {.kind = ALERT_DAEMON_DOWN,
                            .subject = "newswired",
                            .for_usec = j->group->daemon_down_usec};
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            j->findings->unknown[kinds[i]] = true;
        return findings_add(j->findings, &f, "%s", j->look->no_answer);
    }
    int r = judge_intake(j, status);
    if (r == 0)
        r = judge_health(j, status);
    if (r == 0)
        r = judge_readers(j, json_object_get(status, "readers"));
    if (r == 0)
        r = judge_checkpoints(j, status);
    return r < 0 ? r : judge_page(j);
}

/* ---- what the ledgers say */

static const struct {
    enum alert_kind kind;
    size_t for_offset; /* of the threshold */
} trouble_kinds[] = {
    [TROUBLE_OUTLET] = {ALERT_OUTLET_FAILING, offsetof(struct group_config, outlet_failing_usec)},
    [TROUBLE_PARKED] = {ALERT_ITEM_PARKED, offsetof(struct group_config, item_parked_usec)},
    [TROUBLE_KILL] = {ALERT_KILL_UNCONFIRMED, offsetof(struct group_config, kill_unconfirmed_usec)},
};

static int judge_trouble(const struct judging *j, const struct look_trouble *t) {
    const struct trouble *k = &t->trouble;
    struct finding f = {.kind = trouble_kinds[k->type].kind, .since_usec = k->since_usec};
    char subject[2048];
    memcpy(&f.for_usec, (const char *)j->group + trouble_kinds[k->type].for_offset,
           sizeof f.for_usec);
    snprintf(subject, sizeof subject, "%s %s %s %" PRIu32, t->ledger, k->outlet, k->uri,
             k->version);
    f.subject = subject;
    if (k->more > 0)
        return findings_add(j->findings, &f,
                            j->chinese ? "另有 %" PRId64 " 项" : "%" PRId64 " more", k->more);
    if (k->type == TROUBLE_OUTLET)
        return findings_add(j->findings, &f, "%s%s", k->outlet, behind(k->text));
    const char *story =
        finding_brief(j->findings->arena, *k->headline == '\0' ? k->uri : k->headline, STORY_BYTES);
    return story == NULL
               ? -ENOMEM
               : findings_add(j->findings, &f, "%s: %s%s", k->outlet, story, behind(k->text));
}

static int judge_ledgers(const struct judging *j) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < j->look->n_troubles; i++)
        r = judge_trouble(j, &j->look->troubles[i]);
    return r;
}

/* ---- this machine */

static int judge_disks(const struct judging *j) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < j->look->n_disks; i++) {
        const struct look_disk *d = &j->look->disks[i];
        struct finding f = {.kind = ALERT_DISK_FULL, .subject = d->path};
        if (d->free_bytes < j->group->disk_free_bytes)
            r = findings_add(j->findings, &f,
                             j->chinese ? "%s：剩余 %" PRIu64 " MiB" : "%s: %" PRIu64 " MiB left",
                             d->path, d->free_bytes >> 20);
    }
    return r;
}

static int judge_faults(const struct judging *j) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < j->look->n_faults; i++) {
        const struct look_fault *k = j->look->faults[i];
        struct finding f = {
            .kind = ALERT_CANNOT_LOOK, .subject = k->what, .for_usec = j->group->cannot_look_usec};
        bool *unknown = j->findings->unknown;
        if (k->source == LOOK_LEDGER)
            unknown[ALERT_OUTLET_FAILING] = unknown[ALERT_ITEM_PARKED] =
                unknown[ALERT_KILL_UNCONFIRMED] = true;
        else if (k->source == LOOK_DISK)
            unknown[ALERT_DISK_FULL] = true;
        r = findings_add(j->findings, &f, "%s%s", k->what, behind(k->why));
    }
    return r;
}

int judge(const struct group_config *g, const struct look *l, struct findings *ret) {
    struct judging j = {g, l, ret, g->language == ALERT_CHINESE};
    *ret = (struct findings){.arena = l->arena};
    int r = judge_daemon(&j);
    if (r == 0)
        r = judge_ledgers(&j);
    if (r == 0)
        r = judge_disks(&j);
    return r < 0 ? r : judge_faults(&j);
}
