/*
 * What an operator can ask the daemon for: one table of names, arguments and
 * handlers.
 */
#pragma once

#include "daemon/control.h"

struct command {
    const char *name;
    const char *arguments; /* for people: "ITEM NAME"; "" for none */
    const char *help;
    /* Takes the call over: answers or refuses it, now or later. */
    void (*run)(struct control_call *call);
};

/* NULL when there is none of that name. */
const struct command *command_find(const char *name) __attribute__((nonnull));
