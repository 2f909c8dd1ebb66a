#include "proto/formats/story.h"

#include "proto/charset.h"
#include "proto/formats/timestamp.h"
#include "proto/rules.h"
#include "proto/source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistr.h>
#include <uniwidth.h>

enum header_type { LINE, NAMES, LINES, NUMBER, TIME, KIND, STATUS, SUBJECT };

struct header {
    const char *name;
    enum header_type type;
    size_t offset;
    size_t count_offset; /* of a repeated field's length */
    bool own;            /* tells a story from a page */
};

#define ONE(field)  offsetof(Article, field), 0
#define MANY(field) offsetof(Article, field), offsetof(Article, n_##field)

static const struct header headers[] = {
    {"Headline", LINE, ONE(headline), true},
    {"Kicker", LINES, MANY(kicker), true},
    {"Subheadline", LINE, ONE(subheadline), true},
    {"Kind", KIND, ONE(kind), true},
    {"Byline", NAMES, MANY(byline), true},
    {"Uri", LINE, ONE(uri), true},
    {"Version", NUMBER, ONE(version), true},
    {"Status", STATUS, ONE(status), true},
    {"Dateline", LINE, ONE(dateline), true},
    {"Section", LINE, ONE(section), false},
    {"Section-Label", LINE, ONE(section_label), true},
    {"Publication", LINE, ONE(publication), false},
    {"Date", LINE, ONE(page_date), false},
    {"Page", LINE, ONE(page), false},
    {"Language", LINE, ONE(language), false},
    {"Source", LINE, ONE(source), false},
    {"Subject", SUBJECT, MANY(subjects), true},
    {"Keywords", NAMES, MANY(keywords), true},
    {"Urgency", NUMBER, ONE(urgency), true},
    {"Created", TIME, ONE(created_at), true},
    {"Embargo", TIME, ONE(embargoed_until), true},
    {"Note", LINE, ONE(note_to_editors), true},
    {"Reviewers", NAMES, MANY(reviewers), true},
    {"Rights", LINE, ONE(rights), true},
    {"Replaces", LINE, ONE(replaces), true},
    {"Continued-On", LINE, ONE(continued_on), true},
    {"Continued-From", LINE, ONE(continued_from), true},
};

struct story {
    struct arena *arena;
    Article *article;
    struct parse_fault *fault;
    size_t line; /* 1-based, of the line last taken */
    struct slice rest;
    uint32_t seen; /* a bit for each header that must come once */
};

__attribute__((format(printf, 4, 5))) static int fault_here(struct story *s, size_t line,
                                                            const char *field, const char *format,
                                                            ...) {
    va_list arguments;
    va_start(arguments, format);
    fault_set_va(&s->fault->fault, field, format, arguments);
    va_end(arguments);
    s->fault->line = line;
    return -EINVAL;
}

static struct slice trim(struct slice s) {
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
        s = (struct slice){s.data + 1, s.len - 1};
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static struct slice next_line(struct slice *rest) {
    const uint8_t *end = memchr(rest->data, '\n', rest->len);
    struct slice line = {rest->data, end == NULL ? rest->len : (size_t)(end - rest->data)};
    size_t used = line.len + (end != NULL);
    rest->data += used;
    rest->len -= used;
    return line;
}

static struct slice take_line(struct story *s) {
    s->line++;
    return next_line(&s->rest);
}

/* The header that a line begins with; NULL when it is none of ours. */
static const struct header *find_header(struct slice line) {
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        size_t len = strlen(headers[i].name);
        if (line.len > len && line.data[len] == ':' &&
            strncasecmp((const char *)line.data, headers[i].name, len) == 0)
            return &headers[i];
    }
    return NULL;
}

bool story_recognise(const struct parse_input *input) {
    struct slice rest = input->bytes;
    if (rest.len >= 3 && memcmp(rest.data, "\xef\xbb\xbf", 3) == 0)
        rest = (struct slice){rest.data + 3, rest.len - 3};
    /* A page may begin with the headers that it shares with a story. */
    for (size_t i = 0; i < sizeof headers / sizeof *headers && rest.len > 0; i++) {
        const struct header *h = find_header(next_line(&rest));
        if (h == NULL || h->own)
            return h != NULL;
    }
    return false;
}

/* ---- values */

static char *keep(struct story *s, struct slice v) {
    return arena_strndup(s->arena, (const char *)v.data, v.len);
}

/* Splits at commas and their like, of ASCII and full width. */
static int add_names(struct story *s, char ***list, size_t *n, struct slice v) {
    static const char *const separators[] = {",", ";", "、", "\uff0c", "\uff1b"};
    while (v.len > 0) {
        size_t end = 0, skip = 0;
        for (; end < v.len && skip == 0; end += skip == 0)
            for (size_t i = 0; i < sizeof separators / sizeof *separators; i++) {
                size_t len = strlen(separators[i]);
                if (v.len - end >= len && memcmp(v.data + end, separators[i], len) == 0)
                    skip = len;
            }
        struct slice name = trim((struct slice){v.data, end});
        if (name.len > 0 &&
            article_push_string(s->arena, list, n, (const char *)name.data, name.len) < 0)
            return -ENOMEM;
        v.data += end + skip;
        v.len -= end + skip;
    }
    return 0;
}

