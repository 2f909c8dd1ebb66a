#include "proto/formats/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* What is left to read; a step that fails leaves it as it is. */
struct scan {
    const char *p, *end;
};

static struct scan scan_of(struct slice text) {
    struct scan s = {(const char *)text.data, (const char *)text.data + text.len};
    while (s.p < s.end && strchr(" \t\r\n", *s.p) != NULL && *s.p != '\0')
        s.p++;
    while (s.end > s.p && strchr(" \t\r\n", s.end[-1]) != NULL && s.end[-1] != '\0')
        s.end--;
    return s;
}

static bool digits(struct scan *s, int n, int *ret) {
    int value = 0;
    if (s->end - s->p < n)
        return false;
    for (int i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        value = value * 10 + (s->p[i] - '0');
    }
    s->p += n;
    *ret = value;
    return true;
}

static bool take(struct scan *s, const char *one_of) {
    if (s->p == s->end || *s->p == '\0' || strchr(one_of, *s->p) == NULL)
        return false;
    s->p++;
    return true;
}

static bool date_exists(const struct tm *tm) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = tm->tm_year + 1900;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
           tm->tm_mday <= days[tm->tm_mon] + (leap && tm->tm_mon == 1);
}

/* Hours, minutes and, it may be, seconds; colons stand between them or don't. */
static bool read_clock(struct scan *s, struct tm *tm, int *ret_usec) {
    *ret_usec = 0;
    if (!digits(s, 2, &tm->tm_hour))
        return false;
    bool colons = take(s, ":");
    if (!digits(s, 2, &tm->tm_min))
        return false;
    struct scan more = *s;
    if ((!colons || take(&more, ":")) && digits(&more, 2, &tm->tm_sec))
        *s = more;
    more = *s;
    if (take(&more, ".,") && more.p < more.end && *more.p >= '0' && *more.p <= '9') {
        for (int unit = 100000; more.p < more.end && *more.p >= '0' && *more.p <= '9'; unit /= 10)
            *ret_usec += (*more.p++ - '0') * unit;
        *s = more;
    }
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* "Z" or "+08:00"; seconds east. */
static bool read_offset(struct scan *s, bool colon_needed, long *ret) {
    int hours, minutes;
    *ret = 0;
    if (take(s, "Zz"))
        return true;
    bool west = s->p < s->end && *s->p == '-';
    if (!take(s, "+-") || !digits(s, 2, &hours))
        return false;
    if (!take(s, ":") && colon_needed)
        return false;
    if (!digits(s, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret = (hours * 3600L + minutes * 60L) * (west ? -1 : 1);
    return true;
}

static int64_t usec_of(struct tm tm, long offset, int usec) {
    return ((int64_t)timegm(&tm) - offset) * 1000000 + usec;
}

bool timestamp_read(struct slice text, int64_t *ret_usec) {
    struct scan s = scan_of(text);
    struct tm tm = {.tm_mday = 1};
    int usec;
    long offset;
    if (!digits(&s, 4, &tm.tm_year) || !take(&s, "-") || !digits(&s, 2, &tm.tm_mon) ||
        !take(&s, "-") || !digits(&s, 2, &tm.tm_mday) || !take(&s, "Tt ") || s.end - s.p < 5 ||
        s.p[2] != ':' || !read_clock(&s, &tm, &usec) || !read_offset(&s, true, &offset) ||
        s.p != s.end)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    if (!date_exists(&tm))
        return false;
    *ret_usec = usec_of(tm, offset, usec);
    return true;
}

/* A date with or without its dashes; month and day may be missing. */
static bool read_date(struct scan *s, struct tm *tm) {
    *tm = (struct tm){.tm_mday = 1, .tm_mon = 1};
    if (!digits(s, 4, &tm->tm_year))
        return false;
    struct scan more = *s;
    bool dashes = take(&more, "-");
    if (digits(&more, 2, &tm->tm_mon)) {
        *s = more;
        if ((!dashes || take(&more, "-")) && digits(&more, 2, &tm->tm_mday))
            *s = more;
    }
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return date_exists(tm);
}

bool timestamp_read_iso(struct slice text, int64_t *ret_usec) {
    struct scan s = scan_of(text);
    struct tm tm;
    int usec = 0;
    long offset = 0;
    if (!read_date(&s, &tm))
        return false;
    if (take(&s, "Tt ") && !read_clock(&s, &tm, &usec))
        return false;
    if (s.p < s.end && !read_offset(&s, false, &offset))
        return false;
    if (s.p != s.end)
        return false;
    *ret_usec = usec_of(tm, offset, usec);
    return true;
}

bool timestamp_date(struct slice text, char ret[static sizeof "2031-04-09"]) {
    struct scan s = scan_of(text);
    struct tm tm;
    if (s.end - s.p < 8 || !read_date(&s, &tm))
        return false;
    return strftime(ret, sizeof "2031-04-09", "%Y-%m-%d", &tm) > 0;
}

/* ---- RFC 822 */

static void skip_spaces(struct scan *s) {
    while (take(s, " \t\r\n"))
        continue;
}

/* The index of the word in a list of names of three letters; -1: it is none. */
static int read_name(struct scan *s, const char *names) {
    for (int i = 0; names[i * 3] != '\0'; i++)
        if (s->end - s->p >= 3 && strncasecmp(s->p, names + (size_t)i * 3, 3) == 0) {
            while (s->p < s->end && ((*s->p | 32) >= 'a' && (*s->p | 32) <= 'z'))
                s->p++;
            return i;
        }
    return -1;
}

static bool read_zone(struct scan *s, long *ret) {
    static const struct {
        const char *name;
        int hours;
    } zones[] = {{"GMT", 0},  {"UT", 0},   {"UTC", 0},  {"EST", -5}, {"EDT", -4}, {"CST", -6},
                 {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
    *ret = 0;
    if (s->p == s->end)
        return true;
    size_t len = (size_t)(s->end - s->p);
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
        if (strlen(zones[i].name) == len && strncasecmp(s->p, zones[i].name, len) == 0) {
            *ret = zones[i].hours * 3600L;
            return true;
        }
    return read_offset(s, false, ret) && s->p == s->end;
}

bool timestamp_read_rfc822(struct slice text, int64_t *ret_usec) {
    struct scan s = scan_of(text);
    struct tm tm = {0};
    int usec = 0, century, year;
    long offset;
    if (read_name(&s, "MonTueWedThuFriSatSun") >= 0) {
        take(&s, ",");
        skip_spaces(&s);
    }
    if (!digits(&s, 2, &tm.tm_mday) && !digits(&s, 1, &tm.tm_mday))
        return false;
    skip_spaces(&s);
    tm.tm_mon = read_name(&s, "JanFebMarAprMayJunJulAugSepOctNovDec");
    skip_spaces(&s);
    if (tm.tm_mon < 0 || !digits(&s, 2, &century))
        return false;
    /* RFC 2822: two digits up to 49 are of this century. */
    if (digits(&s, 2, &year))
        tm.tm_year = century * 100 + year - 1900;
    else
        tm.tm_year = century < 50 ? century + 100 : century;
    skip_spaces(&s);
    if (s.p < s.end && !read_clock(&s, &tm, &usec))
        return false;
    skip_spaces(&s);
    if (!read_zone(&s, &offset) || !date_exists(&tm))
        return false;
    *ret_usec = usec_of(tm, offset, usec);
    return true;
}

void timestamp_write(int64_t usec, char ret[static TIMESTAMP_BYTES]) {
    int64_t fraction = (usec % 1000000 + 1000000) % 1000000;
    time_t sec = (time_t)((usec - fraction) / 1000000);
    struct tm tm;
    gmtime_r(&sec, &tm);
    size_t n = strftime(ret, TIMESTAMP_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    if (fraction != 0)
        n += (size_t)snprintf(ret + n, TIMESTAMP_BYTES - n, ".%06d", (int)fraction);
    snprintf(ret + n, TIMESTAMP_BYTES - n, "Z");
}
