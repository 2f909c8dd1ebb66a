/*
 * Slices of UTF-8 text and what a reader sees in them: white space, ideographs,
 * widths, sentence ends, brackets. All of it expects valid UTF-8 and looks at
 * a bounded number of bytes unless it says otherwise.
 */
#pragma once

#include "proto/parse.h"

#include <unitypes.h>

#define TEXT(s) slice_of(s)

static inline struct slice text_from(struct slice s, size_t at) {
    return (struct slice){s.data + at, s.len - at};
}

static inline struct slice text_head(struct slice s, size_t len) {
    return (struct slice){s.data, len < s.len ? len : s.len};
}

/* The first and the last character; 0 of an empty text. *ret_bytes (may be
 * NULL) is its length in bytes. */
static inline ucs4_t text_first(struct slice s, size_t *ret_bytes) {
    const uint8_t *p = s.data;
    size_t n = s.len == 0 ? 0 : p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (ret_bytes != NULL)
        *ret_bytes = n;
    switch (n) {
    case 0: return 0;
    case 1: return p[0];
    case 2: return (ucs4_t)(p[0] & 31) << 6 | (p[1] & 63);
    case 3: return (ucs4_t)(p[0] & 15) << 12 | (ucs4_t)(p[1] & 63) << 6 | (p[2] & 63);
    default:
        return (ucs4_t)(p[0] & 7) << 18 | (ucs4_t)(p[1] & 63) << 12 | (ucs4_t)(p[2] & 63) << 6 |
               (p[3] & 63);
    }
}
ucs4_t text_last(struct slice s, size_t *ret_bytes);

bool text_is_far_space(ucs4_t c); /* beyond ASCII */

static inline bool text_is_space(ucs4_t c) {
    return c <= ' ' || (c >= 0x80 && text_is_far_space(c));
}

static inline bool text_is_ideograph(ucs4_t c) {
    return (c >= 0x4e00 && c < 0xa000) || (c >= 0x3400 && c < 0x4dc0) || c == 0x3007 ||
           (c >= 0xf900 && c < 0xfb00) || (c >= 0x20000 && c < 0x32000);
}

/* Latin, with accents. */
static inline bool text_is_letter(ucs4_t c) {
    return c < 0x80 ? (c | 0x20) - 'a' < 26 : c >= 0xc0 && c < 0x250 && c != 0xd7 && c != 0xf7;
}

static inline bool text_is_digit(ucs4_t c) {
    return (c >= '0' && c <= '9') || (c >= 0xff10 && c <= 0xff19);
}

/* Without white space at both ends (or at the front); looks at all of it. */
struct slice text_trim(struct slice s);
struct slice text_trim_front(struct slice s);

/* Width in terminal columns, at most max + 2. */
size_t text_columns(struct slice s, size_t max);

/* The length of the longest word of the list that the text starts (ends) with,
 * whatever the case; 0 when there is none. A word that ends in a letter must
 * not go on in the text. */
size_t text_starts(struct slice s, const struct text_list *words);
size_t text_ends(struct slice s, const struct text_list *words);

/* The word of the list that the text is, white space and case aside; or NULL. */
const char *text_word(struct slice s, const struct text_list *words);

/* Where the word begins in the text; s.len when nowhere. Looks at all of it. */
size_t text_find(struct slice s, const char *word);

/* Whether a sentence is over at the end: a full stop of any script, or a colon
 * or semicolon, behind which closing quotes and a remark in brackets may stand. */
bool text_ended(struct slice s);

/* Whether a full stop stands within or at the end, so that it is no title.
 * Looks at all of it. */
bool text_has_sentence(struct slice s);

bool text_is_stop(ucs4_t c);    /* 。 ! ? . … */
bool text_is_closing(ucs4_t c); /* a quotation mark or bracket */
bool text_opens(ucs4_t c);      /* ( [ 【 … */
bool text_closes(ucs4_t c);     /* ) ] 】 … */

/* When the text ends (starts) with a bracket group of at most 300 bytes: what
 * stands inside and what is before (behind) it, untrimmed. */
bool text_bracket_end(struct slice s, struct slice *ret_inside, struct slice *ret_before);
bool text_bracket_start(struct slice s, struct slice *ret_inside, struct slice *ret_behind);

/* Whether two lines of one paragraph have a space between them when they are
 * joined; latin: most of the page is. */
bool text_join_space(struct slice before, struct slice behind, bool latin);
