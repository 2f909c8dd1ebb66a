#include "proto/page/build.h"

#include "proto/page/title.h"
#include "proto/source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* So many blank lines before a unit set it apart from what is above it. */
enum { WIDE_GAP = 2, WARNING_BYTES = 240 };

/* A section label as it stands on the page, with what is under it. */
struct label {
    struct slice text;
    bool kept; /* an article bears it */
};

struct item {
    Article *article;
    struct label *label;       /* or NULL */
    struct unit *first, **end; /* the units that it was made of */
    struct text_list spare;    /* text of its units that no field has room for */
    size_t paragraphs;
    bool closed; /* its byline or jump line has been read */
    bool joint;  /* a photo that takes further captions */
};

struct builder {
    struct arena *arena;
    const struct rules *rules;
    const struct page_info *info;
    struct units *units;
    struct parsed *out;
    struct item **items;
    size_t n_items;
    struct item *open; /* what paragraphs are added to */
    struct item *near; /* what a box or footer belongs to: no label stands between */
    struct label **labels;
    size_t n_labels;
    struct label *label; /* that the next items are under; or NULL */
    int run;             /* the kind of the items under the label */
    bool label_used, in_box, box_fresh;
    struct unit *waiting; /* a jump mark before its story */
    int error;
};

/* ---- small steps; the first that fails is kept in b->error */

static void keep(struct builder *b, int r) {
    if (b->error == 0 && r < 0)
        b->error = r;
}

static char *copy(struct builder *b, struct slice s) {
    char *p = arena_strndup(b->arena, (const char *)s.data, s.len);
    if (p == NULL)
        keep(b, -ENOMEM);
    return p != NULL ? p : (char *)protobuf_c_empty_string;
}

static void push(struct builder *b, struct text_list *list, struct slice s) {
    keep(b, article_push_string(b->arena, &list->items, &list->n, (const char *)s.data, s.len));
}

__attribute__((format(printf, 2, 3))) static void warn(struct builder *b, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    keep(b, parsed_warn_va(b->arena, b->out, format, arguments));
    va_end(arguments);
}

static void unplaced(struct builder *b, struct slice s) {
    if (s.len > 0)
        push(b, &b->out->unplaced, s);
}

static void unplaced_text(struct builder *b, const struct unit *u) {
    unplaced(b, u->text);
    warn(b, "line %u: this text belongs to no article", u->line);
}

static void own(struct item *item, struct unit *u) {
    *item->end = u;
    item->end = &u->next;
    u->next = NULL;
}

static void add_block(struct builder *b, struct item *item, int type, struct slice s) {
    if (s.len == 0)
        return;
    item->paragraphs += type == BLOCK_PARAGRAPH;
    keep(b, article_add_block(b->arena, item->article, type, (const char *)s.data, s.len));
}

/* A letter-spaced name (李 禾) is written without its space. */
static struct slice closed_up(struct builder *b, struct slice name) {
    if (!text_is_ideograph(text_first(name, NULL)))
        return name;
    char *out = copy(b, name), *p = out;
    if (b->error < 0)
        return name;
    for (size_t at = 0, n; at < name.len; at += n)
        if (!text_is_space(text_first(text_from(name, at), &n)))
            p = (char *)memcpy(p, name.data + at, n) + n;
    return (struct slice){(uint8_t *)out, (size_t)(p - out)};
}

static void add_names(struct builder *b, struct item *item, struct slice s) {
    struct names names;
    if (s.len == 0 || !marks_names(&b->rules->page, s, &names))
        return;
    Article *a = item->article;
    for (size_t i = 0; i < names.n; i++) {
        struct slice name = closed_up(b, names.items[i]);
        keep(b, article_push_string(b->arena, &a->byline, &a->n_byline, (const char *)name.data,
                                    name.len));
    }
}

static bool is_credit(const struct builder *b, struct slice s) {
    struct names names;
    return s.len > 0 && marks_names(&b->rules->page, s, &names) && names.credit;
}

static bool is_photo(const struct builder *b, const struct unit *u) {
    return is_credit(b, u->names) || marks_photo(&b->rules->page, u->body);
}

