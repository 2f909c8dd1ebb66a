/*
 * Time zones, several at a time and in any thread: C's own functions know one zone
 * for the whole process. A zone is the list of its offsets over the years, asked
 * from C once, when the config is read and no thread runs yet.
 */
#pragma once

#include "proto/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct zone;

/* A part of the 24 hours of a day, in minutes; from -1: none. It may pass midnight. */
struct day_window {
    int from, to;
};

/* "07:30"; "" gives -1. False for anything else. */
bool zone_read_minute(const char *text, int *ret) __attribute__((nonnull));

/* "07:30-22:00"; "" gives -1. False for anything else, and for a window that is empty. */
bool zone_read_window(const char *text, struct day_window *ret) __attribute__((nonnull));

/* The zone of that name (Asia/Shanghai), or this machine's own for "". 0; -ENOENT
 * when the system has none of that name; -ENOMEM. To be called by one thread. */
int zone_load(struct arena *a, const char *name, struct zone **ret)
    __attribute__((nonnull, warn_unused_result));

/* A UTC time as the zone's clocks show it: microseconds since their 1970. */
int64_t zone_local(const struct zone *z, int64_t usec) __attribute__((nonnull));

/* The first UTC time after usec when the zone's clocks show that minute of a day. */
int64_t zone_next(const struct zone *z, int64_t usec, int minute) __attribute__((nonnull));

/* The minute of the day, 0 to 1439. */
int zone_minute(const struct zone *z, int64_t usec) __attribute__((nonnull));

/* Whether the zone's clocks are within the window; false when there is none. */
bool zone_within(const struct zone *z, const struct day_window *w, int64_t usec)
    __attribute__((nonnull));

/* The date, "2031-04-09". */
void zone_date(const struct zone *z, int64_t usec, char ret[static 16]) __attribute__((nonnull));
