#include "proto/entry.h"

#include <errno.h>

enum {
    EPOCH = 1,
    SEQ = 2,
    PREV_SEQ = 3,
    TOPIC = 4,
    STORED_AT_USEC = 5,
    URI = 6,
    VERSION = 7,
    CONTENT_DIGEST = 8,
    REPLACES = 9,
    PATH = 10,
    APPROVED_BY = 11,
    SIGNATURE = 12,
    ORIGIN = 13,
    ARTICLE_DIGEST = 14,
    ARTICLE = 15,
};

static size_t varint_field_size(uint64_t value) {
    return value == 0 ? 0 : 1 + wire_varint_size(value);
}

static size_t bytes_field_size(struct slice s) {
    return s.len == 0 ? 0 : 1 + wire_varint_size(s.len) + s.len;
}

static size_t body_size(const struct entry *e) {
    size_t n = varint_field_size(e->epoch) + varint_field_size(e->seq) +
               varint_field_size(e->prev_seq) + bytes_field_size(e->topic) +
               varint_field_size((uint64_t)e->stored_at_usec) + bytes_field_size(e->uri) +
               varint_field_size(e->version) + bytes_field_size(e->content_digest) +
               varint_field_size(e->replaces) + bytes_field_size(e->signature) +
               bytes_field_size(e->origin) + bytes_field_size(e->article_digest) +
               bytes_field_size(e->article);
    for (size_t i = 0; i < e->n_path; i++)
        n += bytes_field_size(e->path[i]);
    for (size_t i = 0; i < e->n_approved_by; i++)
        n += bytes_field_size(e->approved_by[i]);
    return n;
}

size_t entry_encoded_max(const struct entry *e) {
    return 1 + WIRE_VARINT_BYTES + body_size(e);
}

uint8_t *entry_encode(const struct entry *e, uint8_t *p) {
    p = wire_put_tag(p, ENTRY_FIELD, WIRE_LEN);
    p = wire_put_varint(p, body_size(e));
    p = wire_put_uint(p, EPOCH, e->epoch);
    p = wire_put_uint(p, SEQ, e->seq);
    p = wire_put_uint(p, PREV_SEQ, e->prev_seq);
    p = wire_put_bytes(p, TOPIC, e->topic);
    p = wire_put_uint(p, STORED_AT_USEC, (uint64_t)e->stored_at_usec);
    p = wire_put_bytes(p, URI, e->uri);
    p = wire_put_uint(p, VERSION, e->version);
    p = wire_put_bytes(p, CONTENT_DIGEST, e->content_digest);
    p = wire_put_uint(p, REPLACES, e->replaces);
    for (size_t i = 0; i < e->n_path; i++)
        p = wire_put_bytes(p, PATH, e->path[i]);
    for (size_t i = 0; i < e->n_approved_by; i++)
        p = wire_put_bytes(p, APPROVED_BY, e->approved_by[i]);
    p = wire_put_bytes(p, SIGNATURE, e->signature);
    p = wire_put_bytes(p, ORIGIN, e->origin);
    p = wire_put_bytes(p, ARTICLE_DIGEST, e->article_digest);
    return wire_put_bytes(p, ARTICLE, e->article);
}

int entry_decode(struct slice in, struct entry *ret) {
    struct entry e = {0};
    while (in.len > 0) {
        struct wire_field f;
        if (!wire_get_field(&in, &f))
            return -EBADMSG;
        bool is_bytes = f.number == TOPIC || f.number == URI || f.number == CONTENT_DIGEST ||
                        f.number == PATH || f.number == APPROVED_BY || f.number == SIGNATURE ||
                        f.number == ORIGIN || f.number == ARTICLE_DIGEST || f.number == ARTICLE;
        if ((f.number <= ARTICLE_DIGEST || f.number == ARTICLE) &&
            f.type != (is_bytes ? WIRE_LEN : WIRE_VARINT))
            return -EBADMSG;
        switch (f.number) {
        case EPOCH: e.epoch = f.value; break;
        case SEQ: e.seq = f.value; break;
        case PREV_SEQ: e.prev_seq = f.value; break;
        case TOPIC: e.topic = f.bytes; break;
        case STORED_AT_USEC: e.stored_at_usec = (int64_t)f.value; break;
        case URI: e.uri = f.bytes; break;
        case VERSION: e.version = (uint32_t)f.value; break;
        case CONTENT_DIGEST: e.content_digest = f.bytes; break;
        case REPLACES: e.replaces = f.value; break;
        case PATH:
            if (e.n_path == LIMIT_PATH)
                return -EBADMSG;
            e.path[e.n_path++] = f.bytes;
            break;
        case APPROVED_BY:
            if (e.n_approved_by == LIMIT_APPROVALS)
                return -EBADMSG;
            e.approved_by[e.n_approved_by++] = f.bytes;
            break;
        case SIGNATURE: e.signature = f.bytes; break;
        case ORIGIN: e.origin = f.bytes; break;
        case ARTICLE_DIGEST: e.article_digest = f.bytes; break;
        case ARTICLE: e.article = f.bytes; break;
        default: break;
        }
    }
    if (e.seq == 0 || e.topic.len == 0 || e.topic.len > LIMIT_TOPIC_BYTES || e.prev_seq >= e.seq)
        return -EBADMSG;
    *ret = e;
    return 0;
}
