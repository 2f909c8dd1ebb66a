#include "proto/page/dates.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

enum { SEARCH_BYTES = 400 };

/* The value of a digit of any kind at the front, or -1; 10 is 十. */
static int digit_at(struct slice s, size_t *ret_bytes) {
    static const ucs4_t chinese[] = {0x3007, 0x4e00, 0x4e8c, 0x4e09, 0x56db, 0x4e94,
                                     0x516d, 0x4e03, 0x516b, 0x4e5d, 0x5341};
    ucs4_t c = text_first(s, ret_bytes);
    if (c >= '0' && c <= '9')
        return (int)(c - '0');
    if (c >= 0xff10 && c <= 0xff19)
        return (int)(c - 0xff10);
    if (c == 0x25cb || c == 0x96f6) /* 二○三一, 二零三一 */
        return 0;
    for (int i = 0; i <= 10; i++)
        if (c == chinese[i])
            return i;
    return -1;
}

/* Takes a number of at most max digits off the front; -1 when there is none. */
static int take_number(struct slice *s, int max) {
    int value = 0, digits = 0;
    bool ten = false;
    for (size_t n; digits < max; digits++) {
        int d = digit_at(*s, &n);
        if (d < 0)
            break;
        if (d == 10) {
            value = value == 0 ? 10 : value * 10;
            ten = true;
        } else {
            value = ten ? value + d : value * 10 + d;
        }
        *s = text_from(*s, n);
    }
    return digits == 0 ? -1 : value;
}

int dates_number(struct slice s) {
    int v = take_number(&s, 3);
    return s.len == 0 ? v : -1;
}

static bool take(struct slice *s, const char *word) {
    size_t len = strlen(word);
    if (s->len < len || memcmp(s->data, word, len) != 0)
        return false;
    *s = text_from(*s, len);
    return true;
}

static bool good_date(int y, int m, int d, char ret[static DATE_SIZE]) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (y < 1000 || y > 9999 || m < 1 || m > 12 || d < 1)
        return false;
    bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    if (d > days[m - 1] + (m == 2 && leap))
        return false;
    snprintf(ret, DATE_SIZE, "%04u-%02u-%02u", (unsigned)y % 10000, (unsigned)m % 100,
             (unsigned)d % 100);
    return true;
}

static bool take_separator(struct slice *s, const char *chinese, char *seen) {
    *s = text_trim_front(*s);
    if (*seen == 0 && (s->len == 0 || strchr("-/.", s->data[0]) == NULL)) {
        bool ok = take(s, chinese);
        *s = text_trim_front(*s);
        return ok;
    }
    char want[2] = {*seen != 0 ? *seen : (char)s->data[0], 0};
    *seen = want[0];
    return take(s, want);
}

/* 2031年4月9日 and 2031-04-09. */
static bool numeric_date(struct slice *s, char ret[static DATE_SIZE]) {
    char seen = 0;
    int y = take_number(s, 4);
    if (y < 1000 || !take_separator(s, "年", &seen))
        return false;
    int m = take_number(s, seen == 0 ? 3 : 2);
    if (seen == 0 ? !take_separator(s, "月", &seen) || seen != 0 : !take_separator(s, "", &seen))
        return false;
    int d = take_number(s, seen == 0 ? 3 : 2);
    size_t n;
    if (seen != 0)
        return digit_at(*s, &n) < 0 && good_date(y, m, d, ret);
    *s = text_trim_front(*s);
    return take(s, "日") && good_date(y, m, d, ret);
}

/* The month whose name, or first three letters, begins the text; 0 for none. */
static int take_month(struct slice *s, const struct text_list *months) {
    size_t len = 0;
    while (len < s->len && isalpha(s->data[len]))
        len++;
    for (size_t i = 0; len >= 3 && i < months->n && i < 12; i++) {
        size_t full = strlen(months->items[i]);
        if ((len != full && len != 3 && len != 4) || len > full ||
            strncasecmp(months->items[i], (const char *)s->data, len) != 0)
            continue;
        *s = text_from(*s, len);
        take(s, ".");
        *s = text_trim_front(*s);
        return (int)i + 1;
    }
    return 0;
}

static int take_day(struct slice *s) {
    static const char *const endings[] = {"st", "nd", "rd", "th"};
    int d = take_number(s, 2);
    for (size_t i = 0; i < 4; i++)
        if (take(s, endings[i]))
            break;
    return d;
}

/* 9 April 2031, April 9, 2031. */
static bool worded_date(struct slice *s, const struct text_list *months,
                        char ret[static DATE_SIZE]) {
    int m = take_month(s, months), d = take_day(s);
    if (d < 0)
        return false;
    take(s, ",");
    *s = text_trim_front(*s);
    if (m == 0) {
        m = take_month(s, months);
        take(s, ",");
        *s = text_trim_front(*s);
    }
    return m != 0 && good_date(take_number(s, 4), m, d, ret);
}

