#include "proto/page/text.h"

#include "proto/rules.h"

#include <ctype.h>
#include <unistr.h>
#include <uniwidth.h>

enum { BRACKET_BYTES = 300 };

ucs4_t text_last(struct slice s, size_t *ret_bytes) {
    size_t at = s.len;
    while (at > 0 && at + 4 > s.len) {
        at--;
        if ((s.data[at] & 0xc0) != 0x80)
            break;
    }
    return text_first(text_from(s, at), ret_bytes);
}

bool text_is_far_space(ucs4_t c) {
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200b) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff;
}

struct slice text_trim_front(struct slice s) {
    size_t n;
    while (s.len > 0 && text_is_space(text_first(s, &n)))
        s = text_from(s, n);
    return s;
}

struct slice text_trim(struct slice s) {
    size_t n;
    s = text_trim_front(s);
    while (s.len > 0 && text_is_space(text_last(s, &n)))
        s.len -= n;
    return s;
}

size_t text_columns(struct slice s, size_t max) {
    size_t columns = 0;
    while (s.len > 0 && columns <= max) {
        size_t n = 1;
        if (s.data[0] < 0x80) {
            columns += s.data[0] >= ' ';
        } else {
            int w = uc_width(text_first(s, &n), "UTF-8");
            columns += w > 0 ? (size_t)w : 0;
        }
        s = text_from(s, n);
    }
    return columns;
}

static bool same_byte(uint8_t a, uint8_t b) {
    return a == b || ((a ^ b) == 0x20 && text_is_letter(a) && a < 0x80);
}

/* The length of a word that the text starts with; 0 when it doesn't. */
static size_t start_length(const char *word, struct slice s) {
    size_t i = 0;
    for (; word[i] != '\0'; i++)
        if (i == s.len || !same_byte((uint8_t)word[i], s.data[i]))
            return 0;
    return i;
}

size_t text_starts(struct slice s, const struct text_list *words) {
    size_t best = 0;
    if (!text_list_may_start(words, s))
        return 0;
    for (size_t i = 0; i < words->n; i++) {
        const char *word = words->items[i];
        size_t len = same_byte((uint8_t)word[0], s.data[0]) ? start_length(word, s) : 0;
        if (len <= best)
            continue;
        if (isalpha((uint8_t)word[len - 1]) && text_is_letter(text_first(text_from(s, len), NULL)))
            continue;
        best = len;
    }
    return best;
}

static bool ends_with(struct slice s, const char *word, size_t len) {
    for (size_t i = len; i-- > 0;)
        if (!same_byte((uint8_t)word[i], s.data[s.len - len + i]))
            return false;
    return true;
}

size_t text_ends(struct slice s, const struct text_list *words) {
    size_t best = 0;
    if (!text_list_may_end(words, s))
        return 0;
    for (size_t i = 0; i < words->n; i++) {
        const char *word = words->items[i];
        size_t len = strlen(word);
        if (len <= best || len > s.len || !ends_with(s, word, len))
            continue;
        if (isalpha((uint8_t)word[0]) && text_is_letter(text_last(text_head(s, s.len - len), NULL)))
            continue;
        best = len;
    }
    return best;
}

const char *text_word(struct slice s, const struct text_list *words) {
    s = text_trim_front(s);
    if (!text_list_may_start(words, s))
        return NULL;
    for (size_t i = 0; i < words->n; i++)
        if (s.len > 0 && same_byte((uint8_t)words->items[i][0], s.data[0]) &&
            rules_word_equal(words->items[i], s))
            return words->items[i];
    return NULL;
}

size_t text_find(struct slice s, const char *word) {
    const uint8_t *p = memmem(s.data, s.len, word, strlen(word));
    return p == NULL ? s.len : (size_t)(p - s.data);
}

static bool is_closing_quote(ucs4_t c) {
    return c == 0x201d || c == 0x2019 || c == '"' || c == '\'' || c == 0x300d || c == 0x300f ||
           c == 0x300b || c == 0xbb;
}

bool text_is_stop(ucs4_t c) {
    return c == 0x3002 || c == 0xff01 || c == 0xff1f || c == '!' || c == '?' || c == '.' ||
           c == 0x2026 || c == 0xff0e || c == 0xff61;
}

