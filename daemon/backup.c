#include "daemon/backup.h"

#include "proto/journal/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A command on its way to the log and back. */
struct errand {
    struct admit_waiter waiter; /* first: the log's cookie points here */
    struct control_call *call;
    enum log_ask_type type;
};

static const struct {
    const char *word;
    enum log_ask_type type;
} steps[] = {
    {"begin", LOG_ASK_SNAPSHOT}, {"keep", LOG_ASK_SNAPSHOT_KEEP}, {"end", LOG_ASK_SNAPSHOT_END}};

static json_t *describe(const struct log_snapshot *s) {
    json_t *files = json_array();
    for (size_t i = 0; i < s->n; i++)
        json_array_append_new(files, json_pack("{s:s,s:I}", "name", s->files[i].name, "bytes",
                                               (json_int_t)s->files[i].bytes));
    return json_pack("{s:I,s:s,s:I,s:I,s:I,s:o}", "id", (json_int_t)s->id, "directory",
                     s->directory, "epoch", (json_int_t)s->epoch, "head", (json_int_t)s->head,
                     "entries", (json_int_t)s->entries, "files", files);
}

static const char *argument(const struct control_call *call, size_t i) {
    return call->arguments[i] == NULL ? "" : call->arguments[i];
}

/* Where a copy stands, and up to which entry, as who made it says. */
static void tell_end(const struct control_call *call, uint64_t head) {
    struct journal_subject about = {
        .person = call->user, .file = argument(call, 2), .seq = head, .reason = argument(call, 3)};
    if (*about.reason == '\0')
        journal(JOURNAL_BACKUP_MADE, &about, "%s made a backup in %s, up to entry %llu", call->user,
                about.file, (unsigned long long)head);
    else
        journal(JOURNAL_BACKUP_FAILED, &about, "a backup in %s by %s was given up: %s", about.file,
                call->user, about.reason);
}

static void decided(struct admit_waiter *waiter, const struct log_result *r) {
    struct errand *e = (struct errand *)waiter;
    if (r->outcome != LOG_ANSWERED) {
        control_refuse_text(e->call, NEWSWIRE__V1__ERROR__CODE__busy, fault_local(&r->fault));
    } else {
        if (e->type == LOG_ASK_SNAPSHOT_END)
            tell_end(e->call, r->seq);
        control_answer(e->call, r->snapshot != NULL ? describe(r->snapshot) : json_object());
    }
    free(e);
}

/* The step that is asked for; false: there is no such. */
static bool find_step(const struct control_call *call, struct log_ask *ret) {
    char *end;
    const char *id = argument(call, 1);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(argument(call, 0), steps[i].word) == 0) {
            ret->type = steps[i].type;
            ret->hold = strtoull(id, &end, 10);
            return ret->type == LOG_ASK_SNAPSHOT || (*id != '\0' && *end == '\0');
        }
    return false;
}

void backup(struct control_call *call) {
    struct errand *e = calloc(1, sizeof *e);
    struct log_ask ask = {0};
    if (e == NULL) {
        control_refuse(call, NEWSWIRE__V1__ERROR__CODE__busy, "the daemon is short of memory");
        return;
    }
    e->waiter.decided = decided;
    e->call = call;
    ask.cookie = &e->waiter;
    bool good = find_step(call, &ask);
    e->type = ask.type;
    if (good && log_ask(control_subject(call)->log, &ask) == 0)
        return;
    if (good)
        control_refuse(call, NEWSWIRE__V1__ERROR__CODE__busy, "the log's queue is full; try again");
    else
        control_refuse(call, NEWSWIRE__V1__ERROR__CODE__invalid,
                       "backup wants begin, keep ID, or end ID");
    free(e);
}
