#include "clients/alert/state.h"

#include "clients/tool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FORMAT = 1, PATH_BYTES = 4096 };

int state_new(const struct alert_config *c, struct state *s) {
    *s = (struct state){c, calloc(c->n_groups + 1, sizeof *s->boards)};
    for (size_t i = 0; s->boards != NULL && i < c->n_groups; i++)
        s->boards[i] = (struct board){.group = c->groups[i], .wire = c->watch.name};
    return s->boards == NULL ? -ENOMEM : 0;
}

void state_done(struct state *s) {
    for (size_t i = 0; s->boards != NULL && i < s->config->n_groups; i++)
        board_done(&s->boards[i]);
    free(s->boards);
    s->boards = NULL;
}

/* ---- to JSON */

static json_t *number(int64_t value) {
    return json_integer((json_int_t)value);
}

static json_t *message_json(const struct message *m) {
    if (*m->id == '\0')
        return json_null();
    return json_pack("{s:s,s:s,s:s,s:s,s:b,s:o,s:o,s:i,s:i,s:s}", "id", m->id, "title", m->title,
                     "text", m->text, "json", m->json, "urgent", m->urgent, "made_usec",
                     number(m->made_usec), "next_usec", number(m->next_usec), "tries",
                     (int)m->tries, "refusals", (int)m->refusals, "error", m->error);
}

static json_t *alert_json(const struct alert *a) {
    return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o}", "kind", alert_kind_name(a->kind), "subject",
                     a->subject, "text", a->text, "since_usec", number(a->since_usec), "ripe_usec",
                     number(a->ripe_usec), "told_usec", number(a->told_usec), "over_usec",
                     number(a->over_usec));
}

json_t *state_board(const struct board *b) {
    json_t *alerts = json_array();
    for (size_t i = 0; i < b->n; i++)
        json_array_append_new(alerts, alert_json(&b->alerts[i]));
    return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o}", "group", b->group->name, "alerts", alerts,
                     "paced_usec", number(b->paced_usec), "held_usec", number(b->held_usec),
                     "sent_usec", number(b->sent_usec), "message", message_json(&b->message));
}

/* ---- from JSON */

static int64_t get(const json_t *object, const char *key) {
    return (int64_t)json_integer_value(json_object_get(object, key));
}

static const char *get_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static int load_alert(struct board *b, const json_t *object) {
    struct alert a = {.kind = alert_kind_find(get_text(object, "kind")),
                      .subject = (char *)get_text(object, "subject"),
                      .text = (char *)get_text(object, "text"),
                      .since_usec = get(object, "since_usec"),
                      .ripe_usec = get(object, "ripe_usec"),
                      .told_usec = get(object, "told_usec"),
                      .over_usec = get(object, "over_usec")};
    return a.kind == ALERT_KINDS ? 0 : board_add(b, &a);
}

static int load_message(struct message *m, const json_t *object) {
    if (!json_is_object(object))
        return 0;
    *m = (struct message){.title = strdup(get_text(object, "title")),
                          .text = strdup(get_text(object, "text")),
                          .json = strdup(get_text(object, "json")),
                          .urgent = json_is_true(json_object_get(object, "urgent")),
                          .made_usec = get(object, "made_usec"),
                          .next_usec = get(object, "next_usec"),
                          .tries = (unsigned)get(object, "tries"),
                          .refusals = (unsigned)get(object, "refusals")};
    snprintf(m->id, sizeof m->id, "%s", get_text(object, "id"));
    snprintf(m->error, sizeof m->error, "%s", get_text(object, "error"));
    return m->title == NULL || m->text == NULL || m->json == NULL ? -ENOMEM : 0;
}

static int load_board(struct state *s, const json_t *object) {
    const struct group_config *g = alert_group(s->config, get_text(object, "group"));
    const json_t *alerts = json_object_get(object, "alerts");
    if (g == NULL)
        return 0;
    struct board *b = &s->boards[g->index];
    b->paced_usec = get(object, "paced_usec");
    b->held_usec = get(object, "held_usec");
    b->sent_usec = get(object, "sent_usec");
    int r = load_message(&b->message, json_object_get(object, "message"));
    for (size_t i = 0; r == 0 && i < json_array_size(alerts); i++)
        r = load_alert(b, json_array_get(alerts, i));
    b->changed = false;
    return r;
}

int state_load(struct state *s) {
    json_error_t error;
    if (access(s->config->watch.state, R_OK) < 0)
        return -errno;
    json_t *file = json_load_file(s->config->watch.state, JSON_REJECT_DUPLICATES, &error);
    const json_t *groups = json_object_get(file, "groups");
    int r = get(file, "newswire_alert") == FORMAT && json_is_array(groups) ? 0 : -EINVAL;
    for (size_t i = 0; r == 0 && i < json_array_size(groups); i++)
        r = load_board(s, json_array_get(groups, i));
    json_decref(file);
    return r;
}

/* ---- the file */

int state_make_folder(const char *path) {
    char copy[PATH_BYTES];
    snprintf(copy, sizeof copy, "%s", path);
    return mkdir(dirname(copy), 0750) < 0 && errno != EEXIST ? -errno : 0;
}

static int replace(const char *path, struct slice bytes) {
    char fresh[PATH_BYTES], folder[PATH_BYTES];
    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
        return -ENAMETOOLONG;
    int r = file_write(AT_FDCWD, fresh, O_TRUNC, 0640, bytes);
    if (r == 0 && rename(fresh, path) < 0)
        r = -errno;
    snprintf(folder, sizeof folder, "%s", path);
    return r < 0 ? r : file_sync_folder(dirname(folder));
}

int state_save(const struct state *s) {
    json_t *groups = json_array();
    for (size_t i = 0; i < s->config->n_groups; i++)
        json_array_append_new(groups, state_board(&s->boards[i]));
    json_t *file = json_pack("{s:i,s:o}", "newswire_alert", FORMAT, "groups", groups);
    char *text = file == NULL ? NULL : json_dumps(file, JSON_INDENT(1));
    int r = text == NULL ? -ENOMEM : replace(s->config->watch.state, slice_of(text));
    free(text);
    json_decref(file);
    return r;
}

bool state_changed(struct state *s) {
    bool changed = false;
    for (size_t i = 0; i < s->config->n_groups; i++) {
        changed = changed || s->boards[i].changed;
        s->boards[i].changed = false;
    }
    return changed;
}
