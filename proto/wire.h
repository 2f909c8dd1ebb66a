/*
 * Reading and writing protobuf's wire format piece by piece, without copies:
 * varints, tags, and slices of the input.
 *
 * For the two messages that are read at the speed of the wire (Entry, and the
 * frames that carry entries) and for the scan that looks over hostile bytes
 * before protobuf-c unpacks them. Source: protobuf.dev, "Encoding".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that belong to somebody else. */
struct slice {
    const uint8_t *data;
    size_t len;
};

enum wire_type { WIRE_VARINT = 0, WIRE_I64 = 1, WIRE_LEN = 2, WIRE_I32 = 5 };

enum { WIRE_VARINT_BYTES = 10, WIRE_SHORT_BYTES = 5 };

struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;     /* WIRE_VARINT, WIRE_I64 and WIRE_I32 */
    struct slice bytes; /* WIRE_LEN */
};

static inline struct slice slice_of(const char *s) {
    return (struct slice){(const uint8_t *)s, strlen(s)};
}

static inline bool slice_equal(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Takes a varint off the front of *in. False when it is cut short or longer
 * than 64 bits; *in is then unusable. */
static inline bool wire_get_varint(struct slice *in, uint64_t *ret_value) {
    uint64_t value = 0;
    for (unsigned i = 0; i < WIRE_VARINT_BYTES && i < in->len; i++) {
        uint8_t byte = in->data[i];
        if (i == WIRE_VARINT_BYTES - 1 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            in->data += i + 1;
            in->len -= i + 1;
            *ret_value = value;
            return true;
        }
    }
    return false;
}

/* The same for a tag or a length: 32 bits, in at most five bytes, as other readers of
 * protobuf want it; protobuf-c refuses longer ones. */
static inline bool wire_get_short(struct slice *in, uint64_t *ret_value) {
    size_t before = in->len;
    return wire_get_varint(in, ret_value) && before - in->len <= WIRE_SHORT_BYTES;
}

/* Takes the next field off the front of *in. False when the bytes are not
 * well-formed (groups count as such); call only while in->len > 0. */
static inline bool wire_get_field(struct slice *in, struct wire_field *ret) {
    uint64_t tag;
    if (!wire_get_short(in, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return false;
    struct wire_field f = {.number = (uint32_t)(tag >> 3), .type = tag & 7};
    switch (f.type) {
    case WIRE_VARINT:
        if (!wire_get_varint(in, &f.value))
            return false;
        break;
    case WIRE_LEN:
        if (!wire_get_short(in, &f.value) || f.value > in->len)
            return false;
        f.bytes = (struct slice){in->data, (size_t)f.value};
        in->data += f.bytes.len;
        in->len -= f.bytes.len;
        break;
    case WIRE_I64:
    case WIRE_I32: {
        size_t width = f.type == WIRE_I64 ? 8 : 4;
        if (in->len < width)
            return false;
        for (size_t i = 0; i < width; i++)
            f.value |= (uint64_t)in->data[i] << (8 * i);
        in->data += width;
        in->len -= width;
        break;
    }
    default: return false;
    }
    *ret = f;
    return true;
}

static inline size_t wire_varint_size(uint64_t value) {
    size_t n = 1;
    while (value >= 0x80) {
        value >>= 7;
        n++;
    }
    return n;
}

/* Each put writes at p and returns the first byte behind what it wrote. The
 * caller has made room: at most WIRE_VARINT_BYTES for a varint. */
static inline uint8_t *wire_put_varint(uint8_t *p, uint64_t value) {
    while (value >= 0x80) {
        *p++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *p++ = (uint8_t)value;
    return p;
}

static inline uint8_t *wire_put_tag(uint8_t *p, uint32_t number, enum wire_type type) {
    return wire_put_varint(p, (uint64_t)number << 3 | type);
}

/* Leaves a zero out, as proto3 does. */
static inline uint8_t *wire_put_uint(uint8_t *p, uint32_t number, uint64_t value) {
    return value == 0 ? p : wire_put_varint(wire_put_tag(p, number, WIRE_VARINT), value);
}

/* Leaves an empty one out, as proto3 does. */
static inline uint8_t *wire_put_bytes(uint8_t *p, uint32_t number, struct slice bytes) {
    if (bytes.len == 0)
        return p;
    p = wire_put_varint(wire_put_tag(p, number, WIRE_LEN), bytes.len);
    memcpy(p, bytes.data, bytes.len);
    return p + bytes.len;
}
