#include "daemon/log/segment.h"
#include "daemon/log/crc32c.h"
#include "daemon/log/format.h"
#include "daemon/log/io.h"
#include "proto/translation.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char segment_magic[8] = "NWIRELOG";
enum { BATCH_MAGIC = 0x7442574e }; /* "NWBt" */

void segment_name(uint64_t base, char ret[static SEGMENT_NAME_BYTES]) {
    snprintf(ret, SEGMENT_NAME_BYTES, "%020" PRIu64 ".log", base);
}

bool segment_parse_name(const char *name, uint64_t *ret_base) {
    char again[SEGMENT_NAME_BYTES];
    if (sscanf(name, "%20" SCNu64, ret_base) != 1)
        return false;
    segment_name(*ret_base, again);
    return strcmp(name, again) == 0;
}

int segment_damaged(uint64_t base, uint64_t offset, const char *why, struct fault *ret_fault) {
    char name[SEGMENT_NAME_BYTES];
    segment_name(base, name);
    fault_set(ret_fault, name, "segment %s is damaged at offset %llu", name,
              (unsigned long long)offset);
    fault_add(ret_fault, why, translated(why));
    return -EBADMSG;
}

static uint32_t header_crc(const struct segment_header *h) {
    return crc32c(0, h, offsetof(struct segment_header, crc));
}

static uint32_t batch_crc(uint32_t salt, const struct segment_batch *b) {
    return crc32c(salt, &b->start, sizeof *b - offsetof(struct segment_batch, start));
}

static uint32_t record_crc(uint32_t salt, const struct segment_record *r, const void *payload) {
    uint32_t crc = crc32c(salt, &r->length, sizeof *r - offsetof(struct segment_record, length));
    return crc32c(crc, payload, r->length);
}

int segment_write_header(int fd, struct segment_header *header) {
    header->crc = header_crc(header);
    return io_write(fd, header, sizeof *header, 0);
}

