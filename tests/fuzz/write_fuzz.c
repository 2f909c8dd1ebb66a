/*
 * A hostile article through every format that is written. The input is fields with a NUL
 * between them: a byte that says which, and its text.
 *
 * What we write we read again, as the same story; what goes to a terminal can do
 * nothing to it.
 */
#include "tests/fuzz/parsing.h"

#include "proto/formats/feed_write.h"
#include "proto/topic.h"
#include "proto/write.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistr.h>

/* ---- the article */

static void one_line(char *text) {
    for (; *text != '\0'; text++)
        if (*text == '\r' || *text == '\n')
            *text = ' ';
}

static void set_string(Article *x, const ProtobufCFieldDescriptor *field, char *text) {
    *(char **)((char *)x + field->offset) = text;
}

static void push_string(struct arena *a, Article *x, const ProtobufCFieldDescriptor *field,
                        const char *text) {
    char ***list = (char ***)(void *)((char *)x + field->offset);
    size_t *n = (size_t *)(void *)((char *)x + field->quantifier_offset);
    MUST(article_push_string(a, list, n, text, strlen(text)) == 0);
}

static void add_media(struct arena *a, Article *x, char *text, uint8_t more) {
    Media *m = arena_alloc(a, sizeof *m);
    MUST(m != NULL);
    newswire__v1__media__init(m);
    m->href = text;
    m->caption = more & 1 ? text : "";
    m->credit = more & 2 ? text : "";
    m->media_type = more & 4 ? text : "image/jpeg";
    m->digest = more & 8 ? text : "";
    m->width = more;
    m->size_bytes = more;
    MUST(article_push(a, (void ***)&x->media, &x->n_media, m) == 0);
}

static void add_subject(struct arena *a, Article *x, char *text, uint8_t more) {
    Subject *s = arena_alloc(a, sizeof *s);
    MUST(s != NULL);
    newswire__v1__subject__init(s);
    s->uri = more & 1 ? text : "";
    s->code = more & 2 ? text : "";
    s->name = more & 4 ? text : "";
    MUST(article_push(a, (void ***)&x->subjects, &x->n_subjects, s) == 0);
}

/* Numbers of all kinds come from the text's bytes. */
static uint64_t number_of(const char *text) {
    uint64_t n = 0;
    for (; *text != '\0'; text++)
        n = n * 256 + (uint8_t)*text;
    return n;
}

static void set_number(Article *x, const ProtobufCFieldDescriptor *field, const char *text) {
    void *at = (char *)x + field->offset;
    uint64_t n = number_of(text);
    if (field->type == PROTOBUF_C_TYPE_INT64)
        *(int64_t *)at = (int64_t)n;
    else if (field->type == PROTOBUF_C_TYPE_UINT32)
        *(uint32_t *)at = (uint32_t)n;
    else if (field->type == PROTOBUF_C_TYPE_ENUM)
        *(int *)at = (int)(n % 4);
}

static void set_field(struct arena *a, Article *x, uint8_t which, char *text) {
    const ProtobufCMessageDescriptor *d = &newswire__v1__article__descriptor;
    const ProtobufCFieldDescriptor *field = &d->fields[which % 32 % d->n_fields];
    codec_mend_utf8(text);
    if (field->type == PROTOBUF_C_TYPE_STRING && strcmp(field->name, "note_to_editors") != 0)
        one_line(text);
    if (strcmp(field->name, "blocks") == 0)
        MUST(article_add_block(a, x, BLOCK_PARAGRAPH + which / 32 % 5, text, strlen(text)) == 0);
    else if (strcmp(field->name, "media") == 0)
        add_media(a, x, text, which / 32 | (uint8_t)(strlen(text) % 2 * 8));
    else if (strcmp(field->name, "subjects") == 0)
        add_subject(a, x, text, which / 32);
    else if (field->type != PROTOBUF_C_TYPE_STRING)
        set_number(x, field, text);
    else if (field->label == PROTOBUF_C_LABEL_REPEATED)
        push_string(a, x, field, text);
    else
        set_string(x, field, text);
}

/* Formats may change white space, and what XML can't hold. */
static char *plain(struct arena *a, const char *text) {
    char *copy = fuzz_text(a, slice_of(text)), *to = copy;
    for (const char *p = text; *p != '\0'; p++)
        if (isgraph((unsigned char)*p))
            *to++ = *p;
    *to = '\0';
    return copy;
}

