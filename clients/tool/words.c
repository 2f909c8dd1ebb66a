#include "clients/tool/words.h"

#include "proto/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistr.h>
#include <uniwidth.h>

enum { BUFFERS = 4, TEXT_BYTES = 4096 };

const char *words_time(int64_t usec) {
    static char buffers[BUFFERS][32];
    static unsigned next;
    char *text = buffers[next++ % BUFFERS];
    time_t t = (time_t)(usec / 1000000), now = time(NULL);
    struct tm tm, today;
    localtime_r(&t, &tm);
    localtime_r(&now, &today);
    bool same = tm.tm_yday == today.tm_yday && tm.tm_year == today.tm_year;
    strftime(text, sizeof buffers[0], same ? "%T" : "%F %T", &tm);
    return text;
}

const char *words_span(int64_t usec) {
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    static char buffers[BUFFERS][32];
    static unsigned next;
    char *text = buffers[next++ % BUFFERS];
    int64_t seconds = usec < 0 ? 0 : usec / 1000000;
    size_t i = 0;
    while (i < 3 && seconds < 2 * units[i].seconds)
        i++;
    snprintf(text, sizeof buffers[0], "%lld %s", (long long)(seconds / units[i].seconds),
             units[i].unit);
    return text;
}

const char *words_text(const char *text) {
    static char buffers[BUFFERS][TEXT_BYTES];
    static unsigned next;
    char *copy = buffers[next++ % BUFFERS],
         *harmless = text_harmless(slice_of(text == NULL ? "" : text));
    snprintf(copy, sizeof buffers[0], "%s", harmless == NULL ? "" : harmless);
    free(harmless);
    return copy;
}

/* How many bytes of it fit, and how many columns those take. */
static size_t fit(const char *text, int columns, int *ret_columns) {
    size_t at = 0, len = strlen(text);
    *ret_columns = 0;
    while (at < len) {
        ucs4_t c;
        int n = u8_mbtouc(&c, (const uint8_t *)text + at, len - at), width = uc_width(c, "UTF-8");
        if (width > 0 && *ret_columns + width > columns)
            break;
        *ret_columns += width > 0 ? width : 0;
        at += (size_t)n;
    }
    return at;
}

const char *words_cell(const char *text, int columns) {
    static char buffers[BUFFERS][TEXT_BYTES];
    static unsigned next;
    char *cell = buffers[next++ % BUFFERS];
    const char *whole = words_text(text);
    int used, most = columns < WORDS_COLUMNS ? columns : WORDS_COLUMNS;
    if (most <= 0)
        return "";
    size_t n = fit(whole, most, &used);
    bool cut = whole[n] != '\0';
    if (cut)
        n = fit(whole, most - 1, &used);
    snprintf(cell, TEXT_BYTES, "%.*s%s%*s", (int)n, whole, cut ? "…" : "", most - used - cut, "");
    return cell;
}
