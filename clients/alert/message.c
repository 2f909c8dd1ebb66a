#include "clients/alert/message.h"

#include "proto/codec.h"
#include "proto/formats/timestamp.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TITLE_BYTES = 2048,
    TITLE_MOST = 360,
    KIND_BYTES = 96,
    LINE_BYTES = 640,       /* a finding's text and its times */
    FOOTER_BYTES = 400,     /* of the last two lines, with a name of this wire */
    WECOM_BYTES = 2048,     /* developer.work.weixin.qq.com/document/path/91770: of text.content */
    DINGTALK_BYTES = 15000, /* open.dingtalk.com: 20,000 of the whole message */
    OTHER_BYTES = 256 << 10,
};

/* What is said beside the kinds' own words. */
struct words {
    const char *before[4]; /* of events, by enum event_type */
    const char *name[4];   /* likewise, in JSON */
    const char *colon, *comma, *semicolon;
    const char *digest;
};

static const struct words languages[] = {
    [ALERT_ENGLISH] = {{"", "still: ", "over: ", "meanwhile, and over: "},
                       {"new", "still", "over", "passed"},
                       ": ",
                       ", ",
                       "; ",
                       "while it was quiet: "},
    [ALERT_CHINESE] = {{"", "仍未恢复：", "已恢复：", "其间发生，已恢复："},
                       {"new", "still", "over", "passed"},
                       "：",
                       "，",
                       "；",
                       "静默时段汇总："},
};

static const struct words *words_of(const struct message_facts *f) {
    return &languages[f->group->language];
}

/* ---- order */

static int compare(const void *left, const void *right) {
    const struct event *a = left, *b = right;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->alert->kind != b->alert->kind)
        return a->alert->kind < b->alert->kind ? -1 : 1;
    if (a->alert->since_usec != b->alert->since_usec)
        return a->alert->since_usec < b->alert->since_usec ? -1 : 1;
    return strcmp(a->alert->subject, b->alert->subject);
}

void message_sort(struct event *events, size_t n) {
    if (n > 1)
        qsort(events, n, sizeof *events, compare);
}

/* How many from i on are of the same type and kind. */
static size_t run_length(const struct message_facts *f, size_t i) {
    size_t n = 1;
    while (i + n < f->n && f->events[i + n].type == f->events[i].type &&
           f->events[i + n].alert->kind == f->events[i].alert->kind)
        n++;
    return n;
}

/* ---- the title */

/* "newswire: 2 outlets failing, item parked; over: disk full" */
static void write_title(const struct message_facts *f, char ret[static TITLE_BYTES]) {
    const struct words *w = words_of(f);
    size_t n =
        (size_t)snprintf(ret, TITLE_BYTES, "%s%s%s", f->group->title,
                         *f->group->title == '\0' ? "" : w->colon, f->digest ? w->digest : "");
    for (size_t i = 0, run; i < f->n && n < TITLE_BYTES; i += run) {
        char kind[KIND_BYTES];
        run = run_length(f, i);
        bool same = i > 0 && f->events[i - 1].type == f->events[i].type;
        alert_kind_title(f->events[i].alert->kind, run, (enum alert_language)f->group->language,
                         kind, sizeof kind);
        n += (size_t)snprintf(ret + n, TITLE_BYTES - n, "%s%s%s",
                              i == 0 ? ""
                              : same ? w->comma
                                     : w->semicolon,
                              same ? "" : w->before[f->events[i].type], kind);
    }
    ret[codec_fit_utf8(ret, TITLE_MOST)] = '\0';
}

/* ---- the text */

/* As clocks there show it: "05:12", of another day "04-08 05:12". */
static void write_time(const struct message_facts *f, int64_t usec, char ret[static 32]) {
    char day[16], today[16];
    int minute = zone_minute(f->group->zone, usec);
    zone_date(f->group->zone, usec, day);
    zone_date(f->group->zone, f->now_usec, today);
    if (strcmp(day, today) == 0)
        snprintf(ret, 32, "%02d:%02d", minute / 60, minute % 60);
    else
        snprintf(ret, 32, "%s %02d:%02d", day + sizeof "2031", minute / 60, minute % 60);
}

static void write_line(const struct message_facts *f, const struct event *e,
                       char ret[static LINE_BYTES]) {
    char since[32], over[32];
    bool chinese = f->group->language == ALERT_CHINESE;
    write_time(f, e->alert->since_usec, since);
    write_time(f, e->alert->over_usec, over);
    if (e->alert->over_usec > 0)
        snprintf(ret, LINE_BYTES, chinese ? "- %s（%s 至 %s）\n" : "- %s (%s to %s)\n",
                 e->alert->text, since, over);
    else
        snprintf(ret, LINE_BYTES, chinese ? "- %s（自 %s）\n" : "- %s (since %s)\n", e->alert->text,
                 since);
}

static void write_heading(const struct message_facts *f, size_t i, char ret[static LINE_BYTES]) {
    const struct words *w = words_of(f);
    char kind[KIND_BYTES];
    alert_kind_title(f->events[i].alert->kind, run_length(f, i),
                     (enum alert_language)f->group->language, kind, sizeof kind);
    snprintf(ret, LINE_BYTES, "%s%s%s\n", w->before[f->events[i].type], kind,
             f->group->language == ALERT_CHINESE ? "：" : ":");
}

