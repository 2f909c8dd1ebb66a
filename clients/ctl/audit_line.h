/*
 * A line that newswired leaves in the journal for the audit (daemon/audit.h says which
 * fields it has), or one that says what was refused to whom, or what an operator did
 * beside articles: those have no number.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-journal.h>

enum audit_field {
    AUDIT_ID, /* MESSAGE_ID */
    AUDIT_MESSAGE,
    AUDIT_WHO,
    AUDIT_TRANSPORT,
    AUDIT_CLIENT,
    AUDIT_KEY,
    AUDIT_ADDRESS,
    AUDIT_USER,
    AUDIT_PERSON,
    AUDIT_FILE,
    AUDIT_ORIGIN,
    AUDIT_FROM,
    AUDIT_URI, /* this and the next: the first, if there are several articles */
    AUDIT_TOPIC,
    AUDIT_REASON,
    AUDIT_RUN,
    AUDIT_NUMBER,
    AUDIT_FIELDS
};

/* What --event calls them: "all", then "sent" and so on; ended by NULL. */
extern const char *const audit_words[];

struct audit_article {
    uint64_t seq; /* 0: it is no entry */
    uint32_t version;
    char *topic; /* "": not known; owns the memory of uri too */
    char *uri;
};

struct audit_line {
    uint64_t usec;                  /* UTC */
    const char *word;               /* of audit_words */
    char *values[AUDIT_FIELDS];     /* NULL: it has none */
    struct audit_article *articles; /* in the order of their numbers */
    size_t n, room;
};

/* Narrows the journal to such lines. 0 or -errno. */
int audit_line_match(sd_journal *j) __attribute__((nonnull, warn_unused_result));

/* Reads what the journal stands at into *line, which is zeroed. 0 or -errno. */
int audit_line_read(sd_journal *j, struct audit_line *line)
    __attribute__((nonnull, warn_unused_result));

void audit_line_clear(struct audit_line *line) __attribute__((nonnull));

/* "" when it has none. */
const char *audit_line_text(const struct audit_line *line, enum audit_field field)
    __attribute__((nonnull));
uint64_t audit_line_number(const struct audit_line *line, enum audit_field field)
    __attribute__((nonnull));

/* The field's name in JSON; NULL: it has none there. */
const char *audit_field_json(enum audit_field field);
