/*
 * The audit: who sent, corrected, moved, killed, held back, approved, released and
 * rejected what, and who started, reloaded and stopped the daemon, as lines of the journal
 * that `newswirectl audit` reads. (What was refused to whom are lines of their owners.)
 *
 *  - It doesn't depend on log_level.
 *  - What one turn of the loop brings of one kind from one side is one line, so that
 *    articles by the thousand are lines by the dozen: the journal's rate limit and its
 *    speed are far away.
 *  - Lines are numbered without a gap, in each run of the daemon. What the journal has
 *    lost is missed by whoever reads it.
 *
 * A line has NEWSWIRE_AUDIT (what), NEWSWIRE_WHO (for people), NEWSWIRE_AUDIT_RUN and
 * NEWSWIRE_AUDIT_NUMBER; where they are known NEWSWIRE_TRANSPORT, _CLIENT, _KEY, _USER,
 * _PERSON, _FILE, _ORIGIN, _FROM and _REASON; and for each article NEWSWIRE_URI, _VERSION,
 * _TOPIC and _SEQ, and all four as NEWSWIRE_ARTICLE, as a journal keeps no order among
 * fields.
 *
 * Belongs to the loop's thread. There is one, as there is one journal.
 */
#pragma once

#include "daemon/log/log.h"

#include <sys/types.h>
#include <systemd/sd-event.h>

enum audit_what {
    AUDIT_STARTED,
    AUDIT_STOPPED,
    AUDIT_RELOADED,
    AUDIT_SENT,
    AUDIT_CORRECTED,
    AUDIT_MOVED, /* corrected, and now on another topic */
    AUDIT_KILLED,
    AUDIT_HELD,
    AUDIT_APPROVED,
    AUDIT_RELEASED,
    AUDIT_REJECTED,
};

enum { AUDIT_USER_BYTES = 64 };

/* On whose behalf. What isn't known is NULL or "". */
struct audit_by {
    const char *transport; /* submit, spool, control, signal; NULL: the daemon itself */
    const char *client;    /* as config calls it; without a key, as it calls itself */
    const char *key;       /* by which it is known */
    const char *user;      /* the account of a local process, or of a file's owner */
    const char *person;    /* "Ann (account)", as given */
    const char *file;      /* of the spool */
};

struct audit_article {
    struct slice uri, topic, origin; /* origin: whose signature it has; empty: nobody's */
    struct slice from;               /* the topic that it left; empty: none */
    uint32_t version;
    uint64_t seq; /* 0: it is no entry */
};

/* Lines are written at the end of each turn of the loop. 0 or -errno. */
int audit_open(sd_event *event) __attribute__((nonnull, warn_unused_result));

/* Notes something; article and reason may be NULL. Everything is copied. */
void audit_note(enum audit_what what, const struct audit_by *by,
                const struct audit_article *article, const char *reason)
    __attribute__((nonnull(2)));

/* Notes what the log (or admit, before it) has decided of an article that was sent, if
 * that is worth a note. The article's topic and seq need not be given. */
void audit_decided(const struct audit_by *by, const struct audit_article *article, bool canceled,
                   const struct log_result *result) __attribute__((nonnull));

/* Notes what the log did of its own accord. */
void audit_followed(const struct log_result *result) __attribute__((nonnull));

/* Writes what is noted. */
void audit_flush(void);

/* Writes what is noted, and that the daemon has stopped if it had been opened. */
void audit_close(void);

/* The account's name, or "uid 1000". Any thread. */
void audit_user(uid_t uid, char ret[static AUDIT_USER_BYTES]);
