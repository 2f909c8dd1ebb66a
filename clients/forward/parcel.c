#include "clients/forward/parcel.h"

#include "proto/formats/markup.h"
#include "proto/topic.h"

#include <errno.h>
#include <iconv.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { ID_BYTES = 8, NAME_BYTES = 200 };

static const char *const action_names[] = {"create", "correct", "kill"};

const char *parcel_action_name(enum parcel_action action) {
    return action_names[action];
}

/* ---- texts in the arena */

/* A text that is being written; what it holds goes to the arena at the end. */
struct text {
    FILE *file;
    char *buffer;
    size_t len;
};

static int text_open(struct text *t) {
    *t = (struct text){0};
    t->file = open_memstream(&t->buffer, &t->len);
    return t->file == NULL ? -ENOMEM : 0;
}

/* 0 or -ENOMEM; ends it in any case. */
static int text_close(struct arena *a, struct text *t, char **ret, size_t *ret_len) {
    bool good = fclose(t->file) == 0;
    char *copy = good ? arena_strndup(a, t->buffer, t->len) : NULL;
    if (copy != NULL && ret_len != NULL)
        *ret_len = t->len;
    free(t->buffer);
    if (copy == NULL)
        return -ENOMEM;
    *ret = copy;
    return 0;
}

static int fill(struct arena *a, const char *template, const struct template_values *values,
                enum template_escape escape, char **ret) {
    struct text t;
    int r = text_open(&t);
    if (r < 0)
        return r;
    template_write(t.file, template, values, escape);
    return text_close(a, &t, ret, NULL);
}

static int join_strings(struct arena *a, char **items, size_t n, const char **ret) {
    struct text t;
    char *joined;
    int r = text_open(&t);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        fprintf(t.file, "%s%s", i == 0 ? "" : ", ", items[i]);
    r = text_close(a, &t, &joined, NULL);
    if (r == 0)
        *ret = joined;
    return r;
}

/* ---- the values of templates */

static int plain_text(struct arena *a, const Article *x, const char **ret) {
    struct slice text;
    int r = markup_write_plain(a, x, &text);
    if (r == 0 && (*ret = arena_strndup(a, (const char *)text.data, text.len)) == NULL)
        r = -ENOMEM;
    return r;
}

/* Not the uri itself: a name of files can be too short for it. */
static const char *short_id(struct arena *a, const char *uri) {
    uint8_t hash[crypto_generichash_BYTES_MIN];
    char *id = arena_alloc(a, 2 * ID_BYTES + 1);
    if (id == NULL ||
        crypto_generichash(hash, sizeof hash, (const uint8_t *)uri, strlen(uri), NULL, 0) != 0)
        return NULL;
    return sodium_bin2hex(id, 2 * ID_BYTES + 1, hash, ID_BYTES);
}

static const char *number(struct arena *a, uint64_t value) {
    char text[24];
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return arena_strndup(a, text, (size_t)n);
}

static const char *day_of(struct arena *a, const struct outlet_config *o, int64_t usec) {
    char text[16];
    zone_date(o->zone, usec, text);
    return arena_strndup(a, text, strlen(text));
}

static const char *suffix_of(const struct outlet_config *o) {
    return o->writer != NULL ? o->writer->suffix : ".txt";
}

