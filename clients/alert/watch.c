#include "clients/alert/commands.h"

#include "proto/journal/journal.h"

#include <errno.h>
#include <sysexits.h>

enum { ARENA_BYTES = 16 << 20 };

static const char default_config[] = "/etc/newswire/alert.conf";

int watch_short_of_memory(void) {
    journal(JOURNAL_TOOL_FAILED, NULL, "out of memory");
    return EX_OSERR;
}

int watch_open(struct watch *w, const struct options *options, const char *config) {
    struct config_fault fault = {0};
    char line[800];
    *w = (struct watch){.options = options, .arena = arena_new(ARENA_BYTES)};
    journal_open(options->program);
    int r = w->arena == NULL ? -ENOMEM
                             : alert_config_load(w->arena, config == NULL ? default_config : config,
                                                 &w->config, &fault);
    if (r == 0)
        r = state_new(w->config, &w->state);
    if (r == -ENOMEM)
        return watch_short_of_memory();
    if (r < 0)
        journal(JOURNAL_TOOL_FAILED, &(struct journal_subject){.file = fault.file}, "%s",
                config_fault_text(&fault, line, sizeof line));
    return r < 0 ? EX_CONFIG : EX_OK;
}

void watch_close(struct watch *w) {
    state_done(&w->state);
    w->arena = arena_free(w->arena);
}