static bool has_dateline(const struct builder *b, const struct unit *u) {
    struct slice rest = u->body, dateline;
    return (u->kind == UNIT_PARAGRAPH || u->kind == UNIT_INLINE) &&
           marks_dateline(&b->rules->page, &rest, &dateline);
}

static bool is_open(const struct builder *b) {
    return b->open != NULL && !b->open->closed;
}

/* ---- items */

static struct item *item_new(struct builder *b, int kind) {
    struct item *item = arena_alloc(b->arena, sizeof *item);
    Article *article = article_new(b->arena);
    if (item == NULL || article == NULL ||
        article_push(b->arena, (void ***)&b->items, &b->n_items, item) < 0) {
        keep(b, -ENOMEM);
        return NULL;
    }
    *item = (struct item){.article = article, .end = &item->first};
    article->kind = (Newswire__V1__Kind__Value)kind;
    if (b->label != NULL && (kind != KIND_PHOTO || b->run != KIND_BRIEF)) {
        struct slice s = closed_up(b, b->label->text);
        item->label = b->label;
        article->section_label = copy(b, s);
        b->label_used = true;
    }
    if (b->waiting != NULL) {
        own(item, b->waiting);
        article->continued_from = copy(b, b->waiting->jump_from);
        b->waiting = NULL;
    }
    b->open = b->near = item;
    b->in_box = b->box_fresh = false;
    return item;
}

static int default_kind(const struct builder *b) {
    return b->run == KIND_UNSPECIFIED ? KIND_ARTICLE : b->run;
}

static void end_run(struct builder *b) {
    b->label = NULL;
    b->run = KIND_UNSPECIFIED;
    b->label_used = false;
}

/* A story has one page that it goes on; what a second mark says is kept aside. */
static void set_jump(struct builder *b, struct item *item, char **field, struct slice page) {
    if (page.len == 0)
        return;
    if (**field == '\0')
        *field = copy(b, page);
    else
        push(b, &item->spare, page);
}

/* The marks that a paragraph ended with, after its text has been added. */
static void add_ends(struct builder *b, struct item *item, const struct unit *u) {
    add_names(b, item, u->names);
    set_jump(b, item, &item->article->continued_from, u->jump_from);
    set_jump(b, item, &item->article->continued_on, u->jump_to);
    bool photo = item->article->kind == (Newswire__V1__Kind__Value)KIND_PHOTO;
    bool closes = (u->names.len > 0 && (photo || !is_credit(b, u->names))) || u->jump_to.len > 0;
    item->closed = item->closed || closes;
}

static void add_first(struct builder *b, struct item *item, struct slice *s) {
    const struct rules_page *r = &b->rules->page;
    struct slice dateline, names;
    if (item->article->dateline[0] != '\0' || !marks_dateline(r, s, &dateline))
        return;
    item->article->dateline = copy(b, dateline);
    if (marks_dateline_names(r, s, &names))
        add_names(b, item, names);
}

static void add_paragraph(struct builder *b, struct item *item, struct unit *u) {
    struct slice text = u->body;
    own(item, u);
    bool caption = item->article->kind == KIND_PHOTO || (item->paragraphs == 0 && is_photo(b, u));
    if (item->paragraphs == 0)
        add_first(b, item, &text);
    add_block(b, item, caption ? BLOCK_CAPTION : BLOCK_PARAGRAPH, text);
    add_ends(b, item, u);
}

/* ---- titles */

static void open_title(struct builder *b, struct unit *units, const struct title *title, size_t n) {
    bool fresh = b->label != NULL && !b->label_used;
    bool group = title->n_kickers > 0 || title->subheadline.len > 0;
    if (b->run == KIND_BRIEF && group && !fresh)
        end_run(b);
    struct item *item = item_new(b, default_kind(b));
    if (item == NULL)
        return;
    Article *a = item->article;
    for (size_t i = 0; i < n; i++)
        own(item, &units[i]);
    for (size_t i = 0; i < title->n_kickers; i++)
        keep(b, article_push_string(b->arena, &a->kicker, &a->n_kicker,
                                    (const char *)title->kickers[i].data, title->kickers[i].len));
    a->headline = copy(b, title->headline);
    if (title->subheadline.len > 0)
        a->subheadline = copy(b, title->subheadline);
    for (size_t i = 0; i < title->n_captions; i++)
        add_block(b, item, BLOCK_CAPTION, title->captions[i]);
}

