#include "clients/forward/zone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { YEARS_BACK = 2, YEARS_AHEAD = 30, DAY_SECONDS = 86400, MOST_CHANGES = 256 };

static const int64_t usec = 1000000;

struct change {
    int64_t from; /* UTC seconds */
    int64_t offset;
};

struct zone {
    size_t n;
    struct change changes[MOST_CHANGES];
};

/* ---- times of day as text */

static bool read_minute(const char **text, int *ret) {
    char *end;
    const char *s = *text;
    if (s[0] < '0' || s[0] > '9')
        return false;
    long hour = strtol(s, &end, 10);
    if (*end != ':' || end[1] < '0' || end[1] > '9' || end[2] < '0' || end[2] > '9' || hour > 24)
        return false;
    int minute = (end[1] - '0') * 10 + end[2] - '0';
    *text = end + 3;
    *ret = (int)hour * 60 + minute;
    return minute < 60 && *ret <= 24 * 60;
}

bool zone_read_minute(const char *text, int *ret) {
    *ret = -1;
    return *text == '\0' || (read_minute(&text, ret) && *text == '\0');
}

bool zone_read_window(const char *text, struct day_window *ret) {
    *ret = (struct day_window){-1, -1};
    return *text == '\0' || (read_minute(&text, &ret->from) && *text++ == '-' &&
                             read_minute(&text, &ret->to) && *text == '\0' && ret->from != ret->to);
}

/* ---- zones */

static int64_t offset_at(int64_t seconds) {
    time_t t = (time_t)seconds;
    struct tm tm;
    localtime_r(&t, &tm);
    return tm.tm_gmtoff;
}

/* The change lies between two days; to the second. */
static int64_t find_change(int64_t before, int64_t after) {
    int64_t old = offset_at(before);
    while (after - before > 1) {
        int64_t middle = before + (after - before) / 2;
        if (offset_at(middle) == old)
            before = middle;
        else
            after = middle;
    }
    return after;
}

static void collect(struct zone *z) {
    int64_t now = (int64_t)time(NULL), year = 365 * (int64_t)DAY_SECONDS;
    int64_t day = now - YEARS_BACK * year, end = now + YEARS_AHEAD * year;
    z->changes[z->n++] = (struct change){INT64_MIN, offset_at(day)};
    for (; day < end && z->n < MOST_CHANGES; day += DAY_SECONDS)
        if (offset_at(day + DAY_SECONDS) != z->changes[z->n - 1].offset)
            z->changes[z->n++] =
                (struct change){find_change(day, day + DAY_SECONDS), offset_at(day + DAY_SECONDS)};
}

int zone_load(struct arena *a, const char *name, struct zone **ret) {
    char path[256], *before = getenv("TZ");
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    if (*name != '\0' && (strstr(name, "..") != NULL || access(path, R_OK) < 0))
        return -ENOENT;
    struct zone *z = arena_alloc(a, sizeof *z);
    before = before == NULL ? NULL : arena_strndup(a, before, strlen(before));
    if (z == NULL)
        return -ENOMEM;
    if (*name != '\0')
        setenv("TZ", name, 1);
    tzset();
    collect(z);
    if (before != NULL)
        setenv("TZ", before, 1);
    else
        unsetenv("TZ");
    tzset();
    *ret = z;
    return 0;
}

int64_t zone_local(const struct zone *z, int64_t t) {
    size_t i = z->n;
    while (i > 1 && z->changes[i - 1].from > t / usec)
        i--;
    return t + z->changes[i - 1].offset * usec;
}

int zone_minute(const struct zone *z, int64_t t) {
    return (int)(zone_local(z, t) / (60 * usec) % (24 * 60));
}

bool zone_within(const struct zone *z, const struct day_window *w, int64_t t) {
    int minute = zone_minute(z, t);
    if (w->from < w->to)
        return minute >= w->from && minute < w->to;
    return w->from >= 0 && (minute >= w->from || minute < w->to); /* over midnight */
}

/* By minutes and not by days, since a day may have 23 hours or 25, and lack the
 * minute; what is lacking comes with the next day. */
int64_t zone_next(const struct zone *z, int64_t t, int minute) {
    int64_t step = 60 * usec, at = t - zone_local(z, t) % step + step;
    for (int i = 0; i < 50 * 60; i++, at += step)
        if (zone_minute(z, at) == minute % (24 * 60))
            return at;
    return at;
}

void zone_date(const struct zone *z, int64_t t, char ret[static 16]) {
    time_t seconds = (time_t)(zone_local(z, t) / usec);
    struct tm tm;
    strftime(ret, 16, "%Y-%m-%d", gmtime_r(&seconds, &tm));
}
