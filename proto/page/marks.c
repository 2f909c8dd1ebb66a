#include "proto/page/marks.h"

#include <ctype.h>

/* How far from a paragraph's end a byline can begin. */
enum {
    END_BYTES = 240,
    DATELINE_BYTES = 90,
    TITLE_BYTES = 240,
    PHOTO_BYTES = 300,
    NAMED_BYTES = 64
};

/* ---- names */

static bool is_surname(const struct rules_page *r, struct slice name) {
    size_t n;
    if (!text_is_ideograph(text_first(name, &n)))
        return text_find(name, " ") < name.len; /* Jane Doe */
    for (size_t i = 0; i < r->surnames.n; i++) {
        const char *word = r->surnames.items[i];
        size_t len = strlen(word);
        if (len <= 6 ? name.len > len && memcmp(word, name.data, len) == 0
                     : memmem(word, len, name.data, n) != NULL)
            return true;
    }
    return false;
}

static size_t ideographs(struct slice s, size_t *ret_bytes) {
    size_t count = 0, at = 0, n;
    for (; at < s.len; at += n, count++) {
        ucs4_t c = text_first(text_from(s, at), &n);
        if (!text_is_ideograph(c) && !(count > 0 && c == 0xb7))
            break;
    }
    *ret_bytes = at;
    return count;
}

static bool is_separator(ucs4_t c) {
    return text_is_space(c) || c == 0x3001 || c == ',' || c == 0xff0c || c == ';' || c == 0xff1b ||
           c == '/' || c == 0xff0f;
}

static bool push_name(struct names *names, struct slice name) {
    if (names->n == MARKS_NAMES)
        return false;
    names->items[names->n++] = name;
    return true;
}

/* 摄 makes a photo's credit; 摄影报道, in both lists, closes a story. */
static void credit(struct names *names, size_t photo, size_t tail) {
    names->credit = names->credit || photo > tail;
    names->role = names->role || tail >= photo;
}

/* Takes 摄, 文/图, 摄影报道 and the like, when nothing of a name follows. */
static bool take_tail(const struct rules_page *r, struct slice *s, struct names *names) {
    size_t photo = text_starts(*s, &r->photo_roles), tail = text_starts(*s, &r->byline_tails);
    size_t len = photo > tail ? photo : tail;
    if (len == 0 || text_is_ideograph(text_first(text_from(*s, len), NULL)))
        return false;
    credit(names, photo, tail);
    *s = text_from(*s, len);
    return true;
}

/* A name with 摄 or 文 right behind it: the length of the name alone. */
static size_t without_tail(const struct rules_page *r, struct slice run, struct names *names) {
    size_t photo = text_ends(run, &r->photo_roles), tail = text_ends(run, &r->byline_tails), n;
    size_t len = photo > tail ? photo : tail;
    if (len == 0 || ideographs(text_head(run, run.len - len), &n) < 2)
        return run.len;
    credit(names, photo, tail);
    return run.len - len;
}

static bool take_chinese_name(const struct rules_page *r, struct slice *s, struct names *names) {
    size_t len, second;
    size_t count = ideographs(*s, &len);
    if (count == 1) { /* a two-character name padded to three */
        struct slice next = text_trim_front(text_from(*s, len));
        if (ideographs(next, &second) != 1)
            return false;
        len = (size_t)(next.data - s->data) + second;
    } else {
        len = without_tail(r, text_head(*s, len), names);
        struct slice name = text_head(*s, len);
        size_t most = text_find(name, "·") < name.len ? 12 : 4;
        count = ideographs(name, &second);
        if (count < 2 || count > most)
            return false;
    }
    if (!push_name(names, text_head(*s, len)))
        return false;
    *s = text_from(*s, len);
    return true;
}