/* Whether the story so far goes on to a byline of its own before the next
 * short line: then that line is the title of another one. */
static bool closes_before_next_title(const struct builder *b, size_t at) {
    for (; at < b->units->n && b->units->items[at].kind == UNIT_PARAGRAPH; at++)
        if (b->units->items[at].names.len > 0)
            return !is_credit(b, b->units->items[at].names);
    return false;
}

static bool has_text(const struct builder *b, size_t at) {
    if (at >= b->units->n)
        return false;
    enum unit_kind k = b->units->items[at].kind;
    return k == UNIT_PARAGRAPH || k == UNIT_BYLINE || k == UNIT_BOX || k == UNIT_FIGURE ||
           k == UNIT_JUMP_FROM || k == UNIT_INLINE;
}

static bool any_numbered(const struct builder *b, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        if (marks_numbered(&b->rules->page, b->units->items[i].text))
            return true;
    return false;
}

/* Whether short lines within an open story begin another one. */
static bool starts_item(const struct builder *b, size_t from, size_t to) {
    const struct rules_page *r = &b->rules->page;
    const struct unit *u = &b->units->items[from];
    if (!is_open(b))
        return true;
    if (!has_text(b, to) || b->open->paragraphs + b->open->article->n_blocks == 0)
        return false;
    const struct unit *next = &b->units->items[to];
    if (next->kind == UNIT_BYLINE || has_dateline(b, next))
        return true;
    if (u->list || any_numbered(b, from, to) || (to == from + 1 && text_ended(u->text)))
        return false;
    if (b->run == KIND_BRIEF || b->run == KIND_PHOTO || to - from >= 2)
        return true;
    return text_columns(u->text, r->crosshead_columns) > r->crosshead_columns ||
           text_ends(u->text, &r->kicker_endings) > 0 || u->gap > WIDE_GAP ||
           (b->open->article->n_byline > 0 && closes_before_next_title(b, to));
}

/* Short lines that stay in the open story. */
static void add_short(struct builder *b, size_t from, size_t to) {
    struct item *item = b->open;
    bool more = to < b->units->n && b->units->items[to].kind == UNIT_PARAGRAPH;
    bool body = item->article->n_blocks > 0, one = to == from + 1;
    for (size_t i = from; i < to; i++) {
        struct unit *u = &b->units->items[i];
        int type = BLOCK_PARAGRAPH;
        if (!u->list && !text_ended(u->text) && more && (body || one))
            type = BLOCK_CROSSHEAD;
        if (type == BLOCK_CROSSHEAD && !body && text_find(u->text, " ") == u->text.len &&
            !marks_numbered(&b->rules->page, u->text))
            type = BLOCK_CAPTION;
        if (b->units->latin && type == BLOCK_CAPTION)
            type = BLOCK_CROSSHEAD;
        own(item, u);
        add_block(b, item, type, u->text);
    }
}

static size_t short_lines(struct builder *b, size_t from) {
    struct unit *units = b->units->items;
    size_t to = from + 1;
    if (b->box_fresh && b->near != NULL && units[from].gap <= WIDE_GAP) { /* a box's own title */
        b->box_fresh = false;
        own(b->near, &units[from]);
        add_block(b, b->near, BLOCK_CROSSHEAD, units[from].text);
        return to;
    }
    while (to < b->units->n && units[to].kind == UNIT_SHORT)
        to++;
    if (!starts_item(b, from, to)) {
        add_short(b, from, to);
        return to;
    }
    for (; to - from > TITLE_LINES; from++)
        unplaced_text(b, &units[from]);
    if (!has_text(b, to)) {
        for (; from < to; from++)
            unplaced_text(b, &units[from]);
        return to;
    }
    struct title title;
    bool body_next = units[to].kind == UNIT_PARAGRAPH;
    int r = title_read(b->arena, &b->rules->page, &units[from], to - from, b->units->latin,
                       body_next, &title);
    keep(b, r);
    if (r == 0)
        open_title(b, &units[from], &title, to - from);
    return to;
}

