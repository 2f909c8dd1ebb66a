/*
 * newswirectl audit: who did what, by the lines that newswired leaves in the journal, in
 * sentences. Asks no daemon.
 */
#include "clients/ctl/audit_line.h"
#include "clients/ctl/ctl.h"
#include "clients/tool/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>

struct query {
    const char *since, *until, *client, *user, *uri, *topic, *journal, *unit;
    int word; /* of audit_words */
    bool json;
    int64_t since_usec, until_usec; /* UTC; 0: not given */
};

static const struct options_row rows[] = {
    {"since", OPTIONS_STRING, offsetof(struct query, since), "TIME", NULL,
     "2031-04-09, '2031-04-09 07:30', yesterday, 2h"},
    {"until", OPTIONS_STRING, offsetof(struct query, until), "TIME", NULL, "likewise"},
    {"event", OPTIONS_CHOICE, offsetof(struct query, word), "NAME", audit_words,
     "sent, corrected, moved, killed, held, refused, ..."},
    {"client", OPTIONS_STRING, offsetof(struct query, client), "NAME", NULL, "what it did"},
    {"user", OPTIONS_STRING, offsetof(struct query, user), "NAME", NULL,
     "what that person or local account did"},
    {"uri", OPTIONS_STRING, offsetof(struct query, uri), "URI", NULL, "what was done to it"},
    {"topic", OPTIONS_STRING, offsetof(struct query, topic), "PREFIX", NULL,
     "what was done on topics that begin so"},
    {"journal", OPTIONS_STRING, offsetof(struct query, journal), "PATH", NULL,
     "a journal file, or a folder of them; default: the system's"},
    {"unit", OPTIONS_STRING, offsetof(struct query, unit), "NAME", NULL,
     "the daemon's: newswired.service, or '*': whoever wrote it"},
    {"json", OPTIONS_FLAG, offsetof(struct query, json), NULL, NULL,
     "a line of JSON for each article or event"},
    {0},
};

static const struct options options = {
    .program = "newswirectl audit",
    .arguments = "",
    .summary = "Who sent, corrected, moved, killed, held, approved, released and rejected what,\n"
               "what was refused, and who started and reloaded the daemon: from the journal.\n"
               "What the journal has lost is said, and the exit code is 65 then.",
    .rows = rows,
};

/* ---- what is asked for */

/* "Ann (desk)" is Ann. */
static bool is_person(const char *person, const char *wanted) {
    size_t len = strlen(wanted);
    return strncmp(person, wanted, len) == 0 &&
           (person[len] == '\0' || strncmp(person + len, " (", 2) == 0);
}

static bool wants(const struct query *q, const struct audit_line *line) {
    if (q->word != 0 && strcmp(line->word, audit_words[q->word]) != 0)
        return false;
    if (q->client != NULL && strcmp(audit_line_text(line, AUDIT_CLIENT), q->client) != 0)
        return false;
    return q->user == NULL || strcmp(audit_line_text(line, AUDIT_USER), q->user) == 0 ||
           is_person(audit_line_text(line, AUDIT_PERSON), q->user);
}