int segment_create(int folder, struct segment_header *header, int *ret_fd) {
    char name[SEGMENT_NAME_BYTES];
    segment_name(header->base, name);
    memcpy(header->magic, segment_magic, sizeof segment_magic);
    header->format = FORMAT_SEGMENT;
    header->salt = randombytes_random();
    int fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    int r = segment_write_header(fd, header);
    if (r == 0)
        r = io_sync(fd);
    if (r == 0)
        r = io_sync(folder);
    if (r < 0) {
        unlinkat(folder, name, 0);
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

static int check_header(const struct segment_header *h, uint64_t base, struct fault *ret_fault) {
    if (memcmp(h->magic, segment_magic, sizeof segment_magic) != 0)
        return segment_damaged(base, 0, "it doesn't begin as a segment does", ret_fault);
    if (h->format > FORMAT_SEGMENT) {
        char name[SEGMENT_NAME_BYTES];
        segment_name(base, name);
        return format_too_new(name, h->format, FORMAT_SEGMENT, ret_fault);
    }
    if (h->crc != header_crc(h) || h->base != base)
        return segment_damaged(base, 0, "its header is bad", ret_fault);
    return 0;
}

int segment_open(int folder, uint64_t base, int flags, struct segment_header *ret, int *ret_fd,
                 struct fault *ret_fault) {
    char name[SEGMENT_NAME_BYTES];
    segment_name(base, name);
    _cleanup_fd_ int fd = openat(folder, name, flags | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    struct segment_header header = {0};
    ssize_t n = io_read(fd, &header, sizeof header, 0);
    if (n < 0)
        return (int)n;
    int r = check_header(&header, base, ret_fault);
    /* A batch is written only when the header is durable. */
    if (r < 0 && header.format <= FORMAT_SEGMENT && (size_t)st.st_size <= sizeof header)
        return -ENODATA;
    if (r < 0)
        return r;
    *ret = header;
    *ret_fd = fd;
    fd = -1;
    return 0;
}

void segment_seal_record(const struct segment_header *segment, struct segment_record *record,
                         const uint8_t *payload) {
    record->crc = record_crc(segment->salt, record, payload);
}

void segment_seal_batch(const struct segment_header *segment, struct segment_batch *batch,
                        uint64_t start, size_t length, size_t count) {
    batch->magic = BATCH_MAGIC;
    batch->start = start;
    batch->durable = start;
    batch->length = (uint32_t)length;
    batch->count = (uint32_t)count;
    batch->crc = batch_crc(segment->salt, batch);
}

static bool batch_good(const struct segment_header *segment, const struct segment_batch *b,
                       uint64_t offset) {
    return b->magic == BATCH_MAGIC && b->start == offset && b->length >= sizeof *b &&
           b->crc == batch_crc(segment->salt, b);
}

uint64_t segment_proven_durable(int fd, const struct segment_header *segment, uint64_t from,
                                uint64_t size, int *ret_error) {
    const uint32_t magic = BATCH_MAGIC;
    _cleanup_free_ uint8_t *block = malloc(SEGMENT_BLOCK_BYTES);
    *ret_error = block == NULL ? -ENOMEM : 0;
    uint64_t proven = 0;
    while (block != NULL && from < size) {
        ssize_t n = io_read(fd, block, SEGMENT_BLOCK_BYTES, from);
        if (n < 0)
            *ret_error = (int)n;
        if (n < (ssize_t)sizeof(struct segment_batch))
            break;
        size_t last = (size_t)n - sizeof(struct segment_batch);
        for (uint8_t *p = block; p <= block + last; p++) {
            struct segment_batch b;
            p = memmem(p, (size_t)(block + n - p), &magic, sizeof magic);
            if (p == NULL || p > block + last)
                break;
            memcpy(&b, p, sizeof b);
            if (batch_good(segment, &b, from + (size_t)(p - block)))
                proven = b.durable;
        }
        from += last + 1;
    }
    return proven;
}

/* ---- reading */

void segment_reader_start(struct segment_reader *r, int fd, const struct segment_header *segment,
                          uint64_t offset, uint64_t limit) {
    r->fd = fd;
    r->segment = *segment;
    r->offset = r->batch_start = r->batch_end = offset;
    r->limit = limit;
    r->fill = 0;
}

void segment_reader_done(struct segment_reader *r) {
    free(r->buffer);
    *r = (struct segment_reader){.fd = -1};
}

/* Makes len bytes at an offset of the file stand in the buffer; NULL with
 * *ret_error when that can't be (-ENODATA: they lie behind the limit). */
static const uint8_t *need(struct segment_reader *r, uint64_t offset, size_t len, int *ret_error) {
    if (offset >= r->buffer_at && offset + len <= r->buffer_at + r->fill)
        return r->buffer + (offset - r->buffer_at);
    *ret_error = -ENODATA;
    if (offset + len > r->limit)
        return NULL;
    if (len > r->size || r->buffer == NULL) {
        size_t size = len > SEGMENT_BLOCK_BYTES ? len : SEGMENT_BLOCK_BYTES;
        uint8_t *buffer = malloc(size);
        *ret_error = -ENOMEM;
        if (buffer == NULL)
            return NULL;
        free(r->buffer);
        r->buffer = buffer;
        r->size = size;
        r->fill = 0;
    }
    uint64_t left = r->limit - offset;
    ssize_t n = io_read(r->fd, r->buffer, left < r->size ? (size_t)left : r->size, offset);
    r->fill = n > 0 ? (size_t)n : 0;
    r->buffer_at = offset;
    *ret_error = n < 0 ? (int)n : -ENODATA;
    return n >= (ssize_t)len ? r->buffer : NULL;
}

static int bad(int error, const char *what, const char **ret_why) {
    *ret_why = what;
    return error == -ENODATA ? -EBADMSG : error;
}

static int enter_batch(struct segment_reader *r, const char **ret_why) {
    struct segment_batch batch;
    int error;
    r->batch_start = r->offset;
    const uint8_t *p = need(r, r->offset, sizeof batch, &error);
    if (p == NULL)
        return bad(error, "a batch header is cut short", ret_why);
    memcpy(&batch, p, sizeof batch);
    if (!batch_good(&r->segment, &batch, r->offset))
        return bad(-EBADMSG, "a batch header is bad", ret_why);
    if (batch.length > r->limit - r->offset)
        return bad(-EBADMSG, "a batch is cut short", ret_why);
    r->batch_end = r->offset + batch.length;
    r->offset += sizeof batch;
    return 0;
}

int segment_reader_next(struct segment_reader *r, struct segment_record *ret,
                        struct slice *ret_payload, const char **ret_why) {
    int error;
    while (r->offset == r->batch_end) {
        if (r->offset >= r->limit)
            return 0;
        int k = enter_batch(r, ret_why);
        if (k < 0)
            return k;
    }
    const uint8_t *p = need(r, r->offset, sizeof *ret, &error);
    if (p == NULL)
        return bad(error, "a record is cut short", ret_why);
    memcpy(ret, p, sizeof *ret);
    if (ret->length > r->batch_end - r->offset - sizeof *ret)
        return bad(-EBADMSG, "a record's length is bad", ret_why);
    p = need(r, r->offset, sizeof *ret + ret->length, &error);
    if (p == NULL)
        return bad(error, "a record is cut short", ret_why);
    if (record_crc(r->segment.salt, ret, p + sizeof *ret) != ret->crc)
        return bad(-EBADMSG, "a record's checksum is wrong", ret_why);
    *ret_payload = (struct slice){p + sizeof *ret, ret->length};
    r->offset += sizeof *ret + ret->length;
    return 1;
}

void segment_reader_back(struct segment_reader *r, const struct segment_record *record) {
    r->offset -= sizeof *record + record->length;
}