/* ---- the other kinds of unit */

static void photo(struct builder *b, struct unit *u) {
    struct item *before = b->open, *item = item_new(b, KIND_PHOTO);
    if (item == NULL)
        return;
    item->joint = u->kind == UNIT_FIGURE;
    add_paragraph(b, item, u);
    /* The story that it stands within goes on behind it. */
    if (before != NULL && !before->closed)
        b->open = before;
    else
        item->closed = true;
}

static void paragraph(struct builder *b, struct unit *u) {
    const struct rules_page *r = &b->rules->page;
    bool bullet = text_starts(u->body, &r->bullets) > 0, dateline = has_dateline(b, u);
    if (is_open(b)) {
        bool body = b->open->paragraphs > 0;
        bool another = b->run == KIND_BRIEF && body && (dateline || bullet);
        bool apart = u->gap > WIDE_GAP && u->names.len > 0 && b->open->article->n_byline > 0;
        if (body && (is_photo(b, u) || apart)) {
            photo(b, u);
            return;
        }
        struct item *item = another ? item_new(b, KIND_BRIEF) : b->open;
        if (item != NULL)
            add_paragraph(b, item, u);
        return;
    }
    if (b->in_box && b->near != NULL && !is_photo(b, u)) {
        own(b->near, u);
        add_block(b, b->near, BLOCK_PARAGRAPH, u->body);
        add_ends(b, b->near, u);
        return;
    }
    if (!dateline && (is_photo(b, u) || u->names.len > 0) && b->waiting == NULL &&
        b->run != KIND_BRIEF) {
        photo(b, u);
        return;
    }
    if (dateline || b->waiting != NULL || u->jump_from.len > 0 || b->run != KIND_UNSPECIFIED) {
        struct item *item = item_new(b, is_photo(b, u) && !dateline ? KIND_PHOTO : default_kind(b));
        if (item != NULL)
            add_paragraph(b, item, u);
        return;
    }
    unplaced_text(b, u);
}

static void inline_brief(struct builder *b, struct unit *u) {
    struct slice place, title, text;
    if (!marks_inline_title(&b->rules->page, u->body, &place, &title, &text) ||
        (place.len == 0 && b->run != KIND_BRIEF)) {
        paragraph(b, u);
        return;
    }
    struct item *item = item_new(b, KIND_BRIEF);
    if (item == NULL)
        return;
    Article *a = item->article;
    if (place.len > 0)
        keep(b, article_push_string(b->arena, &a->kicker, &a->n_kicker, (const char *)place.data,
                                    place.len));
    if (title.len > 0)
        a->headline = copy(b, title);
    u->body = text;
    add_paragraph(b, item, u);
}

static void box(struct builder *b, struct unit *u) {
    struct item *item = is_open(b) ? b->open : b->near;
    if (item == NULL)
        item = item_new(b, default_kind(b));
    if (item == NULL)
        return;
    own(item, u);
    add_block(b, item, BLOCK_CROSSHEAD, u->label);
    size_t paragraphs = item->paragraphs;
    add_block(b, item, BLOCK_PARAGRAPH, u->body);
    if (!item->closed)
        item->paragraphs = paragraphs; /* the first paragraph is still to come */
    add_names(b, item, u->names);
    b->in_box = true;
    b->box_fresh = u->body.len == 0;
}

static void figure(struct builder *b, struct unit *u) {
    struct item *item = is_open(b) ? b->open : b->near != NULL && b->near->joint ? b->near : NULL;
    if (item == NULL) {
        photo(b, u);
        return;
    }
    own(item, u);
    add_block(b, item, BLOCK_CAPTION, u->body);
    add_names(b, item, u->names);
}

