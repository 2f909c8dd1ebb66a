#include "clients/archive/diff.h"

#include "clients/archive/expand.h"
#include "proto/text.h"

#include <errno.h>
#include <stdlib.h>
#include <unictype.h>
#include <unistr.h>

/* A table of so many cells at most; what is longer is shown as a whole. */
enum { CELLS_MOST = 4 << 20 };

/* Pieces of text that are compared as a whole: words, or paragraphs. */
struct parts {
    struct slice *items;
    size_t n;
};

enum part { SAME, GONE, NEW };

struct change {
    enum part part;
    size_t before, after; /* the item's place */
};

/* ---- longest common subsequence */

/* How many items are the same at the front. */
static size_t common_front(const struct parts *x, const struct parts *y) {
    size_t n = 0;
    while (n < x->n && n < y->n && slice_equal(x->items[n], y->items[n]))
        n++;
    return n;
}

/* table[i][j]: the most items that x from i and y from j have in common. */
static uint16_t *make_table(struct arena *a, const struct parts *x, const struct parts *y) {
    size_t width = y->n + 1;
    if ((x->n + 1) * width > CELLS_MOST)
        return NULL;
    uint16_t *table = arena_alloc(a, (x->n + 1) * width * sizeof *table);
    for (size_t i = x->n; table != NULL && i-- > 0;)
        for (size_t j = y->n; j-- > 0;) {
            uint16_t down = table[(i + 1) * width + j], right = table[i * width + j + 1];
            table[i * width + j] = slice_equal(x->items[i], y->items[j])
                                       ? (uint16_t)(table[(i + 1) * width + j + 1] + 1)
                                   : down > right ? down
                                                  : right;
        }
    return table;
}

/* The changes that make y of x, in order. ret has room for x->n + y->n. How many. */
static size_t find_changes(struct arena *a, struct parts x, struct parts y, struct change *ret) {
    size_t n = common_front(&x, &y), i = 0, j = 0, front = n;
    for (size_t k = 0; k < n; k++)
        ret[k] = (struct change){SAME, k, k};
    x = (struct parts){x.items + front, x.n - front};
    y = (struct parts){y.items + front, y.n - front};
    const uint16_t *table = make_table(a, &x, &y);
    size_t width = y.n + 1;
    while (i < x.n || j < y.n) {
        bool same = table != NULL && i < x.n && j < y.n && slice_equal(x.items[i], y.items[j]);
        bool gone =
            !same && i < x.n &&
            (j == y.n || table == NULL || table[(i + 1) * width + j] >= table[i * width + j + 1]);
        ret[n++] = (struct change){same ? SAME : gone ? GONE : NEW, front + i, front + j};
        i += same || gone;
        j += same || !gone;
    }
    return n;
}

/* ---- words */

static bool is_word(ucs4_t c) {
    return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N |
                                                   UC_CATEGORY_MASK_M) &&
           !expand_is_character(c);
}

/* Cuts a text into words, and single characters of everything else. */
static int split(struct arena *a, const char *text, struct parts *ret) {
    struct slice s = slice_of(text);
    *ret = (struct parts){.items = arena_alloc(a, (s.len + 1) * sizeof *ret->items)};
    if (ret->items == NULL)
        return -ENOMEM;
    bool in_word = false;
    for (size_t i = 0; i < s.len;) {
        ucs4_t c;
        size_t n = (size_t)u8_mbtouc(&c, s.data + i, s.len - i);
        bool word = is_word(c);
        if (word && in_word)
            ret->items[ret->n - 1].len += n;
        else
            ret->items[ret->n++] = (struct slice){s.data + i, n};
        in_word = word;
        i += n;
    }
    return 0;
}

static void put(FILE *out, struct slice text) {
    char *clean = text_harmless(text);
    fputs(clean == NULL ? "" : clean, out);
    free(clean);
}

static const char *opening(enum part part, bool colour) {
    static const char *const plain[] = {"", "[-", "{+"}, *const coloured[] = {"", "\033[31;9m",
                                                                              "\033[32;1m"};
    return (colour ? coloured : plain)[part];
}

static const char *ending(enum part part, bool colour) {
    static const char *const plain[] = {"", "-]", "+}"};
    return part == SAME ? "" : colour ? "\033[0m" : plain[part];
}

int diff_words(FILE *out, struct arena *a, const char *before, const char *after, bool colour) {
    struct parts x, y;
    if (split(a, before, &x) < 0 || split(a, after, &y) < 0)
        return -ENOMEM;
    struct change *changes = arena_alloc(a, (x.n + y.n + 1) * sizeof *changes);
    if (changes == NULL)
        return -ENOMEM;
    size_t n = find_changes(a, x, y, changes);
    enum part open = SAME;
    for (size_t i = 0; i < n; i++) {
        enum part part = changes[i].part;
        if (part != open)
            fprintf(out, "%s%s", ending(open, colour), opening(part, colour));
        open = part;
        put(out, part == NEW ? y.items[changes[i].after] : x.items[changes[i].before]);
    }
    fprintf(out, "%s\n", ending(open, colour));
    return 0;
}

/* ---- articles */

static void put_line(FILE *out, const char *sign, const char *text) {
    fputs(sign, out);
    put(out, slice_of(text));
    fputc('\n', out);
}

static int put_field(FILE *out, struct arena *a, const char *name, const char *before,
                     const char *after, bool colour) {
    if (strcmp(before, after) == 0)
        return 0;
    fprintf(out, "  %s: ", name);
    return diff_words(out, a, before, after, colour);
}

