/* The content digest; PROTOCOL.md, "Content digest", defines the form. */
#include "proto/codec.h"

#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>

/* The canonical form goes into the hash, or is only measured. */
struct form {
    struct sha256_ctx *state; /* NULL: measured */
    size_t bytes;
};

static void put(struct form *f, const void *data, size_t len) {
    f->bytes += len;
    if (f->state != NULL)
        sha256_update(f->state, len, data);
}

/* Begins an item: its name and the length of the value that the caller puts
 * next; end_item closes it. Without printf, which took longer than the hash. */
static void begin_item(struct form *f, const char *name, size_t len) {
    char digits[24], *end = digits + sizeof digits, *p = end;
    *--p = ':';
    do
        *--p = (char)('0' + len % 10);
    while ((len /= 10) > 0);
    *--p = ':';
    put(f, name, strlen(name));
    put(f, p, (size_t)(end - p));
}

static void end_item(struct form *f) {
    put(f, "\n", 1);
}

static void put_item(struct form *f, const char *name, const void *value, size_t len) {
    begin_item(f, name, len);
    put(f, value, len);
    end_item(f);
}

static void put_fields(struct form *f, const ProtobufCMessage *m, const uint8_t *only);

/* The fields of a nested message. Frozen as the article's are: a field that is
 * added later takes no part. */
static const uint8_t *nested_fields(const ProtobufCMessageDescriptor *d) {
    static const struct {
        const char *message;
        uint8_t fields[12];
    } frozen[] = {
        {"Block", {1, 2}},
        {"Subject", {1, 2, 3}},
        {"Media", {1, 2, 3, 4, 5, 6, 7, 8}},
    };
    static const uint8_t none[] = {0};
    for (size_t i = 0; i < sizeof frozen / sizeof *frozen; i++)
        if (strcmp(frozen[i].message, d->short_name) == 0)
            return frozen[i].fields;
    return none;
}

static void put_number(struct form *f, const ProtobufCFieldDescriptor *field, const void *at) {
    char text[32];
    int n;
    switch (field->type) {
    case PROTOBUF_C_TYPE_ENUM: {
        int value = *(const int *)at;
        const ProtobufCEnumValue *v =
            protobuf_c_enum_descriptor_get_value(field->descriptor, value);
        if (value == 0)
            return;
        if (v != NULL) {
            put_item(f, field->name, v->name, strlen(v->name));
            return;
        }
        n = snprintf(text, sizeof text, "%d", value);
        break;
    }
    case PROTOBUF_C_TYPE_UINT32:
        n = snprintf(text, sizeof text, "%" PRIu32, *(const uint32_t *)at);
        break;
    case PROTOBUF_C_TYPE_UINT64:
        n = snprintf(text, sizeof text, "%" PRIu64, *(const uint64_t *)at);
        break;
    default: n = snprintf(text, sizeof text, "%" PRId64, *(const int64_t *)at); break;
    }
    if (strcmp(text, "0") != 0)
        put_item(f, field->name, text, (size_t)n);
}

static void put_value(struct form *f, const ProtobufCFieldDescriptor *field, const void *at) {
    bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *nested = *(ProtobufCMessage *const *)at;
        struct form measured = {0};
        if (nested == NULL)
            return;
        const uint8_t *only = nested_fields(nested->descriptor);
        put_fields(&measured, nested, only);
        begin_item(f, field->name, measured.bytes);
        put_fields(f, nested, only);
        end_item(f);
    } else if (field->type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(char *const *)at;
        if (repeated || *text != '\0')
            put_item(f, field->name, text, strlen(text));
    } else {
        put_number(f, field, at);
    }
}

/* Puts the fields whose numbers stand in `only` (ended by 0). Both
 * the descriptor's fields and the numbers rise. */
static void put_fields(struct form *f, const ProtobufCMessage *m, const uint8_t *only) {
    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &m->descriptor->fields[i];
        while (*only != 0 && *only < field->id)
            only++;
        if (*only != field->id)
            continue;
        const char *at = (const char *)m + field->offset;
        if (field->label != PROTOBUF_C_LABEL_REPEATED) {
            put_value(f, field, at);
            continue;
        }
        size_t n = *(const size_t *)((const char *)m + field->quantifier_offset);
        for (size_t k = 0; k < n; k++)
            put_value(f, field, *(char *const *)at + k * sizeof(void *));
    }
}

void codec_content_digest(const Article *article, uint8_t ret_digest[static LIMIT_DIGEST_BYTES]) {
    /* Frozen: a field that is added later takes no part. */
    static const uint8_t by_source[] = {1, 2, 4, 30, 0};
    static const uint8_t by_text[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                      16, 17, 18, 19, 20, 22, 23, 24, 25, 26, 27, 28, 29, 31, 0};
    struct sha256_ctx state;
    struct form f = {.state = &state};
    sha256_init(&state);
    put_fields(&f, &article->base, *article->source_digest != '\0' ? by_source : by_text);
    sha256_digest(&state, LIMIT_DIGEST_BYTES, ret_digest);
}
