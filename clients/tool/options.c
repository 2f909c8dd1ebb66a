#include "clients/tool/options.h"

#include "proto/keyfile.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *options_endpoint(const char *given, const char *server, int port,
                             char buffer[static OPTIONS_ENDPOINT_BYTES]) {
    if (given != NULL)
        return given;
    if (server == NULL)
        server = getenv("NEWSWIRE_SERVER");
    if (server == NULL || *server == '\0')
        server = "127.0.0.1";
    bool v6 = strchr(server, ':') != NULL && *server != '[';
    int n = snprintf(buffer, OPTIONS_ENDPOINT_BYTES, "tcp://%s%s%s:%d", v6 ? "[" : "", server,
                     v6 ? "]" : "", port);
    return n < OPTIONS_ENDPOINT_BYTES ? buffer : NULL;
}

const char *options_key(const char *given) {
    const char *key = given != NULL ? given : getenv("NEWSWIRE_KEY");
    if (key == NULL || *key == '\0')
        return NULL;
    key_hide_memory();
    return key;
}

/* ---- times */

static const int64_t usec_per_sec = 1000000;

/* "2h", "3 d ago". */
static int parse_ago(const char *text, int64_t now_usec, int64_t *ret_usec) {
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    char *end, *rest;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || errno != 0 || n > 1000000)
        return -EINVAL;
    end += strspn(end, " ");
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (*end == units[i].unit) {
            rest = end + 1 + strspn(end + 1, " ");
            if (*rest != '\0' && strcmp(rest, "ago") != 0)
                return -EINVAL;
            *ret_usec = now_usec - (int64_t)n * units[i].seconds * usec_per_sec;
            return *ret_usec > 0 ? 0 : -EINVAL;
        }
    return -EINVAL;
}

static int parse_day(const char *text, int64_t now_usec, int64_t *ret_usec) {
    time_t now = (time_t)(now_usec / usec_per_sec);
    struct tm tm;
    bool yesterday = strcmp(text, "yesterday") == 0;
    if (!yesterday && strcmp(text, "today") != 0)
        return -EINVAL;
    localtime_r(&now, &tm);
    tm.tm_mday -= yesterday;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_isdst = -1;
    *ret_usec = (int64_t)mktime(&tm) * usec_per_sec;
    return 0;
}

/* The offset behind an RFC 3339 time: Z, +08:00; nothing: local time. */
static int apply_offset(const char *text, struct tm *tm, int64_t *ret_usec) {
    int hours, minutes, n = 0;
    char sign;
    if (*text == '\0') {
        tm->tm_isdst = -1;
        *ret_usec = (int64_t)mktime(tm) * usec_per_sec;
        return 0;
    }
    int64_t utc = (int64_t)timegm(tm);
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
        *ret_usec = utc * usec_per_sec;
        return 0;
    }
    if (sscanf(text, "%c%2d:%2d%n", &sign, &hours, &minutes, &n) != 3 || text[n] != '\0' ||
        (sign != '+' && sign != '-') || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return -EINVAL;
    int64_t offset = hours * 3600 + minutes * 60;
    *ret_usec = (utc - (sign == '+' ? offset : -offset)) * usec_per_sec;
    return 0;
}

static int parse_rfc3339(const char *text, int64_t *ret_usec) {
    struct tm tm = {0}, given;
    const char *rest = strptime(text, "%Y-%m-%d", &tm);
    if (rest == NULL)
        return -EINVAL;
    if (*rest == 'T' || *rest == 't' || *rest == ' ') {
        const char *after = strptime(rest + 1, "%H:%M:%S", &tm);
        rest = after != NULL ? after : strptime(rest + 1, "%H:%M", &tm);
        if (rest == NULL)
            return -EINVAL;
    } else if (*rest != '\0') {
        return -EINVAL;
    }
    if (*rest == '.') {
        size_t digits = strspn(rest + 1, "0123456789");
        if (digits == 0)
            return -EINVAL;
        rest += 1 + digits; /* seconds are fine enough here */
    }
    given = tm;
    if (timegm(&given) < 0 || given.tm_mday != tm.tm_mday || given.tm_mon != tm.tm_mon)
        return -EINVAL; /* no such date */
    return apply_offset(rest, &tm, ret_usec);
}

int options_time(const char *text, int64_t now_usec, int64_t *ret_usec) {
    int64_t usec;
    if (parse_day(text, now_usec, &usec) < 0 && parse_rfc3339(text, &usec) < 0 &&
        parse_ago(text, now_usec, &usec) < 0)
        return -EINVAL;
    if (usec <= 0)
        return -EINVAL;
    *ret_usec = usec;
    return 0;
}
