#include "clients/forward/template.h"

#include <string.h>

static const char *const names[TEMPLATE_NAMES] = {
    [TEMPLATE_URI] = "uri",
    [TEMPLATE_ID] = "id",
    [TEMPLATE_VERSION] = "version",
    [TEMPLATE_SEQ] = "seq",
    [TEMPLATE_SECTION] = "section",
    [TEMPLATE_SECTION_LABEL] = "section_label",
    [TEMPLATE_KIND] = "kind",
    [TEMPLATE_TOPIC] = "topic",
    [TEMPLATE_HEADLINE] = "headline",
    [TEMPLATE_SUBHEADLINE] = "subheadline",
    [TEMPLATE_KICKER] = "kicker",
    [TEMPLATE_BYLINE] = "byline",
    [TEMPLATE_DATELINE] = "dateline",
    [TEMPLATE_TEXT] = "text",
    [TEMPLATE_PUBLICATION] = "publication",
    [TEMPLATE_PAGE_DATE] = "page_date",
    [TEMPLATE_PAGE] = "page",
    [TEMPLATE_LANGUAGE] = "language",
    [TEMPLATE_URGENCY] = "urgency",
    [TEMPLATE_NOTE] = "note",
    [TEMPLATE_RIGHTS] = "rights",
    [TEMPLATE_STATUS] = "status",
    [TEMPLATE_ACTION] = "action",
    [TEMPLATE_DATE] = "date",
    [TEMPLATE_SUFFIX] = "suffix",
    [TEMPLATE_PLACE] = "place",
    [TEMPLATE_CONTACT] = "contact",
    [TEMPLATE_OUTLET] = "outlet",
    [TEMPLATE_REMOTE_ID] = "remote_id",
    [TEMPLATE_RECEIPT] = "receipt",
};

/* Which name stands in braces at text, which begins with one; TEMPLATE_NAMES:
 * none that is known. *ret_len: of it all. */
static int name_at(const char *text, size_t *ret_len) {
    size_t len = strcspn(text + 1, "}");
    *ret_len = text[1 + len] == '}' ? len + 2 : len + 1;
    for (int i = 0; text[1 + len] == '}' && i < TEMPLATE_NAMES; i++)
        if (strlen(names[i]) == len && memcmp(names[i], text + 1, len) == 0)
            return i;
    return TEMPLATE_NAMES;
}

bool template_check(const char *text, char *ret_unknown, size_t size) {
    size_t len;
    for (text = strchr(text, '{'); text != NULL; text = strchr(text + len, '{'))
        if (name_at(text, &len) == TEMPLATE_NAMES) {
            snprintf(ret_unknown, size, "%.*s", (int)strcspn(text + 1, "}"), text + 1);
            return false;
        }
    return true;
}

static void write_url(FILE *out, const char *value) {
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *value != '\0'; value++)
        if (strchr(kept, *value) != NULL)
            fputc(*value, out);
        else
            fprintf(out, "%%%02X", (unsigned char)*value);
}

/* One character each, so that no value leads out of its folder. */
static void write_file(FILE *out, const char *value) {
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;
        fputc(c < ' ' || c == 0x7f || strchr("/\\:*?\"<>| ", c) != NULL ? '-' : c, out);
    }
}

static void write_line(FILE *out, const char *value) {
    for (; *value != '\0'; value++)
        fputc((unsigned char)*value < ' ' || *value == 0x7f ? ' ' : *value, out);
}

static void write_value(FILE *out, const char *value, enum template_escape escape) {
    switch (escape) {
    case TEMPLATE_PLAIN: fputs(value, out); break;
    case TEMPLATE_URL: write_url(out, value); break;
    case TEMPLATE_FILE: write_file(out, value); break;
    case TEMPLATE_LINE: write_line(out, value); break;
    }
}

void template_write(FILE *out, const char *text, const struct template_values *values,
                    enum template_escape escape) {
    long begin = ftell(out); /* of the line */
    bool has_names = false;
    while (*text != '\0') {
        size_t len;
        int name = *text == '{' ? name_at(text, &len) : TEMPLATE_NAMES;
        if (name < TEMPLATE_NAMES) {
            const char *value = values->values[name];
            write_value(out, value == NULL ? "" : value, escape);
            text += len;
            has_names = true;
        } else if (text[0] == '\\' && text[1] == 'n') {
            if (!has_names || ftell(out) != begin)
                fputc('\n', out);
            begin = ftell(out);
            has_names = false;
            text += 2;
        } else {
            fputc(*text++, out);
        }
    }
}
