#include "proto/frames.h"

#include <errno.h>

/* Field numbers of newswire.proto. */
enum { FEED_HEARTBEAT = 2 };
enum {
    REPLY_REQUEST_ID = 2,
    REPLY_EPOCH = 3,
    REPLY_PROVEN_SEQ = 4,
    REPLY_FIRST = 5,
    REPLY_HEAD = 6,
    REPLY_DONE = 7,
    REPLY_ERROR = 8,
    REPLY_HEADS = 9,
    REPLY_NEWEST_TOPIC = 10,
};
enum { REQUEST_ID = 1, REQUEST_OPEN, REQUEST_CREDIT, REQUEST_CLOSE, REQUEST_HEADS, REQUEST_REPORT };
enum { OPEN_TOPICS = 1, OPEN_EPOCH = 2, OPEN_AFTER = 3, OPEN_SINCE = 5, OPEN_CREDIT = 6 };
enum { REPORT_CLIENT = 1, REPORT_EPOCH, REPORT_PROVEN_SEQ, REPORT_TOPICS };

static int read_heartbeat(struct slice in, struct frame_heartbeat *ret) {
    struct frame_heartbeat h = {0};
    while (in.len > 0) {
        struct wire_field f;
        if (!wire_get_field(&in, &f) || (f.number <= 6 && f.type != WIRE_VARINT) ||
            (f.number == 7 && f.type != WIRE_LEN))
            return -EBADMSG;
        switch (f.number) {
        case 1: h.epoch = f.value; break;
        case 2: h.head = f.value; break;
        case 3: h.as_of = f.value; break;
        case 4: h.newest_topic = f.value; break;
        case 5: h.first = f.value; break;
        case 7: h.checkpoint = f.bytes; break;
        default: break;
        }
    }
    *ret = h;
    return h.head > h.as_of ? -EBADMSG : 0;
}

static int read_error(struct slice in, struct frame_error *ret) {
    struct frame_error e = {0};
    while (in.len > 0) {
        struct wire_field f;
        if (!wire_get_field(&in, &f))
            return -EBADMSG;
        if (f.number == 1 && f.type == WIRE_VARINT)
            e.code = (uint32_t)f.value;
        else if (f.number == 2 && f.type == WIRE_LEN)
            e.message = f.bytes;
    }
    *ret = e;
    return 0;
}

int frame_read_feed(struct slice bytes, struct frame *ret) {
    struct slice in = bytes;
    *ret = (struct frame){.bytes = bytes};
    while (in.len > 0) {
        struct wire_field f;
        if (!wire_get_field(&in, &f) || (f.number <= FEED_HEARTBEAT && f.type != WIRE_LEN))
            return -EBADMSG;
        if (f.number != FEED_HEARTBEAT)
            continue;
        ret->has_heartbeat = true;
        if (read_heartbeat(f.bytes, &ret->heartbeat) < 0)
            return -EBADMSG;
    }
    return 0;
}

static int take_reply_field(struct frame *ret, const struct wire_field *f) {
    bool is_bytes =
        f->number == ENTRY_FIELD || f->number == REPLY_ERROR || f->number == REPLY_HEADS;
    if (f->number <= REPLY_NEWEST_TOPIC && f->type != (is_bytes ? WIRE_LEN : WIRE_VARINT))
        return -EBADMSG;
    switch (f->number) {
    case REPLY_REQUEST_ID: ret->request_id = f->value; break;
    case REPLY_EPOCH: ret->epoch = f->value; break;
    case REPLY_PROVEN_SEQ: ret->proven_seq = f->value; break;
    case REPLY_FIRST: ret->first = f->value; break;
    case REPLY_HEAD: ret->head = f->value; break;
    case REPLY_DONE: ret->done = f->value != 0; break;
    case REPLY_NEWEST_TOPIC: ret->newest_topic = f->value; break;
    case REPLY_ERROR: ret->has_error = true; return read_error(f->bytes, &ret->error);
    default: break;
    }
    return 0;
}

int frame_read_replay(struct slice bytes, struct frame *ret) {
    struct slice in = bytes;
    *ret = (struct frame){.bytes = bytes};
    while (in.len > 0) {
        struct wire_field f;
        if (!wire_get_field(&in, &f) || take_reply_field(ret, &f) < 0)
            return -EBADMSG;
    }
    return 0;
}

/* The next field with this number. 1, 0 or -EBADMSG. */
static int next_field(struct slice *rest, uint32_t number, struct slice *ret) {
    while (rest->len > 0) {
        struct wire_field f;
        if (!wire_get_field(rest, &f))
            return -EBADMSG;
        if (f.number == number && f.type == WIRE_LEN) {
            *ret = f.bytes;
            return 1;
        }
    }
    return 0;
}

