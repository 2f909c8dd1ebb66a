#include "proto/formats/markup.h"

#include <errno.h>
#include <string.h>

/* How each type stands in XHTML. */
static const struct {
    const char *open, *close;
} elements[] = {
    [BLOCK_UNSPECIFIED] = {"<p>", "</p>"},
    [BLOCK_PARAGRAPH] = {"<p>", "</p>"},
    [BLOCK_CROSSHEAD] = {"<h2>", "</h2>"},
    [BLOCK_CAPTION] = {"<p class=\"caption\">", "</p>"},
    [BLOCK_QUOTE] = {"<blockquote><p>", "</p></blockquote>"},
    [BLOCK_LIST_ITEM] = {"<li>", "</li>"},
};
enum { TYPES = sizeof elements / sizeof *elements };

#define DATELINE_OPEN  "<span class=\"dateline\">"
#define DATELINE_CLOSE "</span> "

/* More bytes that a byte takes once it is escaped: "&amp;" or U+FFFD for 1. */
static const uint8_t growth[256] = {['&'] = 4,     ['<'] = 3,       ['>'] = 3,
                                    [1 ... 8] = 2, [11 ... 12] = 2, [14 ... 31] = 2};

static size_t escaped_size(const char *text) {
    size_t n = 0;
    for (const uint8_t *p = (const uint8_t *)text; *p != '\0'; p++)
        n += 1 + growth[*p];
    return n;
}

static char *put_escaped(char *out, const char *text) {
    for (;;) {
        const char *start = text;
        while (*text != '\0' && growth[(uint8_t)*text] == 0)
            text++;
        out = mempcpy(out, start, (size_t)(text - start));
        switch (*text++) {
        case '\0': return out;
        case '&': out = stpcpy(out, "&amp;"); break;
        case '<': out = stpcpy(out, "&lt;"); break;
        case '>': out = stpcpy(out, "&gt;"); break;
        default: out = stpcpy(out, "\ufffd"); break; /* XML has no such character */
        }
    }
}

static bool begins_with_dateline(const Article *article) {
    return *article->dateline != '\0' && article->n_blocks > 0 &&
           article->blocks[0]->type == BLOCK_PARAGRAPH;
}

static size_t type_of(const Block *block) {
    return (size_t)block->type < TYPES ? (size_t)block->type : BLOCK_PARAGRAPH;
}

static char *put_block(char *out, const Article *article, size_t i) {
    size_t type = type_of(article->blocks[i]);
    bool first = i == 0 || type_of(article->blocks[i - 1]) != type;
    bool last = i + 1 == article->n_blocks || type_of(article->blocks[i + 1]) != type;
    if (type == BLOCK_LIST_ITEM && first)
        out = stpcpy(out, "<ul>");
    out = stpcpy(out, elements[type].open);
    if (i == 0 && begins_with_dateline(article))
        out = stpcpy(put_escaped(stpcpy(out, DATELINE_OPEN), article->dateline), DATELINE_CLOSE);
    out = stpcpy(put_escaped(out, article->blocks[i]->text), elements[type].close);
    return type == BLOCK_LIST_ITEM && last ? stpcpy(out, "</ul>") : out;
}

int markup_write(struct arena *a, const Article *article, struct slice *ret) {
    enum { MARKS = sizeof "<ul></ul><blockquote><p></p></blockquote>" };
    size_t size = sizeof DATELINE_OPEN DATELINE_CLOSE + escaped_size(article->dateline) + 1;
    for (size_t i = 0; i < article->n_blocks; i++)
        size += MARKS + escaped_size(article->blocks[i]->text);
    char *text = arena_alloc(a, size), *out = text;
    if (text == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < article->n_blocks; i++)
        out = put_block(out, article, i);
    *ret = (struct slice){(const uint8_t *)text, (size_t)(out - text)};
    return 0;
}

int markup_write_plain(struct arena *a, const Article *article, struct slice *ret) {
    size_t size = strlen(article->dateline) + 2;
    for (size_t i = 0; i < article->n_blocks; i++)
        size += strlen(article->blocks[i]->text) + 2;
    char *text = arena_alloc(a, size), *out = text;
    if (text == NULL)
        return -ENOMEM;
    if (begins_with_dateline(article))
        out = stpcpy(stpcpy(out, article->dateline), " ");
    for (size_t i = 0; i < article->n_blocks; i++)
        out = stpcpy(stpcpy(out, i == 0 ? "" : "\n\n"), article->blocks[i]->text);
    *ret = (struct slice){(const uint8_t *)text, (size_t)(out - text)};
    return 0;
}
