#include "clients/alert/commands.h"

#include <errno.h>
#include <stdio.h>
#include <sysexits.h>

enum { ARENA_BYTES = 16 << 20 };

static const char default_config[] = "/etc/newswire/alert.conf";

int watch_short_of_memory(const struct watch *w) {
    fprintf(stderr, "%s: out of memory\n", w->options->program);
    return EX_OSERR;
}

int watch_open(struct watch *w, const struct options *options, const char *config) {
    struct config_fault fault = {0};
    char line[800];
    *w = (struct watch){.options = options, .arena = arena_new(ARENA_BYTES)};
    int r = w->arena == NULL ? -ENOMEM
                             : alert_config_load(w->arena, config == NULL ? default_config : config,
                                                 &w->config, &fault);
    if (r == 0)
        r = state_new(w->config, &w->state);
    if (r == -ENOMEM)
        return watch_short_of_memory(w);
    if (r < 0)
        fprintf(stderr, "%s: %s\n", options->program, config_fault_text(&fault, line, sizeof line));
    return r < 0 ? EX_CONFIG : EX_OK;
}

void watch_close(struct watch *w) {
    state_done(&w->state);
    w->arena = arena_free(w->arena);
}
