#include "proto/page/page.h"

#include "proto/charset.h"
#include "proto/page/build.h"
#include "proto/page/dates.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

/* A header's value is a line; a longer one is no header. */
enum { HEADER_BYTES = 1000 };

static const struct header {
    const char *name;
    size_t offset;
} headers[] = {
    {"Publication", offsetof(struct page_info, publication)},
    {"Date", offsetof(struct page_info, date)},
    {"Page", offsetof(struct page_info, page)},
    {"Section", offsetof(struct page_info, section)},
    {"Language", offsetof(struct page_info, language)},
    {"Source", offsetof(struct page_info, source)},
};

struct reading {
    struct arena *arena;
    const struct rules *rules;
    struct parsed *out;
    struct page_info info;
    size_t line; /* of the next byte to read, from 1 */
};

static char **info_field(struct reading *p, const struct header *h) {
    return (char **)(void *)((char *)&p->info + h->offset);
}

/* Sets a field unless an earlier source has set it. */
static int set(struct reading *p, char **field, struct slice value) {
    if (**field != '\0' || value.len == 0)
        return 0;
    char *s = arena_strndup(p->arena, (const char *)value.data, value.len);
    if (s == NULL)
        return -ENOMEM;
    *field = s;
    return 0;
}

static struct slice take_line(struct slice *text) {
    const uint8_t *end = memchr(text->data, '\n', text->len);
    size_t len = end == NULL ? text->len : (size_t)(end - text->data);
    struct slice line = text_head(*text, len);
    *text = text_from(*text, len < text->len ? len + 1 : len);
    return line;
}

static const struct header *header_of(struct slice line, struct slice *ret_value) {
    if (line.len > HEADER_BYTES)
        return NULL;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        size_t len = strlen(headers[i].name), n;
        if (line.len <= len || strncasecmp((const char *)line.data, headers[i].name, len) != 0)
            continue;
        ucs4_t c = text_first(text_from(line, len), &n);
        if (c != ':' && c != 0xff1a)
            continue;
        *ret_value = text_trim(text_from(line, len + n));
        return &headers[i];
    }
    return NULL;
}

/* A page's number as digits: 第二版 and 第2版 are page 2, A4 stays. */
static int set_page(struct reading *p, struct slice number) {
    int n = dates_number(number);
    char digits[16];
    snprintf(digits, sizeof digits, "%d", n);
    return set(p, &p->info.page, n > 0 ? slice_of(digits) : number);
}

/* A date is taken in any form; its text is left to be unplaced when it is none. */
static int set_header(struct reading *p, const struct header *h, struct slice value) {
    char date[DATE_SIZE];
    struct slice at, number;
    char **field = info_field(p, h);
    if (field == &p->info.date) {
        if (dates_find(value, &p->rules->page.months, &at, date))
            return set(p, field, slice_of(date));
        struct text_list *u = &p->out->unplaced;
        int r =
            article_push_string(p->arena, &u->items, &u->n, (const char *)value.data, value.len);
        return r < 0 || value.len == 0 ? r
                                       : parsed_warn(p->arena, p->out,
                                                     "the header's date is no date such as "
                                                     "2031-04-09");
    }
    if (field == &p->info.page &&
        dates_find_page(value, &p->rules->page.page_words, &at, &number) && at.len == value.len)
        return set_page(p, number);
    return set(p, field, value);
}

/* Header lines, up to the first that is none. */
static int read_headers(struct reading *p, struct slice *text) {
    bool any = false;
    while (text->len > 0) {
        struct slice rest = *text, line = text_trim(take_line(&rest)), value;
        const struct header *h = header_of(line, &value);
        if (h == NULL && (any || line.len > 0))
            return 0;
        *text = rest;
        p->line++;
        int r = h == NULL ? 0 : set_header(p, h, value);
        if (r < 0)
            return r;
        any = any || h != NULL;
    }
    return 0;
}

/* ---- folio lines */

static bool is_divider(ucs4_t c) {
    return text_is_space(c) || c == '|' || c == 0xb7 || c == 0x2022 || c == ',' || c == 0xff0c ||
           c == '-' || c == 0x2014 || c == 0x2013 || c == 0xff5c;
}