int frame_next_entry(struct slice *rest, struct entry *ret) {
    struct slice bytes;
    int r = next_field(rest, ENTRY_FIELD, &bytes);
    return r <= 0 ? r : entry_decode(bytes, ret) < 0 ? -EBADMSG : 1;
}

int frame_next_head(struct slice *rest, struct frame_head *ret) {
    struct slice bytes;
    struct frame_head h = {0};
    int r = next_field(rest, REPLY_HEADS, &bytes);
    if (r <= 0)
        return r;
    while (bytes.len > 0) {
        struct wire_field f;
        if (!wire_get_field(&bytes, &f))
            return -EBADMSG;
        if (f.number == 1 && f.type == WIRE_LEN)
            h.topic = f.bytes;
        else if (f.number == 2 && f.type == WIRE_VARINT)
            h.head = f.value;
    }
    if (h.topic.len == 0 || h.topic.len > LIMIT_TOPIC_BYTES)
        return -EBADMSG;
    *ret = h;
    return 1;
}

/* ---- requests */

enum { FIELD_BYTES = 2 + WIRE_VARINT_BYTES, FIXED_FIELDS = 8 };

size_t frame_request_max(const struct slice *prefixes, size_t n_prefixes) {
    size_t n = FIXED_FIELDS * FIELD_BYTES;
    for (size_t i = 0; i < n_prefixes; i++)
        n += FIELD_BYTES + prefixes[i].len;
    return n;
}

static size_t uint_size(uint64_t value) {
    return value == 0 ? 0 : 1 + wire_varint_size(value);
}

static size_t bytes_size(struct slice s) {
    return s.len == 0 ? 0 : 1 + wire_varint_size(s.len) + s.len;
}

/* An element of a repeated field: it counts also when it is empty. */
static uint8_t *put_prefixes(uint8_t *p, uint32_t number, const struct slice *prefixes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        p = wire_put_varint(wire_put_tag(p, number, WIRE_LEN), prefixes[i].len);
        if (prefixes[i].len > 0)
            memcpy(p, prefixes[i].data, prefixes[i].len);
        p += prefixes[i].len;
    }
    return p;
}

static size_t prefixes_size(const struct slice *prefixes, size_t n) {
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += 1 + wire_varint_size(prefixes[i].len) + prefixes[i].len;
    return size;
}

/* The request's id, and the header of its one part. */
static uint8_t *put_request(uint8_t *p, uint64_t request_id, uint32_t part, size_t size) {
    p = wire_put_uint(p, REQUEST_ID, request_id);
    return wire_put_varint(wire_put_tag(p, part, WIRE_LEN), size);
}

uint8_t *frame_put_open(uint8_t *p, uint64_t request_id, const struct frame_open *open,
                        const struct slice *prefixes, size_t n_prefixes) {
    p = put_request(p, request_id, REQUEST_OPEN,
                    prefixes_size(prefixes, n_prefixes) + uint_size(open->epoch) +
                        uint_size(open->after) + uint_size((uint64_t)open->since_usec) +
                        uint_size(open->credit_bytes));
    p = put_prefixes(p, OPEN_TOPICS, prefixes, n_prefixes);
    p = wire_put_uint(p, OPEN_EPOCH, open->epoch);
    p = wire_put_uint(p, OPEN_AFTER, open->after);
    p = wire_put_uint(p, OPEN_SINCE, (uint64_t)open->since_usec);
    return wire_put_uint(p, OPEN_CREDIT, open->credit_bytes);
}

uint8_t *frame_put_credit(uint8_t *p, uint64_t request_id, uint64_t bytes) {
    return wire_put_uint(put_request(p, request_id, REQUEST_CREDIT, uint_size(bytes)), 1, bytes);
}

uint8_t *frame_put_close(uint8_t *p, uint64_t request_id) {
    return put_request(p, request_id, REQUEST_CLOSE, 0);
}

uint8_t *frame_put_heads(uint8_t *p, uint64_t request_id, const struct slice *prefixes,
                         size_t n_prefixes) {
    p = put_request(p, request_id, REQUEST_HEADS, prefixes_size(prefixes, n_prefixes));
    return put_prefixes(p, 1, prefixes, n_prefixes);
}

uint8_t *frame_put_report(uint8_t *p, struct slice client, uint64_t epoch, uint64_t proven_seq,
                          const struct slice *prefixes, size_t n_prefixes) {
    p = put_request(p, 0, REQUEST_REPORT,
                    bytes_size(client) + uint_size(epoch) + uint_size(proven_seq) +
                        prefixes_size(prefixes, n_prefixes));
    p = wire_put_bytes(p, REPORT_CLIENT, client);
    p = wire_put_uint(p, REPORT_EPOCH, epoch);
    p = wire_put_uint(p, REPORT_PROVEN_SEQ, proven_seq);
    return put_prefixes(p, REPORT_TOPICS, prefixes, n_prefixes);
}
