#include "proto/page/units.h"

#include "proto/page/dates.h"
#include "proto/page/lines.h"

#include <errno.h>

enum { FOLIO_COLUMNS = 150, MARK_BYTES = 300, MOST_BETWEEN = 4 };

/* ---- what stands on one line */

/* A page's number by itself: 2, — 2 —, 第2版, Page 2. */
static bool is_page_number(const struct rules_page *r, struct slice s) {
    struct slice at, number;
    if (s.len > 30)
        return false;
    if (dates_find_page(s, &r->page_words, &at, &number) && at.len == s.len)
        return true;
    size_t digits = 0, n;
    for (; s.len > 0; s = text_from(s, n)) {
        ucs4_t c = text_first(s, &n);
        if (text_is_digit(c))
            digits++;
        else if (!text_is_space(c) && c != '-' && c != 0x2014 && c != 0x2013 && c != 0xb7 &&
                 c != '|')
            return false;
    }
    return digits > 0 && digits <= 4;
}

/* Paper, date, weekday, page: a date with one more of them, or nearly alone. */
static bool is_folio(const struct rules_page *r, struct slice s) {
    char date[DATE_SIZE];
    struct slice at, page, number;
    if (s.len > MARK_BYTES || text_has_sentence(s) || !dates_find(s, &r->months, &at, date))
        return false;
    if (text_columns(s, FOLIO_COLUMNS) > FOLIO_COLUMNS)
        return false;
    if (dates_find_page(s, &r->page_words, &page, &number))
        return true;
    for (size_t i = 0; i < r->weekdays.n; i++)
        if (text_find(s, r->weekdays.items[i]) < s.len)
            return true;
    struct slice head = text_trim(text_head(s, (size_t)(at.data - s.data)));
    return s.len <= at.len + 12 || (head.len > 0 && text_ends(head, &r->paper_endings) > 0);
}

/* What leads the eye from a teaser's words to its page: dots, a space, an arrow. */
static bool leads(struct slice before) {
    ucs4_t c = text_last(before, NULL);
    return text_is_space(c) || c == 0x2026 || c == '.' || c == 0xb7 || c == 0x2192 || c == '>' ||
           c == 0x25b6 || c == 0x2014 || c == 0x22ef || c == ',' || c == 0x89c1;
}

static bool is_teaser(const struct rules_page *r, struct slice s) {
    struct slice at = {0}, number, rest = s;
    if (s.len > MARK_BYTES || text_has_sentence(s))
        return false;
    bool found = false; /* the last page named on the line */
    while (dates_find_page(rest, &r->page_words, &at, &number)) {
        found = true;
        rest = text_from(rest, (size_t)(at.data + at.len - rest.data));
    }
    struct slice before = text_head(s, found ? (size_t)(at.data - s.data) : 0);
    return found && text_trim(rest).len == 0 && text_trim(before).len > 0 && leads(before);
}

/* The next line of a list of teasers: it ends with a bare number. */
static bool goes_on_teasing(struct slice s) {
    return s.len <= MARK_BYTES && !text_has_sentence(s) && text_is_digit(text_last(s, NULL));
}

/* A label with a colon at the front: 初审:, 版式:. */
static bool starts_with_colon(struct slice s, const struct text_list *words) {
    size_t len = text_starts(s, words), n;
    struct slice rest = text_trim_front(text_from(s, len));
    ucs4_t c = text_first(rest, &n);
    bool latin = len > 0 && s.data[len - 1] < 0x80;
    return len > 0 && (c == ':' || c == 0xff1a || (latin && text_is_letter(c)));
}

static int section_label(const struct rules *rules, struct slice s) {
    for (size_t i = 0; i < rules->n_sections; i++)
        if (text_word(s, &rules->sections[i]->labels) != NULL ||
            text_word(s, &rules->sections[i]->titles) != NULL)
            return KIND_ARTICLE;
    return KIND_UNSPECIFIED;
}

