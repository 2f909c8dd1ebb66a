/* newswire-alert status: what is open, what waits, who can't be reached. */
#include "clients/alert/commands.h"
#include "clients/forward/ledger.h"
#include "clients/tool/words.h"
#include "proto/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct status_options {
    struct watch_options watch;
};

static const struct options_row rows[] = {
    WATCH_CONFIG_ROW(struct status_options),
    WATCH_JSON_ROW(struct status_options),
    {0},
};

static const struct options options = {
    .program = "newswire-alert status",
    .arguments = "[GROUP]",
    .summary = "What is wrong, what was told of it, what waits, and who can't be reached, as\n"
               "'run' has put it down.",
    .rows = rows,
};

static void print_alert(const struct alert *a, int64_t now) {
    printf("  %-16s %s  %s\n", alert_kind_name(a->kind), words_text(a->text),
           a->over_usec > 0         ? "over; not told yet"
           : a->told_usec > 0       ? ""
           : !alert_is_ripe(a, now) ? "not for long enough yet"
                                    : "not told yet");
    printf("  %-16s since %s", "", words_time(a->since_usec));
    if (a->told_usec > 0)
        printf(", told %s", words_time(a->told_usec));
    putchar('\n');
}

static void print_board(const struct board *b, int64_t now) {
    const struct message *m = &b->message;
    printf("%-18s %zu open, %zu to tell, last message %s\n", b->group->name, board_open(b, now),
           board_waiting(b, now), b->sent_usec == 0 ? "never" : words_time(b->sent_usec));
    if (b->held_usec > 0)
        puts("  something waits for the end of quiet hours");
    if (*m->id != '\0' && m->tries == 0)
        printf("  being sent: %s\n", words_text(m->title));
    else if (*m->id != '\0')
        printf("  NOT SENT since %s, %u tries, next in %s: %s\n    %s\n", words_time(m->made_usec),
               m->tries, words_span(m->next_usec - now), words_text(m->title),
               words_text(m->error));
    for (size_t i = 0; i < b->n; i++)
        print_alert(&b->alerts[i], now);
}

static int load(struct watch *w) {
    int r = state_load(&w->state);
    if (r == 0)
        return EX_OK;
    fprintf(stderr, "%s: %s: %s\n", w->options->program, w->config->watch.state,
            r == -ENOENT   ? "there is none; has 'run' ever run?"
            : r == -EINVAL ? "it is no state of newswire-alert"
                           : strerror(-r));
    return r == -ENOENT ? EX_NOINPUT : r == -EINVAL ? EX_DATAERR : EX_IOERR;
}

static int print(const struct watch *w, const char *group, bool json) {
    for (size_t i = 0; i < w->config->n_groups; i++) {
        const struct board *b = &w->state.boards[i];
        if (group != NULL && strcmp(b->group->name, group) != 0)
            continue;
        if (!json)
            print_board(b, ledger_now());
        else if (json_write_line(stdout, state_board(b)) < 0)
            return EX_IOERR;
    }
    return EX_OK;
}

int alert_status(int argc, char **argv) {
    struct status_options o = {0};
    struct watch w = {0};
    int first, code = options_parse(&options, argc, argv, &o, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    if (argc - first > 1)
        return options_fault(&options, "'%s' is too much", argv[first + 1]);
    code = watch_open(&w, &options, o.watch.config);
    if (code == EX_OK && first < argc && alert_group(w.config, argv[first]) == NULL)
        code = options_fault(&options, "the config has no [alert \"%s\"]", argv[first]);
    if (code == EX_OK)
        code = load(&w);
    if (code == EX_OK)
        code = print(&w, first < argc ? argv[first] : NULL, o.watch.json);
    watch_close(&w);
    return code;
}
