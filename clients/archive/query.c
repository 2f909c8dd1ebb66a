#include "clients/archive/query.h"

#include <errno.h>
#include <stdio.h>
#include <unistr.h>

static const char texts[] = "{headline byline body} : ";

struct typed {
    struct slice rest;
    bool unwanted, or_before, quoted;
    struct slice word;
};

/* ---- what was typed, word by word */

static ucs4_t peek(struct slice s, size_t *ret_len) {
    ucs4_t c = 0;
    *ret_len = s.len == 0 ? 0 : (size_t)u8_mbtouc(&c, s.data, s.len);
    return c;
}

static struct slice behind(struct slice s, size_t n) {
    return (struct slice){s.data + n, s.len - n};
}

static bool is_space(ucs4_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x3000 || c == 0xa0;
}

/* The mark that closes a phrase, or 0. */
static ucs4_t closing(ucs4_t c) {
    return c == '"' || c == 0xff02 ? c
           : c == 0x201c           ? 0x201d
           : c == 0x300c           ? 0x300d
           : c == 0x201e           ? 0x201c
                                   : 0;
}

static struct slice take_until(struct slice *rest, ucs4_t end) {
    struct slice from = *rest;
    size_t n;
    for (ucs4_t c; (c = peek(*rest, &n)) != 0 || n > 0; *rest = behind(*rest, n))
        if (end == 0 ? is_space(c) || closing(c) != 0 : c == end)
            break;
    struct slice word = {from.data, from.len - rest->len};
    if (end != 0)
        *rest = behind(*rest, n);
    return word;
}

static bool next_word(struct typed *t) {
    size_t n;
    ucs4_t c;
    while (c = peek(t->rest, &n), is_space(c))
        t->rest = behind(t->rest, n);
    if (n == 0)
        return false;
    t->unwanted = c == '-' || c == 0xff0d;
    if (t->unwanted) {
        t->rest = behind(t->rest, n);
        c = peek(t->rest, &n);
    }
    ucs4_t end = closing(c);
    t->quoted = end != 0;
    if (t->quoted)
        t->rest = behind(t->rest, n);
    t->word = take_until(&t->rest, end);
    return true;
}

/* ---- as FTS5 has it */

static const char *join(struct arena *a, const char *first, const char *between,
                        const char *second) {
    size_t size = strlen(first) + strlen(between) + strlen(second) + 1;
    char *text = arena_alloc(a, size);
    if (text != NULL)
        snprintf(text, size, "%s%s%s", first, between, second);
    return text;
}

/* "a b", or "a" AND "b": the tokens have neither quotation marks nor anything else
 * that FTS5 knows. NULL when out of memory. */
static const char *expression(struct arena *a, struct slice tokens, bool phrase, bool starts) {
    static const char also[] = "\" AND \"";
    char *text = arena_alloc(a, tokens.len * sizeof also + 8), *to = text;
    if (text == NULL)
        return NULL;
    to = stpcpy(to, "(\"");
    for (size_t i = 0; i + 1 < tokens.len; i++) /* the last is a space */
        if (tokens.data[i] == ' ' && !phrase)
            to = stpcpy(to, also);
        else
            *to++ = (char)tokens.data[i];
    stpcpy(to, starts ? "\"*)" : "\")");
    return text;
}

static int add(struct query *q, const struct typed *t, const char *text) {
    const char **last = q->n_wanted > 0 ? &q->wanted[q->n_wanted - 1] : NULL;
    if (text == NULL)
        return -ENOMEM;
    if (t->unwanted) {
        if (q->n_unwanted == QUERY_WORDS_MOST)
            return -E2BIG;
        q->unwanted[q->n_unwanted++] = text;
        return 0;
    }
    if (q->n_words == QUERY_WORDS_MOST)
        return -E2BIG;
    if (t->or_before && last != NULL)
        *last = join(q->arena, *last, " OR ", text);
    else
        q->wanted[q->n_wanted++] = text;
    return t->or_before && last != NULL && *last == NULL ? -ENOMEM : 0;
}

static int add_word(struct query *q, struct expand *x, const struct typed *t) {
    struct slice word = t->word, tokens;
    bool phrase, starts = !t->quoted && word.len > 1 && word.data[word.len - 1] == '*';
    word.len -= starts;
    int r = expand_query(x, word, &tokens, &phrase);
    if (r < 0 || tokens.len == 0)
        return r;
    r = add(q, t, expression(q->arena, tokens, phrase, starts));
    if (r == 0 && !t->unwanted)
        q->words[q->n_words++] = (struct query_word){word, starts};
    return r;
}

int query_read(struct query *q, struct expand *x, struct arena *a, const char *typed) {
    struct typed t = {.rest = slice_of(typed)};
    *q = (struct query){.arena = a};
    while (next_word(&t)) {
        bool is_or = slice_equal(t.word, slice_of("OR")) && !t.quoted && !t.unwanted;
        int r = is_or ? 0 : add_word(q, x, &t);
        if (r < 0)
            return r;
        t.or_before = is_or;
    }
    return 0;
}

static const char *join_all(const struct query *q, const char *const *parts, size_t n,
                            const char *between) {
    const char *all = "";
    for (size_t i = 0; i < n && all != NULL; i++) {
        const char *part = join(q->arena, "(", parts[i], ")");
        all = part == NULL ? NULL : join(q->arena, all, i == 0 ? "" : between, part);
    }
    return all == NULL ? NULL : join(q->arena, "(", all, ")");
}

const char *query_match(const struct query *q, const char *const *wanted, size_t n,
                        const char *labels) {
    const char *match = join_all(q, wanted, n, " AND ");
    match = match == NULL ? NULL : join(q->arena, texts, match, "");
    if (match != NULL && labels != NULL) {
        const char *under = join(q->arena, " AND labels : (", labels, ")");
        match = under == NULL ? NULL : join(q->arena, match, under, "");
    }
    if (match == NULL || q->n_unwanted == 0)
        return match;
    const char *without = join_all(q, q->unwanted, q->n_unwanted, " OR ");
    without = without == NULL ? NULL : join(q->arena, ") NOT (", texts, without);
    without = without == NULL ? NULL : join(q->arena, without, "", ")");
    return without == NULL ? NULL : join(q->arena, "(", match, without);
}
