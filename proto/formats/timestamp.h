/*
 * Points in time as text: RFC 3339 as newswire and most formats write them,
 * the looser ISO 8601 of older ones, and RFC 822 of RSS.
 *
 * All times are UTC microseconds since 1970.
 */
#pragma once

#include "proto/wire.h"

#include <stdbool.h>

enum { TIMESTAMP_BYTES = sizeof "+292277026596-12-04T15:30:08.000000Z" };

/* RFC 3339 with its zone: 2031-04-09T18:00:00+08:00; also with a space for the T
 * and without seconds. White space around it is let pass. */
bool timestamp_read(struct slice text, int64_t *ret_usec) __attribute__((nonnull));

/* The same, and what ISO 8601 knows besides: 20310409T180000+0800, a date alone
 * (its midnight), a time without zone (taken as UTC), a year and month. */
bool timestamp_read_iso(struct slice text, int64_t *ret_usec) __attribute__((nonnull));

/* RFC 822 as RSS uses it: Wed, 09 Apr 2031 18:00:00 +0800; day name and seconds
 * may be missing, the year may have two digits, the zone may be a name. */
bool timestamp_read_rfc822(struct slice text, int64_t *ret_usec) __attribute__((nonnull));

/* RFC 3339 in UTC, with a fraction only when there is one. */
void timestamp_write(int64_t usec, char ret[static TIMESTAMP_BYTES]);

/* The date within a text of any of these forms as RFC 3339 full-date, by its own
 * zone: "2031-04-09". False when it begins with no date that exists. */
bool timestamp_date(struct slice text, char ret[static sizeof "2031-04-09"])
    __attribute__((nonnull));
