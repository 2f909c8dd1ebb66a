/*
 * The lines of the services: newswired, and the tools that systemd runs. Each is one
 * of the events in events.h, so that it has a MESSAGE_ID, which `journalctl -x`
 * explains, and it says in fields what it is about. They go to the journal when
 * systemd started the program, to standard error otherwise.
 *
 * Only a program's own modules say something, once, with what it is about; library
 * code, proto/ and the log among it, returns what went wrong. Any thread may.
 */
#pragma once

#include "proto/journal/events.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <syslog.h>

enum journal_event {
#define JOURNAL_NAME(name, priority, id, fields) JOURNAL_##name,
    JOURNAL_EVENTS(JOURNAL_NAME)
#undef JOURNAL_NAME
        JOURNAL_EVENTS_END
};

/* What a line is about: NEWSWIRE_URI and so on in the journal, left out on standard
 * error. What is NULL, "" or 0 is left out of the journal too, unless the event
 * always has it: then it is "-". */
struct journal_subject {
    const char *uri, *topic, *section;
    uint64_t seq, epoch;
    uint32_t version;
    const char *client;  /* its name in config, or as it calls itself */
    const char *address; /* of a peer, or an endpoint */
    const char *key;     /* public, as keygen prints it */
    const char *person;  /* who did it: a name and an account */
    const char *outlet;
    const char *file;
    const char *field;  /* that something is wrong with: "blocks[3].text" */
    const char *reason; /* what is wrong */
};

struct journal_event_info {
    const char *name; /* NEWSWIRE_EVENT: "ARTICLE_REFUSED" */
    const char *id;   /* MESSAGE_ID, 32 hexadecimal digits */
    int priority;     /* LOG_ERR to LOG_DEBUG */
    unsigned fields;  /* that it always has: a bit for each of journal_fields */
};

extern const struct journal_event_info journal_events[JOURNAL_EVENTS_END];

/* The names of the fields, "NEWSWIRE_URI"; ended by NULL. */
extern const char *const journal_fields[];

/* Looks at the environment once, and takes the program's name for standard error, which
 * has to stay; before, lines go there under the name of its file. */
void journal_open(const char *program) __attribute__((nonnull));

/* Lines less important than this priority (LOG_DEBUG to LOG_ERR) are left out. */
void journal_set_level(int priority);
int journal_level(void);

/* Writes a line; `about` is NULL when there is nothing to name. */
void journal(enum journal_event event, const struct journal_subject *about, const char *format, ...)
    __attribute__((nonnull(3), format(printf, 3, 4)));
void journal_va(enum journal_event event, const struct journal_subject *about, const char *format,
                va_list arguments) __attribute__((nonnull(3), format(printf, 3, 0)));

/* Writes a line whose fields are made up already, each "NAME=value": to the journal
 * whatever the level is, to standard error by its level. For what has fields of its own. */
void journal_write(enum journal_event event, const char *text, const struct iovec *fields, size_t n)
    __attribute__((nonnull));

/* Copies the text of the last line of priority LOG_ERR or LOG_WARNING, and says when it was
 * written (UTC microseconds); "" and 0 when there was none. */
void journal_last_error(char *buffer, size_t size, long long *ret_usec) __attribute__((nonnull));