static int set_values(struct arena *a, const struct outlet_config *o, const Article *x,
                      const struct parcel_order *order, struct template_values *v) {
    static const char *const status[] = {"", "CORRECTION: ", "KILL: "};
    const char **to = v->values;
    struct slice section = topic_section(slice_of(order->topic));
    to[TEMPLATE_URI] = x->uri;
    to[TEMPLATE_ID] = short_id(a, x->uri);
    to[TEMPLATE_VERSION] = number(a, x->version);
    to[TEMPLATE_SEQ] = number(a, order->seq);
    to[TEMPLATE_SECTION] = arena_strndup(a, (const char *)section.data, section.len);
    to[TEMPLATE_SECTION_LABEL] = x->section_label;
    to[TEMPLATE_KIND] = article_kind_name(x->kind);
    to[TEMPLATE_TOPIC] = order->topic;
    to[TEMPLATE_HEADLINE] = *x->headline == '\0' ? order->headline : x->headline;
    to[TEMPLATE_SUBHEADLINE] = x->subheadline;
    to[TEMPLATE_DATELINE] = x->dateline;
    to[TEMPLATE_PUBLICATION] = x->publication;
    to[TEMPLATE_PAGE_DATE] = x->page_date;
    to[TEMPLATE_PAGE] = x->page;
    to[TEMPLATE_LANGUAGE] = x->language;
    to[TEMPLATE_URGENCY] = x->urgency == 0 ? "" : number(a, x->urgency);
    to[TEMPLATE_NOTE] = x->note_to_editors;
    to[TEMPLATE_RIGHTS] = x->rights;
    to[TEMPLATE_STATUS] = status[order->action];
    to[TEMPLATE_ACTION] = parcel_action_name(order->action);
    to[TEMPLATE_DATE] = day_of(a, o, order->stored_usec);
    to[TEMPLATE_SUFFIX] = suffix_of(o);
    to[TEMPLATE_PLACE] = o->place;
    to[TEMPLATE_CONTACT] = o->contact;
    to[TEMPLATE_OUTLET] = o->name;
    to[TEMPLATE_REMOTE_ID] = order->remote_id;
    to[TEMPLATE_RECEIPT] = order->receipt;
    for (int i = 0; i < TEMPLATE_NAMES; i++)
        if (to[i] == NULL && i != TEMPLATE_KICKER && i != TEMPLATE_BYLINE && i != TEMPLATE_TEXT)
            return -ENOMEM;
    int r = join_strings(a, x->kicker, x->n_kicker, &to[TEMPLATE_KICKER]);
    if (r == 0)
        r = join_strings(a, x->byline, x->n_byline, &to[TEMPLATE_BYLINE]);
    return r < 0 ? r : plain_text(a, x, &to[TEMPLATE_TEXT]);
}

/* ---- bodies */

/* Several empty lines become one, and none stands at the beginning or the end. */
static void tidy_lines(char *text) {
    char *to = text;
    size_t breaks = 2;
    for (const char *s = text; *s != '\0'; s++) {
        if (*s == '\n' && ++breaks > 2)
            continue;
        if (*s != '\n')
            breaks = 0;
        *to++ = *s;
    }
    while (to > text && to[-1] == '\n')
        to--;
    if (to > text)
        *to++ = '\n';
    *to = '\0';
}