bool dates_find(struct slice s, const struct text_list *months, struct slice *ret_at,
                char ret_date[static DATE_SIZE]) {
    bool word = false; /* within a word or number, where no date begins */
    for (size_t at = 0, n; at < s.len && at < SEARCH_BYTES; at += n) {
        struct slice rest = text_from(s, at), left = rest;
        int d = digit_at(rest, &n);
        bool start = (d >= 0 && d < 10) || isalpha(rest.data[0]);
        if (start && !word) {
            bool found = numeric_date(&left, ret_date);
            if (!found) {
                left = rest;
                found = worded_date(&left, months, ret_date);
            }
            if (found) {
                *ret_at = text_head(rest, rest.len - left.len);
                return true;
            }
        }
        word = start;
    }
    return false;
}

/* At the front: 第2版, A2版, 2版, Page 2. */
static bool page_at(struct slice s, const struct text_list *page_words, struct slice *ret_at,
                    struct slice *ret_number) {
    struct slice left = s;
    size_t word = text_starts(s, page_words);
    if (word > 0) {
        left = text_trim_front(text_from(s, word));
        size_t len = 0;
        while (len < left.len && len < 4 && isalnum(left.data[len]))
            len++;
        *ret_number = text_head(left, len);
        *ret_at = text_head(s, (size_t)(left.data - s.data) + len);
        return len > 0 && isdigit(left.data[len - 1]);
    }
    take(&left, "第");
    left = text_trim_front(left);
    struct slice number = left;
    if (left.len > 0 && isupper(left.data[0]))
        left = text_from(left, 1);
    if (take_number(&left, 3) < 0)
        return false;
    *ret_number = text_head(number, number.len - left.len);
    left = text_trim_front(left);
    if (!take(&left, "版"))
        return false;
    *ret_at = text_head(s, s.len - left.len);
    return true;
}

bool dates_find_page(struct slice s, const struct text_list *page_words, struct slice *ret_at,
                     struct slice *ret_number) {
    ucs4_t last = 0;
    for (size_t at = 0, n; at < s.len && at < SEARCH_BYTES; at += n) {
        ucs4_t c = text_first(text_from(s, at), &n);
        bool within = text_is_letter(last) || text_is_digit(last);
        if (!within && page_at(text_from(s, at), page_words, ret_at, ret_number))
            return true;
        last = c;
    }
    return false;
}

/* ---- file names */

static bool match(const char *pattern, const char *name, struct dates_name *ret);

static bool match_text(const char *rest, const char *name, struct dates_name *ret,
                       struct slice *to) {
    for (size_t len = 1; len <= strlen(name); len++) {
        if (!match(rest, name + len, ret))
            continue;
        if (to != NULL)
            *to = (struct slice){(const uint8_t *)name, len};
        return true;
    }
    return false;
}

static bool match_date(const char *rest, const char *name, struct dates_name *ret) {
    int y, m, d, len = 0;
    if (sscanf(name, "%4d-%2d-%2d%n", &y, &m, &d, &len) != 3 || len != 10)
        if (sscanf(name, "%4d%2d%2d%n", &y, &m, &d, &len) != 3 || len != 8)
            return false;
    return good_date(y, m, d, ret->date) && match(rest, name + len, ret);
}

static bool match_page(const char *rest, const char *name, struct dates_name *ret) {
    size_t len = 0;
    while (isalnum((uint8_t)name[len]))
        len++;
    if (len == 0 || len > 8 || !match(rest, name + len, ret))
        return false;
    ret->page = (struct slice){(const uint8_t *)name, len};
    return true;
}

static bool match(const char *pattern, const char *name, struct dates_name *ret) {
    for (; *pattern != '{'; pattern++, name++) {
        if (*pattern != *name)
            return false;
        if (*pattern == '\0')
            return true;
    }
    const char *rest = strchr(pattern, '}');
    if (rest++ == NULL)
        return false;
    if (strncmp(pattern, "{date}", 6) == 0)
        return match_date(rest, name, ret);
    if (strncmp(pattern, "{page}", 6) == 0)
        return match_page(rest, name, ret);
    bool paper = strncmp(pattern, "{publication}", 13) == 0;
    return match_text(rest, name, ret, paper ? &ret->publication : NULL);
}

bool dates_match_name(const char *pattern, const char *name, struct dates_name *ret) {
    char stem[256];
    const char *slash = strrchr(name, '/');
    name = slash == NULL ? name : slash + 1;
    if (pattern == NULL || strlen(name) >= sizeof stem)
        return false;
    strcpy(stem, name);
    char *dot = strrchr(stem, '.');
    if (dot != NULL)
        *dot = '\0';
    *ret = (struct dates_name){0};
    if (!match(pattern, stem, ret))
        return false;
    /* The slices are to stand in the caller's string, not in the copy. */
    if (ret->publication.len > 0)
        ret->publication.data = (const uint8_t *)name + (ret->publication.data - (uint8_t *)stem);
    if (ret->page.len > 0)
        ret->page.data = (const uint8_t *)name + (ret->page.data - (uint8_t *)stem);
    return true;
}
