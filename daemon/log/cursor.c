/* Reading the log: see log.h. A cursor keeps its place, so that reading on
 * costs no searching. */

#include "daemon/log/file.h"
#include "daemon/log/io.h"
#include "proto/signature.h"
#include "proto/topic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 4 << 20 }; /* of the log, in one call that finds little */

struct file_cursor {
    struct log_cursor cursor;
    struct file_log *log;
    struct segment_reader reader;
    int fd;           /* -1: no place */
    uint64_t scanned; /* the place is behind this number */
};

static struct file_cursor *of(struct log_cursor *cursor) {
    return (struct file_cursor *)cursor;
}

int file_cursor_open(struct log *log, struct log_cursor **ret) {
    struct file_cursor *c = calloc(1, sizeof *c);
    if (c == NULL)
        return -ENOMEM;
    c->cursor.engine = log->engine;
    c->log = (struct file_log *)log;
    c->fd = -1;
    *ret = &c->cursor;
    return 0;
}

static void lose_place(struct file_cursor *c) {
    io_closep(&c->fd);
    c->fd = -1;
}

void file_cursor_close(struct log_cursor *cursor) {
    struct file_cursor *c = of(cursor);
    lose_place(c);
    segment_reader_done(&c->reader);
    free(c);
}

/* ---- finding the place. With the mutex held: */

/* The last segment whose base isn't above; the first one if there is none. */
static size_t segment_at(const struct file_log *l, uint64_t seq) {
    size_t low = 0, high = l->n_segments;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->segments[middle].header.base <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : low - 1;
}

struct place {
    struct file_segment segment;
    bool active;
    uint64_t next_base; /* UINT64_MAX: it is the last */
    uint64_t offset;    /* active: where to begin */
};

