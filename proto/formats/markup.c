#include "proto/formats/markup.h"

#include "proto/formats/references.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* ---- text that grows into blocks */

/* The text of one block is put together here, white space made even. */
struct builder {
    struct arena *arena;
    Article *article; /* NULL: one line is made, blocks become spaces */
    uint8_t *text;    /* room for all of the input, which never grows */
    size_t len;
    bool gap, broken; /* white space was passed over; a line's end was in it */
};

static int builder_init(struct builder *b, struct arena *a, Article *article, size_t size) {
    *b = (struct builder){.arena = a, .article = article, .text = arena_alloc(a, size + 1)};
    return b->text == NULL ? -ENOMEM : 0;
}

/* Whether the character with this first byte is of U+3000 to U+9FFF or a full-width
 * form: ideographs, kana, their punctuation. None of them wants a space beside it. */
static bool is_wide(uint8_t first) {
    return (first >= 0xe3 && first <= 0xe9) || first == 0xef;
}

static void put_gap(struct builder *b, uint8_t first) {
    size_t last = b->len - 1;
    while (last > 0 && (b->text[last] & 0xc0) == 0x80)
        last--;
    if (!b->broken || !is_wide(b->text[last]) || !is_wide(first))
        b->text[b->len++] = ' ';
}

/* Adds a run of text that has no white space in it. */
static void put_text(struct builder *b, const uint8_t *text, size_t len) {
    if (b->gap && b->len > 0)
        put_gap(b, *text);
    b->gap = b->broken = false;
    memcpy(b->text + b->len, text, len);
    b->len += len;
}

static void put_space(struct builder *b, bool line_end) {
    b->gap = true;
    b->broken |= line_end;
}

/* Length of an ideographic or no-break space there; 0 when there is none. */
static size_t odd_space(const uint8_t *p, size_t len) {
    if (len >= 3 && memcmp(p, "\u3000", 3) == 0)
        return 3;
    return len >= 2 && memcmp(p, "\u00a0", 2) == 0 ? 2 : 0;
}

static size_t odd_space_before(const uint8_t *text, size_t len) {
    if (len >= 3 && memcmp(text + len - 3, "\u3000", 3) == 0)
        return 3;
    return len >= 2 && memcmp(text + len - 2, "\u00a0", 2) == 0 ? 2 : 0;
}

static struct slice trim(struct slice s) {
    for (size_t n; s.len > 0 && (n = *s.data == ' ' ? 1 : odd_space(s.data, s.len)) > 0;)
        s = (struct slice){s.data + n, s.len - n};
    for (size_t n;
         s.len > 0 && (n = s.data[s.len - 1] == ' ' ? 1 : odd_space_before(s.data, s.len)) > 0;)
        s.len -= n;
    return s;
}

/* What was put together is a block. */
static int end_block(struct builder *b, int type) {
    if (b->article == NULL) {
        put_space(b, false);
        return 0;
    }
    struct slice text = trim((struct slice){b->text, b->len});
    b->len = 0;
    b->gap = b->broken = false;
    return text.len == 0
               ? 0
               : article_add_block(b->arena, b->article, type, (const char *)text.data, text.len);
}