/* The kind of the items under a label; KIND_UNSPECIFIED when it is no label. */
static int label_kind(const struct rules *rules, struct slice s) {
    const struct rules_page *r = &rules->page;
    if (text_word(s, &r->brief_labels) != NULL)
        return KIND_BRIEF;
    if (text_word(s, &r->photo_labels) != NULL)
        return KIND_PHOTO;
    if (text_columns(s, r->label_columns) <= r->label_columns &&
        text_ends(s, &r->brief_label_endings) > 0 && !text_has_sentence(s))
        return KIND_BRIEF;
    return section_label(rules, s);
}

static bool read_label(const struct rules *rules, struct unit *u) {
    if (u->text.len > 120)
        return false;
    struct slice s = marks_undecorated(&rules->page, u->text);
    int kind = label_kind(rules, s);
    if (kind == KIND_UNSPECIFIED)
        return false;
    u->label = s;
    u->label_kind = (uint8_t)kind;
    return true;
}

static bool is_furniture(const struct rules_page *r, struct slice s) {
    if (s.len > MARK_BYTES)
        return false;
    return text_word(marks_undecorated(r, s), &r->furniture_words) != NULL ||
           starts_with_colon(s, &r->furniture_words) || starts_with_colon(s, &r->folio_words) ||
           is_page_number(r, s) || is_teaser(r, s);
}

static bool is_figure(const struct rules_page *r, struct slice s) {
    size_t len = text_starts(s, &r->figure_marks);
    ucs4_t c = text_first(text_from(s, len), NULL);
    bool joint = len > 0 && len >= 9 && text_starts(s, &r->photo_openings) == 0;
    return len > 0 && (c == ':' || c == 0xff1a || c == 0x3000 || c == ' ' || c == 0x4e3a || joint);
}

static bool is_short(const struct rules_page *r, struct slice s) {
    return s.len <= r->title_columns * 4 && text_columns(s, r->title_columns) <= r->title_columns &&
           !text_has_sentence(s);
}

/* ---- what a unit is */

/* Whether it ends with a word in lower case and a point: no name or page does. */
static bool ends_plainly(struct slice s) {
    size_t i = s.len;
    if (i == 0 || s.data[--i] != '.')
        return false;
    while (i > 0 && s.data[i - 1] >= 'a' && s.data[i - 1] <= 'z')
        i--;
    return s.len - i > 3 && i > 0 && s.data[i - 1] == ' ';
}

/* Jumps and bylines at a paragraph's ends. */
static void read_ends(const struct rules_page *r, struct unit *u) {
    marks_jump_front(&r->jump_from, &u->body, &u->jump_from);
    for (bool more = true; more;) {
        ucs4_t last = text_last(u->body, NULL);
        if ((text_is_stop(last) && last != '.') || last == 0x201d || ends_plainly(u->body))
            return; /* most paragraphs: neither mark ends so */
        more = u->jump_to.len == 0 && marks_jump_end(&r->jump_to, &u->body, &u->jump_to);
        if (u->jump_from.len == 0 && marks_jump_end(&r->jump_from, &u->body, &u->jump_from))
            more = true;
        if (u->names.len == 0 && marks_byline_end(r, &u->body, &u->names))
            more = true;
    }
}

/* What a unit is that stands on no line of its own. */
static enum unit_kind paragraph_kind(const struct rules_page *r, struct unit *u) {
    struct slice rest = u->text, dateline, place, title, text;
    if (marks_box(r, &u->body, &u->label))
        return UNIT_BOX;
    if (is_figure(r, u->text))
        return UNIT_FIGURE;
    if (marks_dateline(r, &rest, &dateline) ||
        !marks_inline_title(r, u->text, &place, &title, &text))
        return UNIT_PARAGRAPH;
    return UNIT_INLINE;
}

