#include "clients/ctl/show.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

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
    const char *topic;
    json_t *head;
    json_object_foreach(json_object_get(answer, "topics"), topic, head)
        printf("%-24s head %lld\n", ctl_harmless(topic), (long long)json_integer_value(head));
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

#define WHICH_ITEM "\nAn ITEM is a number of 'held', a uri, or a piece of the headline."

/* Those on an item tell the daemon who does it and why, behind the item. */
static const struct show {
    const char *name, *item, *summary;
    const struct options_row *rows;
    void (*print)(json_t *answer);
} shows[] = {
    {"status", "", "How the daemon is: log, topics, readers, counts, the last error.", plain_rows,
     print_status},
    {"sections", "", "The sections; with --json also their topics, labels and codes.", plain_rows,
     print_sections},
    {"since", "TIME",
     "Which topics have entries that came at that time or later: 2031-04-09T06:00:00+08:00.",
     plain_rows, print_since},
    {"held", "", "What waits for its time or for a person.", plain_rows, print_held},
    {"release", "ITEM", "Lets a held article go now." WHICH_ITEM, person_rows, print_done},
    {"approve", "ITEM", "Gives one of the approvals that a held article waits for." WHICH_ITEM,
     person_rows, print_done},
    {"reject", "ITEM", "Takes a held article away." WHICH_ITEM, person_rows, print_done},
    {"reload", "", "The daemon reads its config again.", plain_rows, print_reload},
};

static const struct show *find(const char *name) {
    const struct show *s = shows;
    while (strcmp(s->name, name) != 0)
        s++;
    return s;
}

int ctl_show(int argc, char **argv) {
    const struct show *s = find(argv[0]);
    struct show_options o = {0};
    char program[64];
    const struct options options = {program, s->item, s->summary, s->rows};
    bool wants = *s->item != '\0';
    json_t *answer;
    int first;
    snprintf(program, sizeof program, "newswirectl %s", s->name);
    int code = options_parse(&options, argc, argv, &o, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    if (argc - first != (wants ? 1 : 0))
        return argc - first < 1 ? options_fault(&options, "which %s?", s->item)
               : wants ? options_fault(&options, "one %s; put a headline in quotes", s->item)
                       : options_fault(&options, "'%s' is too much", argv[first]);
    const char *arguments[] = {wants ? argv[first] : "", o.as == NULL ? "" : o.as,
                               o.note == NULL ? "" : o.note};
    code = ctl_fetch(&o.ctl, s->name, arguments, wants ? 3 : 0, &answer);
    if (code != EX_OK)
        return code;
    if (o.ctl.json)
        ctl_print_json(answer, JSON_COMPACT);
    else
        s->print(answer);
    json_decref(answer);
    return EX_OK;
}