static struct slice without_dividers(struct slice s) {
    size_t n;
    while (s.len > 0 && is_divider(text_first(s, &n)))
        s = text_from(s, n);
    while (s.len > 0 && is_divider(text_last(s, &n)))
        s.len -= n;
    return s;
}

struct folio {
    struct slice parts[16]; /* what is left of the line, in order */
    size_t n;
};

/* Takes a mark out of the line: the part that it is in falls in two. */
static void cut(struct folio *f, struct slice at) {
    for (size_t i = 0; i < f->n; i++) {
        struct slice part = f->parts[i];
        if (at.data < part.data || at.data + at.len > part.data + part.len ||
            f->n == sizeof f->parts / sizeof *f->parts)
            continue;
        memmove(&f->parts[i + 2], &f->parts[i + 1], (f->n - i - 1) * sizeof part);
        f->parts[i] = text_head(part, (size_t)(at.data - part.data));
        f->parts[i + 1] = text_from(part, (size_t)(at.data + at.len - part.data));
        f->n++;
        return;
    }
}

/* The paper's name: a word, or for Latin all of a part, with such an ending. */
static bool find_paper(const struct rules_page *r, struct slice part, struct slice *ret) {
    part = without_dividers(part);
    *ret = part;
    if (part.len == 0)
        return false;
    if (text_ends(part, &r->paper_endings) > 0 && part.len <= 120)
        return true;
    for (size_t at = 0, n; at <= part.len; at += n) {
        bool end = at == part.len || is_divider(text_first(text_from(part, at), &n));
        n = at == part.len ? 1 : n;
        if (!end)
            text_first(text_from(part, at), &n);
        else if (text_ends(text_head(part, at), &r->paper_endings) > 0) {
            *ret = text_head(part, at);
            return true;
        }
    }
    return false;
}

static void cut_weekday(const struct rules_page *r, struct folio *f, struct slice line) {
    for (size_t i = 0; i < r->weekdays.n; i++) {
        size_t len = strlen(r->weekdays.items[i]), at = text_find(line, r->weekdays.items[i]);
        if (at == line.len)
            continue;
        cut(f, text_head(text_from(line, at), len));
        return;
    }
}

/* Feeds the header's fields; what it says beyond them is unplaced. */
static int read_folio(struct reading *p, struct slice line) {
    const struct rules_page *r = &p->rules->page;
    struct folio f = {.parts = {line}, .n = 1};
    struct slice at, number, paper;
    char date[DATE_SIZE];
    int e = 0;
    if (dates_find(line, &r->months, &at, date)) {
        e = set(p, &p->info.date, slice_of(date));
        cut(&f, at);
    }
    if (e == 0 && dates_find_page(line, &r->page_words, &at, &number)) {
        e = set_page(p, number);
        cut(&f, at);
    }
    cut_weekday(r, &f, line);
    for (size_t i = 0; e == 0 && i < f.n; i++)
        if (find_paper(r, f.parts[i], &paper)) {
            e = set(p, &p->info.publication, paper);
            cut(&f, paper);
            break;
        }
    for (size_t i = 0; e == 0 && i < f.n; i++) {
        struct slice part = without_dividers(f.parts[i]);
        struct text_list *u = &p->out->unplaced;
        if (part.len > 0)
            e = article_push_string(p->arena, &u->items, &u->n, (const char *)part.data, part.len);
    }
    return e;
}

/* A page's number that stands alone. */
static int read_page_number(struct reading *p, struct slice s) {
    struct slice at, number;
    if (s.len > 30)
        return 0;
    bool whole = dates_find_page(s, &p->rules->page.page_words, &at, &number) && at.len == s.len;
    return whole ? set_page(p, number) : 0;
}

static int read_furniture(struct reading *p, struct units *units) {
    for (size_t i = 0; i < units->n; i++) {
        struct unit *u = &units->items[i];
        int r = u->kind == UNIT_FOLIO       ? read_folio(p, u->text)
                : u->kind == UNIT_FURNITURE ? read_page_number(p, u->text)
                                            : 0;
        if (r < 0)
            return r;
        if (u->kind == UNIT_FOLIO)
            u->body.len = 0; /* its parts have been placed */
    }
    return 0;
}