static bool begins(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool wants_story(const struct query *q, const struct audit_line *line, const char *uri,
                        const char *topic) {
    return (q->uri == NULL || strcmp(uri, q->uri) == 0) &&
           (q->topic == NULL || begins(topic, q->topic) ||
            begins(audit_line_text(line, AUDIT_FROM), q->topic));
}

/* ---- printing; a is NULL when the line is about no article, or refuses one */

static void print_json(const struct audit_line *line, const struct audit_article *a) {
    json_t *object =
        json_pack("{s:I,s:s}", "time_usec", (json_int_t)line->usec, "event", line->word);
    const char *uri = a == NULL ? line->values[AUDIT_URI] : a->uri;
    const char *topic = a == NULL ? line->values[AUDIT_TOPIC] : a->topic;
    for (enum audit_field i = 0; i < AUDIT_FIELDS; i++)
        if (audit_field_json(i) != NULL && line->values[i] != NULL)
            json_object_set_new(object, audit_field_json(i), json_string(line->values[i]));
    if (uri != NULL)
        json_object_set_new(object, "uri", json_string(uri));
    if (topic != NULL)
        json_object_set_new(object, "topic", json_string(topic));
    if (a != NULL) {
        json_object_set_new(object, "version", json_integer(a->version));
        json_object_set_new(object, "seq", json_integer((json_int_t)a->seq));
    }
    if (line->values[AUDIT_NUMBER] != NULL) {
        json_object_set_new(object, "run_usec",
                            json_integer((json_int_t)audit_line_number(line, AUDIT_RUN)));
        json_object_set_new(object, "number",
                            json_integer((json_int_t)audit_line_number(line, AUDIT_NUMBER)));
    }
    ctl_print_json(object, JSON_COMPACT);
    json_decref(object);
}

/* Always with its day: it may be printed and kept. */
static void print_time(uint64_t usec) {
    time_t when = (time_t)(usec / 1000000);
    char text[32];
    struct tm tm;
    strftime(text, sizeof text, "%F %T", localtime_r(&when, &tm));
    fputs(text, stdout);
}

static void print_text(const char *before, const char *text) {
    if (*text != '\0')
        printf("%s%s", before, words_text(text));
}

/* "client desk corrected urn:x, version 2, politics/article, entry 17, signed by office". */
static void print_sentence(const struct audit_line *line, const struct audit_article *a) {
    print_time(line->usec);
    if (line->values[AUDIT_NUMBER] == NULL) {
        print_text("  ", audit_line_text(line, AUDIT_MESSAGE));
        putchar('\n');
        return;
    }
    print_text("  ", audit_line_text(line, AUDIT_WHO));
    print_text(" ", line->word);
    if (a != NULL) {
        print_text(" ", a->uri);
        printf(", version %" PRIu32, a->version);
        print_text(", ", a->topic);
        if (a->seq > 0)
            printf(", entry %" PRIu64, a->seq);
        print_text(", from ", audit_line_text(line, AUDIT_FROM));
        print_text(", signed by ", audit_line_text(line, AUDIT_ORIGIN));
    }
    print_text(": ", audit_line_text(line, AUDIT_REASON));
    putchar('\n');
}

static void print_line(const struct query *q, const struct audit_line *line) {
    void (*print)(const struct audit_line *, const struct audit_article *) =
        q->json ? print_json : print_sentence;
    if (!wants(q, line))
        return;
    for (size_t i = 0; i < line->n; i++)
        if (wants_story(q, line, line->articles[i].uri, line->articles[i].topic))
            print(line, &line->articles[i]);
    if (line->n == 0 &&
        wants_story(q, line, audit_line_text(line, AUDIT_URI), audit_line_text(line, AUDIT_TOPIC)))
        print(line, NULL);
}

/* ---- what is missing */

/* A run of the daemon, as far as it was read. */
struct run {
    uint64_t id, number;
    bool stopped;
};

struct runs {
    struct run *list;
    size_t n, room;
    uint64_t missing;
};

/* A new one when it isn't there; NULL when out of memory. */
static struct run *find_run(struct runs *runs, uint64_t id) {
    for (size_t i = runs->n; i > 0; i--)
        if (runs->list[i - 1].id == id)
            return &runs->list[i - 1];
    if (runs->n == runs->room) {
        size_t room = runs->room == 0 ? 16 : 2 * runs->room;
        struct run *grown = reallocarray(runs->list, room, sizeof *grown);
        if (grown == NULL)
            return NULL;
        runs->list = grown;
        runs->room = room;
    }
    runs->list[runs->n] = (struct run){.id = id};
    return &runs->list[runs->n++];
}

static void print_missing(const struct query *q, const struct audit_line *line, uint64_t n) {
    if (q->json) {
        json_t *object = json_pack("{s:I,s:s,s:I}", "time_usec", (json_int_t)line->usec, "event",
                                   "missing", "count", (json_int_t)n);
        ctl_print_json(object, JSON_COMPACT);
        json_decref(object);
        return;
    }
    print_time(line->usec);
    printf("  %" PRIu64 " lines are MISSING before this: the journal has lost them\n", n);
}

/* A killed daemon may have put on the log what no line tells of. */
static void print_killed(const struct query *q, const struct audit_line *line) {
    if (q->json)
        return;
    print_time(line->usec);
    puts("  newswired had not stopped before: what it took last may stand in the log alone");
}

/* Says what is missing between the lines before and this one. What is older than the
 * journal, or than the time that was asked for, is not missed. 0 or -ENOMEM. */
static int check(const struct query *q, struct runs *runs, const struct audit_line *line) {
    uint64_t id = audit_line_number(line, AUDIT_RUN),
             number = audit_line_number(line, AUDIT_NUMBER);
    bool first = runs->n == 0;
    bool killed = !first && runs->list[runs->n - 1].id != id && !runs->list[runs->n - 1].stopped;
    struct run *run = find_run(runs, id);
    if (run == NULL)
        return -ENOMEM;
    if (!first && number > run->number + 1) {
        runs->missing += number - run->number - 1;
        print_missing(q, line, number - run->number - 1);
    }
    if (killed && run->number == 0)
        print_killed(q, line);
    run->number = number;
    run->stopped = strcmp(line->word, "stopped") == 0;
    return 0;
}

/* ---- the journal */

static int open_journal(const struct query *q, sd_journal **ret) {
    const char *file[] = {q->journal, NULL};
    struct stat st;
    if (q->journal == NULL)
        return sd_journal_open(ret, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
    if (stat(q->journal, &st) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? sd_journal_open_directory(ret, q->journal, 0)
                               : sd_journal_open_files(ret, file, 0);
}

/* The unit is what journald itself says of the writer. */
static int choose(const struct query *q, sd_journal *j) {
    char match[300];
    int r = sd_journal_set_data_threshold(j, 0);
    if (r >= 0)
        r = audit_line_match(j);
    if (r < 0 || strcmp(q->unit, "*") == 0)
        return r;
    snprintf(match, sizeof match, "_SYSTEMD_UNIT=%.200s", q->unit);
    return sd_journal_add_match(j, match, 0);
}

/* All lines are read, whatever is asked for, so that one that is missing is missed. */
static int read_all(const struct query *q, sd_journal *j, struct runs *runs) {
    int r = q->since_usec > 0 ? sd_journal_seek_realtime_usec(j, (uint64_t)q->since_usec)
                              : sd_journal_seek_head(j);
    while (r >= 0 && (r = sd_journal_next(j)) > 0) {
        struct audit_line line = {0};
        r = audit_line_read(j, &line);
        bool late = q->until_usec > 0 && line.usec > (uint64_t)q->until_usec;
        if (r >= 0 && !late && line.values[AUDIT_NUMBER] != NULL)
            r = check(q, runs, &line);
        if (r >= 0 && !late)
            print_line(q, &line);
        audit_line_clear(&line);
        if (late)
            return 0;
    }
    return r;
}

static int fail(const struct query *q, int error) {
    fprintf(stderr, "newswirectl: %s: %s\n", q->journal == NULL ? "the journal" : q->journal,
            strerror(-error));
    return error == -ENOMEM ? EX_OSERR : error == -ENOENT ? EX_NOINPUT : EX_IOERR;
}

/* libsystemd opens none where all are hidden from this account, and says nothing. */
static bool is_hidden(const struct query *q, sd_journal *j) {
    return q->journal == NULL && sd_journal_has_persistent_files(j) <= 0 &&
           sd_journal_has_runtime_files(j) <= 0;
}

static int report(const struct query *q, sd_journal *j, struct runs *runs) {
    if (is_hidden(q, j)) {
        fputs("newswirectl: there is no journal here that this account may read; root and the "
              "group systemd-journal may\n",
              stderr);
        return EX_NOPERM;
    }
    int r = choose(q, j);
    if (r >= 0)
        r = read_all(q, j, runs);
    if (r < 0)
        return fail(q, r);
    if (runs->n == 0)
        fprintf(stderr, "newswirectl: there is no line of %s%s\n",
                strcmp(q->unit, "*") == 0 ? "any newswired" : q->unit,
                q->since_usec + q->until_usec > 0 ? " in that time" : "");
    if (runs->missing > 0)
        fprintf(stderr, "newswirectl: %" PRIu64 " lines are missing in the journal\n",
                runs->missing);
    return runs->missing > 0 ? EX_DATAERR : EX_OK;
}

static int set_time(const char *option, const char *text, int64_t *ret) {
    if (text == NULL || options_time(text, (int64_t)time(NULL) * 1000000, ret) == 0)
        return OPTIONS_GO_ON;
    return options_fault(&options, "--%s: '%s' is no time", option, text);
}

int ctl_audit(int argc, char **argv) {
    struct query q = {.unit = "newswired.service"};
    struct runs runs = {0};
    sd_journal *j;
    int code = options_parse(&options, argc, argv, &q, NULL);
    if (code == OPTIONS_GO_ON)
        code = set_time("since", q.since, &q.since_usec);
    if (code == OPTIONS_GO_ON)
        code = set_time("until", q.until, &q.until_usec);
    if (code != OPTIONS_GO_ON)
        return code;
    int r = open_journal(&q, &j);
    if (r < 0)
        return fail(&q, r);
    code = report(&q, j, &runs);
    free(runs.list);
    sd_journal_close(j);
    return code;
}
