#include "clients/ctl/audit_line.h"

#include "proto/journal/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARTICLES_ROOM = 128 };

const char *const audit_words[] = {"all",       "started",  "stopped", "reloaded", "sent",
                                   "corrected", "moved",    "killed",  "held",     "approved",
                                   "released",  "rejected", "refused", "put-back", "log-level",
                                   "backup",    NULL};

/* Which lines there are, and the words for them. */
static const struct {
    enum journal_event event;
    const char *word;
} kinds[] = {
    {JOURNAL_STARTED, "started"},
    {JOURNAL_STOPPED, "stopped"},
    {JOURNAL_RELOADED, "reloaded"},
    {JOURNAL_ARTICLE_SENT, "sent"},
    {JOURNAL_ARTICLE_CORRECTED, "corrected"},
    {JOURNAL_ARTICLE_MOVED, "moved"},
    {JOURNAL_ARTICLE_KILLED, "killed"},
    {JOURNAL_ARTICLE_HELD, "held"},
    {JOURNAL_ARTICLE_APPROVED, "approved"},
    {JOURNAL_ARTICLE_RELEASED, "released"},
    {JOURNAL_ARTICLE_REJECTED, "rejected"},
    {JOURNAL_FILE_PUT_BACK, "put-back"},
    {JOURNAL_LOG_LEVEL_SET, "log-level"},
    {JOURNAL_BACKUP_MADE, "backup"},
    {JOURNAL_ARTICLE_REFUSED, "refused"},
    {JOURNAL_REQUEST_REFUSED, "refused"},
    {JOURNAL_FILE_REFUSED, "refused"},
    {JOURNAL_CONNECTION_REFUSED, "refused"},
    {JOURNAL_SUBSCRIPTION_REFUSED, "refused"},
    {JOURNAL_FEED_ATTACKED, "refused"},
    {JOURNAL_RELOAD_FAILED, "refused"},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static const struct {
    const char *name, *json;
} fields[AUDIT_FIELDS] = {
    [AUDIT_ID] = {"MESSAGE_ID", NULL},
    [AUDIT_MESSAGE] = {"MESSAGE", NULL},
    [AUDIT_WHO] = {"NEWSWIRE_WHO", "who"},
    [AUDIT_TRANSPORT] = {"NEWSWIRE_TRANSPORT", "transport"},
    [AUDIT_CLIENT] = {"NEWSWIRE_CLIENT", "client"},
    [AUDIT_KEY] = {"NEWSWIRE_KEY", "key"},
    [AUDIT_ADDRESS] = {"NEWSWIRE_ADDRESS", "address"},
    [AUDIT_USER] = {"NEWSWIRE_USER", "user"},
    [AUDIT_PERSON] = {"NEWSWIRE_PERSON", "person"},
    [AUDIT_FILE] = {"NEWSWIRE_FILE", "file"},
    [AUDIT_ORIGIN] = {"NEWSWIRE_ORIGIN", "origin"},
    [AUDIT_FROM] = {"NEWSWIRE_FROM", "from"},
    [AUDIT_URI] = {"NEWSWIRE_URI", NULL},
    [AUDIT_TOPIC] = {"NEWSWIRE_TOPIC", NULL},
    [AUDIT_REASON] = {"NEWSWIRE_REASON", "reason"},
    [AUDIT_RUN] = {"NEWSWIRE_AUDIT_RUN", NULL},
    [AUDIT_NUMBER] = {"NEWSWIRE_AUDIT_NUMBER", NULL},
};

static const char article_field[] = "NEWSWIRE_ARTICLE";

const char *audit_field_json(enum audit_field field) {
    return fields[field].json;
}

const char *audit_line_text(const struct audit_line *line, enum audit_field field) {
    return line->values[field] == NULL ? "" : line->values[field];
}

uint64_t audit_line_number(const struct audit_line *line, enum audit_field field) {
    return strtoull(audit_line_text(line, field), NULL, 10);
}

int audit_line_match(sd_journal *j) {
    char match[64];
    int r = 0;
    for (size_t i = 0; r >= 0 && i < KINDS; i++) {
        snprintf(match, sizeof match, "MESSAGE_ID=%s", journal_events[kinds[i].event].id);
        r = sd_journal_add_match(j, match, 0);
    }
    return r < 0 ? r : 0;
}

/* ---- reading */

/* "seq version topic uri" in a copy of its own. False when it is none. */
static bool split(char *copy, struct audit_article *ret) {
    int at = 0, end = 0;
    if (sscanf(copy, "%" SCNu64 " %" SCNu32 " %n%*s%n", &ret->seq, &ret->version, &at, &end) != 2 ||
        end == 0 || copy[end] != ' ')
        return false;
    copy[end] = '\0';
    ret->uri = copy + end + 1;
    memmove(copy, copy + at, (size_t)(end - at) + 1);
    ret->topic = copy;
    if (strcmp(copy, "-") == 0)
        *copy = '\0';
    return true;
}

/* What is no article is passed over. 0 or -ENOMEM. */
static int add_article(struct audit_line *line, const char *text, size_t len) {
    struct audit_article a;
    if (line->n == line->room) {
        size_t room = line->room == 0 ? ARTICLES_ROOM : 2 * line->room;
        struct audit_article *grown = reallocarray(line->articles, room, sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        line->articles = grown;
        line->room = room;
    }
    char *copy = strndup(text, len);
    if (copy == NULL)
        return -ENOMEM;
    if (split(copy, &a))
        line->articles[line->n++] = a;
    else
        free(copy);
    return 0;
}

static int add_field(struct audit_line *line, const char *data, size_t len) {
    const char *equals = memchr(data, '=', len);
    size_t name_len = equals == NULL ? 0 : (size_t)(equals - data);
    if (name_len == sizeof article_field - 1 && memcmp(data, article_field, name_len) == 0)
        return add_article(line, equals + 1, len - name_len - 1);
    for (size_t i = 0; i < AUDIT_FIELDS; i++)
        if (line->values[i] == NULL && name_len == strlen(fields[i].name) &&
            memcmp(data, fields[i].name, name_len) == 0) {
            line->values[i] = strndup(equals + 1, len - name_len - 1);
            return line->values[i] == NULL ? -ENOMEM : 0;
        }
    return 0;
}

static int by_seq(const void *a, const void *b) {
    const struct audit_article *x = a, *y = b;
    return x->seq != y->seq ? (x->seq > y->seq) - (x->seq < y->seq) : strcmp(x->uri, y->uri);
}

int audit_line_read(sd_journal *j, struct audit_line *line) {
    const void *data;
    size_t len;
    int r = sd_journal_get_realtime_usec(j, &line->usec);
    if (r < 0)
        return r;
    sd_journal_restart_data(j);
    while ((r = sd_journal_enumerate_available_data(j, &data, &len)) > 0)
        if (add_field(line, data, len) < 0)
            return -ENOMEM;
    if (line->n > 0)
        qsort(line->articles, line->n, sizeof *line->articles, by_seq);
    line->word = "";
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(audit_line_text(line, AUDIT_ID), journal_events[kinds[i].event].id) == 0)
            line->word = kinds[i].word;
    return r;
}

void audit_line_clear(struct audit_line *line) {
    for (size_t i = 0; i < AUDIT_FIELDS; i++)
        free(line->values[i]);
    for (size_t i = 0; i < line->n; i++)
        free(line->articles[i].topic);
    free(line->articles);
    *line = (struct audit_line){0};
}
