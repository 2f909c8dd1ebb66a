/*
 * The log's files: segments with hostile records in good batches, and with bytes that no
 * log has written. The input is a list of commands.
 *
 * A log either opens or says what is damaged. One that opened can be read, and opens
 * again, by its checkpoint, as the same.
 */
#include "tests/fuzz/fuzz.h"

#include "daemon/log/io.h"
#include "daemon/log/log.h"
#include "daemon/log/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_BYTES = 64 << 10, EPOCH = 1000, RECORD_BYTES = 512 };

static const char *const topics[] = {"a/brief", "a/photo", "b/brief", "b"};
static const char *const uris[] = {"urn:x:1", "urn:x:2", "urn:x:3", ""};

/* ---- writing a log */

static struct segment {
    struct segment_header header;
    uint8_t bytes[FILE_BYTES];
    size_t len, batch, n_records; /* batch: where the last one begins */
} s;

static uint64_t last_seq;

static int folder_fd(void) {
    int fd = open(fuzz_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    MUST(fd >= 0);
    return fd;
}

static void begin_batch(void) {
    s.batch = s.len;
    s.len += sizeof(struct segment_batch);
    s.n_records = 0;
}

static void end_batch(void) {
    struct segment_batch b = {0};
    segment_seal_batch(&s.header, &b, sizeof s.header + s.batch, s.len - s.batch, s.n_records);
    memcpy(s.bytes + s.batch, &b, sizeof b);
}

/* The header gets its salt here, so the records come after. */
static int begin_segment(uint64_t prev_base, uint64_t prev_end) {
    int folder = folder_fd(), fd;
    s.len = 0;
    s.header = (struct segment_header){.epoch = EPOCH,
                                       .base = last_seq + 1,
                                       .prev_base = prev_base,
                                       .prev_end = prev_end,
                                       .prev_head = prev_base == 0 ? 0 : last_seq,
                                       .created_usec = EPOCH};
    MUST(segment_create(folder, &s.header, &fd) == 0);
    close(folder);
    begin_batch();
    return fd;
}

static void end_segment(int fd) {
    MUST(io_write(fd, s.bytes, s.len, sizeof s.header) == 0);
    close(fd);
}

static size_t put_payload(uint8_t *p, uint64_t seq, struct fuzz_bytes *in) {
    uint8_t c = fuzz_byte(in), digest[LIMIT_DIGEST_BYTES] = {fuzz_byte(in)};
    if (c >= 0xf0) { /* no entry at all */
        struct slice raw = fuzz_slice(in, fuzz_byte(in));
        if (raw.len > 0)
            memcpy(p, raw.data, raw.len);
        return raw.len;
    }
    struct entry e = {.epoch = EPOCH,
                      .seq = seq,
                      .prev_seq = c & 0x40 ? 0 : seq - 1,
                      .topic = slice_of(topics[c % 4]),
                      .uri = slice_of(uris[c / 4 % 4]),
                      .version = c / 16 % 4,
                      .content_digest = {digest, c & 0x80 ? 7 : sizeof digest},
                      .article = fuzz_slice(in, c % 16)};
    return (size_t)(entry_encode(&e, p) - p);
}

static void put_record(struct fuzz_bytes *in, uint8_t c) {
    uint8_t payload[RECORD_BYTES];
    struct segment_record r = {.usec = EPOCH + fuzz_byte(in), .flags = fuzz_byte(in) % 8};
    r.type = c % 6; /* also 0 and 5, which are none */
    last_seq += c & 0x40 ? 0 : 1;
    r.seq = last_seq;
    r.aux = fuzz_byte(in);
    if (r.type == SEGMENT_HOLD)
        r.aux += 2 * EPOCH; /* its time is to come: it doesn't go by itself */
    size_t len = put_payload(payload, r.seq, in);
    if (s.len + sizeof r + len + sizeof(struct segment_batch) > sizeof s.bytes)
        return;
    r.length = (uint32_t)len;
    segment_seal_record(&s.header, &r, payload);
    memcpy(s.bytes + s.len, &r, sizeof r);
    memcpy(s.bytes + s.len + sizeof r, payload, len);
    s.len += sizeof r + len;
    s.n_records++;
}

/* Bytes behind the last batch, or changed ones. */
static void damage(struct fuzz_bytes *in, uint8_t c) {
    struct slice raw = fuzz_slice(in, fuzz_byte(in));
    size_t at = c & 0x40 ? s.len : ((size_t)c << 8 | fuzz_byte(in)) % (s.len + 1);
    if (raw.len == 0 || at + raw.len > sizeof s.bytes)
        return;
    memcpy(s.bytes + at, raw.data, raw.len);
    if (at + raw.len > s.len)
        s.len = at + raw.len;
}

static void write_log(struct fuzz_bytes *in) {
    last_seq = 0;
    int fd = begin_segment(0, 0);
    for (int n = 0; in->len > 0 && n < 200; n++) {
        uint8_t c = fuzz_byte(in);
        if (c >= 0xf8) {
            end_batch();
            uint64_t base = s.header.base, end = sizeof s.header + s.len;
            if (last_seq < base || c & 1)
                break;
            end_segment(fd);
            fd = begin_segment(base, end);
        } else if (c >= 0xe0) {
            end_batch();
            begin_batch();
        } else if (c >= 0x80) {
            put_record(in, c);
        } else if (c >= 0x70) {
            put_record(in, SEGMENT_ENTRY);
        }
    }
    end_batch();
    if (in->len > 0)
        damage(in, fuzz_byte(in));
    end_segment(fd);
}

/* ---- opening it */

static void follow(void *userdata, struct log_batch *batch, const struct log_result *results,
                   size_t n) {
    (void)userdata, (void)batch, (void)results, (void)n;
}

/* Its clock stands, so that nothing that is held goes by itself. */
static int64_t now(void) {
    return EPOCH;
}

static int no_sync(int fd) {
    (void)fd;
    return 0;
}

static void read_all(struct log *log, const struct log_bounds *b) {
    static uint8_t buffer[LIMIT_ENTRY_BYTES + FILE_BYTES];
    struct log_cursor *cursor;
    struct log_read got;
    struct fault f = {0};
    uint64_t after = b->first == 0 ? 0 : b->first - 1, seq = 0;
    MUST(log_cursor_open(log, &cursor) == 0);
    do {
        int r = log_cursor_read(cursor, NULL, 0, after, b->head, buffer, sizeof buffer, FILE_BYTES,
                                &got, &f);
        MUST(r == 0);
        MUST(got.at_until || got.scanned_seq > after);
        struct slice rest = {buffer, got.bytes};
        struct wire_field w;
        struct entry e;
        while (rest.len > 0) {
            MUST(wire_get_field(&rest, &w) && entry_decode(w.bytes, &e) == 0);
            MUST(e.seq > seq && e.seq <= b->head);
            seq = e.seq;
        }
        after = got.scanned_seq;
    } while (!got.at_until);
    log_cursor_close(cursor);
}

/* Whether it opened. */
static bool open_log(struct arena *a, struct log_bounds *ret) {
    struct log_config config = {.directory = fuzz_folder(),
                                .segment_bytes = 1 << 20,
                                .batch_bytes = 1 << 20,
                                .queue_bytes = 1 << 20,
                                .checkpoint_entries = 1 << 20,
                                .now_usec = now};
    struct text_list notes = {0};
    struct fault f = {0};
    struct log *log;
    int r = log_open(&config, follow, NULL, &log, &notes, a, &f);
    if (r < 0) {
        fuzz_check_fault(&f);
        return false;
    }
    log_bounds(log, ret);
    read_all(log, ret);
    log_close(log);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes in = {data, size};
    struct arena *a = fuzz_arena();
    struct log_bounds first, again;
    log_io.fdatasync = no_sync;
    fuzz_empty_folder();
    write_log(&in);
    if (!open_log(a, &first))
        return 0;
    MUST(open_log(a, &again));
    MUST(first.epoch == again.epoch && first.head == again.head && first.held == again.held &&
         first.entries == again.entries && first.newest_topic == again.newest_topic);
    return 0;
}