static bool latin_name_words(struct slice s) {
    static const char *const particles[] = {"de", "van", "von", "der", "den",
                                            "da", "la",  "le",  "of"};
    size_t words = 0;
    for (s = text_trim(s); s.len > 0 && words < 6; words++) {
        size_t len = 0;
        while (len < s.len && !text_is_space(s.data[len]))
            len++;
        struct slice word = text_head(s, len);
        bool good = isupper(word.data[0]) || word.data[0] >= 0xc3;
        for (size_t i = 0; !good && i < sizeof particles / sizeof *particles; i++)
            good = slice_equal(word, slice_of(particles[i]));
        for (size_t i = 0; good && i < len; i++)
            good = isalpha(word.data[i]) || word.data[i] >= 0x80 || strchr(".'-", word.data[i]);
        if (!good || ideographs(word, &len) > 0)
            return false;
        s = text_trim_front(text_from(s, word.len));
    }
    return s.len == 0 && words > 0;
}

/* The end of one name of a Latin list: a comma or a joining word. */
static size_t latin_part(const struct rules_page *r, struct slice s, size_t *ret_skip) {
    for (size_t at = 0; at < s.len; at++) {
        if (s.data[at] == ',' || s.data[at] == ';' || s.data[at] == '/') {
            *ret_skip = 1;
            return at;
        }
        if (s.data[at] != ' ')
            continue;
        size_t join = text_starts(text_from(s, at + 1), &r->byline_joins);
        if (join > 0) {
            *ret_skip = join + 1;
            return at;
        }
    }
    *ret_skip = 0;
    return s.len;
}

static bool take_latin_part(const struct rules_page *r, struct slice *s, struct names *names) {
    size_t skip, len = latin_part(r, *s, &skip);
    struct slice part = text_trim(text_head(*s, len));
    *s = text_from(*s, len + skip);
    if (text_word(part, &r->byline_titles) != NULL) {
        names->role = true;
        return true;
    }
    if (part.len > 1 && part.data[part.len - 1] == '.' && text_first(*s, NULL) == 0)
        part.len--;
    if (part.len == 0 || !latin_name_words(part))
        return false;
    if (names->n > 0 && text_ends(part, &r->byline_titles) > 0) {
        struct slice *last = &names->items[names->n - 1]; /* Jane Doe, Harbour Correspondent */
        last->len = (size_t)(part.data + part.len - last->data);
        return true;
    }
    return push_name(names, part);
}

static bool take_role(const struct rules_page *r, struct slice *s, struct names *names) {
    size_t role = text_starts(*s, &r->byline_roles), photo = text_starts(*s, &r->photo_roles), n;
    if (text_is_ideograph(text_first(*s, NULL)) &&
        text_is_ideograph(text_first(text_from(*s, photo), NULL)))
        photo = 0; /* 图 of 图片: a credit before a name stands apart from it */
    size_t len = role > photo ? role : photo;
    if (len == 0)
        return false;
    names->role = names->role || role == len;
    names->credit = names->credit || photo == len;
    *s = text_trim_front(text_from(*s, len));
    ucs4_t c = text_first(*s, &n);
    if (c == ':' || c == 0xff1a)
        *s = text_from(*s, n);
    return true;
}

bool marks_names(const struct rules_page *r, struct slice s, struct names *ret) {
    *ret = (struct names){.surnames = true};
    size_t n;
    if (s.len > END_BYTES)
        return false;
    for (s = text_trim(s); s.len > 0;) {
        if (is_separator(text_first(s, &n)))
            s = text_from(s, n);
        else if ((ret->n > 0 && take_tail(r, &s, ret)) || take_role(r, &s, ret))
            continue;
        else if (text_is_ideograph(text_first(s, NULL)) ? !take_chinese_name(r, &s, ret)
                                                        : !take_latin_part(r, &s, ret))
            return false;
    }
    for (size_t i = 0; i < ret->n && ret->surnames; i++)
        ret->surnames = is_surname(r, ret->items[i]);
    return ret->n > 0 || ret->role;
}

/* ---- bylines */

static bool trusted(const struct names *names, bool marked) {
    return names->n > 0 && (marked || names->role || names->credit);
}

static size_t marker_at(const struct rules_page *r, struct slice s) {
    return text_starts(s, &r->byline_markers);
}