static enum unit_kind line_kind(const struct rules *rules, struct unit *u) {
    const struct rules_page *r = &rules->page;
    struct slice s = u->text;
    if (starts_with_colon(s, &r->reviewer_labels))
        return UNIT_REVIEWERS;
    if (s.len > MARK_BYTES)
        return paragraph_kind(r, u);
    if (is_folio(r, s))
        return UNIT_FOLIO;
    if (marks_jump_line(&r->jump_from, s, &u->jump_from))
        return UNIT_JUMP_FROM;
    if (marks_jump_line(&r->jump_to, s, &u->jump_to))
        return UNIT_JUMP_TO;
    if (is_furniture(r, s))
        return UNIT_FURNITURE;
    if (read_label(rules, u))
        return UNIT_LABEL;
    struct slice rest = s, label;
    bool box = marks_box(r, &rest, &label) && rest.len == 0;
    if (!box && text_starts(s, &r->column_labels) == 0 && marks_byline_line(r, s, &u->names))
        return UNIT_BYLINE;
    enum unit_kind kind = paragraph_kind(r, u);
    bool plain = kind == UNIT_PARAGRAPH || kind == UNIT_INLINE;
    return plain && is_short(r, s) ? UNIT_SHORT : kind;
}

static void classify(const struct rules *rules, struct unit *u) {
    const struct rules_page *r = &rules->page;
    u->body = u->text;
    u->names = u->jump_to = u->jump_from = (struct slice){0};
    u->kind = (uint8_t)line_kind(rules, u);
    u->list = text_starts(u->text, &r->list_openings) > 0;
    if (u->kind == UNIT_PARAGRAPH || u->kind == UNIT_INLINE || u->kind == UNIT_BOX ||
        u->kind == UNIT_FIGURE)
        read_ends(r, u);
    if (u->kind != UNIT_SHORT)
        return;
    /* A short line that ends with a photographer's name is a caption; one that
     * has a dateline or begins like a caption, a paragraph. */
    struct slice rest = u->text, dateline;
    read_ends(r, u);
    if (u->names.len > 0 || u->jump_to.len > 0 || u->jump_from.len > 0 || marks_photo(r, u->text) ||
        (marks_dateline(r, &rest, &dateline) && rest.len > 0))
        u->kind = UNIT_PARAGRAPH;
}

static bool is_text(const struct unit *u) {
    return u->kind == UNIT_PARAGRAPH || u->kind == UNIT_BOX || u->kind == UNIT_INLINE;
}

/* ---- torn paragraphs */

/* Punctuation that never begins a sentence. */
static bool begins_within(struct slice s) {
    static const ucs4_t marks[] = {0xff0c, 0x3002, 0x3001, 0xff1b, 0xff01, 0xff1f, 0x201d, 0x300d,
                                   0x300f, 0x300b, 0xff09, ',',    ';',    ')',    0x2019};
    ucs4_t c = text_first(s, NULL);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (c == marks[i])
            return true;
    return false;
}

static bool is_comma(ucs4_t c) {
    return c == ',' || c == 0xff0c || c == 0x3001;
}

static bool is_colon(ucs4_t c) {
    return c == ':' || c == 0xff1a;
}

/* Whether the first is left in mid sentence. A caption may do without a stop. */
static bool left_open(const struct rules_page *r, const struct unit *u) {
    if (!is_text(u) || u->names.len > 0 || u->jump_to.len > 0 || u->body.len == 0)
        return false;
    if (marks_photo(r, u->body) && is_short(r, u->body))
        return false;
    return !text_ended(u->body);
}

/* Whether u can be the rest of a torn paragraph. */
static bool can_follow(const struct rules_page *r, const struct unit *u) {
    struct slice rest = u->text, dateline;
    return !u->list && !marks_numbered(r, u->text) &&
           text_starts(u->text, &r->photo_openings) == 0 && u->jump_from.len == 0 &&
           !marks_dateline(r, &rest, &dateline);
}

static bool has_comma(struct slice s) {
    for (size_t at = 0, n; at < s.len; at += n)
        if (is_comma(text_first(text_from(s, at), &n)))
            return true;
    return false;
}

/* Whether a short line within a story, whose last paragraph is over, is the
 * first part of a torn one rather than a crosshead or title. */
