#include "daemon/log/identity.h"
#include "daemon/log/crc32c.h"
#include "daemon/log/format.h"
#include "daemon/log/io.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void identity_key(const char *uri, size_t len, uint8_t ret_key[static IDENTITY_KEY_BYTES]) {
    crypto_generichash(ret_key, IDENTITY_KEY_BYTES, (const uint8_t *)uri, len, NULL, 0);
}

void identity_origin(struct slice name, uint8_t ret[static IDENTITY_ORIGIN_BYTES]) {
    uint8_t hash[crypto_generichash_BYTES_MIN];
    memset(ret, 0, IDENTITY_ORIGIN_BYTES);
    if (name.len == 0)
        return;
    crypto_generichash(hash, sizeof hash, name.data, name.len, NULL, 0);
    memcpy(ret, hash, IDENTITY_ORIGIN_BYTES);
    ret[0] |= 1; /* never nobody's */
}

/* ---- the table: open addressing, never more than half full. The newest
 * version of a uri stands where its key says, older ones where key and version
 * say, so that a uri with very many versions costs no more than others. */

enum { TABLE_MIN_SLOTS = 1024 };

static size_t slot_of(const struct identity_table *t, const uint8_t *key, uint32_t older_version) {
    uint64_t hash;
    memcpy(&hash, key, sizeof hash);
    hash += older_version * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(hash ^ hash >> 32) & (t->n_slots - 1);
}

/* The slot of the record, or the free one where it would go. */
static struct identity *find(const struct identity_table *t, const uint8_t *key, bool latest,
                             uint32_t version) {
    size_t i = slot_of(t, key, latest ? 0 : version);
    for (;; i = (i + 1) & (t->n_slots - 1)) {
        struct identity *id = &t->slots[i];
        if (id->seq == 0)
            return id;
        if (latest == ((id->flags & IDENTITY_LATEST) != 0) && (latest || id->version == version) &&
            memcmp(id->key, key, IDENTITY_KEY_BYTES) == 0)
            return id;
    }
}

