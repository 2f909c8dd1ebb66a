#include "clients/ctl/show.h"

#include "clients/tool/words.h"
#include "proto/formats/timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

static void print_sections(json_t *sections) {
    for (size_t i = 0; i < json_array_size(sections); i++) {
        const json_t *s = json_array_get(sections, i), *titles = json_object_get(s, "titles");
        printf("%-12s", ctl_text(s, "key"));
        for (size_t k = 0; k < json_array_size(titles); k++)
            printf("%s%s", k == 0 ? " " : " | ", ctl_text(json_array_get(titles, k), "title"));
        if (ctl_number(s, "approvals") > 0)
            printf("  (%lld approvals)", ctl_number(s, "approvals"));
        putchar('\n');
    }
}

static void print_since(json_t *answer) {
    json_t *topics = json_object_get(answer, "topics");
    if (json_object_size(topics) == 0)
        puts("nothing has come since");
    for (void *i = json_object_iter(topics); i != NULL; i = json_object_iter_next(topics, i))
        printf("%-24s head %lld\n", words_text(json_object_iter_key(i)),
               (long long)json_integer_value(json_object_iter_value(i)));
}

static void print_metrics(json_t *answer) {
    const char *text = json_string_value(json_object_get(answer, "text"));
    fputs(text == NULL ? "" : text, stdout);
}

static void print_level(json_t *answer) {
    const char *now = ctl_text(answer, "log_level"), *configured = ctl_text(answer, "configured");
    printf("the log level is %s", now);
    if (strcmp(now, configured) != 0)
        printf(" until the config is read again, which says %s", configured);
    putchar('\n');
}

static void print_reload(json_t *answer) {
    const char *later = ctl_text(answer, "waits_for_restart");
    printf("the config was read again%s%s\n", *later == '\0' ? "" : "; at the next start: ", later);
}

/* ---- the commands */

struct show_options {
    struct ctl_options ctl;
    const char *as, *note;
};

static const struct options_row plain_rows[] = {
    CTL_CONTROL_ROW(struct show_options),
    CTL_CONFIG_ROW(struct show_options),
    CTL_JSON_ROW(struct show_options),
    {0},
};

static const struct options_row person_rows[] = {
    {"as", OPTIONS_STRING, offsetof(struct show_options, as), "NAME", NULL,
     "who you are; approvals are counted by it"},
    {"note", OPTIONS_STRING, offsetof(struct show_options, note), "TEXT", NULL,
     "why; it stands in the journal"},
    CTL_CONTROL_ROW(struct show_options),
    CTL_CONFIG_ROW(struct show_options),
    CTL_JSON_ROW(struct show_options),
    {0},
};

#define WHICH_ITEM  "\nAn ITEM is a number of 'held', a uri, or a piece of the headline."
#define PERSON_ROWS .rows = person_rows, .wants = true, .argument = "ITEM", .print = print_done