/* Opens the segment of a place. *ret_passed: it has no topic that is wanted. */
static int enter(struct file_cursor *c, const struct place *at, const struct slice *prefixes,
                 size_t n_prefixes, uint64_t after, bool *ret_passed) {
    struct segment_header header = at->segment.header;
    char name[SEGMENT_NAME_BYTES];
    segment_name(header.base, name);
    int fd = openat(c->log->folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    lose_place(c);
    c->fd = fd;
    uint64_t offset = at->offset;
    struct index index = {0};
    *ret_passed = false;
    bool wanted = n_prefixes > 0 || after >= header.base;
    if (!at->active && wanted && index_load(c->log->folder, header.base, &index) == 0) {
        offset = index_find_seq(&index, after);
        *ret_passed = !index_has_topic(&index, prefixes, n_prefixes);
        index_done(&index);
    }
    if (offset < sizeof header)
        offset = sizeof header;
    segment_reader_start(&c->reader, fd, &header, *ret_passed ? at->segment.end : offset,
                         at->segment.end);
    return 0;
}

static void describe(struct file_log *l, size_t i, uint64_t after, struct place *ret) {
    *ret = (struct place){
        .segment = l->segments[i],
        .active = i + 1 == l->n_segments,
        .next_base = i + 1 < l->n_segments ? l->segments[i + 1].header.base : UINT64_MAX,
    };
    if (ret->active)
        ret->offset = index_find_seq(&l->index, after);
}

/* Enters the segment that the function finds; again if retention took it
 * away in between. */
typedef bool (*find_fn)(struct file_cursor *c, uint64_t after, struct place *ret);

static int go(struct file_cursor *c, find_fn find, const struct slice *prefixes, size_t n_prefixes,
              uint64_t after) {
    struct place at;
    bool passed = false;
    int r;
    do {
        pthread_mutex_lock(&c->log->mutex);
        bool found = find(c, after, &at);
        pthread_mutex_unlock(&c->log->mutex);
        if (!found)
            return 0;
        r = enter(c, &at, prefixes, n_prefixes, after, &passed);
    } while (r == -ENOENT);
    if (r < 0)
        return r;
    c->scanned = after;
    if (passed && at.next_base != UINT64_MAX && at.next_base > after + 1)
        c->scanned = at.next_base - 1;
    return 1;
}

static bool find_seq(struct file_cursor *c, uint64_t after, struct place *ret) {
    describe(c->log, segment_at(c->log, after + 1), after, ret);
    return true;
}

/* What comes behind the place's end: more of the same segment (then the limit
 * is moved, and nothing is to be entered), or another segment. */
static bool find_next(struct file_cursor *c, uint64_t after, struct place *ret) {
    uint64_t base = c->reader.segment.base;
    size_t i = segment_at(c->log, base);
    if (c->log->segments[i].header.base == base) {
        c->reader.limit = c->log->segments[i].end;
        i++;
    } else if (c->log->segments[i].header.base < base) {
        i++; /* it was replaced before anything came into it */
    }
    if (c->reader.offset < c->reader.limit || i == c->log->n_segments)
        return false;
    describe(c->log, i, after, ret);
    return true;
}

/* ---- reading */

static bool wanted(struct slice payload, const struct slice *prefixes, size_t n) {
    struct entry e;
    if (n == 0)
        return true;
    if (view_decode(payload, &e) < 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (topic_matches(prefixes[i], e.topic))
            return true;
    return false;
}

/* The next record at or behind the place, entering segments as need be. 1; 0 at
 * the log's durable end; -errno. */
static int next_record(struct file_cursor *c, const struct slice *prefixes, size_t n_prefixes,
                       uint64_t until, struct segment_record *ret, struct slice *ret_payload,
                       struct fault *ret_fault) {
    const char *why;
    while (c->scanned < until) {
        int r = segment_reader_next(&c->reader, ret, ret_payload, &why);
        if (r == -EBADMSG)
            return segment_damaged(c->reader.segment.base, c->reader.offset, why, ret_fault);
        if (r != 0)
            return r;
        r = go(c, find_next, prefixes, n_prefixes, c->scanned);
        if (r < 0 || (r == 0 && c->reader.offset >= c->reader.limit))
            return r;
    }
    return 0;
}

/* Where the entry's story was withdrawn; 0: it wasn't. */
static uint64_t killed_at(struct file_log *l, struct slice uri) {
    uint8_t key[IDENTITY_KEY_BYTES];
    uint64_t seq = 0;
    pthread_mutex_lock(&l->mutex);
    if (l->kills.n > 0) {
        identity_key((const char *)uri.data, uri.len, key);
        seq = kills_find(&l->kills, key);
    }
    pthread_mutex_unlock(&l->mutex);
    return seq;
}

/* Copies an entry into the buffer; of a story that was killed later all but its
 * text. Returns its length; 0: it is more than room. -EBADMSG. */
static ssize_t copy_entry(struct file_log *l, struct slice payload, uint8_t *to, size_t room) {
    struct entry e;
    if (view_decode(payload, &e) < 0)
        return -EBADMSG;
    if (killed_at(l, e.uri) > e.seq) {
        uint8_t digest[SIGNATURE_ARTICLE_DIGEST_BYTES];
        signature_article_digest(e.article, digest);
        e.article_digest = (struct slice){digest, sizeof digest};
        e.article = (struct slice){0};
        return entry_encoded_max(&e) > room ? 0 : entry_encode(&e, to) - to;
    }
    if (payload.len > room)
        return 0;
    memcpy(to, payload.data, payload.len);
    return (ssize_t)payload.len;
}

static int read_on(struct file_cursor *c, const struct slice *prefixes, size_t n_prefixes,
                   uint64_t until, uint8_t *buffer, size_t size, size_t enough,
                   struct log_read *out, struct fault *ret_fault) {
    size_t read = 0;
    while (read < READ_BYTES) {
        struct segment_record record;
        struct slice payload;
        int r = next_record(c, prefixes, n_prefixes, until, &record, &payload, ret_fault);
        if (r < 0)
            return out->entries > 0 ? 0 : r; /* the next call says so */
        if (r > 0 && record.seq > until)
            segment_reader_back(&c->reader, &record);
        if (r == 0 || record.seq > until) {
            c->scanned = until > c->scanned ? until : c->scanned;
            out->at_until = true;
            return 0;
        }
        read += sizeof record + payload.len;
        if (record.type == SEGMENT_ENTRY && record.seq > c->scanned &&
            wanted(payload, prefixes, n_prefixes)) {
            size_t most = out->entries > 0 ? enough : size;
            ssize_t n = copy_entry(c->log, payload, buffer + out->bytes,
                                   most > out->bytes ? most - out->bytes : 0);
            if (n <= 0) {
                segment_reader_back(&c->reader, &record);
                return out->entries > 0 ? 0 : n < 0 ? (int)n : -ENOBUFS;
            }
            out->bytes += (size_t)n;
            out->entries++;
        }
        if (record.seq > c->scanned)
            c->scanned = record.seq;
    }
    return 0;
}

/* Whether it isn't known here which stories were withdrawn. */
static bool kills_lag(struct file_log *l) {
    pthread_mutex_lock(&l->mutex);
    bool lag = l->kills_lag;
    pthread_mutex_unlock(&l->mutex);
    return lag;
}

int file_cursor_read(struct log_cursor *cursor, const struct slice *prefixes, size_t n_prefixes,
                     uint64_t after, uint64_t until, uint8_t *buffer, size_t size, size_t enough,
                     struct log_read *ret, struct fault *ret_fault) {
    struct file_cursor *c = of(cursor);
    struct log_read out = {.scanned_seq = after, .at_until = after >= until};
    int r = 0;
    if (!out.at_until && kills_lag(c->log))
        r = -ENOMEM;
    else if (!out.at_until && (c->fd < 0 || c->scanned != after))
        r = go(c, find_seq, prefixes, n_prefixes, after);
    if (r >= 0 && !out.at_until) {
        r = read_on(c, prefixes, n_prefixes, until, buffer, size, enough, &out, ret_fault);
        out.scanned_seq = c->scanned < until ? c->scanned : until;
    }
    if (r < 0) {
        lose_place(c);
        if (r != -EBADMSG)
            fault_set_error(ret_fault, r, "log", "the log can't be read");
        return r;
    }
    *ret = out;
    return 0;
}

/* ---- times */

/* The last entry older than since_usec from an offset on, up to the end. */
static int scan_time(struct file_cursor *c, const struct file_segment *s, uint64_t offset,
                     uint64_t end, int64_t since_usec, uint64_t *ret_seq) {
    struct fault fault;
    struct segment_header header;
    struct segment_record record;
    struct slice payload;
    const char *why;
    lose_place(c);
    int r = segment_open(c->log->folder, s->header.base, O_RDONLY, &header, &c->fd, &fault);
    if (r < 0)
        return r;
    segment_reader_start(&c->reader, c->fd, &header, offset, end);
    *ret_seq = 0;
    while ((r = segment_reader_next(&c->reader, &record, &payload, &why)) > 0)
        if (record.type == SEGMENT_ENTRY && record.usec < since_usec)
            *ret_seq = record.seq;
    lose_place(c);
    return r;
}

/* The part of a segment that can hold the last entry older than since_usec.
 * Whether there can be one. */
static bool time_range(const struct index *x, int64_t since_usec, struct file_segment *s,
                       uint64_t *ret_offset) {
    const struct index_point *p = index_find_time(x, since_usec);
    if (p == NULL)
        return false;
    *ret_offset = p->offset;
    if (p + 1 < x->points + x->n)
        s->end = p[1].offset;
    return true;
}

static int seek_in_segment(struct file_cursor *c, struct file_segment *s, bool active,
                           int64_t since_usec, uint64_t *ret_seq) {
    struct file_log *l = c->log;
    struct index closed = {0};
    uint64_t offset = sizeof s->header;
    bool possible = true;
    *ret_seq = 0;
    if (active) {
        pthread_mutex_lock(&l->mutex);
        if (l->segments[l->n_segments - 1].header.base == s->header.base)
            possible = time_range(&l->index, since_usec, s, &offset);
        pthread_mutex_unlock(&l->mutex);
    } else if (index_load(l->folder, s->header.base, &closed) == 0) {
        possible = time_range(&closed, since_usec, s, &offset);
        index_done(&closed);
    }
    return possible ? scan_time(c, s, offset, s->end, since_usec, ret_seq) : 0;
}

int file_cursor_seek_time(struct log_cursor *cursor, int64_t since_usec, uint64_t *ret_after) {
    struct file_cursor *c = of(cursor);
    struct file_log *l = c->log;
    uint64_t seq = 0, below = UINT64_MAX;
    for (;;) {
        pthread_mutex_lock(&l->mutex);
        size_t i = below == UINT64_MAX ? l->n_segments - 1 : segment_at(l, below - 1);
        struct file_segment s = l->segments[i];
        bool active = i + 1 == l->n_segments, none = s.header.base >= below;
        uint64_t first = l->bounds.first;
        pthread_mutex_unlock(&l->mutex);
        int r = none ? 0 : seek_in_segment(c, &s, active, since_usec, &seq);
        if (r < 0 && r != -ENOENT)
            return r;
        if (seq != 0 || none || r == -ENOENT) {
            *ret_after = seq != 0 ? seq : first - 1;
            return 0;
        }
        below = s.header.base;
    }
}