/* A format may find nothing in an article of blanks, or of tags alone. */
static bool has_text(struct arena *a, const Article *x) {
    bool any = x->status == STATUS_CANCELED ||
               (*plain(a, x->headline) != '\0' && strpbrk(x->headline, "<&") == NULL);
    for (size_t i = 0; i < x->n_blocks; i++)
        any = any || *plain(a, x->blocks[i]->text) != '\0';
    return any;
}

/* ---- what must come back */

static void check_back(struct arena *a, const char *format, struct slice bytes, const Article *x) {
    struct parse_input input = {.bytes = bytes, .name = ""};
    struct parsed parsed;
    fuzz_read_back(a, format, &input, &parsed);
    MUST(parsed.n_articles == 1);
    const Article *back = parsed.articles[0];
    MUST(back->status == x->status && back->version == x->version);
    MUST(strcmp(plain(a, back->uri), plain(a, x->uri)) == 0);
    if (strpbrk(x->headline, "<&") == NULL) /* which ninjs 1.3 may take for HTML */
        MUST(strcmp(plain(a, back->headline), plain(a, x->headline)) == 0);
    /* Each is recognised as what it is. */
    MUST(parse_format_find(format)->recognise(&input));
}

static void check_terminal(struct slice text) {
    MUST(u8_check(text.data, text.len) == NULL);
    for (size_t i = 0; i < text.len; i++) {
        ucs4_t c;
        int n = u8_mbtouc(&c, text.data + i, text.len - i);
        MUST(c >= ' ' || c == '\n');
        MUST(!(c >= 0x7f && c < 0xa0) && c != 0x202e && c != 0x2066 && c != 0x2067);
        i += (size_t)n - 1;
    }
}

static void check_json(struct slice text) {
    json_error_t error;
    json_t *value = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
    MUST(value != NULL && memchr(text.data, '\n', text.len) == text.data + text.len - 1);
    json_decref(value);
}

static void try_format(struct arena *a, const struct write_format *f, const char *version,
                       const struct entry *e, const Article *x) {
    static const struct text_style style = {.columns = 40};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    MUST(out != NULL && f->write(out, a, e, x, version, &style) == 0 && fclose(out) == 0);
    struct slice bytes = {(uint8_t *)text, len};
    if (strcmp(f->name, "text") == 0)
        check_terminal(bytes);
    else if (strcmp(f->name, "json") == 0)
        check_json(bytes);
    else
        check_back(a, f->name, bytes, x);
    free(text);
}

static void try_feed(struct arena *a, enum feed_kind kind, const Article *x) {
    const struct feed_head head = {.id = "urn:x:feed", .title = x->headline, .author = x->rights};
    const struct feed_item item = {.article = x, .url = "https://wire.example/1"};
    struct parse_input input = {.name = ""};
    struct parsed parsed;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    MUST(out != NULL && feed_write(out, a, kind, &head, &item, 1) == 0 && fclose(out) == 0);
    input.bytes = (struct slice){(uint8_t *)text, len};
    fuzz_read_back(a, "feed", &input, &parsed);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes in = {data, size};
    struct arena *a = fuzz_arena();
    Article *x = article_new(a);
    struct fault fault;
    MUST(x != NULL);
    x->uri = "urn:x:1";
    x->version = 1;
    x->kind = KIND_ARTICLE;
    while (in.len > 0) {
        struct slice field = fuzz_until(&in, '\0');
        if (field.len > 0)
            set_field(a, x, field.data[0],
                      fuzz_text(a, (struct slice){field.data + 1, field.len - 1}));
    }
    if (codec_check_article(x, &fault) < 0 || !has_text(a, x))
        return 0;
    fuzz_check_article(a, x);
    struct entry e = {.epoch = 5,
                      .seq = 7,
                      .topic = slice_of("a/brief"),
                      .uri = slice_of(x->uri),
                      .version = x->version,
                      .stored_at_usec = 1933459200000000};
    for (const struct write_format *f = write_formats; f->name != NULL; f++)
        for (size_t i = 0; i == 0 || (f->versions != NULL && f->versions[i] != NULL); i++)
            try_format(a, f, f->versions == NULL ? NULL : f->versions[i], &e, x);
    for (int kind = 0; kind < FEED_KINDS; kind++)
        try_feed(a, (enum feed_kind)kind, x);
    return 0;
}
