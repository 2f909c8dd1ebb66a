/*
 * What every input format's parser has in common.
 *
 * A parser is a pure function over bytes: no I/O, no clock, no globals, so that
 * fuzzers link it as it is. It makes articles in the caller's arena. It gives
 * each article a uri that comes from the source text, never from the parser's
 * own output or today's date, so that the same input twice is the same story.
 */
#pragma once

#include "proto/article.h"
#include "proto/codec.h"

struct rules; /* proto/rules.h: sections, labels, markers, limits, from config */

struct parse_input {
    struct slice bytes;
    const char *name;    /* the file's name without folders; "" when it has none */
    const char *section; /* the section's key, if the sender chose it; NULL otherwise */
};

/* A list that grows in the arena by article_push_string, or by text_list_add,
 * which notes the first and last characters of its words: most texts are then
 * known to begin or end with none of them without a look at one word. */
struct text_list {
    char **items;
    size_t n;
    size_t n_noted; /* the notes hold while this is n */
    uint64_t first[4], last[4];
};

/* Adds a copy of a word. 0 or -ENOMEM. */
int text_list_add(struct arena *a, struct text_list *list, const char *word, size_t len)
    __attribute__((nonnull, warn_unused_result));

/* One of 256 places for a character of so many bytes, whatever its case. */
static inline unsigned text_list_place(const uint8_t *p, size_t len) {
    uint32_t code = 0;
    for (size_t i = 0; i < len; i++)
        code = code << 8 | (p[i] >= 'A' && p[i] <= 'Z' ? p[i] + ('a' - 'A') : p[i]);
    return code * 2654435769U >> 24;
}

/* The places of a text's first and last character; it is not empty. */
static inline unsigned text_list_first_place(struct slice s) {
    size_t len = s.data[0] < 0xc0 ? 1 : s.data[0] < 0xe0 ? 2 : s.data[0] < 0xf0 ? 3 : 4;
    return text_list_place(s.data, len < s.len ? len : s.len);
}

static inline unsigned text_list_last_place(struct slice s) {
    size_t len = 1;
    while (len < 4 && len < s.len && (s.data[s.len - len] & 0xc0) == 0x80)
        len++;
    return text_list_place(s.data + s.len - len, len);
}

/* Whether a word of the list may begin (end) with the character that the text
 * begins (ends) with, whatever its case; never false when one does. */
static inline bool text_list_may_start(const struct text_list *list, struct slice text) {
    if (list->n_noted != list->n)
        return true;
    unsigned place = text.len == 0 ? 0 : text_list_first_place(text);
    return text.len > 0 && (list->first[place / 64] >> place % 64 & 1) != 0;
}

static inline bool text_list_may_end(const struct text_list *list, struct slice text) {
    if (list->n_noted != list->n)
        return true;
    unsigned place = text.len == 0 ? 0 : text_list_last_place(text);
    return text.len > 0 && (list->last[place / 64] >> place % 64 & 1) != 0;
}

struct parsed {
    Article **articles; /* in reading order */
    size_t n_articles;
    struct text_list unplaced; /* visible text that is in no article, as it stood */
    struct text_list warnings; /* sentences for the person who sent it, in English */
    struct text_list local;    /* the same in the language of translation.h, one for each */
};

/* Adds a warning, made like printf; its text is mended to be UTF-8. 0 or -ENOMEM. */
int parsed_warn(struct arena *a, struct parsed *parsed, const char *format, ...)
    __attribute__((nonnull(1, 2, 3), format(printf, 3, 4), warn_unused_result));
int parsed_warn_va(struct arena *a, struct parsed *parsed, const char *format, va_list arguments)
    __attribute__((nonnull(1, 2, 3), format(printf, 3, 0), warn_unused_result));

/* Warns that a part of the input is left out, and of what is wrong with it. 0 or -ENOMEM. */
int parsed_warn_fault(struct arena *a, struct parsed *parsed, const char *place,
                      const struct fault *f) __attribute__((nonnull, warn_unused_result));

struct parse_fault {
    size_t line; /* 1-based; 0 when it is about the whole input */
    struct fault fault;
};

struct parse_format {
    const char *name; /* as --format names it */
    /* Whether the bytes look like this format. Formats are asked in the
     * table's order; the last one takes everything. */
    bool (*recognise)(const struct parse_input *input);
    /* 0; -EINVAL with *ret_fault set; -ENOMEM past the arena's limit. */
    int (*parse)(struct arena *a, const struct rules *rules, const struct parse_input *input,
                 struct parsed *ret, struct parse_fault *ret_fault);
};

/* All formats, ended by one without a name. */
extern const struct parse_format parse_formats[];

/* The format of that name; NULL when there is none. */
const struct parse_format *parse_format_find(const char *name) __attribute__((nonnull));

/* Parses by the named format, or by the first that recognises the bytes when
 * name is NULL or "auto". Refuses input that is empty, too large or binary
 * before any parser sees it. 0, -EINVAL with *ret_fault set, -ENOMEM. */
int parse(struct arena *a, const struct rules *rules, const char *format,
          const struct parse_input *input, struct parsed *ret, struct parse_fault *ret_fault)
    __attribute__((nonnull(1, 2, 4, 5, 6), warn_unused_result));
