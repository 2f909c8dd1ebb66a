#include "daemon/log/crc32c.h"
#include "daemon/log/format.h"
#include "daemon/log/io.h"
#include "daemon/log/view.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char checkpoint_magic[8] = "NWIREVUE";
enum { CHECKPOINT_MAX_BYTES = 1 << 30 };

/* checkpoint = header runs topics held; the runs as 64-bit numbers, the topics
 * as struct saved_topic, each held article as struct saved_held, its bytes and who
 * approved it (a length and a name each), the kills as struct kill. */
struct checkpoint_header {
    char magic[8];
    uint32_t format;
    uint32_t crc; /* of all behind it in the file */
    struct view_position position;
    uint64_t n_runs;
};

struct saved {
    uint64_t head, entries;
    uint64_t n_topics, n_held, n_kills;
};

struct saved_held {
    int64_t until_usec;
    uint64_t len;
    uint32_t approvals, n_approved_by;
};

_Static_assert(sizeof(struct checkpoint_header) == 64, "format");
_Static_assert(sizeof(struct kill) == 24, "format: kills are saved as they are");
_Static_assert(sizeof(struct view_topic) == 128, "format: topics are saved as they are");

static uint8_t *put(uint8_t *p, const void *bytes, size_t len) {
    if (len > 0)
        memcpy(p, bytes, len);
    return p + len;
}

static uint8_t *put_held(uint8_t *p, const struct view_held *h) {
    struct saved_held saved = {h->until_usec, h->len, h->approvals, (uint32_t)h->n_approved_by};
    p = put(p, &saved, sizeof saved);
    p = put(p, h->bytes, h->len);
    for (size_t i = 0; i < h->n_approved_by; i++) {
        uint32_t len = (uint32_t)strlen(h->approved_by[i]);
        p = put(p, &len, sizeof len);
        p = put(p, h->approved_by[i], len);
    }
    return p;
}

static size_t names_size(const struct view *v) {
    size_t n = 0;
    for (size_t i = 0; i < v->n_held; i++)
        for (size_t k = 0; k < v->held[i].n_approved_by; k++)
            n += sizeof(uint32_t) + strlen(v->held[i].approved_by[k]);
    return n;
}

int view_save(const struct view *v, uint8_t **ret, size_t *ret_len) {
    struct saved s = {v->head, v->entries, v->n_topics, view_n_held(v), v->kills.n};
    size_t len = sizeof s + v->n_topics * sizeof *v->topics + v->held_bytes +
                 v->n_held * sizeof(struct saved_held) + names_size(v) +
                 v->kills.n * sizeof *v->kills.items;
    uint8_t *bytes = malloc(len), *p = bytes;
    if (bytes == NULL)
        return -ENOMEM;
    p = put(p, &s, sizeof s);
    p = put(p, v->topics, v->n_topics * sizeof *v->topics);
    for (size_t i = 0; i < v->n_held; i++)
        if (!v->held[i].gone)
            p = put_held(p, &v->held[i]);
    p = put(p, v->kills.items, v->kills.n * sizeof *v->kills.items);
    *ret = bytes;
    *ret_len = (size_t)(p - bytes);
    return 0;
}

int view_write_checkpoint(int folder, const struct view_position *position, const uint8_t *saved,
                          size_t len, const uint64_t *runs, size_t n_runs) {
    struct checkpoint_header h = {.format = FORMAT_VIEW, .position = *position, .n_runs = n_runs};
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
    return io_replace(folder, VIEW_FILE, bytes, total);
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

static bool take_bytes(struct slice *in, size_t len, struct slice *ret) {
    if (len > in->len)
        return false;
    *ret = (struct slice){in->data, len};
    in->data += len;
    in->len -= len;
    return true;
}

static int load_held(struct view *v, struct slice *in) {
    struct saved_held s;
    struct slice bytes, name;
    struct entry e;
    uint32_t len;
    if (!take(in, &s, sizeof s) || !take_bytes(in, s.len, &bytes) || view_decode(bytes, &e) < 0)
        return -EBADMSG;
    int r = view_apply_hold(v, bytes, s.until_usec, s.approvals);
    for (uint32_t i = 0; r == 0 && i < s.n_approved_by; i++)
        r = take(in, &len, sizeof len) && take_bytes(in, len, &name)
                ? view_apply_approval(v, e.seq, name)
                : -EBADMSG;
    return r;
}

static int load_kills(struct view *v, struct slice *in, uint64_t n) {
    struct kill k;
    int r = in->len == n * sizeof k ? 0 : -EBADMSG;
    while (r == 0 && take(in, &k, sizeof k))
        r = kills_add(&v->kills, k.key, k.seq);
    return r;
}

static int load(int folder, struct slice in, struct view *v, struct view_position *ret,
                struct fault *ret_fault) {
    struct checkpoint_header h;
    struct saved s;
    if (!take(&in, &h, sizeof h) || memcmp(h.magic, checkpoint_magic, sizeof h.magic) != 0)
        return -EBADMSG;
    if (h.format > FORMAT_VIEW)
        return format_too_new(VIEW_FILE, h.format, FORMAT_VIEW, ret_fault);
    if (h.format < FORMAT_VIEW)
        return -ESTALE;
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
    for (uint64_t i = 0; r == 0 && i < s.n_held; i++)
        r = load_held(v, &in);
    return r < 0 ? r : load_kills(v, &in, s.n_kills);
}

int view_load(int folder, struct view *v, struct view_position *ret, struct fault *ret_fault) {
    _cleanup_free_ uint8_t *bytes = NULL;
    size_t len;
    fault_set(ret_fault, VIEW_FILE, "the file %s is damaged", VIEW_FILE);
    int r = io_load(folder, VIEW_FILE, CHECKPOINT_MAX_BYTES, &bytes, &len);
    if (r == 0)
        r = load(folder, (struct slice){bytes, len}, v, ret, ret_fault);
    if (r < 0 && r != -EBADMSG && r != -ESTALE)
        fault_set_error(ret_fault, r, VIEW_FILE, "the file %s can't be read", VIEW_FILE);
    return r;
}