static const char *joined(struct arena *a, char *const *names, size_t n) {
    size_t size = 1;
    for (size_t i = 0; i < n; i++)
        size += strlen(names[i]) + 2;
    char *text = arena_alloc(a, size), *to = text;
    for (size_t i = 0; i < n && text != NULL; i++)
        to = stpcpy(stpcpy(to, i == 0 ? "" : ", "), names[i]);
    return text == NULL ? "" : text;
}

/* What lies beside the text: subjects and pictures, each on from the last. */
static const char *about(struct arena *a, const Article *x, bool pictures) {
    size_t n = pictures ? x->n_media : x->n_subjects;
    char **parts = arena_alloc(a, (n + 1) * sizeof *parts);
    for (size_t i = 0; i < n && parts != NULL; i++) {
        const char *name = pictures                     ? x->media[i]->caption
                           : *x->subjects[i]->name != 0 ? x->subjects[i]->name
                                                        : x->subjects[i]->code;
        const char *also = pictures ? x->media[i]->href : "";
        size_t size = strlen(name) + strlen(also) + 4;
        if ((parts[i] = arena_alloc(a, size)) == NULL)
            return "";
        snprintf(parts[i], size, *also == '\0' ? "%s%s" : "%s <%s>", name, also);
    }
    return parts == NULL ? "" : joined(a, parts, n);
}

static const char *number(struct arena *a, int64_t value) {
    char *text = arena_alloc(a, 24);
    if (text != NULL)
        snprintf(text, 24, "%lld", (long long)value);
    return text == NULL || value == 0 ? "" : text;
}

static int put_fields(FILE *out, struct arena *a, const Article *x, const Article *y, bool colour) {
    const struct {
        const char *name, *before, *after;
    } fields[] = {
        {"kicker", joined(a, x->kicker, x->n_kicker), joined(a, y->kicker, y->n_kicker)},
        {"headline", x->headline, y->headline},
        {"subheadline", x->subheadline, y->subheadline},
        {"byline", joined(a, x->byline, x->n_byline), joined(a, y->byline, y->n_byline)},
        {"dateline", x->dateline, y->dateline},
        {"section", x->section, y->section},
        {"kind", article_kind_name(x->kind), article_kind_name(y->kind)},
        {"status", article_status_name(x->status), article_status_name(y->status)},
        {"language", x->language, y->language},
        {"urgency", number(a, x->urgency), number(a, y->urgency)},
        {"keywords", joined(a, x->keywords, x->n_keywords), joined(a, y->keywords, y->n_keywords)},
        {"subjects", about(a, x, false), about(a, y, false)},
        {"media", about(a, x, true), about(a, y, true)},
        {"publication", x->publication, y->publication},
        {"page date", x->page_date, y->page_date},
        {"page", x->page, y->page},
        {"source", x->source, y->source},
        {"note to editors", x->note_to_editors, y->note_to_editors},
        {"rights", x->rights, y->rights},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (fields[i].before != NULL && fields[i].after != NULL &&
            put_field(out, a, fields[i].name, fields[i].before, fields[i].after, colour) < 0)
            return -ENOMEM;
    return 0;
}

/* Each with its type before it: a paragraph that becomes a crosshead is another block. */
static int list_blocks(struct arena *a, const Article *article, struct parts *ret) {
    *ret = (struct parts){.items = arena_alloc(a, (article->n_blocks + 1) * sizeof *ret->items),
                          .n = article->n_blocks};
    for (size_t i = 0; ret->items != NULL && i < ret->n; i++) {
        const Block *block = article->blocks[i];
        size_t size = strlen(block->text) + 16;
        char *item = arena_alloc(a, size);
        if (item == NULL)
            return -ENOMEM;
        snprintf(item, size, "%d %s", (int)block->type, block->text);
        ret->items[i] = slice_of(item);
    }
    return ret->items == NULL ? -ENOMEM : 0;
}

/* Paragraphs that are gone, and those that stand in their place: each pair by words. */
static int put_run(FILE *out, struct arena *a, Block *const *gone, size_t n_gone, Block *const *new,
                   size_t n_new, bool colour) {
    size_t pairs = n_gone < n_new ? n_gone : n_new;
    for (size_t i = 0; i < pairs; i++) {
        fputs("  ~ ", out);
        if (gone[i]->type != new[i]->type)
            fprintf(out, "(%s > %s) ", article_block_type_name((int)gone[i]->type),
                    article_block_type_name((int)new[i]->type));
        if (diff_words(out, a, gone[i]->text, new[i]->text, colour) < 0)
            return -ENOMEM;
    }
    for (size_t i = pairs; i < n_gone; i++)
        put_line(out, "  - ", gone[i]->text);
    for (size_t i = pairs; i < n_new; i++)
        put_line(out, "  + ", new[i]->text);
    return 0;
}

int diff_write(FILE *out, struct arena *a, const Article *before, const Article *after,
               bool colour) {
    struct parts x, y;
    if (put_fields(out, a, before, after, colour) < 0 || list_blocks(a, before, &x) < 0 ||
        list_blocks(a, after, &y) < 0)
        return -ENOMEM;
    struct change *changes = arena_alloc(a, (x.n + y.n + 1) * sizeof *changes);
    if (changes == NULL)
        return -ENOMEM;
    size_t n = find_changes(a, x, y, changes);
    for (size_t i = 0, n_gone, n_new; i < n; i += n_gone + n_new) {
        n_gone = n_new = 0;
        for (size_t k = i; k < n && changes[k].part != SAME; k++)
            changes[k].part == GONE ? n_gone++ : n_new++;
        if (n_gone + n_new == 0)
            n_gone = 1; /* one that stays is passed over */
        else if (put_run(out, a, before->blocks + changes[i].before, n_gone,
                         after->blocks + changes[i].after, n_new, colour) < 0)
            return -ENOMEM;
    }
    return 0;
}
