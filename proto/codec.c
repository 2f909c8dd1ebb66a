#include "proto/codec.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistr.h>

enum { SCAN_DEPTH = 8 }; /* ReplayReply > Entry > … is 3 deep */

void codec_mend_utf8(char *text) {
    for (const uint8_t *bad; (bad = u8_check((uint8_t *)text, strlen(text))) != NULL;)
        text[bad - (const uint8_t *)text] = '?';
}

size_t codec_fit_utf8(const char *text, size_t most) {
    size_t n = strnlen(text, most + 1);
    if (n <= most)
        return n;
    for (n = most; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
        n--;
    return n;
}

/* ---- scan */

/* Where the scan stands, for naming a field: "blocks[3].text". */
struct place {
    const struct place *outer;
    const ProtobufCFieldDescriptor *field;
    size_t index;
};

static size_t name_place(const struct place *p, char *buffer, size_t size) {
    size_t n = p->outer == NULL ? 0 : name_place(p->outer, buffer, size);
    if (n >= size)
        return n;
    n += (size_t)snprintf(buffer + n, size - n, "%s%s", n == 0 ? "" : ".", p->field->name);
    if (n < size && p->field->label == PROTOBUF_C_LABEL_REPEATED)
        n += (size_t)snprintf(buffer + n, size - n, "[%zu]", p->index);
    return n;
}

__attribute__((format(printf, 3, 4))) static int fault_at(struct fault *f, const struct place *p,
                                                          const char *format, ...) {
    char name[sizeof f->field] = "";
    va_list arguments;
    if (p != NULL)
        name_place(p, name, sizeof name);
    va_start(arguments, format);
    fault_set_va(f, name, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

static size_t most_elements(const ProtobufCFieldDescriptor *field) {
    static const struct {
        const char *name;
        size_t most;
    } special[] = {
        {"blocks", LIMIT_BLOCKS},
        {"articles", LIMIT_REQUEST_ARTICLES},
        {"results", LIMIT_REQUEST_ARTICLES},
        {"held", LIMIT_REQUEST_ARTICLES},
        {"topics", LIMIT_TOPICS},
        {"path", LIMIT_PATH},
        {"approved_by", LIMIT_APPROVALS},
        /* Their message's size bounds these: no memory is taken for them. */
        {"entries", SIZE_MAX},
        {"heads", SIZE_MAX},
    };
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (strcmp(field->name, special[i].name) == 0)
            return special[i].most;
    return LIMIT_REPEATED;
}

static size_t most_bytes(const ProtobufCFieldDescriptor *field) {
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return LIMIT_MESSAGE_BYTES;
    if (strcmp(field->name, "text") == 0 || strcmp(field->name, "note_to_editors") == 0 ||
        strcmp(field->name, "json") == 0)
        return LIMIT_MESSAGE_BYTES;
    if (strcmp(field->name, "uri") == 0)
        return LIMIT_URI_BYTES;
    return LIMIT_LINE_BYTES;
}

/* Eight bytes of ASCII without NUL. */
static bool is_plain_word(const uint8_t *s) {
    uint64_t w;
    memcpy(&w, s, sizeof w);
    bool has_zero = ((w - 0x0101010101010101ULL) & ~w & 0x8080808080808080ULL) != 0;
    return (w & 0x8080808080808080ULL) == 0 && !has_zero;
}

/* A character of three bytes, as ideographs are, but of E0 and ED, behind which not
 * every byte that goes on is good. */
static bool is_plain_triple(const uint8_t *s) {
    return s[0] >= 0xe1 && s[0] <= 0xef && s[0] != 0xed && (s[1] & 0xc0) == 0x80 &&
           (s[2] & 0xc0) == 0x80;
}

/* What nearly all text is made of, fast; the library says of the rest. */
static size_t plain_prefix(const uint8_t *s, size_t len) {
    size_t n = 0;
    while (n < len) {
        if (n + 8 <= len && is_plain_word(s + n))
            n += 8;
        else if (n + 3 <= len && is_plain_triple(s + n))
            n += 3;
        else if (s[n] > 0 && s[n] < 0x80)
            n++;
        else
            break;
    }
    return n;
}

static int scan_string(struct slice s, const struct place *p, struct fault *f) {
    for (size_t i = 0; (i += plain_prefix(s.data + i, s.len - i)) < s.len;) {
        int n = u8_mblen(s.data + i, s.len - i);
        if (n == 0)
            return fault_at(f, p, "has a NUL character in it");
        if (n < 0)
            return fault_at(f, p, "is not valid UTF-8");
        i += (size_t)n;
    }
    return 0;
}

static enum wire_type wire_type_of(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return WIRE_LEN;
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT: return WIRE_I32;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return WIRE_I64;
    default: return WIRE_VARINT;
    }
}

static int scan_message(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
                        const struct place *outer, unsigned depth, struct fault *f);

static int scan_field(const struct wire_field *w, const struct place *p, unsigned depth,
                      struct fault *f) {
    if (w->type != wire_type_of(p->field->type))
        return fault_at(f, p, "is not encoded as its type wants");
    if (w->type != WIRE_LEN)
        return 0;
    if (p->field->type == PROTOBUF_C_TYPE_MESSAGE)
        return scan_message(p->field->descriptor, w->bytes, p, depth + 1, f);
    if (w->bytes.len > most_bytes(p->field))
        return fault_at(f, p, "has %zu bytes; %zu are the most", w->bytes.len,
                        most_bytes(p->field));
    return p->field->type == PROTOBUF_C_TYPE_STRING ? scan_string(w->bytes, p, f) : 0;
}

static int scan_message(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
                        const struct place *outer, unsigned depth, struct fault *f) {
    /* Counts by the field's place in the descriptor; no message has more. */
    size_t counts[64] = {0};
    if (depth > SCAN_DEPTH || descriptor->n_fields > sizeof counts / sizeof *counts)
        return fault_at(f, outer, "is nested too deeply");
    while (bytes.len > 0) {
        struct wire_field w;
        if (!wire_get_field(&bytes, &w))
            return fault_at(f, outer, "is not well-formed protobuf");
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(descriptor, w.number);
        if (field == NULL) {
            if (++counts[descriptor->n_fields] > LIMIT_REPEATED)
                return fault_at(f, outer, "has too many unknown fields");
            continue;
        }
        size_t *count = &counts[field - descriptor->fields];
        struct place here = {.outer = outer, .field = field, .index = *count};
        size_t most =
            field->label == PROTOBUF_C_LABEL_REPEATED ? most_elements(field) : LIMIT_REPEATED;
        if (++*count > most)
            return fault_at(f, &here, "has more than %zu elements", most);
        int r = scan_field(&w, &here, depth, f);
        if (r < 0)
            return r;
    }
    return 0;
}

int codec_scan(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
               struct fault *ret_fault) {
    return scan_message(descriptor, bytes, NULL, 0, ret_fault);
}

/* ---- unpack and pack */

int codec_unpack(const ProtobufCMessageDescriptor *descriptor, struct arena *a, struct slice bytes,
                 ProtobufCMessage **ret, struct fault *ret_fault) {
    int r = codec_scan(descriptor, bytes, ret_fault);
    if (r < 0)
        return r;
    /* After the scan nothing but memory can fail. */
    ProtobufCMessage *m =
        protobuf_c_message_unpack(descriptor, arena_allocator(a), bytes.len, bytes.data);
    if (m == NULL)
        return -ENOMEM;
    *ret = m;
    return 0;
}

int codec_pack(struct arena *a, const ProtobufCMessage *message, struct slice *ret) {
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *data = arena_alloc(a, size + 1);
    if (data == NULL)
        return -ENOMEM;
    *ret = (struct slice){data, protobuf_c_message_pack(message, data)};
    return 0;
}

/* ---- what must hold of every article */

static bool is_empty(const char *s) {
    return *s == '\0';
}

/* RFC 3339 full-date, with days that the month has. */
static bool is_full_date(const char *s) {
    static const char pattern[] = "dddd-dd-dd";
    for (size_t i = 0; i < sizeof pattern; i++)
        if (pattern[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != pattern[i])
            return false;
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 0, month = 0, day = 0;
    sscanf(s, "%4d-%2d-%2d", &year, &month, &day);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Within the years that RFC 3339 can write, and with it all formats: an embargo that
 * one left out would be none. */
static bool is_time(int64_t usec) {
    static const int64_t first = -62135596800, end = 253402300800;
    return usec >= first * 1000000 && usec < end * 1000000;
}

static int check_uri(const char *uri, struct fault *f) {
    if (is_empty(uri))
        return fault_set(f, "uri", "is missing");
    for (const char *p = uri; *p != '\0'; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return fault_set(f, "uri", "has white space or a control character in it");
    return 0;
}

/* Every string of the article itself is one line, but for the note. */
static int check_lines(const Article *article, struct fault *f) {
    const ProtobufCMessageDescriptor *d = article->base.descriptor;
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &d->fields[i];
        if (field->type != PROTOBUF_C_TYPE_STRING || strcmp(field->name, "note_to_editors") == 0)
            continue;
        const char *base = (const char *)article + field->offset;
        bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
        size_t n =
            repeated ? *(const size_t *)((const char *)article + field->quantifier_offset) : 1;
        char *const *strings = repeated ? *(char *const *const *)base : (char *const *)base;
        for (size_t k = 0; k < n; k++)
            if (strpbrk(strings[k], "\r\n") != NULL)
                return fault_set(f, field->name, "has a line break in it");
    }
    return 0;
}

/* What a scan of its bytes would say of its own fields. */
static int check_limits(const Article *article, struct fault *f) {
    const ProtobufCMessageDescriptor *d = &newswire__v1__article__descriptor;
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &d->fields[i];
        const void *at = (const char *)article + field->offset;
        bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
        bool string = field->type == PROTOBUF_C_TYPE_STRING;
        size_t n = 1;
        if (repeated)
            memcpy(&n, (const char *)article + field->quantifier_offset, sizeof n);
        if (n > most_elements(field))
            return fault_set(f, field->name, "there are %zu; %zu are the most", n,
                             most_elements(field));
        char *const *strings = repeated ? *(char **const *)at : (char *const *)at;
        for (size_t k = 0; string && k < n; k++)
            if (strings[k] != NULL && strlen(strings[k]) > most_bytes(field))
                return fault_set(f, field->name, "has %zu bytes; %zu are the most",
                                 strlen(strings[k]), most_bytes(field));
    }
    return 0;
}

static int check_rules(const Article *article, struct fault *f) {
    int r = check_uri(article->uri, f);
    if (r < 0)
        return r;
    if (article->version == 0)
        return fault_set(f, "version", "is missing; the first version is 1");
    if (article->kind == KIND_UNSPECIFIED || article_kind_name(article->kind) == NULL)
        return fault_set(f, "kind", "is none of article, brief, photo");
    if (article_status_name(article->status) == NULL)
        return fault_set(f, "status", "is none of usable, withheld, canceled");
    if (article->urgency > 9)
        return fault_set(f, "urgency", "is %u; it goes from 1 to 9", article->urgency);
    if (!is_empty(article->page_date) && !is_full_date(article->page_date))
        return fault_set(f, "page_date", "'%.40s' is no date such as 2031-04-09",
                         article->page_date);
    if (!is_time(article->created_at))
        return fault_set(f, "created_at", "is beyond the years 1 to 9999");
    if (!is_time(article->embargoed_until))
        return fault_set(f, "embargoed_until", "is beyond the years 1 to 9999");
    if (article->status != STATUS_CANCELED && is_empty(article->headline) && article->n_blocks == 0)
        return fault_set(f, "headline", "is missing, and there is no text either");
    for (size_t i = 0; i < article->n_blocks; i++)
        if (article->blocks[i]->type == BLOCK_UNSPECIFIED ||
            article_block_type_name(article->blocks[i]->type) == NULL) {
            char field[sizeof f->field];
            snprintf(field, sizeof field, "blocks[%zu].type", i);
            return fault_set(f, field, "is no type of block");
        }
    return check_lines(article, f);
}

int codec_check_article(const Article *article, struct fault *ret_fault) {
    int r = check_limits(article, ret_fault);
    return r < 0 ? r : check_rules(article, ret_fault);
}

int codec_unpack_article(struct arena *a, struct slice bytes, Article **ret,
                         struct fault *ret_fault) {
    ProtobufCMessage *message;
    if (bytes.len > LIMIT_ARTICLE_BYTES)
        return fault_set(ret_fault, "", "the article has %zu bytes; %d are the most", bytes.len,
                         LIMIT_ARTICLE_BYTES);
    int r = codec_unpack(&newswire__v1__article__descriptor, a, bytes, &message, ret_fault);
    if (r < 0)
        return r;
    Article *article = (Article *)message;
    r = check_rules(article, ret_fault);
    if (r == 0)
        *ret = article;
    return r;
}