static void byline(struct builder *b, struct unit *u) {
    struct item *item = is_open(b) ? b->open : b->near;
    if (item == NULL) {
        unplaced_text(b, u);
        return;
    }
    if (is_credit(b, u->names) && b->near != NULL && b->near->article->kind == KIND_PHOTO)
        item = b->near;
    own(item, u);
    add_names(b, item, u->names);
    if (item->paragraphs > 0 && !is_credit(b, u->names))
        item->closed = true;
}

static void jump(struct builder *b, struct unit *u) {
    bool empty = is_open(b) && b->open->article->n_blocks == 0;
    if (u->kind == UNIT_JUMP_FROM && !empty) {
        if (b->waiting != NULL)
            unplaced_text(b, b->waiting);
        b->waiting = u;
        b->open = b->near = NULL;
        b->in_box = false;
        return;
    }
    struct item *item = b->open != NULL ? b->open : b->near;
    if (item == NULL) {
        unplaced_text(b, u);
        return;
    }
    own(item, u);
    add_ends(b, item, u);
}

static void reviewers(struct builder *b, struct unit *u) {
    const struct text_list *labels = &b->rules->page.reviewer_labels;
    if (b->n_items == 0) {
        unplaced_text(b, u);
        return;
    }
    struct item *item = b->near != NULL ? b->near : b->items[b->n_items - 1];
    Article *a = item->article;
    struct slice s = u->text;
    own(item, u);
    for (size_t at = 0, from = 0, n; at <= s.len; at += n) {
        bool space = at < s.len && text_is_space(text_first(text_from(s, at), &n));
        struct slice rest = text_trim_front(text_from(s, at));
        n = at == s.len ? 1 : n;
        if (at < s.len && !(space && text_starts(rest, labels) > 0))
            continue;
        struct slice one = text_trim((struct slice){s.data + from, at - from});
        from = at;
        if (one.len > 0)
            keep(b, article_push_string(b->arena, &a->reviewers, &a->n_reviewers,
                                        (const char *)one.data, one.len));
    }
}

static void label(struct builder *b, struct unit *u) {
    end_run(b);
    b->label = arena_alloc(b->arena, sizeof *b->label);
    if (b->label == NULL ||
        article_push(b->arena, (void ***)&b->labels, &b->n_labels, b->label) < 0) {
        keep(b, -ENOMEM);
        return;
    }
    b->label->text = u->label;
    b->run = u->label_kind;
    b->open = b->near = NULL;
    b->in_box = b->box_fresh = false;
}

static void unit(struct builder *b, struct unit *u) {
    if (u->kind != UNIT_SHORT && u->kind != UNIT_BOX)
        b->box_fresh = false;
    switch ((enum unit_kind)u->kind) {
    case UNIT_PARAGRAPH: paragraph(b, u); break;
    case UNIT_LABEL: label(b, u); break;
    case UNIT_BYLINE: byline(b, u); break;
    case UNIT_INLINE: inline_brief(b, u); break;
    case UNIT_BOX: box(b, u); break;
    case UNIT_FIGURE: figure(b, u); break;
    case UNIT_JUMP_TO:
    case UNIT_JUMP_FROM: jump(b, u); break;
    case UNIT_REVIEWERS: reviewers(b, u); break;
    case UNIT_FOLIO:
    case UNIT_FURNITURE: unplaced(b, u->body); break;
    case UNIT_SHORT: break; /* in groups: short_lines */
    }
}

/* ---- finishing */

static void give_up(struct builder *b, struct item *item) {
    for (struct unit *u = item->first; u != NULL; u = u->next)
        unplaced_text(b, u);
}

/* A story of captions alone is a photo. */
static void settle_kind(Article *a) {
    for (size_t i = 0; i < a->n_blocks; i++)
        if (a->blocks[i]->type != (Newswire__V1__BlockType__Value)BLOCK_CAPTION)
            return;
    if (a->kind == (Newswire__V1__Kind__Value)KIND_ARTICLE)
        a->kind = (Newswire__V1__Kind__Value)KIND_PHOTO;
}