static bool is_space(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ---- tags */

enum tag_action {
    INLINE,    /* nothing happens */
    BREAK,     /* a line's end; two of them end the block */
    CELL,      /* a space */
    PARAGRAPH, /* ends the block */
    HEADING,
    QUOTE,
    LIST,
    ITEM,
    CAPTION,
    HIDDEN, /* what stands in it is no text */
};

/* All that is no INLINE; HTML Living Standard, "Rendering", display: block. */
static const struct tag {
    const char *name;
    enum tag_action action;
} tags[] = {
    {"p", PARAGRAPH},       {"br", BREAK},          {"div", PARAGRAPH},    {"li", ITEM},
    {"h1", HEADING},        {"h2", HEADING},        {"h3", HEADING},       {"h4", HEADING},
    {"h5", HEADING},        {"h6", HEADING},        {"blockquote", QUOTE}, {"ul", LIST},
    {"ol", LIST},           {"menu", LIST},         {"dir", LIST},         {"figcaption", CAPTION},
    {"caption", CAPTION},   {"td", CELL},           {"th", CELL},          {"tr", PARAGRAPH},
    {"table", PARAGRAPH},   {"thead", PARAGRAPH},   {"tbody", PARAGRAPH},  {"tfoot", PARAGRAPH},
    {"dl", PARAGRAPH},      {"dt", PARAGRAPH},      {"dd", PARAGRAPH},     {"pre", PARAGRAPH},
    {"hr", PARAGRAPH},      {"section", PARAGRAPH}, {"main", PARAGRAPH},   {"article", PARAGRAPH},
    {"aside", PARAGRAPH},   {"header", PARAGRAPH},  {"nav", PARAGRAPH},    {"footer", PARAGRAPH},
    {"address", PARAGRAPH}, {"center", PARAGRAPH},  {"figure", PARAGRAPH}, {"details", PARAGRAPH},
    {"body", PARAGRAPH},    {"html", PARAGRAPH},    {"form", PARAGRAPH},   {"summary", PARAGRAPH},
    {"head", PARAGRAPH},    {"script", HIDDEN},     {"style", HIDDEN},     {"template", HIDDEN},
    {"iframe", HIDDEN},     {"noscript", HIDDEN},   {"title", HIDDEN},     {"svg", HIDDEN},
    {"audio", HIDDEN},      {"video", HIDDEN},      {"object", HIDDEN},    {"noembed", HIDDEN},
};

struct reader {
    struct builder b;
    struct slice rest;
    bool heading, caption;
    unsigned quotes, lists, items; /* that are open */
    unsigned breaks;               /* since the last text */
    bool unclosed[2];              /* no more " (or ') is to come */
    bool in_dateline;
    size_t n_before; /* blocks that were there before us */
};

struct tag_text {
    struct slice name, attributes;
    bool closing;
};

static enum tag_action tag_action(struct slice name) {
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (strlen(tags[i].name) == name.len &&
            strncasecmp(tags[i].name, (const char *)name.data, name.len) == 0)
            return tags[i].action;
    return INLINE;
}

static void skip(struct reader *r, size_t n) {
    r->rest.data += n;
    r->rest.len -= n;
}

/* Where the tag ends that starts at from: behind the '>' that is in no quotes.
 * Length of the rest when there is none. A quote without its other half counts for
 * nothing, and is looked for once: the whole is one pass. */
static size_t tag_end(struct reader *r, size_t from) {
    const uint8_t *p = r->rest.data;
    for (size_t i = from; i < r->rest.len; i++) {
        if (p[i] == '>')
            return i + 1;
        if ((p[i] != '"' && p[i] != '\'') || p[i - 1] != '=')
            continue;
        bool *unclosed = &r->unclosed[p[i] == '"'];
        const uint8_t *close = *unclosed ? NULL : memchr(p + i + 1, p[i], r->rest.len - i - 1);
        if (close == NULL)
            *unclosed = true;
        else
            i = (size_t)(close - p);
    }
    return r->rest.len;
}

/* Takes a tag off the front of the rest. False when '<' begins none and is text. */
static bool take_tag(struct reader *r, struct tag_text *ret) {
    const uint8_t *p = r->rest.data;
    size_t i = 1;
    ret->closing = r->rest.len > 1 && p[1] == '/';
    i += ret->closing;
    if (i >= r->rest.len || (p[i] | 0x20) < 'a' || (p[i] | 0x20) > 'z')
        return false;
    size_t start = i;
    while (i < r->rest.len && !is_space(p[i]) && p[i] != '>' && p[i] != '/')
        i++;
    ret->name = (struct slice){p + start, i - start};
    const uint8_t *colon = memchr(ret->name.data, ':', ret->name.len);
    if (colon != NULL) /* a prefix, as in xhtml:p */
        ret->name = (struct slice){colon + 1, (size_t)(p + i - colon) - 1};
    size_t end = tag_end(r, i);
    ret->attributes = (struct slice){p + i, end - i};
    skip(r, end);
    return true;
}

/* Past <!...> and <?...>; a comment ends at its own mark. CDATA's text stays.
 * False when it is neither. */
static bool skip_declaration(struct reader *r) {
    struct slice s = r->rest;
    if (s.len < 2 || (s.data[1] != '!' && s.data[1] != '?'))
        return false;
    if (s.len >= 9 && memcmp(s.data, "<![CDATA[", 9) == 0) {
        skip(r, 9);
        return true;
    }
    bool comment = s.len >= 4 && memcmp(s.data, "<!--", 4) == 0;
    const char *mark = comment ? "-->" : ">";
    const uint8_t *end = memmem(s.data + 2, s.len - 2, mark, strlen(mark));
    skip(r, end == NULL ? s.len : (size_t)(end - s.data) + strlen(mark));
    return true;
}

/* Past an element whose content nobody sees, up to its closing tag. */
static void skip_hidden(struct reader *r, const struct tag_text *tag) {
    if (tag->attributes.len >= 2 && tag->attributes.data[tag->attributes.len - 2] == '/')
        return;
    while (r->rest.len > 0) {
        const uint8_t *open = memmem(r->rest.data, r->rest.len, "</", 2);
        if (open == NULL) {
            skip(r, r->rest.len);
            return;
        }
        skip(r, (size_t)(open - r->rest.data) + 2);
        if (r->rest.len > tag->name.len &&
            strncasecmp((const char *)r->rest.data, (const char *)tag->name.data, tag->name.len) ==
                0) {
            const uint8_t *end = memchr(r->rest.data, '>', r->rest.len);
            skip(r, end == NULL ? r->rest.len : (size_t)(end - r->rest.data) + 1);
            return;
        }
    }
}

/* ---- blocks */

static int open_type(const struct reader *r) {
    if (r->heading)
        return BLOCK_CROSSHEAD;
    if (r->caption)
        return BLOCK_CAPTION;
    if (r->items > 0)
        return BLOCK_LIST_ITEM;
    return r->quotes > 0 ? BLOCK_QUOTE : BLOCK_PARAGRAPH;
}

static bool has_class(struct slice attributes, const char *name) {
    char exact[32];
    size_t len = (size_t)snprintf(exact, sizeof exact, "class=\"%s\"", name);
    return memmem(attributes.data, attributes.len, exact, len) != NULL;
}

static unsigned less(unsigned n) {
    return n == 0 ? 0 : n - 1;
}

static void open_or_close(struct reader *r, enum tag_action action, const struct tag_text *tag) {
    bool open = !tag->closing;
    r->heading = action == HEADING && open; /* no block stands within a heading */
    switch (action) {
    case CAPTION: r->caption = open; break;
    case QUOTE: r->quotes = open ? r->quotes + 1 : less(r->quotes); break;
    case ITEM: r->items = open ? (r->lists == 0 ? 1 : r->lists) : less(r->lists); break;
    case LIST:
        r->lists = open ? r->lists + 1 : less(r->lists);
        if (!open && r->items > r->lists)
            r->items = r->lists;
        break;
    case PARAGRAPH:
        if (tag->name.len == 1)
            r->caption = open && has_class(tag->attributes, "caption");
        break;
    default: break;
    }
}

/* <span class="dateline">, as markup_write puts it at the start of the first block. */
static int take_dateline(struct reader *r, const struct tag_text *tag) {
    if (r->b.article == NULL || tag->name.len != 4 || memcmp(tag->name.data, "span", 4) != 0)
        return 0;
    if (!tag->closing) {
        r->in_dateline = r->b.len == 0 && r->b.article->n_blocks == r->n_before &&
                         has_class(tag->attributes, "dateline");
        return 0;
    }
    if (!r->in_dateline || r->b.len == 0)
        return 0;
    r->in_dateline = false;
    r->b.article->dateline = arena_strndup(r->b.arena, (const char *)r->b.text, r->b.len);
    r->b.len = 0;
    return r->b.article->dateline == NULL ? -ENOMEM : 0;
}

static int take_element(struct reader *r, const struct tag_text *tag) {
    enum tag_action action = tag_action(tag->name);
    int type = open_type(r);
    switch (action) {
    case INLINE: return take_dateline(r, tag);
    case CELL: put_space(&r->b, false); return 0;
    case BREAK: put_space(&r->b, true); return ++r->breaks == 2 ? end_block(&r->b, type) : 0;
    case HIDDEN:
        if (!tag->closing)
            skip_hidden(r, tag);
        return 0;
    default:
        open_or_close(r, action, tag);
        r->in_dateline = false;
        return end_block(&r->b, type);
    }
}

/* ---- the pass */

/* What ends a run of plain bytes. */
static const uint8_t stops[256] = {
    ['<'] = 1, ['&'] = 1, [' '] = 1, ['\t'] = 1, ['\n'] = 1, ['\v'] = 1, ['\f'] = 1, ['\r'] = 1};

static void take_run(struct reader *r, size_t at_least) {
    size_t n = at_least;
    while (n < r->rest.len && !stops[r->rest.data[n]])
        n++;
    if (n > 0) {
        put_text(&r->b, r->rest.data, n);
        r->breaks = 0;
    }
    skip(r, n);
}

static void take_reference(struct reader *r) {
    uint8_t text[REFERENCE_BYTES];
    size_t len, used = reference_read(r->rest, text, &len);
    if (used == 0) {
        take_run(r, 1);
        return;
    }
    if (is_space(*text))
        put_space(&r->b, *text != ' ');
    else
        put_text(&r->b, text, len);
    skip(r, used);
}

static int read_all(struct reader *r) {
    int result = 0;
    while (result == 0 && r->rest.len > 0) {
        uint8_t c = *r->rest.data;
        struct tag_text tag;
        if (is_space(c)) {
            put_space(&r->b, c != ' ' && c != '\t');
            skip(r, 1);
        } else if (c == '&') {
            take_reference(r);
        } else if (c != '<') {
            take_run(r, 0);
        } else if (take_tag(r, &tag)) {
            result = take_element(r, &tag);
        } else if (!skip_declaration(r)) {
            take_run(r, 1);
        }
    }
    return result < 0 ? result : end_block(&r->b, open_type(r));
}

int markup_read(struct arena *a, struct slice html, Article *article) {
    struct reader r = {.rest = html, .n_before = article->n_blocks};
    int result = builder_init(&r.b, a, article, html.len);
    return result < 0 ? result : read_all(&r);
}

char *markup_line(struct arena *a, struct slice html) {
    struct reader r = {.rest = html};
    if (builder_init(&r.b, a, NULL, html.len) < 0 || read_all(&r) < 0)
        return NULL;
    struct slice text = trim((struct slice){r.b.text, r.b.len});
    return arena_strndup(a, (const char *)text.data, text.len);
}

/* ---- plain text */

/* The next line, without its end: LF, CR LF or CR. */
static struct slice next_line(struct slice *rest) {
    size_t n = 0;
    while (n < rest->len && rest->data[n] != '\n' && rest->data[n] != '\r')
        n++;
    struct slice line = {rest->data, n};
    bool crlf = n + 1 < rest->len && rest->data[n] == '\r' && rest->data[n + 1] == '\n';
    n += n < rest->len ? 1 + (size_t)crlf : 0;
    rest->data += n;
    rest->len -= n;
    return line;
}

static bool is_blank(struct slice line) {
    for (size_t i = 0, n; i < line.len; i += n) {
        n = is_space(line.data[i]) ? 1 : odd_space(line.data + i, line.len - i);
        if (n == 0)
            return false;
    }
    return true;
}

/* Whether an empty line stands between two others. */
static bool has_empty_line(struct slice text) {
    bool seen_text = false, seen_empty = false;
    while (text.len > 0) {
        if (!is_blank(next_line(&text))) {
            if (seen_empty)
                return true;
            seen_text = true;
        } else {
            seen_empty = seen_text;
        }
    }
    return false;
}

static void put_line(struct builder *b, struct slice line) {
    while (line.len > 0) {
        size_t n = 0;
        while (n < line.len && !is_space(line.data[n]))
            n++;
        if (n > 0)
            put_text(b, line.data, n);
        else
            put_space(b, false);
        n += n == 0;
        line.data += n;
        line.len -= n;
    }
    put_space(b, true);
}

int markup_read_plain(struct arena *a, struct slice text, Article *article) {
    struct builder b;
    int r = builder_init(&b, a, article, text.len);
    bool wrapped = has_empty_line(text);
    while (r == 0 && text.len > 0) {
        struct slice line = next_line(&text);
        if (is_blank(line)) {
            r = end_block(&b, BLOCK_PARAGRAPH);
            continue;
        }
        put_line(&b, trim(line));
        if (!wrapped)
            r = end_block(&b, BLOCK_PARAGRAPH);
    }
    return r < 0 ? r : end_block(&b, BLOCK_PARAGRAPH);
}