static bool is_short_part(const struct rules_page *r, const struct unit *before,
                          const struct unit *a, const struct unit *b, bool latin) {
    if (a->kind != UNIT_SHORT || a->list || (b->kind != UNIT_PARAGRAPH && b->kind != UNIT_SHORT))
        return false;
    if (begins_within(b->text))
        return true;
    if (b->kind == UNIT_SHORT || !can_follow(r, b))
        return false;
    ucs4_t first = text_first(b->text, NULL);
    if (latin)
        return first >= 'a' && first <= 'z';
    bool story = before != NULL && before->kind == UNIT_PARAGRAPH && before->names.len == 0 &&
                 before->jump_to.len == 0;
    return story && has_comma(a->text) && !marks_numbered(r, a->text) &&
           text_columns(a->text, r->crosshead_columns) > r->crosshead_columns;
}

static bool is_torn(const struct rules_page *r, const struct unit *a, const struct unit *b,
                    bool indents) {
    if (!is_text(a) || a->names.len > 0 || a->jump_to.len > 0)
        return false;
    if (begins_within(b->text) && (b->kind == UNIT_PARAGRAPH || b->kind == UNIT_SHORT))
        return true;
    if (b->kind == UNIT_SHORT) { /* its rest, if it ends as a sentence does */
        ucs4_t last = text_last(b->text, NULL);
        bool ends = last == 0xff01 || last == 0xff1f || last == '!' || last == '?';
        return left_open(r, a) && ends && !b->indented && can_follow(r, b);
    }
    if (b->kind != UNIT_PARAGRAPH || !can_follow(r, b) || (indents && b->indented))
        return false;
    ucs4_t last = text_last(a->body, NULL), first = text_first(b->text, NULL);
    if (is_comma(last))
        return true;
    if (is_colon(last))
        return first == 0x201c && text_last(b->text, NULL) != 0;
    return left_open(r, a);
}

/* A page break puts its furniture between the two parts. */
static bool between_parts(const struct unit *u) {
    return u->kind == UNIT_FOLIO || (u->kind == UNIT_FURNITURE && u->text.len <= 60);
}

static size_t next_part(const struct units *units, size_t i) {
    size_t last = i + MOST_BETWEEN;
    for (i++; i < units->n && i <= last && between_parts(&units->items[i]);)
        i++;
    return i;
}

static int join_two(struct arena *a, struct unit *u, struct slice *built, size_t *room,
                    struct slice more, bool latin) {
    size_t need = built->len + more.len + 1;
    if (need > *room) { /* doubles, so that a thousand parts cost no more than one */
        uint8_t *grown = arena_alloc(a, need * 2);
        if (grown == NULL)
            return -ENOMEM;
        memcpy(grown, built->data, built->len);
        built->data = grown;
        *room = need * 2;
    }
    uint8_t *p = (uint8_t *)built->data + built->len;
    if (text_join_space(*built, more, latin))
        *p++ = ' ';
    memcpy(p, more.data, more.len);
    built->len = (size_t)(p - built->data) + more.len;
    u->text = *built;
    return 0;
}

static bool page_indents(const struct units *units) {
    size_t indented = 0, paragraphs = 0;
    for (size_t i = 0; i < units->n; i++) {
        paragraphs += units->items[i].kind == UNIT_PARAGRAPH;
        indented += units->items[i].kind == UNIT_PARAGRAPH && units->items[i].indented;
    }
    return indented * 3 > paragraphs;
}

/* Joins each torn paragraph to its first part; the other parts become empty
 * units, which are then left out. */
