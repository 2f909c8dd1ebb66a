#include "proto/options.h"

#include "proto/completion.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { ROWS_MOST = 40, HELP_COLUMN = 20, FIRST_CODE = 256 };
enum { CODE_HELP = 1, CODE_VERSION };

static void print_help(const struct options *o) {
    printf("usage: %s [OPTION...]%s%s\n\n%s\n\n", o->program, *o->arguments == '\0' ? "" : " ",
           o->arguments, o->summary);
    for (const struct options_row *row = o->rows; row->name != NULL; row++) {
        if (row->help == NULL)
            continue;
        int n = printf("  --%s%s%s", row->name, row->argument == NULL ? "" : " ",
                       row->argument == NULL ? "" : row->argument);
        printf("%*s%s\n", n < HELP_COLUMN + 2 ? HELP_COLUMN + 2 - n : 1, "", row->help);
    }
    puts("  --help, --version");
}

int options_fault(const struct options *o, const char *format, ...) {
    va_list arguments;
    fprintf(stderr, "%s: ", o->program);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nTry '%s --help'.\n", o->program);
    return EX_USAGE;
}

static int set_uint(const struct options *o, const struct options_row *row, const char *text,
                    struct options_uint *ret) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0)
        return options_fault(o, "--%s: '%s' is no number", row->name, text);
    *ret = (struct options_uint){true, value};
    return OPTIONS_GO_ON;
}

static int set_choice(const struct options *o, const struct options_row *row, const char *text,
                      int *ret) {
    for (int i = 0; row->choices[i] != NULL; i++)
        if (strcmp(row->choices[i], text) == 0) {
            *ret = i;
            return OPTIONS_GO_ON;
        }
    char words[256] = "";
    for (size_t i = 0, len = 0; row->choices[i] != NULL && len < sizeof words; i++)
        len += (size_t)snprintf(words + len, sizeof words - len, "%s%s", i == 0 ? "" : ", ",
                                row->choices[i]);
    return options_fault(o, "--%s: '%s' is none of: %s", row->name, text, words);
}

static int set(const struct options *o, const struct options_row *row, const char *text,
               void *destination) {
    void *at = (char *)destination + row->offset;
    switch (row->type) {
    case OPTIONS_FLAG: *(bool *)at = true; return OPTIONS_GO_ON;
    case OPTIONS_STRING: *(const char **)at = text; return OPTIONS_GO_ON;
    case OPTIONS_UINT: return set_uint(o, row, text, at);
    case OPTIONS_CHOICE: return set_choice(o, row, text, at);
    }
    return EX_SOFTWARE;
}

static int print_completion(const struct options *o, const char *what) {
    char word[16];
    size_t len = strcspn(what, "-");
    enum completion_shell shell;
    snprintf(word, sizeof word, "%.*s", (int)len, what);
    if (completion_shell(word, &shell) < 0)
        return options_fault(o, "%s: '%s' is neither bash nor zsh", OPTIONS_COMPLETION, what);
    if (what[len] == '\0')
        completion_program(shell, o);
    else
        completion_options(shell, o);
    return EX_OK;
}

/* The table as getopt_long wants it. How many rows there are. */
static int long_options(const struct options *o, struct option *ret) {
    int n = 0;
    for (; n < ROWS_MOST && o->rows[n].name != NULL; n++)
        ret[n] = (struct option){.name = o->rows[n].name,
                                 .has_arg = o->rows[n].type == OPTIONS_FLAG ? no_argument
                                                                            : required_argument,
                                 .val = FIRST_CODE + n};
    ret[n] = (struct option){.name = "help", .val = CODE_HELP};
    ret[n + 1] = (struct option){.name = "version", .val = CODE_VERSION};
    return n;
}

int options_parse(const struct options *o, int argc, char **argv, void *destination,
                  int *ret_first) {
    struct option table[ROWS_MOST + 3] = {0};
    int n = long_options(o, table), code = OPTIONS_GO_ON;
    if (argc == 3 && strcmp(argv[1], OPTIONS_COMPLETION) == 0)
        return print_completion(o, argv[2]);
    if (argc > 0)
        argv[0] = (char *)o->program; /* as getopt's own errors name it */
    optind = 0;                       /* anew */
    for (int c; code == OPTIONS_GO_ON && (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (c == CODE_HELP) {
            print_help(o);
            code = EX_OK;
        } else if (c == CODE_VERSION) {
            printf("%s %s\n", o->program, NEWSWIRE_VERSION);
            code = EX_OK;
        } else if (c < FIRST_CODE || c >= FIRST_CODE + n) {
            code = EX_USAGE; /* getopt has named it */
            fprintf(stderr, "Try '%s --help'.\n", o->program);
        } else {
            code = set(o, &o->rows[c - FIRST_CODE], optarg, destination);
        }
    }
    if (code == OPTIONS_GO_ON && *o->arguments == '\0' && optind < argc)
        code = options_fault(o, "'%s' is too much", argv[optind]);
    if (ret_first != NULL)
        *ret_first = optind;
    return code;
}
