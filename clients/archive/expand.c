#include "clients/archive/expand.h"

#include <errno.h>
#include <stdlib.h>
#include <unictype.h>
#include <unistr.h>

enum {
    CODE_POINTS = 0x40000, /* characters beyond are no script's */
    WORD_BYTES_MOST = 64,  /* a longer word makes no pair */
    UNIT_BYTES = 4,
};

struct expand {
    char *data;
    size_t len, size;
    bool failed;

    /* the unit before, if the next one touches it: its place in the given text */
    char before[WORD_BYTES_MOST];
    size_t before_len;
    bool before_is_character;

    uint32_t *characters; /* of this field, each once */
    size_t n_characters, characters_size;
    uint8_t seen[CODE_POINTS / 8];
};

struct expand *expand_new(void) {
    return calloc(1, sizeof(struct expand));
}

struct expand *expand_free(struct expand *x) {
    if (x != NULL) {
        free(x->data);
        free(x->characters);
    }
    free(x);
    return NULL;
}

/* ---- scripts */

bool expand_is_character(uint32_t c) {
    static const uint32_t ranges[][2] = {
        {0x0e01, 0x0e5b},   {0x0e81, 0x0edf},                   /* Thai, Lao */
        {0x1000, 0x109f},   {0x1780, 0x17d3},                   /* Myanmar, Khmer */
        {0x3005, 0x3007},   {0x3040, 0x30fa}, {0x30fc, 0x318f}, /* Kana, Bopomofo, Jamo */
        {0x31a0, 0x31ff},   {0x3400, 0x4dbf}, {0x4e00, 0x9fff}, /* Han */
        {0xa960, 0xa97f},   {0xac00, 0xd7ff}, {0xf900, 0xfaff}, /* Hangul, Han */
        {0x20000, 0x3ffff},                                     /* Han */
    };
    if (c < ranges[0][0])
        return false;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (c <= ranges[i][1])
            return c >= ranges[i][0];
    return false;
}

static bool is_of_word(ucs4_t c) {
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N |
                                                   UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_Co);
}

static bool is_space(ucs4_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0 || c == 0x3000 ||
           (c >= 0x2000 && c <= 0x200b);
}

/* Full-width forms are the plain ones, drawn wider. */
static ucs4_t narrow(ucs4_t c) {
    return c >= 0xff01 && c <= 0xff5e ? c - 0xfee0 : c;
}

/* ---- output */

static char *room(struct expand *x, size_t len) {
    if (x->len + len > x->size) {
        size_t size = (x->len + len) * 2 + 4096;
        char *data = realloc(x->data, size);
        if (data == NULL) {
            x->failed = true;
            return NULL;
        }
        x->data = data;
        x->size = size;
    }
    char *at = x->data + x->len;
    x->len += len;
    return at;
}

static void put(struct expand *x, const char *a, size_t a_len, const char *b, size_t b_len) {
    char *at = room(x, a_len + b_len + 1);
    if (at == NULL)
        return;
    memcpy(at, a, a_len);
    memcpy(at + a_len, b, b_len);
    at[a_len + b_len] = ' ';
}

/* A unit: the pair with the one before, then the word itself. */
static void put_unit(struct expand *x, const char *unit, size_t len, bool is_character) {
    if (x->before_len > 0 && len <= WORD_BYTES_MOST && (is_character || x->before_is_character))
        put(x, x->before, x->before_len, unit, len);
    if (!is_character)
        put(x, unit, len, "", 0);
    x->before_len = len <= sizeof x->before ? len : 0;
    x->before_is_character = is_character;
    memcpy(x->before, unit, x->before_len);
}

static void note_character(struct expand *x, ucs4_t c) {
    if ((x->seen[c / 8] & 1u << c % 8) != 0)
        return;
    if (x->n_characters == x->characters_size) {
        size_t size = x->characters_size * 2 + 256;
        uint32_t *characters = realloc(x->characters, size * sizeof *characters);
        if (characters == NULL) {
            x->failed = true;
            return;
        }
        x->characters = characters;
        x->characters_size = size;
    }
    x->seen[c / 8] |= (uint8_t)(1u << c % 8);
    x->characters[x->n_characters++] = c;
}

/* ---- fields */

void expand_begin(struct expand *x) {
    for (size_t i = 0; i < x->n_characters; i++)
        x->seen[x->characters[i] / 8] = 0;
    x->n_characters = x->len = x->before_len = 0;
    x->failed = false;
}

/* Takes the word at the front of the text. Returns its bytes. */
static size_t take_word(struct expand *x, const uint8_t *p, size_t len) {
    char word[1024];
    size_t used = 0, word_len = 0;
    while (used < len && word_len + 2 * UNIT_BYTES < sizeof word) {
        ucs4_t c;
        size_t n = (size_t)u8_mbtouc(&c, p + used, len - used);
        c = narrow(c);
        if (expand_is_character(c) || !is_of_word(c))
            break;
        word_len += (size_t)u8_uctomb((uint8_t *)word + word_len, c, 2 * UNIT_BYTES);
        used += n;
    }
    put_unit(x, word, word_len, false);
    return used;
}

void expand_add(struct expand *x, struct slice text) {
    x->before_len = 0;
    for (size_t i = 0; i < text.len && !x->failed;) {
        ucs4_t c;
        size_t n = (size_t)u8_mbtouc(&c, text.data + i, text.len - i);
        c = narrow(c);
        if (expand_is_character(c)) {
            note_character(x, c);
            put_unit(x, (const char *)text.data + i, n, true);
        } else if (is_of_word(c)) {
            n = take_word(x, text.data + i, text.len - i);
        } else if (!is_space(c)) {
            x->before_len = 0;
        }
        i += n;
    }
}

static int result(struct expand *x, struct slice *ret) {
    *ret = (struct slice){(const uint8_t *)x->data, x->len};
    return x->failed ? -ENOMEM : 0;
}

int expand_end(struct expand *x, struct slice *ret) {
    for (size_t i = 0; i < x->n_characters && !x->failed; i++) {
        uint8_t c[UNIT_BYTES + 2];
        int n = u8_uctomb(c, x->characters[i], sizeof c);
        put(x, (const char *)c, (size_t)n, "", 0);
    }
    return result(x, ret);
}

int expand_query(struct expand *x, struct slice words, struct slice *ret, bool *ret_phrase) {
    expand_begin(x);
    expand_add(x, words);
    *ret_phrase = x->len > 0;
    return *ret_phrase ? result(x, ret) : expand_end(x, ret); /* characters that nothing touches */
}