bool marks_byline_line(const struct rules_page *r, struct slice s, struct slice *ret_names) {
    struct names names;
    struct slice inside = {0}, rest = {0};
    size_t marker = marker_at(r, s);
    bool bullet = marker > 0 && text_starts(s, &r->bullets) > 0;
    if (marker > 0)
        s = text_from(s, marker);
    else if (text_bracket_start(s, &inside, &rest) && rest.len == 0)
        s = inside;
    if (!marks_names(r, s, &names))
        return false;
    bool title_only = names.n == 0 && text_word(s, &r->byline_titles) != NULL;
    bool bracket = s.data == inside.data && names.n > 0 && names.surnames;
    if (!title_only && !bracket && !trusted(&names, marker > 0 && (!bullet || names.surnames)))
        return false;
    *ret_names = s;
    return true;
}

static bool after_sentence(struct slice before) {
    struct slice t = text_trim(before);
    return t.len == 0 || text_ended(t);
}

static bool bracket_byline(const struct rules_page *r, struct slice *s, struct slice *ret_names) {
    struct slice inside, before;
    struct names names;
    if (!text_bracket_end(*s, &inside, &before) || text_word(inside, &r->caption_remarks) != NULL)
        return false;
    size_t marker = marker_at(r, inside);
    inside = text_from(inside, marker);
    if (!marks_names(r, inside, &names))
        return false;
    if (!trusted(&names, marker > 0) && !(names.n > 0 && names.surnames && after_sentence(before)))
        return false;
    *ret_names = inside;
    *s = text_trim(before);
    return true;
}

/* Names behind a marker; the marker must not stand within a word, where it is
 * a character that the font lacked. */
static bool marker_byline(const struct rules_page *r, struct slice *s, struct slice *ret_names) {
    size_t from = s->len > END_BYTES ? s->len - END_BYTES : 0;
    struct names names;
    for (size_t at = s->len; at-- > from;) {
        if ((s->data[at] & 0xc0) == 0x80)
            continue;
        size_t marker = marker_at(r, text_from(*s, at));
        if (marker == 0)
            continue;
        struct slice before = text_head(*s, at), rest = text_from(*s, at + marker);
        bool apart =
            before.len == 0 || text_is_space(text_last(before, NULL)) || text_ended(before);
        if (!apart || !marks_names(r, rest, &names) || names.n == 0)
            return false;
        *ret_names = rest;
        *s = text_trim(before);
        return true;
    }
    return false;
}

/* Where the last sentence of the text begins, at most END_BYTES from the end. */
static size_t last_sentence(struct slice s) {
    size_t from = s.len > END_BYTES ? s.len - END_BYTES : 0, best = s.len;
    while (from < s.len && (s.data[from] & 0xc0) == 0x80)
        from++;
    for (size_t at = from, n; at < s.len; at += n) {
        ucs4_t c = text_first(text_from(s, at), &n);
        bool stop = c == 0x3002 || c == 0xff01 || c == 0xff1f || c == 0x201d || c == '!' ||
                    c == '?' || (c == '.' && at + 1 < s.len && s.data[at + 1] == ' ') ||
                    c == 0xff09 || c == ')';
        if (stop && at + n < s.len)
            best = at + n;
    }
    return best;
}

static bool tail_byline(const struct rules_page *r, struct slice *s, struct slice *ret_names) {
    struct names names;
    size_t at = last_sentence(*s);
    bool stop = text_is_stop(text_last(*s, NULL)); /* Photo by Jane Doe. */
    if (at < s->len && (!stop || s->len - at < NAMED_BYTES) &&
        marks_names(r, text_from(*s, at), &names) && trusted(&names, false)) {
        *ret_names = text_from(*s, at);
        *s = text_trim(text_head(*s, at));
        return true;
    }
    /* A caption without a full stop: the longest run of words at its end that
     * are names, and end with a photographer's role. */
    size_t best = 0, words = 0, from = s->len > 100 ? s->len - 100 : 0;
    if (text_is_stop(text_last(*s, NULL)))
        return false;
    for (at = s->len; at-- > from && at > 0 && words < 8;) {
        size_t n;
        bool start = (s->data[at] & 0xc0) != 0x80 &&
                     text_is_space(text_last(text_head(*s, at), &n)) &&
                     !text_is_space(text_first(text_from(*s, at), &n));
        if (!start)
            continue;
        words++;
        if (marks_names(r, text_from(*s, at), &names) && names.credit && names.n > 0 &&
            (best == 0 || names.surnames))
            best = at;
    }
    if (best == 0)
        return false;
    *ret_names = text_from(*s, best);
    *s = text_trim(text_head(*s, best));
    return true;
}