struct seen {
    char digits[SOURCE_URI_DIGITS + 1];
    size_t times;
};

/* How often this identity came before on the page. */
static size_t times_before(struct seen *table, size_t size, const char *digits) {
    size_t at = 0;
    for (size_t i = 0; i < 16; i++)
        at = at * 16 + (size_t)(digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
    for (at %= size; table[at].times > 0 && strcmp(table[at].digits, digits) != 0;)
        at = (at + 1) % size;
    strcpy(table[at].digits, digits);
    return table[at].times++;
}

static void identify(struct builder *b, struct item *item, const char *ordinal,
                     char ret_digits[static SOURCE_URI_DIGITS + 1]) {
    const struct page_info *info = b->info;
    const char *context[] = {info->publication, info->date, info->page, ordinal};
    char digest[SOURCE_DIGEST_SIZE];
    struct source source;
    source_init(&source, context, ordinal[0] == '\0' ? 3 : 4);
    for (const struct unit *u = item->first; u != NULL; u = u->next)
        source_update(&source, u->text);
    source_final(&source, digest, ret_digits);
    item->article->source_digest = copy(b, slice_of(digest));
}

/* What stands for the page in a uri, which has neither blanks nor control characters. */
static void without_blanks(char *text) {
    for (; *text != '\0'; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            *text = '-';
}

static void set_identity(struct builder *b, struct item *item, struct seen *seen, size_t size) {
    const struct page_info *info = b->info;
    char digits[SOURCE_URI_DIGITS + 1], ordinal[24];
    identify(b, item, "", digits);
    size_t before = times_before(seen, size, digits);
    if (before > 0) {
        snprintf(ordinal, sizeof ordinal, "%zu", before + 1);
        identify(b, item, ordinal, digits);
    }
    char uri[128];
    snprintf(uri, sizeof uri, "urn:newswire:page:%s:%.64s:%s",
             info->date[0] != '\0' ? info->date : "undated",
             info->page[0] != '\0' ? info->page : "0", digits);
    codec_mend_utf8(uri); /* the page may be cut within a character */
    without_blanks(uri);
    item->article->uri = copy(b, slice_of(uri));
}

static void set_page(const struct page_info *info, Article *a) {
    a->version = 1;
    a->status = NEWSWIRE__V1__STATUS__VALUE__usable;
    a->section = info->section;
    a->language = info->language;
    a->publication = info->publication;
    a->page_date = info->date;
    a->page = info->page;
    a->source = info->source;
}

static void finish(struct builder *b) {
    size_t size = b->n_items * 2 + 1;
    struct seen *seen = arena_alloc(b->arena, size * sizeof *seen);
    if (seen == NULL) {
        keep(b, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < b->n_items && b->error == 0; i++) {
        struct item *item = b->items[i];
        if (item->article->n_blocks == 0) {
            give_up(b, item);
            continue;
        }
        for (size_t k = 0; k < item->spare.n; k++)
            unplaced(b, slice_of(item->spare.items[k]));
        if (item->label != NULL)
            item->label->kept = true;
        settle_kind(item->article);
        set_page(b->info, item->article);
        set_identity(b, item, seen, size);
        keep(b, article_push(b->arena, (void ***)&b->out->articles, &b->out->n_articles,
                             item->article));
    }
    for (size_t i = 0; i < b->n_labels; i++)
        if (!b->labels[i]->kept)
            unplaced(b, b->labels[i]->text);
}

int build_articles(struct arena *a, const struct rules *rules, const struct page_info *info,
                   struct units *units, struct parsed *out) {
    struct builder b = {
        .arena = a,
        .rules = rules,
        .info = info,
        .units = units,
        .out = out,
    };
    for (size_t i = 0; i < units->n && b.error == 0;) {
        if (units->items[i].kind == UNIT_SHORT)
            i = short_lines(&b, i);
        else
            unit(&b, &units->items[i++]);
    }
    if (b.waiting != NULL)
        unplaced_text(&b, b.waiting);
    if (b.error == 0)
        finish(&b);
    return b.error;
}
