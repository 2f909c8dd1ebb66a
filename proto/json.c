#include "proto/json.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

static json_t *json_bytes(const ProtobufCBinaryData *data) {
    const int variant = sodium_base64_VARIANT_ORIGINAL;
    size_t size = sodium_base64_ENCODED_LEN(data->len, variant);
    char *text = malloc(size);
    if (text == NULL)
        return NULL;
    sodium_bin2base64(text, size, data->data, data->len, variant);
    json_t *value = json_string(text);
    free(text);
    return value;
}

static json_t *json_enum(const ProtobufCEnumDescriptor *descriptor, int value) {
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(descriptor, value);
    return v == NULL ? json_integer(value) : json_string(v->name);
}

/* One value at a place in a message; *ret_empty tells whether it is the default. */
static json_t *json_value(const ProtobufCFieldDescriptor *field, const void *at, bool *ret_empty) {
    *ret_empty = false;
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(char *const *)at;
        *ret_empty = *text == '\0';
        return json_string(text);
    }
    case PROTOBUF_C_TYPE_BYTES:
        *ret_empty = ((const ProtobufCBinaryData *)at)->len == 0;
        return json_bytes(at);
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *m = *(ProtobufCMessage *const *)at;
        *ret_empty = m == NULL;
        return m == NULL ? json_null() : json_message(m);
    }
    case PROTOBUF_C_TYPE_ENUM:
        *ret_empty = *(const int *)at == 0;
        return json_enum(field->descriptor, *(const int *)at);
    case PROTOBUF_C_TYPE_BOOL:
        *ret_empty = !*(const protobuf_c_boolean *)at;
        return json_boolean(!*ret_empty);
    case PROTOBUF_C_TYPE_UINT32:
        *ret_empty = *(const uint32_t *)at == 0;
        return json_integer(*(const uint32_t *)at);
    default: *ret_empty = *(const int64_t *)at == 0; return json_integer(*(const int64_t *)at);
    }
}

static size_t element_size(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_UINT32: return 4;
    default: return 8;
    }
}

static json_t *json_repeated(const ProtobufCFieldDescriptor *field, const void *elements,
                             size_t n) {
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        bool empty;
        const char *at = (const char *)elements + i * element_size(field->type);
        if (json_array_append_new(array, json_value(field, at, &empty)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* Whether a member of a oneof is not the one that is set. */
static bool is_other_case(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field) {
    return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
           *(const uint32_t *)((const char *)m + field->quantifier_offset) != field->id;
}

json_t *json_message(const ProtobufCMessage *message) {
    json_t *object = json_object();
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const char *at = (const char *)message + field->offset;
        bool empty;
        json_t *value;
        if (is_other_case(message, field))
            continue;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t n = *(const size_t *)((const char *)message + field->quantifier_offset);
            empty = n == 0;
            value = empty ? NULL : json_repeated(field, *(const void *const *)at, n);
        } else {
            value = json_value(field, at, &empty);
        }
        if (empty) {
            json_decref(value);
        } else if (json_object_set_new(object, field->name, value) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* Nothing when there are none. */
static int put_strings(json_t *object, const char *name, const struct slice *strings, size_t n) {
    json_t *array = n == 0 ? NULL : json_array();
    int r = 0;
    if (n == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        r |= json_array_append_new(array,
                                   json_stringn((const char *)strings[i].data, strings[i].len));
    return r | json_object_set_new(object, name, array);
}

json_t *json_entry(const struct entry *e, const Article *article) {
    json_t *object = json_object();
    int r = json_object_set_new(object, "epoch", json_integer((json_int_t)e->epoch));
    r |= json_object_set_new(object, "seq", json_integer((json_int_t)e->seq));
    r |= json_object_set_new(object, "prev_seq", json_integer((json_int_t)e->prev_seq));
    r |= json_object_set_new(object, "topic",
                             json_stringn((const char *)e->topic.data, e->topic.len));
    r |= json_object_set_new(object, "stored_at_usec", json_integer(e->stored_at_usec));
    if (e->replaces != 0)
        r |= json_object_set_new(object, "replaces", json_integer((json_int_t)e->replaces));
    r |= put_strings(object, "path", e->path, e->n_path);
    r |= put_strings(object, "approved_by", e->approved_by, e->n_approved_by);
    if (e->origin.len > 0)
        r |= json_object_set_new(object, "origin",
                                 json_stringn((const char *)e->origin.data, e->origin.len));
    if (article != NULL)
        r |= json_object_set_new(object, "article", json_message(&article->base));
    if (r != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

int json_write_line(FILE *out, json_t *value) {
    char *text = value == NULL ? NULL : json_dumps(value, JSON_COMPACT);
    json_decref(value);
    if (text == NULL)
        return -ENOMEM;
    bool written = fputs(text, out) >= 0 && putc('\n', out) != EOF;
    free(text);
    return written ? 0 : -EIO;
}