bool marks_byline_end(const struct rules_page *r, struct slice *s, struct slice *ret_names) {
    return bracket_byline(r, s, ret_names) || marker_byline(r, s, ret_names) ||
           tail_byline(r, s, ret_names);
}

/* ---- datelines */

static bool chinese_dateline(const struct rules_page *r, struct slice *s, struct slice *ret) {
    bool known = text_starts(*s, &r->dateline_starts) > 0;
    size_t count = 0;
    for (size_t at = 0, n; at < s->len && at < DATELINE_BYTES; at += n, count++) {
        ucs4_t c = text_first(text_from(*s, at), &n);
        if (!text_is_ideograph(c) && !text_is_digit(c))
            return false;
        struct slice head = text_head(*s, at + n);
        if (count < 2 || text_ends(head, &r->dateline_words) == 0)
            continue;
        ucs4_t next = text_first(text_from(*s, at + n), NULL);
        bool apart = next == 0 || text_is_space(next) || text_opens(next) || next == ':' ||
                     next == 0xff1a || next == 0x2014;
        if (!apart && !(known && (text_is_digit(next) || next == 0x201c)))
            continue;
        if (text_word(head, &r->brief_labels) != NULL)
            return false;
        *ret = head;
        *s = text_from(*s, at + n);
        return true;
    }
    return false;
}

/* HARTWELL, a place in capitals, up to a comma or bracket. */
static bool place_in_capitals(struct slice s) {
    size_t capitals = 0;
    for (size_t at = 0, n; at < s.len; at += n) {
        ucs4_t c = text_first(text_from(s, at), &n);
        if (c == ',' || c == '(')
            break;
        if (c < 0x80 ? islower((int)c) || isdigit((int)c) : !text_is_letter(c) && c != 0x2019)
            return false;
        capitals += c < 0x80 && isupper((int)c);
    }
    return capitals >= 2;
}

static bool latin_dateline(const struct rules_page *r, struct slice *s, struct slice *ret) {
    if (!text_is_letter(text_first(*s, NULL)) || islower(s->data[0]))
        return false;
    for (size_t at = 1, n; at < s->len && at < DATELINE_BYTES; at += n) {
        text_first(text_from(*s, at), &n);
        size_t dash = text_starts(text_from(*s, at), &r->dateline_dashes);
        if (dash == 0)
            continue;
        bool before = s->data[at - 1] == ' ';
        ucs4_t next = text_first(text_from(*s, at + dash), NULL);
        if (dash == 1 && !(before && text_is_space(next)))
            continue; /* a hyphen */
        struct slice place = text_trim(text_head(*s, at));
        if (text_find(place, ". ") < place.len && place.len > 30)
            return false;
        if (!place_in_capitals(place))
            return false;
        *ret = place;
        *s = text_from(*s, at + dash);
        return true;
    }
    return false;
}

bool marks_dateline(const struct rules_page *r, struct slice *s, struct slice *ret_dateline) {
    struct slice inside, rest, whole = *s;
    if (text_bracket_start(*s, &inside, &rest)) {
        struct slice left = text_trim(inside);
        if (!chinese_dateline(r, &left, ret_dateline) || left.len > 0)
            return false;
        *s = text_trim_front(rest);
        return true;
    }
    if (!chinese_dateline(r, s, ret_dateline) && !latin_dateline(r, s, ret_dateline))
        return false;
    size_t n;
    *s = text_trim_front(*s);
    for (ucs4_t c; c = text_first(*s, &n), s->len > 0 && (c == ':' || c == 0xff1a || c == 0x2014);)
        *s = text_trim_front(text_from(*s, n));
    if (s->len == 0)
        *s = text_from(whole, whole.len);
    return true;
}