/* ---- what else tells of the page */

static int read_name(struct reading *p, const char *name) {
    struct dates_name n;
    if (!dates_match_name(p->rules->page.file_name_pattern, name, &n))
        return 0;
    int r = set(p, &p->info.publication, n.publication);
    if (r == 0)
        r = set(p, &p->info.date, slice_of(n.date));
    return r < 0 ? r : set(p, &p->info.page, n.page);
}

static int set_text(struct reading *p, char **field, const char *value) {
    return value == NULL ? 0 : set(p, field, slice_of(value));
}

static int read_defaults(struct reading *p, const struct parse_input *input, bool latin) {
    int r = read_name(p, input->name == NULL ? "" : input->name);
    if (r == 0)
        r = set_text(p, &p->info.publication, p->rules->page.publication);
    if (r == 0)
        r = set_text(p, &p->info.language, p->rules->page.language);
    if (r == 0)
        r = set_text(p, &p->info.language, latin ? "en" : "zh-Hans");
    if (r == 0 && p->info.date[0] == '\0')
        r = parsed_warn(
            p->arena, p->out,
            "the page has no date: neither a header, a folio line nor the file's name tells");
    return r;
}

static void choose_section(struct reading *p, const struct parse_input *input) {
    if (input->section != NULL && input->section[0] != '\0')
        p->info.section = (char *)input->section;
    if (p->info.section[0] == '\0')
        return;
    const struct rules_section *s = rules_section_find(p->rules, p->info.section);
    if (s != NULL)
        p->info.section = (char *)s->key;
}

static int own_section(struct reading *p) {
    p->info.section = arena_strndup(p->arena, p->info.section, strlen(p->info.section));
    return p->info.section == NULL ? -ENOMEM : 0;
}

bool page_recognise(const struct parse_input *input) {
    (void)input;
    return true;
}

static int refuse(struct parse_fault *f, const char *sentence) {
    *f = (struct parse_fault){0};
    return fault_say(&f->fault, "", sentence);
}

/* The number of the line that is one too many; 0 when all are within the limit. */
static size_t line_over(struct slice text, size_t limit) {
    size_t lines = 0, number = 1;
    bool blank = true;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c > ' ' && blank && ++lines > limit)
            return number;
        blank = c == '\n' || c == '\f' || c == '\v' || (blank && c <= ' ');
        number += c == '\n';
    }
    return 0;
}

static int refuse_lines(struct parse_fault *f, size_t line) {
    *f = (struct parse_fault){.line = line};
    return fault_set(&f->fault, "", "line %zu: more than %d lines with text are on the page", line,
                     LIMIT_PAGE_LINES);
}

int page_parse(struct arena *a, const struct rules *rules, const struct parse_input *input,
               struct parsed *ret, struct parse_fault *ret_fault) {
    char *none = (char *)protobuf_c_empty_string;
    struct parsed out = {0};
    struct reading p = {
        .arena = a,
        .rules = rules,
        .out = &out,
        .line = 1,
        .info = {none, none, none, none, none, none},
    };
    struct slice text;
    struct units units;
    *ret_fault = (struct parse_fault){0};
    if (input->bytes.len == 0)
        return refuse(ret_fault, "the file is empty");
    int r = charset_to_utf8(a, input->bytes, &text, &ret_fault->fault);
    if (r < 0)
        return r;
    if (text_trim(text).len == 0)
        return refuse(ret_fault, "the file is empty: nothing but white space is in it");
    size_t over = line_over(text, LIMIT_PAGE_LINES);
    if (over > 0)
        return refuse_lines(ret_fault, over);
    if ((r = read_headers(&p, &text)) < 0 || (r = units_read(a, rules, text, p.line, &units)) < 0 ||
        (r = read_furniture(&p, &units)) < 0 || (r = read_defaults(&p, input, units.latin)) < 0)
        return r;
    choose_section(&p, input);
    if ((r = own_section(&p)) < 0 || (r = build_articles(a, rules, &p.info, &units, &out)) < 0)
        return r;
    if (out.n_articles == 0)
        return refuse(ret_fault, "no article is on the page: none has a title above its text");
    *ret = out;
    return 0;
}
