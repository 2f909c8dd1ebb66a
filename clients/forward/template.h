/*
 * Templates of names, subjects, texts and urls: text with {name} in it, and \n
 * for a new line. Which names there are stands in the config's help.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The values by name; NULL counts as empty. */
enum template_name {
    TEMPLATE_URI,
    TEMPLATE_ID,
    TEMPLATE_VERSION,
    TEMPLATE_SEQ,
    TEMPLATE_SECTION,
    TEMPLATE_SECTION_LABEL,
    TEMPLATE_KIND,
    TEMPLATE_TOPIC,
    TEMPLATE_HEADLINE,
    TEMPLATE_SUBHEADLINE,
    TEMPLATE_KICKER,
    TEMPLATE_BYLINE,
    TEMPLATE_DATELINE,
    TEMPLATE_TEXT,
    TEMPLATE_PUBLICATION,
    TEMPLATE_PAGE_DATE,
    TEMPLATE_PAGE,
    TEMPLATE_LANGUAGE,
    TEMPLATE_URGENCY,
    TEMPLATE_NOTE,
    TEMPLATE_RIGHTS,
    TEMPLATE_STATUS,
    TEMPLATE_ACTION,
    TEMPLATE_DATE,
    TEMPLATE_SUFFIX,
    TEMPLATE_PLACE,
    TEMPLATE_CONTACT,
    TEMPLATE_OUTLET,
    TEMPLATE_REMOTE_ID,
    TEMPLATE_RECEIPT,
    TEMPLATE_NAMES
};

struct template_values {
    const char *values[TEMPLATE_NAMES];
};

enum template_escape {
    TEMPLATE_PLAIN,
    TEMPLATE_URL,  /* values are escaped as in RFC 3986, 2.1 */
    TEMPLATE_FILE, /* what can't stand in a file's name becomes '-' */
    TEMPLATE_LINE, /* line breaks become blanks */
};

/* Whether it names only what there is; if not, ret_unknown has the name. */
bool template_check(const char *text, char *ret_unknown, size_t size) __attribute__((nonnull));

/* Writes it with its values filled in, to a file that has a position. A line that
 * only has values, all of them empty, is left out. */
void template_write(FILE *out, const char *text, const struct template_values *values,
                    enum template_escape escape) __attribute__((nonnull));