static int read_enum(const ProtobufCEnumDescriptor *d, const char *word) {
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value_by_name(d, word);
    return v == NULL ? -1 : v->value;
}

static int add_subject(struct story *s, struct slice v) {
    Subject *subject = arena_alloc(s->arena, sizeof *subject);
    if (subject == NULL)
        return -ENOMEM;
    newswire__v1__subject__init(subject);
    const uint8_t *space = memchr(v.data, ' ', v.len);
    struct slice code = {v.data, space == NULL ? v.len : (size_t)(space - v.data)};
    char *text = keep(s, code);
    char *name = space == NULL ? "" : keep(s, trim((struct slice){space, v.len - code.len}));
    if (text == NULL || name == NULL)
        return -ENOMEM;
    *(strstr(text, "://") != NULL ? &subject->uri : &subject->code) = text;
    subject->name = name;
    return article_push(s->arena, (void ***)&s->article->subjects, &s->article->n_subjects,
                        subject);
}

static int set_header(struct story *s, const struct header *h, struct slice v, size_t line) {
    char *field = (char *)s->article + h->offset;
    size_t *n = (size_t *)((char *)s->article + h->count_offset);
    char *text = keep(s, v), *end;
    if (text == NULL)
        return -ENOMEM;
    int value;
    switch (h->type) {
    case LINE: *(char **)field = text; return 0;
    case LINES: return article_push(s->arena, (void ***)field, n, text);
    case NAMES: return add_names(s, (char ***)field, n, v);
    case SUBJECT: return add_subject(s, v);
    case NUMBER: {
        unsigned long number = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || *end != '\0' || number > UINT32_MAX)
            return fault_here(s, line, h->name, "'%s' is no number", text);
        *(uint32_t *)field = (uint32_t)number;
        return 0;
    }
    case TIME:
        if (!timestamp_read(v, (int64_t *)field))
            return fault_here(s, line, h->name,
                              "'%s' is no time with its zone, such as 2031-04-09T18:00:00+08:00",
                              text);
        return 0;
    case KIND:
        value = read_enum(&newswire__v1__kind__value__descriptor, text);
        if (value <= KIND_UNSPECIFIED)
            return fault_here(s, line, h->name, "'%s' is none of article, brief, photo", text);
        s->article->kind = (Newswire__V1__Kind__Value)value;
        return 0;
    case STATUS:
        value = read_enum(&newswire__v1__status__value__descriptor, text);
        if (value < 0)
            return fault_here(s, line, h->name, "'%s' is none of usable, withheld, canceled", text);
        s->article->status = (Newswire__V1__Status__Value)value;
        return 0;
    }
    return 0;
}

/* A header with the lines that go on with it. */
static int take_header(struct story *s, struct slice line) {
    size_t at = s->line;
    const struct header *h = find_header(line);
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(line.len < 60 ? line.len : 60), line.data);
    name[strcspn(name, ":")] = '\0';
    if (memchr(line.data, ':', line.len) == NULL)
        return fault_here(s, at, "", "'%s' is no header; an empty line comes before the text",
                          name);
    if (h == NULL)
        return fault_here(s, at, "", "there is no header '%s'", name);
    bool repeats = h->type == LINES || h->type == NAMES || h->type == SUBJECT;
    uint32_t bit = 1U << (h - headers);
    if (!repeats && (s->seen & bit) != 0)
        return fault_here(s, at, h->name, "the header '%s' comes twice", h->name);
    s->seen |= bit;
    size_t start = strlen(h->name) + 1;
    struct slice value = trim((struct slice){line.data + start, line.len - start});
    while (s->rest.len > 0 && (*s->rest.data == ' ' || *s->rest.data == '\t')) {
        struct slice peek = s->rest, more = trim(next_line(&peek));
        if (more.len == 0)
            break;
        uint8_t *joined = arena_alloc(s->arena, value.len + 1 + more.len);
        if (joined == NULL)
            return -ENOMEM;
        memcpy(joined, value.data, value.len);
        joined[value.len] = ' ';
        memcpy(joined + value.len + 1, more.data, more.len);
        value = (struct slice){joined, value.len + 1 + more.len};
        take_line(s);
    }
    return value.len == 0 ? 0 : set_header(s, h, value, at);
}

/* ---- text */

/* Whether a space belongs between two lines of a paragraph: not between
 * ideographs, nor beside their punctuation. */
static bool wants_space(struct slice before, struct slice after) {
    ucs4_t last, first;
    const uint8_t *p = before.data + before.len;
    do
        p--;
    while (p > before.data && (*p & 0xc0) == 0x80);
    u8_mbtouc(&last, p, (size_t)(before.data + before.len - p));
    u8_mbtouc(&first, after.data, after.len);
    return uc_width(last, "UTF-8") < 2 && uc_width(first, "UTF-8") < 2;
}