static int join_torn(struct arena *a, const struct rules *rules, struct units *units) {
    bool indents = page_indents(units);
    for (size_t i = 0; i < units->n;) {
        struct unit *u = &units->items[i];
        struct slice built = u->text;
        size_t room = 0, j;
        bool may = is_text(u) || u->kind == UNIT_SHORT;
        for (; may && (j = next_part(units, i)) < units->n;) {
            struct unit *b = &units->items[j];
            if (u->text.len == 0 ||
                !(is_torn(&rules->page, u, b, indents) ||
                  is_short_part(&rules->page, i > 0 ? u - 1 : NULL, u, b, units->latin)))
                break;
            if (join_two(a, u, &built, &room, b->text, units->latin) < 0)
                return -ENOMEM;
            /* The end is now that of the part which was joined. */
            u->body = u->text;
            u->names = u->jump_to = u->jump_from = (struct slice){0};
            u->kind = u->kind == UNIT_INLINE ? UNIT_INLINE : UNIT_PARAGRAPH;
            read_ends(&rules->page, u);
            b->text.len = 0;
            if (j > i + 1) { /* furniture stays behind the whole paragraph */
                struct unit whole = *u;
                memmove(u, u + 1, (j - i - 1) * sizeof *u);
                units->items[j - 1] = whole;
                i = j - 1;
                u = &units->items[i];
            }
            units->items[j] = units->items[i];
            units->items[i].text.len = 0;
            i = j;
            u = &units->items[i];
        }
        i++;
    }
    size_t n = 0;
    for (size_t i = 0; i < units->n; i++)
        if (units->items[i].text.len > 0)
            units->items[n++] = units->items[i];
    units->n = n;
    return 0;
}

/* ---- from lines to units */

/* A paper's name alone, beside the rest of the folio line. */
static bool is_paper(const struct rules_page *r, const struct unit *u) {
    return u->kind == UNIT_SHORT && text_columns(u->text, r->label_columns) <= r->label_columns &&
           text_ends(u->text, &r->paper_endings) > 0;
}

/* What a short line is by the unit beside it. */
static void classify_by_neighbour(const struct rules_page *r, struct units *units) {
    for (size_t i = 1; i < units->n; i++) {
        struct unit *u = &units->items[i];
        if (u->kind == UNIT_FOLIO && is_paper(r, &u[-1]))
            u[-1].kind = UNIT_FOLIO;
        if (u[-1].kind == UNIT_FOLIO && is_paper(r, u))
            u->kind = UNIT_FOLIO;
        if (u->kind == UNIT_SHORT && u->list && u[-1].kind == UNIT_PARAGRAPH)
            u->kind = UNIT_PARAGRAPH; /* of a list; a subheadline stands below a title */
        bool after = u[-1].kind == UNIT_FURNITURE && u->gap <= 1;
        if (after && u->kind == UNIT_SHORT && goes_on_teasing(u->text))
            u->kind = UNIT_FURNITURE;
    }
}

/* Whether a line is a whole thing by itself, even where its width and the line
 * before it look as if it went on with that: a byline, or a label behind a stop. */
static bool stands_alone(const struct rules *rules, struct slice before, struct slice s) {
    struct unit u = {.text = s};
    struct slice names;
    if (s.len > MARK_BYTES || (s.data[0] >= 'a' && s.data[0] <= 'z'))
        return false;
    return text_ended(before) ? read_label(rules, &u) : marks_byline_line(&rules->page, s, &names);
}

int units_read(struct arena *a, const struct rules *rules, struct slice text, size_t first_line,
               struct units *ret) {
    struct lines lines;
    int r = lines_read(a, text, first_line, &lines);
    if (r < 0)
        return r;
    *ret = (struct units){.latin = lines.latin};
    ret->items = arena_alloc(a, (lines.n + 1) * sizeof *ret->items);
    if (ret->items == NULL)
        return -ENOMEM;
    for (size_t i = 0, to; i < lines.n; i = to) {
        const struct line *line = &lines.items[i];
        struct unit *u = &ret->items[ret->n++];
        *u = (struct unit){
            .text = line->text, .line = line->number, .gap = line->gap, .indented = line->indented};
        for (to = i; lines_go_on(&lines, to) &&
                     !stands_alone(rules, lines.items[to].text, lines.items[to + 1].text);)
            to++;
        to++;
        r = lines_join(a, &lines, i, to, &u->text);
        if (r < 0)
            return r;
        classify(rules, u);
    }
    classify_by_neighbour(&rules->page, ret);
    return join_torn(a, rules, ret);
}