/* Those on an item tell the daemon who does it and why, behind the item. */
static const struct show {
    const char *name;
    const char *ask;      /* the daemon's command; NULL: of the same name */
    const char *part;     /* of its answer; NULL: all of it */
    const char *argument; /* NULL: it takes none */
    bool wants;           /* one must be given */
    bool time;            /* it is a time for people, and the daemon gets RFC 3339 */
    const char *summary;
    const struct options_row *rows; /* NULL: plain_rows */
    void (*print)(json_t *answer);
} shows[] = {
    {.name = "status",
     .summary = "How the daemon is: log, topics, readers, counts, the last error.",
     .print = print_status},
    {.name = "readers",
     .ask = "status",
     .part = "readers",
     .summary = "Who reads, how many entries each is behind, and when it was last heard of.",
     .print = print_readers},
    {.name = "topics",
     .ask = "status",
     .part = "topics",
     .summary = "The topics: entries ever, and of the last minute and 15 minutes.",
     .print = print_topics},
    {.name = "sections",
     .summary = "The sections; with --json also their topics, labels and codes.",
     .print = print_sections},
    {.name = "since",
     .argument = "TIME",
     .wants = true,
     .time = true,
     .summary = "Which topics have entries that came at that time or later: 2h, yesterday,\n"
                "'2031-04-09 07:30', 2031-04-09T06:00:00+08:00.",
     .print = print_since},
    {.name = "held", .summary = "What waits for its time or for a person.", .print = print_held},
    {.name = "release", .summary = "Lets a held article go now." WHICH_ITEM, PERSON_ROWS},
    {.name = "approve",
     .summary = "Gives one of the approvals that a held article waits for." WHICH_ITEM,
     PERSON_ROWS},
    {.name = "reject", .summary = "Takes a held article away." WHICH_ITEM, PERSON_ROWS},
    {.name = "rejected",
     .argument = "[NAME]",
     .summary = "The files that the spool refused, newest first; of one, all that is wrong.",
     .print = print_rejected},
    {.name = "put-back",
     .argument = "NAME",
     .wants = true,
     .summary = "Drops a file that the spool refused anew, as when a section was added to\n"
                "the config.",
     .print = print_put_back},
    {.name = "metrics",
     .summary = "How the daemon is, in the OpenMetrics format, as [metrics] serves it.",
     .print = print_metrics},
    {.name = "log-level",
     .argument = "[LEVEL]",
     .summary = "How much the daemon's journal tells: error, warning, notice, info or debug.\n"
                "With a LEVEL: sets it, until the config is read again.",
     .print = print_level},
    {.name = "reload", .summary = "The daemon reads its config again.", .print = print_reload},
};

static const struct show *find(const char *name) {
    const struct show *s = shows;
    while (strcmp(s->name, name) != 0)
        s++;
    return s;
}

/* A time for people as the daemon wants it, in the buffer; -EINVAL, with the fault said. */
static int read_time(const struct options *options, const char *text,
                     char ret[static TIMESTAMP_BYTES]) {
    int64_t usec;
    if (options_time(text, (int64_t)time(NULL) * 1000000, &usec) < 0)
        return options_fault(options, "'%s' is no time", text), -EINVAL;
    timestamp_write(usec, ret);
    return 0;
}

/* The arguments that the daemon gets; how many, or -1, with the fault said. */
static int read_arguments(const struct options *options, const struct show *s,
                          const struct show_options *o, int argc, char **argv,
                          char moment[static TIMESTAMP_BYTES], const char *ret[static 3]) {
    if (argc == 0 && s->wants)
        return options_fault(options, "which %s?", s->argument), -1;
    if (argc > (s->argument == NULL ? 0 : 1))
        return options_fault(options, "'%s' is too much%s", argv[argc - 1],
                             s->rows == person_rows ? "; put a headline in quotes" : ""),
               -1;
    if (s->time && read_time(options, argv[0], moment) < 0)
        return -1;
    ret[0] = s->time ? moment : argc == 0 ? "" : argv[0];
    ret[1] = o->as == NULL ? "" : o->as;
    ret[2] = o->note == NULL ? "" : o->note;
    return s->rows == person_rows ? 3 : argc;
}

int ctl_show(int argc, char **argv) {
    const struct show *s = find(argv[0]);
    struct show_options o = {0};
    char program[64];
    const struct options options = {program, s->argument == NULL ? "" : s->argument, s->summary,
                                    s->rows == NULL ? plain_rows : s->rows};
    char moment[TIMESTAMP_BYTES];
    const char *arguments[3];
    json_t *answer;
    int first;
    snprintf(program, sizeof program, "newswirectl %s", s->name);
    int code = options_parse(&options, argc, argv, &o, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    int n = read_arguments(&options, s, &o, argc - first, argv + first, moment, arguments);
    if (n < 0)
        return EX_USAGE;
    code = ctl_fetch(&o.ctl, s->ask == NULL ? s->name : s->ask, arguments, (size_t)n, &answer);
    if (code != EX_OK)
        return code;
    json_t *part = s->part == NULL ? answer : json_object_get(answer, s->part);
    if (o.ctl.json)
        ctl_print_json(part, JSON_COMPACT);
    else
        s->print(part);
    json_decref(answer);
    return EX_OK;
}
