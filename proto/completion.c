#include "proto/completion.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int completion_shell(const char *word, enum completion_shell *ret) {
    static const char *const words[] = {[COMPLETION_BASH] = "bash", [COMPLETION_ZSH] = "zsh"};
    for (int i = COMPLETION_BASH; i <= COMPLETION_ZSH; i++)
        if (strcmp(words[i], word) == 0) {
            *ret = (enum completion_shell)i;
            return 0;
        }
    return -EINVAL;
}

/* What an argument is, by the name that --help gives it. */
enum kind { OTHER, FILES, FOLDERS };

static enum kind kind_of(const char *argument) {
    if (argument == NULL)
        return OTHER;
    if (strstr(argument, "DIR") != NULL || strstr(argument, "FOLDER") != NULL)
        return FOLDERS;
    return strstr(argument, "FILE") != NULL || strstr(argument, "PATH") != NULL ? FILES : OTHER;
}

static void put_choices(const struct options_row *row) {
    for (int i = 0; row->choices[i] != NULL; i++)
        printf("%s%s", i == 0 ? "" : " ", row->choices[i]);
}

/* ---- bash */

static void put_function(const char *program) {
    putchar('_');
    for (; *program != '\0'; program++)
        putchar(*program == '-' ? '_' : *program);
}

static void bash_begin(const char *program) {
    printf("# bash completion of %s; made from its tables of options\n", program);
    put_function(program);
    puts("() {\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "    COMPREPLY=()\n"
         "    if [[ $cur == = ]]; then\n"
         "        cur=\n"
         "    elif [[ $prev == = ]]; then\n"
         "        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
         "    fi");
}

static void bash_end(const char *program) {
    puts("}");
    printf("complete -F ");
    put_function(program);
    printf(" %s\n", program);
}

/* Files and folders end as the shell's own completion ends them. */
static void bash_paths(enum kind kind) {
    printf("compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -%c -- \"$cur\")",
           kind == FOLDERS ? 'd' : 'f');
}

static void bash_words_begin(void) {
    printf("mapfile -t COMPREPLY < <(compgen -W \"");
}

static void bash_words_end(void) {
    printf("\" -- \"$cur\")");
}

static void bash_value(const struct options_row *row) {
    printf("    --%s) ", row->name);
    if (row->choices != NULL) {
        bash_words_begin();
        put_choices(row);
        bash_words_end();
        printf("; ");
    } else if (kind_of(row->argument) != OTHER) {
        bash_paths(kind_of(row->argument));
        printf("; ");
    }
    puts("return ;;");
}

static void bash_options(const struct options *o) {
    bool any = false;
    for (const struct options_row *row = o->rows; row->name != NULL; row++) {
        if (row->type == OPTIONS_FLAG || row->help == NULL)
            continue;
        if (!any)
            puts("    case $prev in");
        any = true;
        bash_value(row);
    }
    if (any)
        puts("    esac");
    puts("    if [[ $cur == -* ]]; then");
    printf("        ");
    bash_words_begin();
    for (const struct options_row *row = o->rows; row->name != NULL; row++)
        if (row->help != NULL)
            printf("--%s ", row->name);
    printf("--help --version");
    bash_words_end();
    putchar('\n');
    if (kind_of(o->arguments) != OTHER) {
        printf("    else\n        ");
        bash_paths(kind_of(o->arguments));
        putchar('\n');
    }
    puts("    fi");
}

static void bash_commands(const struct completion_command *commands, size_t n) {
    puts("    local command= i\n"
         "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "        case ${COMP_WORDS[i]} in");
    printf("        ");
    for (size_t i = 0; i < n; i++)
        printf("%s%s", i == 0 ? "" : " | ", commands[i].name);
    puts(")\n"
         "            command=${COMP_WORDS[i]}\n"
         "            break ;;\n"
         "        esac\n"
         "    done\n"
         "    case $command in");
    printf("    '') ");
    bash_words_begin();
    for (size_t i = 0; i < n; i++)
        printf("%s ", commands[i].name);
    printf("--help --version");
    bash_words_end();
    puts(" ;;");
}

/* ---- zsh */

/* Within '…', and within […] of a specification. */
static void zsh_text(const char *text) {
    for (; *text != '\0'; text++)
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (strchr("[]:\\", *text) != NULL)
            printf("\\%c", *text);
        else
            putchar(*text);
}

static void zsh_action(enum kind kind) {
    fputs(kind == FILES ? "_files" : kind == FOLDERS ? "_files -/" : " ", stdout);
}

static void zsh_row(const struct options_row *row) {
    printf("    '--%s%s[", row->name, row->type == OPTIONS_FLAG ? "" : "=");
    zsh_text(row->help);
    putchar(']');
    if (row->type != OPTIONS_FLAG) {
        putchar(':');
        zsh_text(row->argument);
        putchar(':');
        if (row->choices != NULL) {
            putchar('(');
            put_choices(row);
            putchar(')');
        } else {
            zsh_action(kind_of(row->argument));
        }
    }
    puts("' \\");
}

static void zsh_options(const struct options *o) {
    puts("  _arguments \\");
    for (const struct options_row *row = o->rows; row->name != NULL; row++)
        if (row->help != NULL)
            zsh_row(row);
    puts("    '--help[print a short help]' '--version[print the version]' \\");
    printf("    '*:");
    zsh_text(*o->arguments == '\0' ? "nothing more" : o->arguments);
    putchar(':');
    zsh_action(kind_of(o->arguments));
    puts("'");
}

static void zsh_begin(const char *program) {
    printf("#compdef %s\n# made from its tables of options\n", program);
    put_function(program);
    puts("() {");
}

static void zsh_end(const char *program) {
    puts("}");
    put_function(program);
    puts(" \"$@\"");
}

static void zsh_commands(const struct completion_command *commands, size_t n) {
    puts("  local -a commands=(");
    for (size_t i = 0; i < n; i++) {
        printf("    '%s:", commands[i].name);
        zsh_text(commands[i].help);
        puts("'");
    }
    puts("  )\n"
         "  if (( CURRENT == 2 )); then\n"
         "    _describe command commands\n"
         "    return\n"
         "  fi\n"
         "  local command=$words[2]\n"
         "  shift words\n"
         "  (( CURRENT-- ))\n"
         "  case $command in");
}

/* ---- both */

void completion_program(enum completion_shell shell, const struct options *o) {
    (shell == COMPLETION_BASH ? bash_begin : zsh_begin)(o->program);
    completion_options(shell, o);
    (shell == COMPLETION_BASH ? bash_end : zsh_end)(o->program);
}

void completion_begin(enum completion_shell shell, const char *program,
                      const struct completion_command *commands, size_t n) {
    (shell == COMPLETION_BASH ? bash_begin : zsh_begin)(program);
    (shell == COMPLETION_BASH ? bash_commands : zsh_commands)(commands, n);
}

void completion_name(enum completion_shell shell, const char *command) {
    printf("%s%s)\n", shell == COMPLETION_BASH ? "    " : "  ", command);
}

void completion_options(enum completion_shell shell, const struct options *o) {
    (shell == COMPLETION_BASH ? bash_options : zsh_options)(o);
}

void completion_end(enum completion_shell shell, const char *program) {
    puts("    esac");
    (shell == COMPLETION_BASH ? bash_end : zsh_end)(program);
}
