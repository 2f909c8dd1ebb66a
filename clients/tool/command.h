/*
 * Programs whose first argument is a command: newswire-archive search QUERY.
 *
 * A command has its own table of options and its own --help; the program's
 * --help lists the commands.
 */
#pragma once

#include "clients/tool/options.h"

struct command {
    const char *name;
    const char *arguments; /* as the list shows them: "QUERY"; "" for none */
    const char *help;      /* half a line */
    /* Runs it; argv[0] is the command's name. The code to exit with. */
    int (*run)(int argc, char **argv);
};

/* Runs the command that argv[1] names, or says what there is. commands end with
 * one without a name. The code to exit with. */
int command_run(const char *program, const char *summary, const struct command *commands, int argc,
                char **argv) __attribute__((nonnull));
