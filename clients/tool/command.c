#include "clients/tool/command.h"

#include "proto/completion.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { HELP_COLUMN = 28, COMMANDS_MOST = 40 };

static void print_help(const char *program, const char *summary, const struct command *commands) {
    printf("usage: %s COMMAND [OPTION...]\n%s\n\n", program, summary);
    for (const struct command *c = commands; c->name != NULL; c++) {
        int n = printf("  %s%s%s", c->name, *c->arguments == '\0' ? "" : " ", c->arguments);
        printf("%*s%s\n", n < HELP_COLUMN ? HELP_COLUMN - n : 1, "", c->help);
    }
    printf("\n'%s COMMAND --help' shows a command's options. Also --version.\n", program);
}

static const struct command *find(const struct command *commands, const char *name) {
    for (const struct command *c = commands; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static int print_completion(const char *program, const struct command *commands, const char *word) {
    struct completion_command names[COMMANDS_MOST];
    enum completion_shell shell;
    char part[16];
    size_t n = 0;
    if (completion_shell(word, &shell) < 0) {
        fprintf(stderr, "%s: %s: '%s' is neither bash nor zsh\n", program, OPTIONS_COMPLETION,
                word);
        return EX_USAGE;
    }
    for (; n < COMMANDS_MOST && commands[n].name != NULL; n++)
        names[n] = (struct completion_command){commands[n].name, commands[n].help};
    completion_begin(shell, program, names, n);
    snprintf(part, sizeof part, "%s" OPTIONS_COMPLETION_PART, word);
    for (size_t i = 0; i < n; i++) {
        char *argv[] = {(char *)commands[i].name, OPTIONS_COMPLETION, part, NULL};
        completion_name(shell, commands[i].name);
        if (commands[i].run(3, argv) != EX_OK)
            return EX_SOFTWARE;
        puts("    ;;");
    }
    completion_end(shell, program);
    return EX_OK;
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
    if (argc == 3 && strcmp(name, OPTIONS_COMPLETION) == 0)
        return print_completion(program, commands, argv[2]);
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
