#include "daemon/log/crc32c.h"
#include "daemon/log/io.h"
#include "daemon/log/view.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char checkpoint_name[] = "view";
static const char checkpoint_magic[8] = "NWIREVUE";
enum { CHECKPOINT_FORMAT = 1, CHECKPOINT_MAX_BYTES = 1 << 30 };

/* checkpoint = header runs topics held; the runs as 64-bit numbers, the topics
 * as struct saved_topic, each held article as struct saved_held and its bytes. */
struct checkpoint_header {
    char magic[8];
    uint32_t format;
    uint32_t crc; /* of all behind it in the file */
    struct view_position position;
    uint64_t n_runs;
};

struct saved {
    uint64_t head, entries;
    uint64_t n_topics, n_held;
};

struct saved_held {
    int64_t until_usec;
    uint64_t len;
};

_Static_assert(sizeof(struct checkpoint_header) == 64, "format");
_Static_assert(sizeof(struct view_topic) == 128, "format: topics are saved as they are");

static uint8_t *put(uint8_t *p, const void *bytes, size_t len) {
    if (len > 0)
        memcpy(p, bytes, len);
    return p + len;
}

int view_save(const struct view *v, uint8_t **ret, size_t *ret_len) {
    struct saved s = {v->head, v->entries, v->n_topics, view_n_held(v)};
    size_t len = sizeof s + v->n_topics * sizeof *v->topics + v->held_bytes +
                 v->n_held * sizeof(struct saved_held);
    uint8_t *bytes = malloc(len), *p = bytes;
    if (bytes == NULL)
        return -ENOMEM;
    p = put(p, &s, sizeof s);
    p = put(p, v->topics, v->n_topics * sizeof *v->topics);
    for (size_t i = 0; i < v->n_held; i++) {
        const struct view_held *h = &v->held[i];
        if (h->gone)
            continue;
        p = put(p, &(struct saved_held){h->until_usec, h->len}, sizeof(struct saved_held));
        p = put(p, h->bytes, h->len);
    }
    *ret = bytes;
    *ret_len = (size_t)(p - bytes);
    return 0;
}

int view_write_checkpoint(int folder, const struct view_position *position, const uint8_t *saved,
                          size_t len, const uint64_t *runs, size_t n_runs) {
    struct checkpoint_header h = {
        .format = CHECKPOINT_FORMAT, .position = *position, .n_runs = n_runs};
    memcpy(h.magic, checkpoint_magic, sizeof h.magic);
    size_t total = sizeof h + n_runs * sizeof *runs + len;
    _cleanup_free_ uint8_t *bytes = malloc(total);
    if (bytes == NULL)
        return -ENOMEM;
    uint8_t *p = put(bytes, &h, sizeof h);
    p = put(p, runs, n_runs * sizeof *runs);
    put(p, saved, len);
    size_t skip = offsetof(struct checkpoint_header, position);
    h.crc = crc32c(0, bytes + skip, total - skip);
    put(bytes, &h, sizeof h);
    return io_replace(folder, checkpoint_name, bytes, total);
}

/* ---- loading */

static bool take(struct slice *in, void *to, size_t len) {
    if (in->len < len)
        return false;
    memcpy(to, in->data, len);
    in->data += len;
    in->len -= len;
    return true;
}

static int load_topics(struct view *v, struct slice *in, uint64_t n) {
    if (n > in->len / sizeof(struct view_topic))
        return -EBADMSG;
    for (uint64_t i = 0; i < n; i++) {
        struct view_topic t;
        if (!take(in, &t, sizeof t) || memchr(t.name, 0, sizeof t.name) == NULL)
            return -EBADMSG;
        int r = view_add_topic(v, &t);
        if (r < 0)
            return r;
    }
    return 0;
}

static int load_held(struct view *v, struct slice *in, uint64_t n) {
    for (uint64_t i = 0; i < n; i++) {
        struct saved_held s;
        if (!take(in, &s, sizeof s) || s.len > in->len)
            return -EBADMSG;
        int r = view_apply_hold(v, (struct slice){in->data, s.len}, s.until_usec);
        if (r < 0)
            return r;
        in->data += s.len;
        in->len -= s.len;
    }
    return in->len == 0 ? 0 : -EBADMSG;
}

static int load(int folder, struct slice in, struct view *v, struct view_position *ret,
                struct fault *ret_fault) {
    struct checkpoint_header h;
    struct saved s;
    if (!take(&in, &h, sizeof h) || memcmp(h.magic, checkpoint_magic, sizeof h.magic) != 0)
        return -EBADMSG;
    if (h.format > CHECKPOINT_FORMAT) {
        fault_set(ret_fault, checkpoint_name,
                  "the view has format %u, but this version knows formats up to %d only; "
                  "use a newer newswired",
                  h.format, CHECKPOINT_FORMAT);
        return -EBADMSG;
    }
    size_t covered = sizeof h - offsetof(struct checkpoint_header, position);
    if (crc32c(crc32c(0, &h.position, covered), in.data, in.len) != h.crc ||
        h.n_runs > IDENTITY_RUNS)
        return -EBADMSG;
    for (uint64_t i = 0; i < h.n_runs; i++) {
        uint64_t id;
        int r = take(&in, &id, sizeof id)
                    ? identity_run_open(folder, id, &v->identities.runs[i], ret_fault)
                    : -EBADMSG;
        if (r < 0)
            return r;
        v->identities.n_runs++;
    }
    if (!take(&in, &s, sizeof s))
        return -EBADMSG;
    v->head = s.head;
    v->entries = s.entries;
    *ret = h.position;
    int r = load_topics(v, &in, s.n_topics);
    return r < 0 ? r : load_held(v, &in, s.n_held);
}

int view_load(int folder, struct view *v, struct view_position *ret, struct fault *ret_fault) {
    _cleanup_free_ uint8_t *bytes = NULL;
    size_t len;
    fault_set(ret_fault, checkpoint_name, "the file %s is damaged", checkpoint_name);
    int r = io_load(folder, checkpoint_name, CHECKPOINT_MAX_BYTES, &bytes, &len);
    if (r == 0)
        r = load(folder, (struct slice){bytes, len}, v, ret, ret_fault);
    if (r < 0 && r != -EBADMSG)
        fault_set(ret_fault, checkpoint_name, "the file %s can't be read: %s", checkpoint_name,
                  strerror(-r));
    return r;
}
