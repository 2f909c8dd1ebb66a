/*
 * The daemon's log lines: to the journal with structured fields when systemd
 * started it, to standard error otherwise.
 *
 * Only the daemon's own modules log; proto/ and the log return what went wrong.
 */
#pragma once

#include <syslog.h>

/* Looks at the environment once; later calls choose where lines go. */
void journal_open(void);

/* Lines less important than this priority (LOG_DEBUG to LOG_ERR) are left out. */
void journal_set_level(int priority);

/* Writes a line. fields are "NEWSWIRE_TOPIC=briefs/brief" and the like, ended by
 * NULL, or NULL itself; on standard error they are left out. */
void journal(int priority, const char *const *fields, const char *format, ...)
    __attribute__((nonnull(3), format(printf, 3, 4)));

/* The text of the last line of priority LOG_ERR or LOG_WARNING, and when it was
 * written (UTC microseconds); "" and 0 when there was none. The loop's thread. */
const char *journal_last_error(long long *ret_usec) __attribute__((nonnull));
