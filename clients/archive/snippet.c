#include "clients/archive/snippet.h"

#include <errno.h>
#include <stdio.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

enum { BEFORE_CHARACTERS = 30, WORD_CHARACTERS = 12 };

/* ---- comparing as the index does */

static bool is_of_word(ucs4_t c) {
    return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N |
                                                   UC_CATEGORY_MASK_Co);
}

static bool is_mark(ucs4_t c) {
    return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_M);
}

/* Without case, width and diacritics. */
static ucs4_t folded(ucs4_t c) {
    ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
    if (c >= 0xff01 && c <= 0xff5e)
        c -= 0xfee0;
    if (c >= 0x80 && uc_canonical_decomposition(c, parts) > 0 && parts[0] < 0x250)
        c = parts[0];
    return uc_tolower(c);
}

/* The next folded character that counts, from *at on: 0 at the end. *ret_start: where it
 * stands; *at: behind it. */
static ucs4_t next_of(struct slice s, size_t *at, size_t *ret_start) {
    while (*at < s.len) {
        ucs4_t c;
        *ret_start = *at;
        *at += (size_t)u8_mbtouc(&c, s.data + *at, s.len - *at);
        if (is_of_word(c))
            return folded(c);
    }
    return 0;
}

/* Whether a word goes on at this place: a letter of a script with spaces. */
static bool goes_on(struct slice s, size_t at) {
    ucs4_t c;
    if (at >= s.len)
        return false;
    u8_mbtouc(&c, s.data + at, s.len - at);
    return (is_of_word(c) || is_mark(c)) && !expand_is_character(c);
}

/* The bytes that the word matches at this place; 0: none. */
static size_t match_at(const struct query_word *word, struct slice text, size_t start) {
    size_t w = 0, t = start, at, end = start;
    ucs4_t wanted, last = 0;
    while ((wanted = next_of(word->text, &w, &at)) != 0) {
        if (next_of(text, &t, &at) != wanted)
            return 0;
        end = t;
        last = wanted;
    }
    if (last == 0 || (!word->starts && !expand_is_character(last) && goes_on(text, end)))
        return 0;
    return end - start;
}

size_t snippet_find(const struct query_word *words, size_t n_words, struct slice text,
                    struct snippet_match *ret, size_t most) {
    size_t n = 0, start;
    bool in_word = false;
    for (size_t at = 0; at < text.len && n < most;) {
        ucs4_t c;
        start = at;
        at += (size_t)u8_mbtouc(&c, text.data + at, text.len - at);
        bool letter = is_of_word(c), character = expand_is_character(c);
        size_t len = 0;
        for (size_t i = 0; i < n_words && letter && (character || !in_word) && len == 0; i++)
            len = match_at(&words[i], text, start);
        if (len > 0) {
            ret[n++] = (struct snippet_match){start, len};
            at = start + len;
        }
        in_word = (letter || is_mark(c)) && !character && len == 0;
    }
    return n;
}

/* ---- the piece */

/* The text of the blocks and captions, each on from the last, on one line. */
static char *whole_text(struct arena *a, const Article *article) {
    size_t size = strlen(article->dateline) + 2;
    for (size_t i = 0; i < article->n_blocks; i++)
        size += strlen(article->blocks[i]->text) + 1;
    for (size_t i = 0; i < article->n_media; i++)
        size += strlen(article->media[i]->caption) + 1;
    char *text = arena_alloc(a, size), *to = text;
    if (text == NULL)
        return NULL;
    to = stpcpy(stpcpy(to, article->dateline), *article->dateline == '\0' ? "" : " ");
    for (size_t i = 0; i < article->n_blocks; i++)
        to = stpcpy(stpcpy(to, article->blocks[i]->text), " ");
    for (size_t i = 0; i < article->n_media; i++)
        to = stpcpy(stpcpy(to, article->media[i]->caption), " ");
    for (char *p = text; *p != '\0'; p++)
        if (*p == '\n' || *p == '\r' || *p == '\t')
            *p = ' ';
    return text;
}

static bool is_inside(uint8_t byte) {
    return (byte & 0xc0) == 0x80;
}

static size_t step_back(const uint8_t *text, size_t at, int characters) {
    for (; characters > 0 && at > 0; characters--)
        do
            at--;
        while (at > 0 && is_inside(text[at]));
    return at;
}

static size_t step_on(const uint8_t *text, size_t at, size_t len, int characters) {
    for (; characters > 0 && at < len; characters--)
        do
            at++;
        while (at < len && is_inside(text[at]));
    return at;
}

/* To a place between words, if one is near; where there are no spaces any will do. */
static size_t to_a_gap(struct slice text, size_t at) {
    size_t to = at;
    for (int i = 0; i < WORD_CHARACTERS && to > 0 && to < text.len; i++) {
        if (text.data[to - 1] == ' ' || !goes_on(text, to))
            return to;
        to = step_on(text.data, to, text.len, 1);
    }
    return at;
}

int snippet_make(struct arena *a, const Article *article, const struct query_word *words,
                 size_t n_words, struct snippet *ret) {
    struct snippet_match first = {0};
    char *all = whole_text(a, article);
    if (all == NULL)
        return -ENOMEM;
    struct slice text = slice_of(all);
    if (n_words > 0)
        snippet_find(words, n_words, text, &first, 1);
    size_t begin = to_a_gap(text, step_back(text.data, first.start, BEFORE_CHARACTERS));
    if (begin > first.start)
        begin = first.start;
    size_t end = to_a_gap(text, step_on(text.data, begin, text.len, SNIPPET_CHARACTERS));
    while (end > begin && text.data[end - 1] == ' ')
        end--;
    bool rest = text.data[end + strspn(all + end, " ")] != '\0';
    char *piece = arena_strndup(a, all + begin, end - begin);
    if (piece == NULL)
        return -ENOMEM;
    *ret = (struct snippet){.text = piece, .cut_before = begin > 0, .cut_after = rest};
    if (n_words > 0)
        ret->n_matches =
            snippet_find(words, n_words, slice_of(piece), ret->matches, SNIPPET_MATCHES_MOST);
    return 0;
}