/* Mapped by itself, so that freeing gives the memory back to the system. */
static int table_new(struct identity_table *t, size_t n_slots) {
    void *p = mmap(NULL, n_slots * sizeof *t->slots, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return -ENOMEM;
    *t = (struct identity_table){.slots = p, .n_slots = n_slots};
    return 0;
}

void identity_table_free(struct identity_table *t) {
    if (t->slots != NULL)
        munmap(t->slots, t->n_slots * sizeof *t->slots);
    *t = (struct identity_table){0};
}

int identity_reserve(struct identity_set *set, size_t n) {
    struct identity_table *t = &set->table, larger;
    size_t slots = t->n_slots == 0 ? TABLE_MIN_SLOTS : t->n_slots;
    while ((t->n + n) * 2 > slots)
        slots *= 2;
    if (slots == t->n_slots)
        return 0;
    int r = table_new(&larger, slots);
    if (r < 0)
        return r;
    for (size_t i = 0; i < t->n_slots; i++) {
        const struct identity *id = &t->slots[i];
        if (id->seq != 0)
            *find(&larger, id->key, id->flags & IDENTITY_LATEST, id->version) = *id;
    }
    larger.n = t->n;
    identity_table_free(t);
    *t = larger;
    return 0;
}

static void put(struct identity_table *t, struct identity *slot, const struct identity *id,
                struct identity_change *changes, size_t *n_changes) {
    if (changes != NULL)
        changes[(*n_changes)++] = (struct identity_change){*slot, (size_t)(slot - t->slots)};
    t->n += slot->seq == 0;
    *slot = *id;
}

void identity_add(struct identity_set *set, const struct identity *id,
                  struct identity_change *changes, size_t *n_changes) {
    struct identity_table *t = &set->table;
    struct identity *latest = find(t, id->key, true, 0);
    struct identity newest = *id, older = *latest;
    newest.flags |= IDENTITY_LATEST;
    put(t, latest, &newest, changes, n_changes);
    if (older.seq != 0) {
        older.flags &= (uint8_t)~IDENTITY_LATEST;
        put(t, find(t, older.key, false, older.version), &older, changes, n_changes);
    }
}

void identity_undo(struct identity_set *set, const struct identity_change *changes,
                   size_t n_changes) {
    /* In reverse order, and with no growth between, freeing a slot leaves the
     * table as it was before: no other record has been put behind it. */
    while (n_changes-- > 0) {
        const struct identity_change *c = &changes[n_changes];
        set->table.n -= c->before.seq == 0;
        set->table.slots[c->slot] = c->before;
    }
}

/* ---- looking up */

static int lookup(const struct identity_set *set, const uint8_t *key, bool latest, uint32_t version,
                  struct identity *ret, struct fault *ret_fault);

int identity_latest(const struct identity_set *set, const uint8_t *key, struct identity *ret,
                    struct fault *ret_fault) {
    return lookup(set, key, true, UINT32_MAX, ret, ret_fault);
}

static bool table_version(const struct identity_table *t, const uint8_t *key, uint32_t version,
                          struct identity *ret) {
    if (t->n == 0)
        return false;
    struct identity *id = find(t, key, true, 0);
    if (id->seq == 0)
        return false;
    if (id->version != version)
        id = find(t, key, false, version);
    *ret = *id;
    return id->seq != 0;
}

static bool table_latest(const struct identity_table *t, const uint8_t *key, struct identity *ret) {
    if (t->n > 0)
        *ret = *find(t, key, true, 0);
    return t->n > 0 && ret->seq != 0;
}

int identity_version(const struct identity_set *set, const uint8_t *key, uint32_t version,
                     struct identity *ret, struct fault *ret_fault) {
    return lookup(set, key, false, version, ret, ret_fault);
}

static bool filter_may_have(const struct identity_run *run, const uint8_t *key);
static int run_find(const struct identity_run *run, const uint8_t *key, bool latest,
                    uint32_t version, struct identity *ret, struct fault *ret_fault);

static int lookup(const struct identity_set *set, const uint8_t *key, bool latest, uint32_t version,
                  struct identity *ret, struct fault *ret_fault) {
    const struct identity_table *tables[] = {&set->table, &set->frozen};
    for (size_t i = 0; i < 2; i++)
        if (latest ? table_latest(tables[i], key, ret)
                   : table_version(tables[i], key, version, ret))
            return 1;
    for (size_t i = 0; i < set->n_runs; i++) {
        if (!filter_may_have(set->runs[i], key))
            continue;
        int r = run_find(set->runs[i], key, latest, version, ret, ret_fault);
        if (r != 0)
            return r;
    }
    return 0;
}

/* ---- runs */

static const char run_magic[8] = "NWIREIDS";
enum {
    PAGE_RECORDS = 64,
    BUFFER_RECORDS = 4096,
    FILTER_BITS = 12,         /* a record */
    FILTER_RECORDS = 2000000, /* a larger run has no filter: 3 MB are enough */
};

struct run_header {
    char magic[8];
    uint32_t format;
    uint32_t
        crc; /* of the rest of the header, then of fences and filter, which follow the records */
    uint64_t id;
    uint64_t count;
    uint64_t filter_words;
    uint8_t reserved[24];
};

_Static_assert(sizeof(struct run_header) == 64, "format");

void identity_run_name(uint64_t id, char ret[static IDENTITY_RUN_NAME_BYTES]) {
    snprintf(ret, IDENTITY_RUN_NAME_BYTES, "%020" PRIu64 ".identities", id);
}

bool identity_run_parse_name(const char *name, uint64_t *ret_id) {
    char again[IDENTITY_RUN_NAME_BYTES];
    if (sscanf(name, "%20" SCNu64, ret_id) != 1)
        return false;
    identity_run_name(*ret_id, again);
    return strcmp(name, again) == 0;
}

static uint32_t fence_of(const struct identity *id) {
    uint32_t fence;
    memcpy(&fence, id->key, sizeof fence);
    return be32toh(fence);
}

/* A Bloom filter of 64-bit words: a key sets four bits of one word. Keys are
 * hashes already. */
static uint64_t filter_place(const struct identity_run *run, const uint8_t *key,
                             uint64_t *ret_bits) {
    uint64_t where, which;
    memcpy(&where, key, sizeof where);
    memcpy(&which, key + sizeof where, sizeof which);
    *ret_bits = UINT64_C(1) << (which & 63) | UINT64_C(1) << (which >> 6 & 63) |
                UINT64_C(1) << (which >> 12 & 63) | UINT64_C(1) << (which >> 18 & 63);
    return where % run->n_filter;
}

static bool filter_may_have(const struct identity_run *run, const uint8_t *key) {
    uint64_t bits;
    if (run->n_filter == 0)
        return true;
    uint64_t word = filter_place(run, key, &bits);
    return (~run->filter[word] & bits) == 0;
}

static void filter_add(const struct identity_run *run, const uint8_t *key) {
    uint64_t bits;
    if (run->n_filter == 0)
        return;
    uint64_t word = filter_place(run, key, &bits);
    run->filter[word] |= bits;
}

static int compare(const void *a, const void *b) {
    const struct identity *x = a, *y = b;
    int c = memcmp(x->key, y->key, IDENTITY_KEY_BYTES);
    return c != 0 ? c : (x->version > y->version) - (x->version < y->version);
}

static uint32_t record_crc(const struct identity *id) {
    return crc32c(0, id, offsetof(struct identity, crc));
}

static int run_damaged(const struct identity_run *run, uint64_t offset, struct fault *ret_fault) {
    char name[IDENTITY_RUN_NAME_BYTES];
    identity_run_name(run->id, name);
    fault_set(ret_fault, name, "%s is damaged at offset %llu", name, (unsigned long long)offset);
    return -EBADMSG;
}

static uint64_t record_offset(uint64_t index) {
    return sizeof(struct run_header) + index * sizeof(struct identity);
}

/* The first page whose fence is not below (or: is above) this one's. */
static size_t fence_bound(const struct identity_run *run, uint32_t fence, bool above) {
    size_t low = 0, high = run->n_fences;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint32_t f = run->fences[middle];
        if (above ? f <= fence : f < fence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The last record in [low, high) that is not after the key and version. Each
 * record that the search looks at is checked: a damaged one can't hide, since
 * the search always ends beside the one it is for. 1, 0 or -errno. */
static int search(const struct identity_run *run, const struct identity *wanted, uint64_t low,
                  uint64_t high, struct identity *ret, struct fault *ret_fault) {
    struct identity page[PAGE_RECORDS];
    uint64_t page_at = UINT64_MAX;
    bool found = false;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2, at = middle / PAGE_RECORDS * PAGE_RECORDS;
        if (at != page_at) {
            size_t size = sizeof page;
            if (run->count - at < PAGE_RECORDS)
                size = (size_t)(run->count - at) * sizeof *page;
            ssize_t n = io_read(run->fd, page, size, record_offset(at));
            if (n >= 0 && n < (ssize_t)size)
                return run_damaged(run, record_offset(at), ret_fault);
            if (n < 0) {
                fault_set_error(ret_fault, (int)n, "identities", "identities can't be read");
                return (int)n;
            }
            page_at = at;
        }
        const struct identity *id = &page[middle - at];
        if (id->crc != record_crc(id))
            return run_damaged(run, record_offset(middle), ret_fault);
        if (compare(id, wanted) <= 0) {
            *ret = *id;
            found = true;
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return found;
}

static int run_find(const struct identity_run *run, const uint8_t *key, bool latest,
                    uint32_t version, struct identity *ret, struct fault *ret_fault) {
    struct identity wanted = {.version = version}, got;
    memcpy(wanted.key, key, sizeof wanted.key);
    uint32_t fence = fence_of(&wanted);
    size_t first = fence_bound(run, fence, false), end = fence_bound(run, fence, true);
    uint64_t low = first == 0 ? 0 : (uint64_t)(first - 1) * PAGE_RECORDS;
    uint64_t high = (uint64_t)end * PAGE_RECORDS;
    int r = search(run, &wanted, low, high < run->count ? high : run->count, &got, ret_fault);
    if (r <= 0)
        return r;
    if (memcmp(got.key, key, sizeof got.key) != 0 || (!latest && got.version != version))
        return 0;
    *ret = got;
    return 1;
}

struct identity_run *identity_run_close(struct identity_run *run) {
    if (run != NULL) {
        io_closep(&run->fd);
        free(run->fences);
        free(run->filter);
        free(run);
    }
    return NULL;
}

static uint32_t run_crc(const struct run_header *h, const struct identity_run *run) {
    uint32_t crc = crc32c(0, &h->id, sizeof *h - offsetof(struct run_header, id));
    crc = crc32c(crc, run->fences, run->n_fences * sizeof *run->fences);
    return crc32c(crc, run->filter, run->n_filter * sizeof *run->filter);
}

static struct identity_run *run_new(uint64_t id, uint64_t count, uint64_t filter_words) {
    struct identity_run *run = calloc(1, sizeof *run);
    if (run == NULL)
        return NULL;
    *run = (struct identity_run){.id = id, .count = count, .fd = -1};
    run->n_fences = (size_t)((count + PAGE_RECORDS - 1) / PAGE_RECORDS);
    run->fences = calloc(run->n_fences + 1, sizeof *run->fences);
    run->n_filter = (size_t)filter_words;
    run->filter = calloc(run->n_filter + 1, sizeof *run->filter);
    return run->fences == NULL || run->filter == NULL ? identity_run_close(run) : run;
}

/* Reads what stands `behind` bytes after the records. */
static bool read_exactly(int fd, void *to, size_t size, uint64_t count, size_t behind) {
    return io_read(fd, to, size, record_offset(count) + behind) == (ssize_t)size;
}

int identity_run_open(int folder, uint64_t id, struct identity_run **ret, struct fault *ret_fault) {
    char name[IDENTITY_RUN_NAME_BYTES];
    struct run_header h;
    struct stat st;
    identity_run_name(id, name);
    _cleanup_fd_ int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 || fstat(fd, &st) < 0 ? -errno : io_read(fd, &h, sizeof h, 0);
    if (n < 0) {
        fault_set_error(ret_fault, (int)n, name, "%s can't be read", name);
        return n == -ENOENT ? -EBADMSG : (int)n;
    }
    struct identity_run *run = NULL;
    uint64_t max = (uint64_t)st.st_size / sizeof(struct identity);
    bool good = n == sizeof h && memcmp(h.magic, run_magic, sizeof run_magic) == 0;
    if (good && h.format > FORMAT_RUN)
        return format_too_new(name, h.format, FORMAT_RUN, ret_fault);
    good = good && h.format == FORMAT_RUN && h.id == id && h.count <= max && h.filter_words <= max;
    if (good && (run = run_new(id, h.count, h.filter_words)) == NULL)
        return -ENOMEM;
    good = good && read_exactly(fd, run->fences, run->n_fences * sizeof *run->fences, h.count, 0) &&
           read_exactly(fd, run->filter, run->n_filter * sizeof *run->filter, h.count,
                        run->n_fences * sizeof *run->fences) &&
           run_crc(&h, run) == h.crc;
    if (!good) {
        identity_run_close(run);
        return run_damaged(&(struct identity_run){.id = id}, 0, ret_fault);
    }
    run->fd = fd;
    fd = -1;
    *ret = run;
    return 0;
}

/* ---- writing runs */

/* A sorted source of a merge: the table itself, or a run read in blocks. */
struct source {
    const struct identity_run *run; /* NULL: the table */
    const struct identity *records;
    struct identity *buffer;
    size_t n, next;
    uint64_t read;
};

struct writer {
    struct identity_run *run;
    struct identity *buffer;
    size_t n;
    uint64_t count;
};

static int source_fill(struct source *s) {
    if (s->next < s->n || s->run == NULL || s->read == s->run->count)
        return 0;
    uint64_t left = s->run->count - s->read;
    s->n = left < BUFFER_RECORDS ? (size_t)left : BUFFER_RECORDS;
    s->next = 0;
    ssize_t n = io_read(s->run->fd, s->buffer, s->n * sizeof *s->buffer, record_offset(s->read));
    if (n < 0)
        return (int)n;
    for (size_t i = 0; i < s->n; i++)
        if ((size_t)n < s->n * sizeof *s->buffer || s->buffer[i].crc != record_crc(&s->buffer[i]))
            return -EBADMSG;
    s->read += s->n;
    return 0;
}

static int writer_flush(struct writer *w) {
    int r =
        io_write(w->run->fd, w->buffer, w->n * sizeof *w->buffer, record_offset(w->count - w->n));
    w->n = 0;
    return r;
}

static int writer_put(struct writer *w, const struct identity *id) {
    if (w->count % PAGE_RECORDS == 0)
        w->run->fences[w->count / PAGE_RECORDS] = fence_of(id);
    filter_add(w->run, id->key);
    struct identity *out = &w->buffer[w->n++];
    *out = *id;
    out->flags &= ~(uint32_t)IDENTITY_LATEST;
    out->crc = record_crc(out);
    w->count++;
    return w->n == BUFFER_RECORDS ? writer_flush(w) : 0;
}

static int merge(struct source *sources, size_t n, int64_t forget_usec, struct writer *w) {
    for (;;) {
        struct source *least = NULL;
        for (size_t i = 0; i < n; i++) {
            struct source *s = &sources[i];
            int r = source_fill(s);
            if (r < 0)
                return r;
            if (s->next < s->n &&
                (least == NULL || compare(&s->records[s->next], &least->records[least->next]) < 0))
                least = s;
        }
        if (least == NULL)
            return 0;
        const struct identity *id = &least->records[least->next++];
        int r = id->usec < forget_usec ? 0 : writer_put(w, id);
        if (r < 0)
            return r;
    }
}

static int writer_finish(struct writer *w) {
    struct identity_run *run = w->run;
    struct run_header h = {
        .format = FORMAT_RUN, .id = run->id, .count = w->count, .filter_words = run->n_filter};
    run->count = w->count;
    run->n_fences = (size_t)((w->count + PAGE_RECORDS - 1) / PAGE_RECORDS);
    memcpy(h.magic, run_magic, sizeof h.magic);
    h.crc = run_crc(&h, run);
    size_t fences = run->n_fences * sizeof *run->fences;
    int r = writer_flush(w);
    if (r == 0)
        r = io_write(run->fd, run->fences, fences, record_offset(w->count));
    if (r == 0)
        r = io_write(run->fd, run->filter, run->n_filter * sizeof *run->filter,
                     record_offset(w->count) + fences);
    if (r == 0)
        r = io_write(run->fd, &h, sizeof h, 0);
    return r == 0 ? io_sync(run->fd) : r;
}

/* A table of the same records, put together at its front, in order. */
static int sorted_copy(const struct identity_table *from, struct identity_table *ret) {
    if (from->n == 0)
        return 0;
    int r = table_new(ret, from->n);
    if (r < 0)
        return r;
    for (size_t i = 0; i < from->n_slots; i++)
        if (from->slots[i].seq != 0)
            ret->slots[ret->n++] = from->slots[i];
    qsort(ret->slots, ret->n, sizeof *ret->slots, compare);
    return 0;
}

static int write_run(int folder, struct identity_run *run, struct source *sources, size_t n,
                     int64_t forget_usec) {
    char name[IDENTITY_RUN_NAME_BYTES];
    identity_run_name(run->id, name);
    run->fd = openat(folder, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (run->fd < 0)
        return -errno;
    struct writer w = {.run = run, .buffer = malloc(BUFFER_RECORDS * sizeof *w.buffer)};
    int r = w.buffer == NULL ? -ENOMEM : 0;
    for (size_t i = 1; r == 0 && i < n; i++) {
        sources[i].buffer = malloc(BUFFER_RECORDS * sizeof *sources[i].buffer);
        sources[i].records = sources[i].buffer;
        r = sources[i].buffer == NULL ? -ENOMEM : 0;
    }
    if (r == 0)
        r = merge(sources, n, forget_usec, &w);
    if (r == 0)
        r = writer_finish(&w);
    for (size_t i = 1; i < n; i++)
        free(sources[i].buffer);
    free(w.buffer);
    if (r < 0 || w.count == 0)
        unlinkat(folder, name, 0);
    return r;
}

int identity_write(int folder, uint64_t id, const struct identity_table *frozen,
                   struct identity_run *const *runs, size_t n_runs, int64_t forget_usec,
                   struct identity_run **ret, size_t *ret_merged) {
    struct identity_table sorted = {0};
    int r = sorted_copy(frozen, &sorted);
    if (r < 0)
        return r;
    struct source sources[IDENTITY_RUNS + 1] = {{.records = sorted.slots, .n = sorted.n}};
    uint64_t total = sorted.n;
    size_t n = 0;
    while (total > 0 && n < n_runs && runs[n]->count <= 2 * total) {
        sources[n + 1].run = runs[n];
        total += runs[n++]->count;
    }
    struct identity_run *run =
        run_new(id, total, total > FILTER_RECORDS ? 0 : total * FILTER_BITS / 64 + 1);
    if (run == NULL)
        r = -ENOMEM;
    else if (total > 0)
        r = write_run(folder, run, sources, n + 1, n > 0 ? forget_usec : INT64_MIN);
    identity_table_free(&sorted);
    if (r < 0 || run->count == 0)
        run = identity_run_close(run);
    if (r == 0) {
        *ret = run;
        *ret_merged = n;
    }
    return r;
}

/* ---- the set */

void identity_freeze(struct identity_set *set) {
    set->frozen = set->table;
    set->table = (struct identity_table){0};
}

void identity_install(struct identity_set *set, struct identity_run *run, size_t merged) {
    for (size_t i = 0; i < merged; i++)
        identity_run_close(set->runs[i]);
    size_t kept = set->n_runs - merged, at = run != NULL ? 1 : 0;
    memmove(set->runs + at, set->runs + merged, kept * sizeof *set->runs);
    if (run != NULL)
        set->runs[0] = run;
    set->n_runs = kept + at;
    identity_table_free(&set->frozen);
}

void identity_done(struct identity_set *set) {
    identity_table_free(&set->table);
    identity_table_free(&set->frozen);
    for (size_t i = 0; i < set->n_runs; i++)
        identity_run_close(set->runs[i]);
    *set = (struct identity_set){0};
}
