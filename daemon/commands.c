#include "daemon/commands.h"

#include "daemon/backup.h"
#include "daemon/catalog.h"
#include "daemon/held.h"
#include "daemon/metrics.h"
#include "daemon/rejected.h"
#include "daemon/report.h"
#include "proto/formats/timestamp.h"
#include "proto/journal/journal.h"
#include "proto/json.h"

#include <stdlib.h>
#include <string.h>

enum { SECTIONS_ARENA_BYTES = 1 << 20 };

static void status(struct control_call *call) {
    control_answer(call, report_status(control_subject(call)));
}

static void since(struct control_call *call) {
    const char *text = call->arguments[0];
    json_t *value = NULL;
    int64_t usec;
    if (text == NULL || !timestamp_read(slice_of(text), &usec)) {
        control_refuse(call, NEWSWIRE__V1__ERROR__CODE__invalid,
                       "since wants a TIME, such as 2031-04-09T06:00:00+08:00");
        return;
    }
    int r = report_since(control_subject(call), usec, &value);
    if (r < 0) {
        struct fault f;
        fault_set_error(&f, r, "", "the log can't be read");
        control_refuse_text(call, NEWSWIRE__V1__ERROR__CODE__damaged, fault_local(&f));
        return;
    }
    control_answer(call, value);
}

static void sections(struct control_call *call) {
    Newswire__V1__ReplayReply reply = NEWSWIRE__V1__REPLAY_REPLY__INIT;
    struct arena *a = arena_new(SECTIONS_ARENA_BYTES);
    json_t *array = NULL;
    if (a != NULL &&
        catalog_sections(&control_subject(call)->settings->rules, &trust_anybody, a, &reply) == 0)
        array = json_array();
    for (size_t i = 0; array != NULL && i < reply.n_sections; i++)
        json_array_append_new(array, json_message(&reply.sections[i]->base));
    arena_free(a);
    control_answer(call, array);
}

static void reload(struct control_call *call) {
    const struct control_subject *s = control_subject(call);
    char text[1024] = "";
    if (s->reload(s->userdata, &(struct audit_by){.transport = "control", .user = call->user}, text,
                  sizeof text) < 0)
        control_refuse_text(call, NEWSWIRE__V1__ERROR__CODE__invalid, text);
    else
        control_answer(call, json_pack("{s:s}", "waits_for_restart", text));
}

static void metrics(struct control_call *call) {
    size_t len;
    char *text = metrics_text(control_subject(call), &len);
    control_answer(call, text == NULL ? NULL : json_pack("{s:s#}", "text", text, len));
    free(text);
}

static void tell_level(struct control_call *call) {
    int configured = settings_priority(control_subject(call)->settings->service.log_level);
    control_answer(call,
                   json_pack("{s:s,s:s}", "log_level", settings_priority_word(journal_level()),
                             "configured", settings_priority_word(configured)));
}

/* Until the config is read again; without a word it is only told. */
static void log_level(struct control_call *call) {
    const char *word = call->arguments[0];
    int level = word == NULL ? 0 : settings_log_level(word);
    if (word == NULL) {
        tell_level(call);
        return;
    }
    if (level < 0) {
        control_refuse(call, NEWSWIRE__V1__ERROR__CODE__invalid,
                       "'%.40s' is none of error, warning, notice, info and debug", word);
        return;
    }
    journal_set_level(settings_priority(level));
    journal(JOURNAL_LOG_LEVEL_SET, &(struct journal_subject){.person = call->user},
            "%s has set the log level to %s, until the config is read again", call->user, word);
    tell_level(call);
}

static void help(struct control_call *call);

static const struct command commands[] = {
    {"status", "", "how the daemon is, and how far its readers are", status},
    {"since", "TIME", "which topics have entries from that time on", since},
    {"sections", "", "the sections, and the topics that can be subscribed to", sections},
    {"held", "", "what waits for its time or for a person", held_list},
    {"release", "ITEM NAME", "lets a held article go now", held_release},
    {"approve", "ITEM NAME", "approves a held article", held_approve},
    {"reject", "ITEM NAME NOTE", "takes a held article away", held_reject},
    {"rejected", "NAME", "files that the spool refused, or why it did one", rejected_look},
    {"put-back", "NAME", "drops a refused file anew", rejected_put_back},
    {"metrics", "", "how the daemon is, in the OpenMetrics format", metrics},
    {"log-level", "[LEVEL]", "what the journal leaves out; sets it until the next reload",
     log_level},
    {"backup", "begin | keep ID | end ID FOLDER REASON", "for newswirectl backup: the log's files",
     backup},
    {"reload", "", "reads the config again", reload},
    {"help", "", "what can be asked", help},
};

static void help(struct control_call *call) {
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        json_object_set_new(
            object, commands[i].name,
            json_pack("{s:s,s:s}", "arguments", commands[i].arguments, "help", commands[i].help));
    control_answer(call, object);
}

const struct command *command_find(const char *name) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}