bool marks_dateline_names(const struct rules_page *r, struct slice *s, struct slice *ret_names) {
    struct slice inside, rest;
    struct names names;
    if (text_bracket_start(*s, &inside, &rest) && marks_names(r, inside, &names) &&
        (trusted(&names, false) || names.surnames)) {
        *ret_names = inside;
        *s = text_trim_front(rest);
        size_t n;
        ucs4_t c = text_first(*s, &n);
        if (c == ':' || c == 0xff1a)
            *s = text_trim_front(text_from(*s, n));
        return true;
    }
    if (text_starts(*s, &r->byline_roles) == 0)
        return false;
    size_t best = 0, words = 0;
    for (size_t at = 0, n; at < s->len && at < END_BYTES && words < 10; at += n) {
        if (!text_is_space(text_first(text_from(*s, at), &n)))
            continue;
        words++;
        if (marks_names(r, text_head(*s, at), &names) && names.n > 0 && names.surnames)
            best = at;
    }
    if (best == 0)
        return false;
    *ret_names = text_head(*s, best);
    *s = text_trim_front(text_from(*s, best));
    return true;
}

/* ---- jumps */

static struct slice without_arrows(struct slice s) {
    size_t n;
    for (ucs4_t c; s.len > 0; s = text_from(s, n)) {
        c = text_first(s, &n);
        bool arrow = (c >= 0x2190 && c < 0x2200) || (c >= 0x25b2 && c < 0x25c0) || c == '>';
        if (!arrow && !text_is_space(c) && c != ':' && c != 0xff1a)
            break;
    }
    return s;
}

static bool names_page(struct slice s) {
    bool digit = false;
    for (size_t i = 0; i < s.len; i++)
        digit = digit || isdigit(s.data[i]);
    return s.len > 0 && s.len <= 90 && (digit || text_find(s, "版") < s.len);
}

static bool jump_words(const struct text_list *words, struct slice s, struct slice *ret_page) {
    s = without_arrows(text_trim(s));
    size_t word = text_starts(s, words);
    if (word == 0)
        return false;
    struct slice page = text_trim(without_arrows(text_from(s, word)));
    if (!names_page(page))
        return false;
    *ret_page = page;
    return true;
}

bool marks_jump_line(const struct text_list *words, struct slice s, struct slice *ret_page) {
    struct slice inside, rest;
    if (text_bracket_start(s, &inside, &rest) && rest.len == 0)
        return jump_words(words, inside, ret_page);
    /* Unbracketed, it must not be the start of a sentence about a page. */
    struct slice page;
    if (s.len > 60 || text_has_sentence(s) || !jump_words(words, s, &page) || page.len > 24)
        return false;
    *ret_page = page;
    return true;
}

bool marks_jump_end(const struct text_list *words, struct slice *s, struct slice *ret_page) {
    struct slice inside, before;
    if (text_bracket_end(*s, &inside, &before)) {
        if (!jump_words(words, inside, ret_page))
            return false;
        *s = text_trim(before);
        return true;
    }
    size_t at = last_sentence(*s);
    if (at == s->len || !marks_jump_line(words, text_trim(text_from(*s, at)), ret_page))
        return false;
    *s = text_trim(text_head(*s, at));
    return true;
}

bool marks_jump_front(const struct text_list *words, struct slice *s, struct slice *ret_page) {
    struct slice inside, rest;
    if (!text_bracket_start(*s, &inside, &rest) || !jump_words(words, inside, ret_page))
        return false;
    *s = text_trim_front(rest);
    return true;
}

/* ---- labels */

struct slice marks_undecorated(const struct rules_page *r, struct slice s) {
    struct slice inside, rest;
    size_t bullet = text_starts(s, &r->bullets), n;
    s = text_trim(text_from(s, bullet));
    ucs4_t c = text_last(s, &n);
    if (c == ':' || c == 0xff1a)
        s = text_trim(text_head(s, s.len - n));
    while ((bullet = text_ends(s, &r->bullets)) > 0)
        s = text_trim(text_head(s, s.len - bullet));
    if (text_bracket_start(s, &inside, &rest) && rest.len == 0)
        return text_trim(inside);
    return s;
}

