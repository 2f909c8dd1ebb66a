#include "proto/page/lines.h"

#include <errno.h>

enum {
    SCRIPT_BYTES = 8 << 10,
    WRAP_COLUMNS = 16, /* no column is narrower */
    WRAP_SLACK = 3,    /* punctuation may not begin a line, so lines differ */
    WRAP_LINES = 3,    /* so many lines of a width make a column's width */
    LED_BYTES = 14,
    LATIN_COLUMNS = 28, /* as WRAP_COLUMNS, for Latin script */
};

static bool is_break(uint8_t c) {
    return c == '\n' || c == '\f' || c == '\v';
}

static size_t line_length(struct slice s) {
    const uint8_t *p = memchr(s.data, '\n', s.len);
    size_t len = p == NULL ? s.len : (size_t)(p - s.data);
    for (size_t i = 0; i < len; i++)
        if (is_break(s.data[i]))
            return i;
    return len;
}

static size_t count_lines(struct slice s) {
    size_t n = 1;
    for (size_t i = 0; i < s.len; i++)
        n += is_break(s.data[i]) && i + 1 < s.len && !is_break(s.data[i + 1]);
    return n;
}

static bool mostly_latin(struct slice s) {
    size_t letters = 0, ideographs = 0;
    s = text_head(s, SCRIPT_BYTES);
    for (size_t at = 0, n; at < s.len; at += n) {
        ucs4_t c = text_first(text_from(s, at), &n);
        letters += text_is_letter(c);
        ideographs += text_is_ideograph(c);
    }
    return letters > ideographs * 5;
}

static struct line line_of(struct slice raw, size_t number, size_t gap) {
    struct slice text = text_trim(raw);
    size_t indent = text_columns(text_head(raw, (size_t)(text.data - raw.data)), 40);
    size_t columns = indent + text_columns(text, LINE_COLUMNS);
    return (struct line){
        .text = text,
        .number = (uint32_t)number,
        .columns = (uint16_t)(columns < LINE_COLUMNS + 2 ? columns : LINE_COLUMNS + 2),
        .gap = (uint8_t)(gap < 255 ? gap : 255),
        .indented = indent >= 2,
    };
}

static void count_widths(struct lines *lines) {
    for (size_t i = 0; i + 1 < lines->n; i++) {
        const struct line *next = &lines->items[i + 1];
        if (next->gap == 0 && !next->indented)
            lines->widths[lines->items[i].columns]++;
    }
}

int lines_read(struct arena *a, struct slice text, size_t first_number, struct lines *ret) {
    *ret = (struct lines){.latin = mostly_latin(text)};
    ret->items = arena_alloc(a, count_lines(text) * sizeof *ret->items);
    if (ret->items == NULL)
        return -ENOMEM;
    size_t number = first_number, gap = 1;
    while (text.len > 0) {
        size_t len = line_length(text);
        struct line line = line_of(text_head(text, len), number, gap);
        if (line.text.len > 0)
            ret->items[ret->n++] = line;
        gap = line.text.len > 0 ? 0 : gap + 1;
        if (len < text.len && text.data[len] == '\n')
            number++;
        text = text_from(text, len < text.len ? len + 1 : len);
    }
    count_widths(ret);
    return 0;
}

/* Whether so many lines are about as wide that it is a column's width. */
static bool is_column_width(const struct lines *lines, size_t columns) {
    size_t n = 0;
    for (size_t w = columns - WRAP_SLACK; w <= columns + WRAP_SLACK && w < LINE_COLUMNS + 2; w++)
        n += lines->widths[w];
    return n >= WRAP_LINES;
}

static size_t first_word_columns(struct slice s) {
    size_t len = 0;
    while (len < s.len && len < 40 && !text_is_space(s.data[len]))
        len++;
    return text_columns(text_head(s, len), 40);
}

/* Latin lines differ in width by a word: the line is full when the next one's
 * first word had no room in the widest line around. */
static bool latin_full(const struct lines *lines, size_t i) {
    const struct line *line = &lines->items[i], *next = line + 1;
    size_t widest = line->columns > next->columns ? line->columns : next->columns;
    if (i > 0 && line->gap == 0 && line[-1].columns > widest)
        widest = line[-1].columns;
    if (i + 2 < lines->n && next[1].gap == 0 && next[1].columns > widest)
        widest = next[1].columns;
    return widest >= LATIN_COLUMNS && line->columns >= WRAP_COLUMNS &&
           line->columns + 1 + first_word_columns(next->text) + 2 > widest;
}

/* Dots that lead to a page's number at the line's end: a teaser, whole. */
static bool is_led(struct slice s) {
    struct slice end = s.len > LED_BYTES ? text_from(s, s.len - LED_BYTES) : s;
    return text_find(end, "…") < end.len || text_find(end, "...") < end.len;
}

bool lines_go_on(const struct lines *lines, size_t i) {
    if (i + 1 >= lines->n)
        return false;
    const struct line *line = &lines->items[i], *next = line + 1;
    if (next->gap > 0 || next->indented || line->columns < WRAP_COLUMNS || is_led(line->text))
        return false;
    if (lines->latin)
        return latin_full(lines, i);
    if (line->columns > LINE_COLUMNS)
        return false;
    bool goes_on = i > 0 && line->gap == 0 && !line->indented;
    if (goes_on && line[-1].columns > line->columns + WRAP_SLACK)
        return false; /* the short last line of a paragraph */
    if (is_column_width(lines, line->columns))
        return next->columns <= line->columns + WRAP_SLACK;
    /* Too few lines to know the width: a full line, and a rest that ends a sentence. */
    return line->columns >= 2 * WRAP_COLUMNS && !text_ended(line->text) &&
           next->columns <= line->columns + WRAP_SLACK && text_ended(next->text);
}

int lines_join(struct arena *a, const struct lines *lines, size_t from, size_t to,
               struct slice *ret) {
    *ret = lines->items[from].text;
    if (to == from + 1)
        return 0;
    size_t room = 0;
    for (size_t i = from; i < to; i++)
        room += lines->items[i].text.len + 1;
    uint8_t *out = arena_alloc(a, room), *p = out;
    if (out == NULL)
        return -ENOMEM;
    for (size_t i = from; i < to; i++) {
        struct slice text = lines->items[i].text;
        if (i > from && text_join_space(lines->items[i - 1].text, text, lines->latin))
            *p++ = ' ';
        memcpy(p, text.data, text.len);
        p += text.len;
    }
    *ret = (struct slice){out, (size_t)(p - out)};
    return 0;
}
