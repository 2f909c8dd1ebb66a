#include "proto/page/title.h"

#include <ctype.h>
#include <errno.h>

/* A gap of so many blank lines sets a caption apart from the title over it. */
enum { CAPTION_GAP = 2, PLACE_COLUMNS = 12 };

struct reading {
    struct arena *arena;
    const struct rules_page *rules;
    bool latin;
    struct slice lines[TITLE_LINES];
    uint8_t gaps[TITLE_LINES];
    size_t n;
};

/* Whether a quotation or a bracket is still open at the end. */
static bool leaves_open(struct slice s) {
    int depth = 0;
    for (size_t at = 0, n; at < s.len; at += n) {
        ucs4_t c = text_first(text_from(s, at), &n);
        depth += c == 0x201c || c == 0x300a || c == 0x300c || text_opens(c);
        depth -= c == 0x201d || c == 0x300b || c == 0x300d || text_closes(c);
    }
    return depth > 0;
}

static bool has_break(struct slice s) {
    for (size_t at = 0, n; at < s.len; at += n) {
        ucs4_t c = text_first(text_from(s, at), &n);
        if (text_is_space(c) || c == ',' || c == 0xff0c || c == 0xff1b || c == 0xff01)
            return true;
    }
    return false;
}

static bool is_place(const struct reading *t, struct slice s) {
    return text_columns(s, PLACE_COLUMNS) <= PLACE_COLUMNS &&
           text_ends(s, &t->rules->place_endings) > 0;
}

static bool in_capitals(struct slice s) {
    bool letters = false;
    for (size_t i = 0; i < s.len; i++) {
        if (islower(s.data[i]))
            return false;
        letters = letters || isupper(s.data[i]);
    }
    return letters;
}

static bool is_sub(const struct reading *t, struct slice s) {
    return text_starts(s, &t->rules->subheadline_openings) > 0;
}

/* Whether the line can be nothing but a kicker when another stands below it. */
static bool is_kicker(const struct reading *t, struct slice s) {
    return text_ends(s, &t->rules->kicker_endings) > 0 ||
           text_starts(s, &t->rules->column_labels) > 0 || is_place(t, s);
}

static bool latin_joins(const struct reading *t, struct slice a, struct slice b, bool adjacent) {
    ucs4_t first = text_first(b, NULL);
    if ((first < 0x80 && islower((int)first)) || text_last(a, NULL) == ',' ||
        text_ends(a, &t->rules->title_hanging) > 0)
        return true;
    return adjacent && in_capitals(a) == in_capitals(b);
}

/* Whether two lines are one phrase broken in two. */
static bool joins(const struct reading *t, size_t i) {
    struct slice a = t->lines[i], b = t->lines[i + 1];
    if (is_kicker(t, a) || is_sub(t, b))
        return false;
    if (leaves_open(a))
        return true;
    if (text_is_letter(text_last(a, NULL)) && text_is_letter(text_first(b, NULL)) && t->latin)
        return latin_joins(t, a, b, t->gaps[i + 1] == 0);
    if (t->latin)
        return latin_joins(t, a, b, t->gaps[i + 1] == 0);
    if (text_ends(a, &t->rules->title_hanging) > 0)
        return true;
    return !has_break(a) && text_starts(a, &t->rules->title_opening) == 0 &&
           text_starts(b, &t->rules->title_continuing) > 0;
}

static int join_lines(struct reading *t, size_t i) {
    struct slice a = t->lines[i], b = t->lines[i + 1];
    uint8_t *out = arena_alloc(t->arena, a.len + b.len + 1);
    if (out == NULL)
        return -ENOMEM;
    uint8_t *p = out + a.len;
    memcpy(out, a.data, a.len);
    if (text_join_space(a, b, t->latin))
        *p++ = ' ';
    memcpy(p, b.data, b.len);
    t->lines[i] = (struct slice){out, (size_t)(p - out) + b.len};
    t->n--;
    memmove(&t->lines[i + 1], &t->lines[i + 2], (t->n - i - 1) * sizeof *t->lines);
    memmove(&t->gaps[i + 1], &t->gaps[i + 2], t->n - i - 1);
    return 0;
}

/* Lines at the end that are captions: by their last word, or set apart. */
static void take_captions(struct reading *t, struct title *ret) {
    size_t first = t->n;
    while (first > 1) {
        struct slice s = t->lines[first - 1];
        bool apart = t->gaps[first - 1] >= CAPTION_GAP + 1;
        if (is_sub(t, s) || !(apart || text_ends(s, &t->rules->caption_endings) > 0))
            break;
        first--;
    }
    for (size_t i = first; i < t->n; i++)
        ret->captions[ret->n_captions++] = t->lines[i];
    t->n = first;
}

static int take_subheadline(struct reading *t, struct title *ret) {
    for (size_t i = 1; i < t->n; i++) {
        if (!is_sub(t, t->lines[i]))
            continue;
        while (t->n > i + 1)
            if (join_lines(t, i) < 0)
                return -ENOMEM;
        ret->subheadline = t->lines[i];
        t->n = i;
    }
    return 0;
}

/* Whether the second of two lines rather says more of the first than the
 * first leads to the second. */
static bool second_is_sub(const struct reading *t, struct slice a, struct slice b) {
    if (is_kicker(t, a))
        return false;
    if (t->latin)
        return !(in_capitals(a) && !in_capitals(b) &&
                 text_columns(a, t->rules->label_columns) <= t->rules->label_columns);
    size_t wa = text_columns(a, 200), wb = text_columns(b, 200);
    return has_break(b) && !has_break(a) && wb * 2 >= wa * 3;
}

static void sort_lines(struct reading *t, struct title *ret) {
    size_t i = 0;
    while (i + 1 < t->n && is_kicker(t, t->lines[i]))
        ret->kickers[ret->n_kickers++] = t->lines[i++];
    size_t left = t->n - i;
    bool sub = ret->subheadline.len == 0 &&
               ((left == 2 && second_is_sub(t, t->lines[i], t->lines[i + 1])) || left > 2);
    size_t head = t->n - 1 - sub;
    while (i < head)
        ret->kickers[ret->n_kickers++] = t->lines[i++];
    ret->headline = t->lines[head];
    if (sub)
        ret->subheadline = t->lines[t->n - 1];
}

int title_read(struct arena *a, const struct rules_page *r, const struct unit *units, size_t n,
               bool latin, bool body_next, struct title *ret) {
    struct reading t = {.arena = a, .rules = r, .latin = latin, .n = n};
    for (size_t i = 0; i < n; i++) {
        t.lines[i] = units[i].text;
        t.gaps[i] = units[i].gap;
    }
    *ret = (struct title){0};
    if (body_next)
        take_captions(&t, ret);
    for (size_t i = 0; i + 1 < t.n;) {
        if (!joins(&t, i))
            i++;
        else if (join_lines(&t, i) < 0)
            return -ENOMEM;
    }
    if (take_subheadline(&t, ret) < 0)
        return -ENOMEM;
    ret->lines = t.n + (ret->subheadline.len > 0);
    sort_lines(&t, ret);
    return 0;
}
