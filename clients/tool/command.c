#include "clients/tool/command.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { HELP_COLUMN = 28 };

static void print_help(const char *program, const char *summary, const struct command *commands) {
    printf("usage: %s COMMAND [OPTION...]\n\n%s\n\n", program, summary);
    for (const struct command *c = commands; c->name != NULL; c++) {
        int n = printf("  %s%s%s", c->name, *c->arguments == '\0' ? "" : " ", c->arguments);
        printf("%*s%s\n", n < HELP_COLUMN ? HELP_COLUMN - n : 1, "", c->help);
    }
    printf("\n'%s COMMAND --help' shows a command's options.\n  --help, --version\n", program);
}

static const struct command *find(const struct command *commands, const char *name) {
    for (const struct command *c = commands; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

int command_run(const char *program, const char *summary, const struct command *commands, int argc,
                char **argv) {
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
        print_help(program, summary, commands);
        return EX_OK;
    }
    if (strcmp(name, "--version") == 0) {
        printf("%s %s\n", program, NEWSWIRE_VERSION);
        return EX_OK;
    }
    const struct command *c = find(commands, name);
    if (c != NULL)
        return c->run(argc - 1, argv + 1);
    if (*name == '\0')
        fprintf(stderr, "%s: which command? One of", program);
    else
        fprintf(stderr, "%s: '%s' is no %s; the commands are", program, name,
                *name == '-' ? "option here" : "command");
    for (c = commands; c->name != NULL; c++)
        fprintf(stderr, "%s %s", c == commands ? "" : ",", c->name);
    fprintf(stderr, "\nTry '%s --help'.\n", program);
    return EX_USAGE;
}