/* What a line's mark makes of it; the mark is taken off. */
static int block_type(struct slice *line, bool *ret_alone) {
    static const struct {
        const char *mark;
        int type;
        bool alone; /* the next line doesn't go on with it */
    } marks[] = {
        {"## ", BLOCK_CROSSHEAD, true},
        {"> ", BLOCK_QUOTE, false},
        {"- ", BLOCK_LIST_ITEM, false},
    };
    *ret_alone = false;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t len = strlen(marks[i].mark);
        if (line->len > len && memcmp(line->data, marks[i].mark, len) == 0) {
            *line = trim((struct slice){line->data + len, line->len - len});
            *ret_alone = marks[i].alone;
            return marks[i].type;
        }
    }
    return BLOCK_UNSPECIFIED;
}

static int end_block(struct story *s, int type, const uint8_t *text, size_t *len) {
    if (*len == 0)
        return 0;
    if (type == BLOCK_UNSPECIFIED)
        type = s->article->kind == KIND_PHOTO ? BLOCK_CAPTION : BLOCK_PARAGRAPH;
    int r = article_add_block(s->arena, s->article, type, (const char *)text, *len);
    *len = 0;
    return r;
}

static int take_text(struct story *s) {
    uint8_t *text = arena_alloc(s->arena, s->rest.len + 1); /* a space for each line end */
    size_t len = 0;
    int type = BLOCK_UNSPECIFIED, r = 0;
    if (text == NULL)
        return -ENOMEM;
    while (r == 0 && s->rest.len > 0) {
        struct slice line = trim(take_line(s));
        bool alone;
        if (line.len == 0) {
            r = end_block(s, type, text, &len);
            continue;
        }
        int mark = block_type(&line, &alone);
        bool goes_on =
            len > 0 && (mark == BLOCK_UNSPECIFIED || (mark == type && mark == BLOCK_QUOTE));
        if (!goes_on) {
            r = end_block(s, type, text, &len);
            type = mark;
        } else if (wants_space((struct slice){text, len}, line)) {
            text[len++] = ' ';
        }
        memcpy(text + len, line.data, line.len);
        len += line.len;
        if (r == 0 && alone)
            r = end_block(s, type, text, &len);
    }
    return r < 0 ? r : end_block(s, type, text, &len);
}

/* ---- the whole */

static int resolve_section(struct story *s, const struct rules *rules, const char *chosen) {
    if (chosen != NULL)
        s->article->section = arena_strndup(s->arena, chosen, strlen(chosen));
    if (s->article->section == NULL)
        return -ENOMEM;
    const struct rules_section *known =
        *s->article->section == '\0' ? NULL : rules_section_find(rules, s->article->section);
    if (known != NULL)
        s->article->section = arena_strndup(s->arena, known->key, strlen(known->key));
    return s->article->section == NULL ? -ENOMEM : 0;
}

/* The uri, unless a header gave one, and the source digest. */
static int identify(struct story *s, struct slice text) {
    struct source source;
    char digest[SOURCE_DIGEST_SIZE], digits[SOURCE_URI_DIGITS + 1], uri[64];
    source_init(&source, NULL, 0);
    source_update(&source, text);
    source_final(&source, digest, digits);
    int len = snprintf(uri, sizeof uri, "urn:newswire:story:%s", digits);
    s->article->source_digest = arena_strndup(s->arena, digest, strlen(digest));
    if (*s->article->uri == '\0')
        s->article->uri = arena_strndup(s->arena, uri, (size_t)len);
    return s->article->source_digest == NULL || s->article->uri == NULL ? -ENOMEM : 0;
}

int story_parse(struct arena *a, const struct rules *rules, const struct parse_input *input,
                struct parsed *ret, struct parse_fault *ret_fault) {
    struct story s = {.arena = a, .article = article_new(a), .fault = ret_fault};
    if (s.article == NULL)
        return -ENOMEM;
    int r = charset_to_utf8(a, input->bytes, &s.rest, &ret_fault->fault);
    if (r < 0)
        return r;
    struct slice text = s.rest;
    s.article->version = 1;
    s.article->kind = KIND_ARTICLE;
    bool in_headers = true;
    while (r == 0 && in_headers && s.rest.len > 0) {
        struct slice line = take_line(&s);
        in_headers = trim(line).len > 0;
        if (in_headers)
            r = take_header(&s, line);
    }
    if (r == 0)
        r = take_text(&s);
    if (r == 0)
        r = resolve_section(&s, rules, input->section);
    if (r == 0)
        r = identify(&s, text);
    if (r < 0)
        return r;
    ret_fault->line = 0;
    r = codec_check_article(s.article, &ret_fault->fault);
    return r < 0 ? r : article_push(a, (void ***)&ret->articles, &ret->n_articles, s.article);
}
