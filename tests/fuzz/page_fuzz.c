/* A page. A NUL among the first bytes ends the name of its file. */
#include "tests/fuzz/parsing.h"

#include "proto/charset.h"
#include "proto/page/text.h"

#include <stdio.h>

enum { NAME_BYTES = 64, FIRST_CODE = 0x4e00, CODES = 0x5200 };

/* ---- nothing is lost and nothing doubled: each ideograph that is in no rule, and so can
 * be no mark, stands in the articles and among what has no place as often as on the page */

static bool known[CODES];
static int codes[CODES];

static void count(struct slice s, int step) {
    for (size_t n; s.len > 0; s = text_from(s, n)) {
        ucs4_t c = text_first(s, &n) - FIRST_CODE;
        if (c < CODES && !known[c])
            codes[c] += step;
    }
}

static void count_list(char *const *items, size_t n, int step) {
    for (size_t i = 0; i < n; i++)
        count(slice_of(items[i]), step);
}

static void know(const char *text) {
    for (struct slice s = slice_of(text); s.len > 0;) {
        size_t n;
        ucs4_t c = text_first(s, &n) - FIRST_CODE;
        if (c < CODES)
            known[c] = true;
        s = text_from(s, n);
    }
}

static void know_list(const struct text_list *list) {
    for (size_t i = 0; i < list->n; i++)
        know(list->items[i]);
}

static void know_rules(void) {
    const struct rules *rules = fuzz_rules();
    const struct rules_page *r = &rules->page;
    const struct text_list *const lists[] = {
        &r->brief_labels,  &r->photo_labels, &r->byline_markers, &r->byline_roles,
        &r->byline_titles, &r->byline_joins, &r->byline_tails,   &r->photo_roles,
        &r->bullets,       &r->jump_to,      &r->jump_from,      &r->dateline_dashes,
        &r->weekdays,      &r->months,       &r->page_words,     &r->folio_words,
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        know_list(lists[i]);
    for (size_t i = 0; i < rules->n_sections; i++) {
        know_list(&rules->sections[i]->labels);
        know_list(&rules->sections[i]->titles);
    }
    know("年月日第版一二三四五六七八九十〇");
}

static bool has_word(const char *line, const struct text_list *words) {
    for (size_t i = 0; i < words->n; i++)
        if (strcasestr(line, words->items[i]) != NULL)
            return true;
    return false;
}

/* Headers, folio lines and furniture are data of the page, not text on it. Lines that may
 * be such are left out. */
static void know_furniture(struct arena *a, struct slice text) {
    static char *const headers[] = {"Publication", "Date", "Page", "Section", "Language", "Source"};
    const struct rules_page *r = &fuzz_rules()->page;
    const struct text_list names = {.items = (char **)headers, .n = 6};
    for (struct fuzz_bytes in = {text.data, text.len}; in.len > 0;) {
        char *line = fuzz_text(a, fuzz_until(&in, '\n'));
        if (strpbrk(line, "0123456789") != NULL || has_word(line, &names) ||
            has_word(line, &r->paper_endings) || has_word(line, &r->furniture_words) ||
            has_word(line, &r->folio_words) || has_word(line, &r->page_words))
            know(line);
    }
}

static void check_conserved(struct arena *a, struct slice bytes, const struct parsed *p) {
    struct slice text;
    struct fault f;
    MUST(charset_to_utf8(a, bytes, &text, &f) == 0);
    memset(codes, 0, sizeof codes);
    memset(known, 0, sizeof known);
    know_rules();
    know_furniture(a, text);
    for (size_t i = 0; i < p->n_articles; i++) {
        know(p->articles[i]->section_label);
        know(p->articles[i]->publication);
        know(p->articles[i]->source);
        know(p->articles[i]->language);
    }
    count(text, 1);
    for (size_t i = 0; i < p->n_articles; i++) {
        const Article *x = p->articles[i];
        const char *lines[] = {x->headline, x->subheadline, x->dateline, x->continued_on,
                               x->continued_from};
        for (size_t k = 0; k < sizeof lines / sizeof *lines; k++)
            count(slice_of(lines[k]), -1);
        count_list(x->kicker, x->n_kicker, -1);
        count_list(x->byline, x->n_byline, -1);
        count_list(x->reviewers, x->n_reviewers, -1);
        for (size_t k = 0; k < x->n_blocks; k++)
            count(slice_of(x->blocks[k]->text), -1);
    }
    count_list(p->unplaced.items, p->unplaced.n, -1);
    for (size_t i = 0; i < CODES; i++)
        if (codes[i] != 0) {
            fprintf(stderr, "U+%04zX stands %d times more on the page\n", i + FIRST_CODE, codes[i]);
            MUST(codes[i] == 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes in = {data, size};
    struct arena *a = fuzz_arena();
    struct parse_input input = {.name = ""};
    struct parsed parsed;
    if (size > 0 && memchr(data, '\0', size < NAME_BYTES ? size : NAME_BYTES) != NULL)
        input.name = fuzz_text(a, fuzz_until(&in, '\0'));
    input.bytes = (struct slice){in.data, in.len};
    if (fuzz_parse(a, "page", &input, &parsed))
        check_conserved(a, input.bytes, &parsed);
    return 0;
}