static size_t character_bytes(const char *s) {
    size_t n = 1;
    while ((s[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* UTF-8 into the outlet's charset; what that lacks becomes '?'. */
static int convert(struct arena *a, const char *charset, const char *text, struct slice *ret) {
    size_t left = strlen(text), room = left * 4 + 16;
    char *in = (char *)text, *start = arena_alloc(a, room), *out = start;
    if (start == NULL)
        return -ENOMEM;
    iconv_t cd = iconv_open(charset, "UTF-8");
    if (cd == (iconv_t)-1)
        return -ENOMEM; /* it was there when the config was read */
    while (left > 0 && iconv(cd, &in, &left, &out, &room) == (size_t)-1) {
        char mark[] = "?", *mark_at = mark;
        size_t skipped = left > 0 ? character_bytes(in) : 0, one = 1;
        if (errno == E2BIG || skipped == 0 || skipped > left)
            break;
        in += skipped;
        left -= skipped;
        iconv(cd, &mark_at, &one, &out, &room);
    }
    iconv(cd, NULL, NULL, &out, &room);
    iconv_close(cd);
    *ret = (struct slice){(uint8_t *)start, (size_t)(out - start)};
    return 0;
}

static int add_returns(struct arena *a, const char *text, char **ret) {
    struct text t;
    int r = text_open(&t);
    if (r < 0)
        return r;
    for (; *text != '\0'; text++)
        fprintf(t.file, "%s%c", *text == '\n' ? "\r" : "", *text);
    return text_close(a, &t, ret, NULL);
}

/* The text as the outlet wants it: line ends, charset. */
static int encode_text(struct arena *a, const struct outlet_config *o, const char *text,
                       struct parcel *p) {
    char *wired = (char *)text;
    int r = o->crlf ? add_returns(a, text, &wired) : 0;
    if (r == 0 && strcasecmp(o->charset, "UTF-8") == 0)
        p->body = slice_of(wired);
    else if (r == 0)
        r = convert(a, o->charset, wired, &p->body);
    struct text t;
    char *type;
    if (r == 0)
        r = text_open(&t);
    if (r < 0)
        return r;
    fprintf(t.file, "text/plain; charset=%s", o->charset);
    r = text_close(a, &t, &type, NULL);
    if (r == 0)
        p->media_type = type;
    return r;
}

static int write_body(struct arena *a, const struct write_format *f, const char *version,
                      const struct entry *e, const Article *x, struct slice *ret) {
    struct text_style style = {0};
    struct text t;
    char *body;
    size_t len;
    int r = text_open(&t);
    if (r < 0)
        return r;
    int written = f->write(t.file, a, e, x, version, &style);
    r = text_close(a, &t, &body, &len);
    if (r < 0 || written < 0)
        return r < 0 ? r : written;
    *ret = (struct slice){(uint8_t *)body, len};
    return 0;
}

static int make_body(struct arena *a, const struct outlet_config *o, const Article *x,
                     struct parcel *p, struct fault *f) {
    const char *version;
    struct slice json;
    if (o->writer != NULL) {
        p->media_type = o->writer->media_type;
        return write_body(a, o->writer, o->writer_version, &p->entry, x, &p->body);
    }
    if (o->program == NULL)
        return encode_text(a, o, p->text, p);
    int r = write_body(a, write_format_find("json", &version), NULL, &p->entry, x, &json);
    p->media_type = "application/octet-stream";
    return r < 0 ? r : exec_format(a, o, json, &p->body, f);
}

/* File systems take names of 255 bytes; a temporary name has some more. The suffix stays,
 * and no character is cut. */
static void shorten(char *name, const char *suffix) {
    size_t len = strlen(name), end = strlen(suffix);
    if (len <= NAME_BYTES)
        return;
    bool has_suffix = strcmp(name + len - end, suffix) == 0;
    size_t keep = NAME_BYTES - (has_suffix ? end : 0);
    while ((name[keep] & 0xc0) == 0x80)
        keep--;
    strcpy(name + keep, has_suffix ? suffix : "");
}

static int make_texts(struct arena *a, const struct outlet_config *o, struct parcel *p) {
    char *text, *filename, *subject;
    int r = fill(a, p->action == PARCEL_KILL ? o->body_kill : o->body, &p->values, TEMPLATE_PLAIN,
                 &text);
    if (r == 0)
        r = fill(a, o->filename, &p->values, TEMPLATE_FILE, &filename);
    if (r == 0)
        r = fill(a, o->subject, &p->values, TEMPLATE_LINE, &subject);
    if (r < 0)
        return r;
    tidy_lines(text);
    shorten(filename, suffix_of(o));
    p->text = text;
    p->filename = filename;
    p->subject = subject;
    return 0;
}

int parcel_make(struct arena *a, const struct outlet_config *o, const struct parcel_order *order,
                struct parcel *p, struct fault *f) {
    ProtobufCMessage *message;
    int r = codec_unpack(&newswire__v1__article__descriptor, a, order->bytes, &message, f);
    if (r < 0)
        return r;
    const Article *x = (const Article *)message;
    *p = (struct parcel){.action = order->action,
                         .message_id = order->message_id,
                         .uri = x->uri,
                         .remote_id = order->remote_id,
                         .receipt = order->receipt,
                         .version = x->version,
                         .bytes = order->bytes,
                         .entry = order->entry};
    r = set_values(a, o, x, order, &p->values);
    if (r == 0)
        r = make_texts(a, o, p);
    if (r == 0 && (*p->filename == '\0' || *p->filename == '.'))
        return fault_set(f, "filename", "'%.200s' can be no file's name", p->filename);
    return r < 0 ? r : make_body(a, o, x, p, f);
}

/* The message's own name, the same on every try: with one article more or less it is
 * another message, which nobody may take for the first. NULL when out of memory. */
static const char *joined_id(struct arena *a, const struct parcel *parcels, size_t n) {
    static const char prefix[] = "msg_";
    uint8_t hash[crypto_generichash_BYTES_MIN];
    crypto_generichash_state state;
    char *id = arena_alloc(a, sizeof prefix + 2 * sizeof hash);
    if (n == 1 || id == NULL)
        return n == 1 ? parcels[0].message_id : NULL;
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    for (size_t i = 0; i < n; i++)
        crypto_generichash_update(&state, (const uint8_t *)parcels[i].message_id,
                                  strlen(parcels[i].message_id) + 1);
    crypto_generichash_final(&state, hash, sizeof hash);
    sodium_bin2hex(stpcpy(id, prefix), 2 * sizeof hash + 1, hash, sizeof hash);
    return id;
}

int parcel_join(struct arena *a, const struct outlet_config *o, const struct parcel *parcels,
                size_t n, struct parcel *ret) {
    struct text t;
    char *all;
    int r = text_open(&t);
    if (r < 0)
        return r;
    *ret = parcels[0];
    for (size_t i = 0; i < n; i++)
        fprintf(t.file, "%s%s", i == 0 ? "" : "\n----------------------------------------\n\n",
                parcels[i].text);
    r = text_close(a, &t, &all, NULL);
    if (r < 0)
        return r;
    ret->text = all;
    ret->message_id = joined_id(a, parcels, n);
    if (ret->message_id == NULL)
        return -ENOMEM;
    return encode_text(a, o, all, ret);
}
