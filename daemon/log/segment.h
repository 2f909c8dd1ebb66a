/*
 * Segment files: what the log is on disk.
 *
 *     segment = header batch*        one file, named by its first number
 *     batch   = batch-header record* one write and one fdatasync
 *     record  = record-header payload
 *
 * What always holds:
 *
 *  - A batch is written only when all before it is durable. So a good batch
 *    header proves that what lies below its `durable` offset was acknowledged,
 *    and must be good. Only the last batch of the last segment can be torn.
 *  - A segment's header says where the segment before it ends. What lies behind
 *    that end was never acknowledged and is never looked at.
 *  - Every record, be it an entry, a hold, a drop or an approval, takes a number of its own;
 *    numbers rise, and those of a batch that failed are not given again.
 *  - Checksums start from the segment's random salt, which is never told to
 *    anyone, so that an article can't hold bytes that pass for a batch.
 *
 * All numbers are little-endian.
 */
#pragma once

#include "proto/codec.h"

#include <stdbool.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the log's format is little-endian");

enum {
    SEGMENT_NAME_BYTES = 32,
    SEGMENT_BLOCK_BYTES = 256 << 10, /* one pread; larger ones are no faster */
};

struct segment_header {
    char magic[8];
    uint32_t format;
    uint32_t salt;
    uint64_t epoch;
    uint64_t base;         /* no number in it is lower */
    uint64_t prev_base;    /* of the segment before; 0: this is the log's first */
    uint64_t prev_end;     /* where that one ends */
    uint64_t prev_head;    /* number of the last entry before this segment */
    uint64_t prev_entries; /* entries ever made before this segment */
    int64_t created_usec;  /* nothing before this segment is newer */
    uint32_t reserved;
    uint32_t crc; /* of all before it */
};

struct segment_batch {
    uint32_t magic;
    uint32_t crc;     /* of all behind it in this header */
    uint64_t start;   /* where this header stands in the file */
    uint64_t durable; /* all below is durable */
    uint32_t length;  /* of the batch, this header included */
    uint32_t count;   /* records */
};

enum segment_type {
    SEGMENT_ENTRY = 1, /* payload: the entry as field ENTRY_FIELD; aux: the hold that it releases */
    /* Payload: the same, its seq being the hold's id; aux: until, UTC usec;
     * flags: approvals that it wants. */
    SEGMENT_HOLD = 2,
    SEGMENT_DROP = 3,    /* payload: who dropped it, if a person did; aux: the hold */
    SEGMENT_APPROVE = 4, /* payload: who approved; aux: the hold */
};

enum segment_entry_flags {
    SEGMENT_CANCELED = 1, /* a kill */
    SEGMENT_NOTICE = 2,   /* the daemon's own: the story went on to another topic */
};

struct segment_record {
    uint32_t crc;    /* of all behind it in this header, and the payload */
    uint32_t length; /* of the payload */
    uint64_t seq;
    int64_t usec; /* when it was put on the log */
    uint64_t aux;
    uint8_t type;
    uint8_t flags;
    uint8_t reserved[6];
};

_Static_assert(sizeof(struct segment_header) == 80, "format");
_Static_assert(sizeof(struct segment_batch) == 32, "format");
_Static_assert(sizeof(struct segment_record) == 40, "format");

/* "<base>.log", the base in 20 digits so that names sort as numbers do. */
void segment_name(uint64_t base, char ret[static SEGMENT_NAME_BYTES]);

/* Whether it is such a name. */
bool segment_parse_name(const char *name, uint64_t *ret_base) __attribute__((nonnull));

/* Makes a segment with this header (magic, format, salt and crc are filled in),
 * and syncs it and its folder. 0 with *ret_fd open for reading and writing;
 * -EEXIST; other -errno, and then there is no such file. */
int segment_create(int folder, struct segment_header *header, int *ret_fd)
    __attribute__((nonnull, warn_unused_result));

/* Writes the header of an open segment over, with its crc. 0 or -errno. */
int segment_write_header(int fd, struct segment_header *header)
    __attribute__((nonnull, warn_unused_result));

/* Opens and reads the header. 0; -ENODATA: the header is cut short or bad and
 * nothing stands behind it (it was being made); -EBADMSG: damaged, or of a
 * format that is not known, with *ret_fault set; other -errno. */
int segment_open(int folder, uint64_t base, int flags, struct segment_header *ret, int *ret_fd,
                 struct fault *ret_fault) __attribute__((nonnull, warn_unused_result));

/* Fills in a record's checksum. */
void segment_seal_record(const struct segment_header *segment, struct segment_record *record,
                         const uint8_t *payload) __attribute__((nonnull(1, 2)));

/* Fills in and seals a batch's header: the records stand behind it, up to length. */
void segment_seal_batch(const struct segment_header *segment, struct segment_batch *batch,
                        uint64_t start, size_t length, size_t count) __attribute__((nonnull));

/* Looks for a good batch header from an offset on that proves bytes below it
 * durable. Returns how far; 0 when there is none. -errno in *ret_error. */
uint64_t segment_proven_durable(int fd, const struct segment_header *segment, uint64_t from,
                                uint64_t size, int *ret_error) __attribute__((nonnull));

/* ---- reading record by record, in large blocks */

struct segment_reader {
    int fd; /* not owned */
    struct segment_header segment;
    uint64_t offset; /* of the next record or batch header */
    uint64_t batch_start;
    uint64_t batch_end; /* equal to offset: a batch header comes next */
    uint64_t limit;     /* read no further */
    uint8_t *buffer;
    size_t size, fill;
    uint64_t buffer_at; /* where the buffer's first byte stands in the file */
};

/* Starts reading at a batch's start. Keeps the buffer of an earlier use. */
void segment_reader_start(struct segment_reader *r, int fd, const struct segment_header *segment,
                          uint64_t offset, uint64_t limit) __attribute__((nonnull));

void segment_reader_done(struct segment_reader *r) __attribute__((nonnull));

/* The next record, checked, with its payload (valid until the next call). 1;
 * 0 at the limit; -EBADMSG with *ret_why saying what is bad at r->offset, which
 * doesn't move; -ENOMEM; other -errno. */
int segment_reader_next(struct segment_reader *r, struct segment_record *ret,
                        struct slice *ret_payload, const char **ret_why)
    __attribute__((nonnull, warn_unused_result));

/* Steps back over the record that segment_reader_next has just given. */
void segment_reader_back(struct segment_reader *r, const struct segment_record *record)
    __attribute__((nonnull));

/* Says that a segment is damaged at an offset. Returns -EBADMSG. */
int segment_damaged(uint64_t base, uint64_t offset, const char *why, struct fault *ret_fault)
    __attribute__((nonnull));
