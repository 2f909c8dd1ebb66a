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
