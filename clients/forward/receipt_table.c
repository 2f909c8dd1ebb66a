#include "clients/forward/receipt_table.h"

#include "proto/codec.h"

static const char *const column_names[RECEIPT_COLUMNS] = {"outlet",    "item", "used",
                                                          "withdrawn", "by",   "at"};

/* A line's fields, of which the first RECEIPT_COLUMNS are kept. How many it has. */
static int read_line(struct receipt_table *t) {
    const char *p = t->text;
    int n = 0;
    for (bool more = true; more; n++) {
        bool quoted = *p == '"';
        size_t len = 0;
        p += quoted;
        for (; *p != '\0'; p++) {
            if (quoted && p[0] == '"' && *++p != '"')
                quoted = false; /* the end of what was quoted */
            if (!quoted && (*p == t->separator || *p == '\n' || *p == '\0'))
                break;
            t->lines += *p == '\n';
            if (n < RECEIPT_COLUMNS && len + 1 < RECEIPT_FIELD_BYTES && *p != '\r')
                t->fields[n][len++] = *p;
        }
        if (n < RECEIPT_COLUMNS) {
            t->fields[n][len] = '\0';
            codec_mend_utf8(t->fields[n]); /* it may be cut within a character */
        }
        more = *p == t->separator;
        p += more;
    }
    t->lines++;
    t->text = *p == '\n' ? p + 1 : p;
    return n;
}

bool receipt_table_open(struct receipt_table *t, const char *text) {
    size_t name = strcspn(text, ",;\t\n");
    t->text = text;
    t->separator = text[name] == ';' || text[name] == '\t' ? text[name] : ',';
    t->lines = 0;
    t->n_columns = read_line(t);
    for (int i = 0; i < t->n_columns && i < RECEIPT_COLUMNS; i++) {
        t->order[i] = 0;
        while (t->order[i] < RECEIPT_COLUMNS &&
               strcmp(column_names[t->order[i]], t->fields[i]) != 0)
            t->order[i]++;
        if (t->order[i] == RECEIPT_COLUMNS)
            return false;
    }
    return t->n_columns <= RECEIPT_COLUMNS && t->n_columns >= 3;
}

bool receipt_table_next(struct receipt_table *t, const char *ret_row[static RECEIPT_COLUMNS],
                        size_t *ret_line) {
    while (*t->text != '\0') {
        *ret_line = t->lines + 1;
        int got = read_line(t);
        if (got == 1 && *t->fields[0] == '\0')
            continue;
        for (int i = 0; i < RECEIPT_COLUMNS; i++)
            ret_row[i] = "";
        for (int i = 0; i < got && i < t->n_columns; i++)
            ret_row[t->order[i]] = t->fields[i];
        return true;
    }
    return false;
}