bool marks_box(const struct rules_page *r, struct slice *s, struct slice *ret_label) {
    struct slice inside, behind, rest = *s;
    if (s->len <= 120 && text_word(marks_undecorated(r, *s), &r->box_labels) != NULL) {
        *ret_label = marks_undecorated(r, *s);
        *s = text_from(*s, s->len);
        return true;
    }
    rest = text_trim_front(text_from(rest, text_starts(rest, &r->bullets)));
    if (text_bracket_start(rest, &inside, &behind) && text_word(inside, &r->box_labels) != NULL) {
        *ret_label = text_trim(inside);
        rest = text_trim_front(behind);
    } else {
        size_t len = text_starts(rest, &r->box_labels);
        ucs4_t next = text_first(text_from(rest, len), NULL);
        if (len == 0 || (next != ':' && next != 0xff1a && !(len >= 9 && next == 0x3000)))
            return false;
        *ret_label = text_head(rest, len);
        rest = text_from(rest, len);
    }
    size_t n;
    ucs4_t c = text_first(rest, &n);
    if (c == ':' || c == 0xff1a)
        rest = text_from(rest, n);
    *s = text_trim_front(rest);
    return true;
}

static bool is_number(const struct rules_page *r, struct slice s) {
    size_t n;
    while (s.len > 0 && ((n = text_starts(s, &r->numerals)) > 0 ||
                         (text_is_digit(text_first(s, NULL)) && (n = 1) > 0)))
        s = text_from(s, n);
    return s.len == 0;
}

bool marks_numbered(const struct rules_page *r, struct slice s) {
    struct slice inside, rest;
    if (text_starts(s, &r->bullets) > 0)
        return true;
    if (text_bracket_start(s, &inside, &rest))
        return rest.len > 0 && inside.len <= 9 && is_number(r, inside);
    size_t n = 0, all = 0;
    while ((n = text_starts(text_from(s, all), &r->numerals)) > 0 && all < 12)
        all += n;
    return all > 0 && text_first(text_from(s, all), NULL) == 0x3001;
}

bool marks_inline_title(const struct rules_page *r, struct slice s, struct slice *ret_place,
                        struct slice *ret_title, struct slice *ret_text) {
    size_t bullet = text_starts(s, &r->bullets), n;
    s = text_trim_front(text_from(s, bullet));
    ucs4_t open = text_first(s, NULL);
    *ret_place = text_head(s, 0);
    if ((open == 0x3010 || open == '[' || open == 0xff3b || open == 0x3014) &&
        text_bracket_start(s, ret_place, ret_text))
        s = text_trim_front(*ret_text);
    else if (bullet == 0)
        return false;
    *ret_title = text_head(s, 0);
    *ret_text = s;
    for (size_t at = 0; at < s.len && at < TITLE_BYTES; at += n) {
        if (!text_is_space(text_first(text_from(s, at), &n)))
            continue;
        struct slice title = text_head(s, at);
        if (text_has_sentence(title) || text_columns(title, r->title_columns) > r->title_columns)
            break;
        *ret_title = title;
        *ret_text = text_trim_front(text_from(s, at));
        break;
    }
    return ret_title->len > 0 || ret_place->len > 0;
}

bool marks_photo(const struct rules_page *r, struct slice s) {
    if (text_starts(s, &r->photo_openings) > 0)
        return true;
    size_t at = s.len > PHOTO_BYTES ? s.len - PHOTO_BYTES : 0;
    while (at < s.len && (s.data[at] & 0xc0) == 0x80)
        at++;
    bool begins = false; /* a sentence */
    for (size_t n; at < s.len; at += n) {
        ucs4_t c = text_first(text_from(s, at), &n);
        if (begins && !text_is_space(c) && text_starts(text_from(s, at), &r->photo_openings) > 0)
            return true;
        begins = text_is_stop(c) || (begins && (text_is_space(c) || text_is_closing(c)));
    }
    return false;
}