static bool is_half_stop(ucs4_t c) {
    return c == ';' || c == 0xff1b || c == ':' || c == 0xff1a;
}

bool text_ended(struct slice s) {
    struct slice inside, before;
    if (text_bracket_end(s, &inside, &before) && inside.len > 0)
        s = before.len == 0 ? inside : before;
    size_t n;
    s = text_trim(s);
    for (ucs4_t c; s.len > 0 && (is_closing_quote(c = text_last(s, &n)) || text_closes(c));)
        s.len -= n;
    ucs4_t c = text_last(s, NULL);
    return text_is_stop(c) || is_half_stop(c);
}

/* A point is a stop only where a sentence can be over: at the end, or before
 * white space behind a word in lower case. */
static bool point_stops(struct slice s, size_t at) {
    if (at + 1 == s.len)
        return true;
    bool word = at > 1 && (islower(s.data[at - 1]) || s.data[at - 1] >= 0x80) &&
                (islower(s.data[at - 2]) || s.data[at - 2] >= 0x80);
    return word && text_is_space(text_first(text_from(s, at + 1), NULL));
}

bool text_has_sentence(struct slice s) {
    for (size_t i = 0; i < s.len;) {
        size_t n;
        ucs4_t c = text_first(text_from(s, i), &n);
        if (c == 0x3002 || c == 0xff1b || (c == '.' && point_stops(s, i)))
            return true;
        i += n;
    }
    size_t n;
    for (ucs4_t c; s.len > 0 && is_closing_quote(c = text_last(s, &n));)
        s.len -= n;
    ucs4_t last = text_last(s, NULL);
    return last == '.' || last == ',' || last == 0xff0c || last == 0x3001 || last == ';';
}

static const ucs4_t brackets[][2] = {
    {'(', ')'}, {0xff08, 0xff09}, {'[', ']'}, {0x3010, 0x3011}, {0x3014, 0x3015}, {0xff3b, 0xff3d},
};

bool text_opens(ucs4_t c) {
    for (size_t i = 0; i < sizeof brackets / sizeof *brackets; i++)
        if (c == brackets[i][0])
            return true;
    return false;
}

bool text_closes(ucs4_t c) {
    for (size_t i = 0; i < sizeof brackets / sizeof *brackets; i++)
        if (c == brackets[i][1])
            return true;
    return false;
}

bool text_is_closing(ucs4_t c) {
    return is_closing_quote(c) || text_closes(c);
}

bool text_bracket_end(struct slice s, struct slice *ret_inside, struct slice *ret_before) {
    size_t close, n;
    if (!text_closes(text_last(s, &close)))
        return false;
    struct slice left = {s.data, s.len - close};
    for (ucs4_t c; left.len > 0 && s.len - left.len < BRACKET_BYTES; left.len -= n) {
        c = text_last(left, &n);
        if (text_closes(c))
            return false;
        if (!text_opens(c))
            continue;
        *ret_inside = (struct slice){left.data + left.len, s.len - close - left.len};
        *ret_before = text_head(left, left.len - n);
        return true;
    }
    return false;
}

bool text_bracket_start(struct slice s, struct slice *ret_inside, struct slice *ret_behind) {
    size_t open, n;
    if (!text_opens(text_first(s, &open)))
        return false;
    for (size_t at = open; at < s.len && at < BRACKET_BYTES; at += n) {
        ucs4_t c = text_first(text_from(s, at), &n);
        if (text_opens(c))
            return false;
        if (!text_closes(c))
            continue;
        *ret_inside = (struct slice){s.data + open, at - open};
        *ret_behind = text_from(s, at + n);
        return true;
    }
    return false;
}

bool text_join_space(struct slice before, struct slice behind, bool latin) {
    size_t n;
    ucs4_t b = text_last(before, &n), f = text_first(behind, NULL);
    /* A hyphen at a line's end is kept, and so is the word it holds together. */
    if (b == 0xad ||
        (b == '-' && text_is_letter(text_last(text_head(before, before.len - n), NULL))))
        return false;
    if (latin)
        return b < 0x2e80 && f < 0x2e80;
    return (text_is_letter(b) || text_is_digit(b)) && (text_is_letter(f) || text_is_digit(f)) &&
           !(text_is_digit(b) && text_is_digit(f));
}
