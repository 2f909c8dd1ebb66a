/*
 * What the command lines of all programs have in common: options as a table,
 * --help that is made from it, --version, the exit codes of sysexits.h.
 *
 * Results go to stdout; what this prints of errors goes to stderr and names
 * the program and the option.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum options_type {
    OPTIONS_FLAG,   /* bool */
    OPTIONS_STRING, /* const char *, of argv */
    OPTIONS_UINT,   /* struct options_uint */
    OPTIONS_CHOICE, /* int: the index in choices */
};

struct options_uint {
    bool given;
    uint64_t value;
};

struct options_row {
    const char *name; /* without dashes */
    enum options_type type;
    size_t offset;        /* into the struct that is filled */
    const char *argument; /* as --help shows it: "FILE"; NULL for a flag */
    /* OPTIONS_CHOICE: what it may be. OPTIONS_STRING: what completion offers, or NULL.
     * Ended by NULL. */
    const char *const *choices;
    const char *help; /* half a line; NULL: not shown */
};

struct options {
    const char *program;
    const char *arguments; /* behind [OPTION...] in the first line of --help; may be "" */
    const char *summary;   /* a line or two */
    const struct options_row
        *rows; /* ended by one without a name; --help and --version are added */
};

enum { OPTIONS_GO_ON = -1 };

/* For the makers of completion scripts, not in --help: `--completion bash` prints a
 * program's, `--completion bash-part` what a command of a program adds to its. */
#define OPTIONS_COMPLETION      "--completion"
#define OPTIONS_COMPLETION_PART "-part"

/* Fills *destination, whose defaults are set. OPTIONS_GO_ON, with *ret_first (unless
 * NULL) the first argument that is no option; or the code to exit with: EX_OK after
 * --help and --version, EX_USAGE after an error, which has been said. Where the table
 * names no arguments, one is an error. */
int options_parse(const struct options *options, int argc, char **argv, void *destination,
                  int *ret_first) __attribute__((nonnull(1, 3, 4), warn_unused_result));

/* Says what is wrong with the command line; made like printf. Returns EX_USAGE. */
int options_fault(const struct options *options, const char *format, ...)
    __attribute__((nonnull, format(printf, 2, 3)));
