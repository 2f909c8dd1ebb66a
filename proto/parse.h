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

/* Whether a word of the list may begin (end) with the character that the text
 * begins (ends) with, whatever its case; never false when one does. */
bool text_list_may_start(const struct text_list *list, struct slice text) __attribute__((nonnull));
bool text_list_may_end(const struct text_list *list, struct slice text) __attribute__((nonnull));

struct parsed {
    Article **articles; /* in reading order */
    size_t n_articles;
    struct text_list unplaced; /* visible text that is in no article, as it stood */
    struct text_list warnings; /* sentences for the person who sent it */
};

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
