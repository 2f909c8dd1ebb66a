/*
 * Completion of command lines in bash and zsh, made from the tables of options: a
 * hidden option --completion SHELL of every program prints the script.
 */
#pragma once

#include "proto/options.h"

enum completion_shell { COMPLETION_BASH, COMPLETION_ZSH };

/* "bash", "zsh". 0 or -EINVAL. */
int completion_shell(const char *word, enum completion_shell *ret)
    __attribute__((nonnull, warn_unused_result));

/* Of a program without commands: all of it. */
void completion_program(enum completion_shell shell, const struct options *options)
    __attribute__((nonnull));

/* Of a program with commands: the beginning, up to where a command's name is completed;
 * then for each its name, and its options; the end. */
struct completion_command {
    const char *name, *help;
};
void completion_begin(enum completion_shell shell, const char *program,
                      const struct completion_command *commands, size_t n) __attribute__((nonnull));
void completion_name(enum completion_shell shell, const char *command) __attribute__((nonnull));
void completion_options(enum completion_shell shell, const struct options *options)
    __attribute__((nonnull));
void completion_end(enum completion_shell shell, const char *program) __attribute__((nonnull));
