#include "tests/proto/manual.h"

#include <string.h>

/* Each sentence on a line of its own, as mdoc wants it, and no backslash of its own. */
static void write_sentences(FILE *out, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (text[0] == '.' && text[1] == ' ')
            fputs(".\n", out), text++;
        else
            fputc(*text, out);
    }
    fputc('\n', out);
}

static void write_key(FILE *out, const struct config_key *k) {
    fprintf(out, ".It Ic %s\n", k->name);
    write_sentences(out, k->help);
    if (k->fixed)
        fputs("A change takes effect at the next start.\n", out);
    /* Lists of words are long; the sample config has them. */
    if (k->fallback == NULL || *k->fallback == '\0' || k->type == CONFIG_LIST)
        return;
    fputs("Default:\n.Ql ", out);
    for (const char *c = k->fallback; *c != '\0'; c++)
        fputs(*c == '\\' ? "\\e" : (char[]){*c, '\0'}, out);
    fputs(" .\n", out);
}

void manual_write_keys(FILE *out, const struct config_section *const *sections,
                       const char *instance) {
    for (const struct config_section *const *s = sections; *s != NULL; s++) {
        bool named = (*s)->instance != NULL;
        fprintf(out, ".Ss [%s%s%s%s]\n", (*s)->name, named ? " \\(dq" : "", named ? instance : "",
                named ? "\\(dq" : "");
        write_sentences(out, (*s)->help);
        fputs(".Bl -tag -width Ds\n", out);
        for (const struct config_key *k = (*s)->keys; k->name != NULL; k++)
            write_key(out, k);
        fputs(".El\n", out);
    }
}
