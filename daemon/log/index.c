#include "daemon/log/index.h"
#include "daemon/log/crc32c.h"
#include "daemon/log/format.h"
#include "daemon/log/io.h"
#include "proto/limits.h"
#include "proto/topic.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char index_magic[8] = "NWIREIDX";
enum { INDEX_MAX_BYTES = 64 << 20 };

struct index_header {
    char magic[8];
    uint32_t format;
    uint32_t crc; /* of all behind it in the file */
    uint64_t n_points;
    uint64_t topics_len;
};

int index_add(struct index *x, uint64_t offset, uint64_t seq, int64_t usec) {
    struct index_point *last = x->n > 0 ? &x->points[x->n - 1] : NULL;
    if (last != NULL && (offset == last->offset || offset - last->offset < INDEX_STEP_BYTES)) {
        if (usec < last->min_usec)
            last->min_usec = usec;
        return 0;
    }
    if (x->n == x->max) {
        size_t max = x->max == 0 ? 64 : x->max * 2;
        struct index_point *points = reallocarray(x->points, max, sizeof *points);
        if (points == NULL)
            return -ENOMEM;
        x->points = points;
        x->max = max;
    }
    x->points[x->n++] = (struct index_point){seq, offset, usec};
    return 0;
}

uint64_t index_find_seq(const struct index *x, uint64_t after) {
    size_t low = 0, high = x->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->points[middle].seq <= after + 1)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : x->points[low - 1].offset;
}

const struct index_point *index_find_time(const struct index *x, int64_t since_usec) {
    for (size_t i = x->n; i-- > 0;)
        if (x->points[i].min_usec < since_usec)
            return &x->points[i];
    return NULL;
}

int index_add_topic(struct index *x, struct slice topic) {
    uint8_t *topics = realloc(x->topics, x->topics_len + 1 + topic.len);
    if (topics == NULL)
        return -ENOMEM;
    x->topics = topics;
    topics[x->topics_len] = (uint8_t)topic.len;
    memcpy(topics + x->topics_len + 1, topic.data, topic.len);
    x->topics_len += 1 + topic.len;
    return 0;
}

static bool any_matches(const struct slice *prefixes, size_t n, struct slice topic) {
    for (size_t i = 0; i < n; i++)
        if (topic_matches(prefixes[i], topic))
            return true;
    return n == 0;
}

bool index_has_topic(const struct index *x, const struct slice *prefixes, size_t n) {
    for (size_t at = 0; at < x->topics_len; at += 1 + (size_t)x->topics[at])
        if (any_matches(prefixes, n, (struct slice){x->topics + at + 1, x->topics[at]}))
            return true;
    return false;
}

void index_name(uint64_t base, char ret[static INDEX_NAME_BYTES]) {
    snprintf(ret, INDEX_NAME_BYTES, "%020" PRIu64 ".index", base);
}

bool index_parse_name(const char *name, uint64_t *ret_base) {
    char again[INDEX_NAME_BYTES];
    if (sscanf(name, "%20" SCNu64, ret_base) != 1)
        return false;
    index_name(*ret_base, again);
    return strcmp(name, again) == 0;
}

int index_save(int folder, uint64_t base, const struct index *x) {
    char name[INDEX_NAME_BYTES];
    index_name(base, name);
    struct index_header h = {.format = FORMAT_INDEX, .n_points = x->n, .topics_len = x->topics_len};
    memcpy(h.magic, index_magic, sizeof h.magic);
    size_t points_len = x->n * sizeof *x->points, skip = offsetof(struct index_header, n_points);
    h.crc = crc32c(0, &h.n_points, sizeof h - skip);
    h.crc = crc32c(h.crc, x->points, points_len);
    h.crc = crc32c(h.crc, x->topics, x->topics_len);
    _cleanup_fd_ int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    int r = fd < 0 ? -errno : io_write(fd, &h, sizeof h, 0);
    if (r == 0 && points_len > 0)
        r = io_write(fd, x->points, points_len, sizeof h);
    if (r == 0 && x->topics_len > 0)
        r = io_write(fd, x->topics, x->topics_len, sizeof h + points_len);
    if (r < 0)
        unlinkat(folder, name, 0);
    return r;
}

static int parse(const uint8_t *bytes, size_t len, struct index *ret) {
    struct index_header h;
    if (len < sizeof h)
        return -EBADMSG;
    memcpy(&h, bytes, sizeof h);
    size_t skip = offsetof(struct index_header, n_points), rest = len - sizeof h;
    if (memcmp(h.magic, index_magic, sizeof h.magic) != 0 || h.format != FORMAT_INDEX ||
        crc32c(0, bytes + skip, len - skip) != h.crc || h.n_points > rest / sizeof *ret->points ||
        rest - h.n_points * sizeof *ret->points != h.topics_len)
        return -EBADMSG;
    size_t points_len = (size_t)h.n_points * sizeof *ret->points;
    ret->points = malloc(points_len + 1);
    ret->topics = malloc(h.topics_len + 1);
    if (ret->points == NULL || ret->topics == NULL)
        return -ENOMEM;
    memcpy(ret->points, bytes + sizeof h, points_len);
    memcpy(ret->topics, bytes + sizeof h + points_len, h.topics_len);
    ret->n = ret->max = (size_t)h.n_points;
    ret->topics_len = (size_t)h.topics_len;
    return 0;
}

int index_load(int folder, uint64_t base, struct index *ret) {
    char name[INDEX_NAME_BYTES];
    index_name(base, name);
    _cleanup_free_ uint8_t *bytes = NULL;
    size_t len;
    int r = io_load(folder, name, INDEX_MAX_BYTES, &bytes, &len);
    if (r < 0)
        return r;
    struct index x = {0};
    r = parse(bytes, len, &x);
    if (r < 0)
        index_done(&x);
    else
        *ret = x;
    return r;
}

void index_done(struct index *x) {
    free(x->points);
    free(x->topics);
    *x = (struct index){0};
}