static void write_footer(FILE *out, const struct message_facts *f, size_t more) {
    bool chinese = f->group->language == ALERT_CHINESE;
    char date[16];
    int minute = zone_minute(f->group->zone, f->now_usec);
    zone_date(f->group->zone, f->now_usec, date);
    if (more > 0)
        fprintf(out,
                chinese ? "另有 %zu 项，见 newswire-alert status\n"
                        : "and %zu more; 'newswire-alert status' names them\n",
                more);
    fprintf(out,
            chinese ? "%.200s，%s %02d:%02d；未恢复共 %zu 项\n"
                    : "%.200s, %s %02d:%02d; %zu open in all\n",
            f->wire, date, minute / 60, minute % 60, f->open);
}

static size_t room(const struct group_config *g) {
    return g->is_mail                    ? OTHER_BYTES
           : g->format == ALERT_WECOM    ? WECOM_BYTES
           : g->format == ALERT_DINGTALK ? DINGTALK_BYTES
                                         : OTHER_BYTES;
}

/* As many as there is room for, and a count of the rest. *ret_told: how many. */
static char *write_text(const struct message_facts *f, size_t title_len, size_t *ret_told) {
    char *text = NULL, heading[LINE_BYTES], line[LINE_BYTES];
    size_t len, used = title_len + 1 + FOOTER_BYTES, most = room(f->group), i = 0, run_end = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return NULL;
    for (; i < f->n && i < f->group->lines; i++) {
        *heading = '\0';
        if (i == run_end) {
            write_heading(f, i, heading);
            run_end = i + run_length(f, i);
        }
        write_line(f, &f->events[i], line);
        used += strlen(heading) + strlen(line);
        if (used > most)
            break;
        fputs(heading, out);
        fputs(line, out);
    }
    write_footer(out, f, f->n - i);
    *ret_told = i;
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* ---- JSON */

static void set_time(json_t *object, const char *key, int64_t usec) {
    char text[TIMESTAMP_BYTES];
    timestamp_write(usec, text);
    json_object_set_new(object, key, json_string(text));
}

static json_t *event_json(const struct words *w, const struct event *e) {
    json_t *object =
        json_pack("{s:s,s:s,s:s,s:s}", "kind", alert_kind_name(e->alert->kind), "event",
                  w->name[e->type], "subject", e->alert->subject, "text", e->alert->text);
    set_time(object, "since", e->alert->since_usec);
    if (e->alert->over_usec > 0)
        set_time(object, "over", e->alert->over_usec);
    return object;
}

static char *write_json(const struct message_facts *f, const struct message *m, size_t told,
                        bool test) {
    json_t *alerts = json_array();
    for (size_t i = 0; i < told; i++)
        json_array_append_new(alerts, event_json(words_of(f), &f->events[i]));
    json_t *object = json_pack(
        "{s:s,s:s,s:s,s:s,s:b,s:b,s:b,s:I,s:I,s:o}", "title", m->title, "text", m->text, "wire",
        f->wire, "group", f->group->name, "urgent", m->urgent, "digest", f->digest, "test", test,
        "open", (json_int_t)f->open, "more", (json_int_t)(f->n - told), "alerts", alerts);
    set_time(object, "made", f->now_usec);
    char *json = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return json;
}

/* ---- all of it */

static int finish(const struct message_facts *f, struct message *m, size_t told, bool test) {
    if (m->title != NULL && m->text != NULL)
        m->json = write_json(f, m, told, test);
    if (m->json != NULL)
        return 0;
    message_done(m);
    return -ENOMEM;
}

int message_write(const struct message_facts *f, struct message *m) {
    char title[TITLE_BYTES];
    size_t told = 0;
    write_title(f, title);
    m->title = strdup(title);
    m->text = write_text(f, strlen(title), &told);
    for (size_t i = 0; i < f->n; i++)
        m->urgent = m->urgent || f->group->is_urgent[f->events[i].alert->kind];
    return finish(f, m, told, false);
}

/* A message about nothing that is on the board. */
static int write_plain(const struct message_facts *f, const char *title, const char *text,
                       bool test, struct message *m) {
    const struct group_config *g = f->group;
    char date[16];
    int minute = zone_minute(g->zone, f->now_usec);
    zone_date(g->zone, f->now_usec, date);
    m->title = m->text = m->json = NULL;
    if (asprintf(&m->title, "%s%s%s", g->title, *g->title == '\0' ? "" : words_of(f)->colon,
                 title) < 0)
        m->title = NULL;
    if (asprintf(&m->text, "%s\n%s%s%s %02d:%02d\n", text, f->wire, words_of(f)->comma, date,
                 minute / 60, minute % 60) < 0)
        m->text = NULL;
    return finish(f, m, 0, test);
}

int message_write_brief(const struct group_config *g, const char *wire, struct message *m) {
    struct message_facts f = {.group = g, .wire = wire, .now_usec = m->made_usec};
    bool chinese = g->language == ALERT_CHINESE;
    struct message brief = *m;
    int r = write_plain(&f, chinese ? "有新情况" : "there is news",
                        chinese ? "完整消息被对方拒收，内容见 newswire-alert status。"
                                : "The whole message was refused; 'newswire-alert status' has it.",
                        false, &brief);
    if (r == 0)
        *m = brief;
    return r;
}

int message_write_test(const struct group_config *g, const char *wire, int64_t now,
                       struct message *m) {
    struct message_facts f = {.group = g, .wire = wire, .now_usec = now};
    bool chinese = g->language == ALERT_CHINESE;
    *m = (struct message){.made_usec = now};
    return write_plain(&f, chinese ? "测试消息" : "this is a test",
                       chinese ? "这是一条测试消息，无需处理。" : "It is a test: nothing is wrong.",
                       true, m);
}
