#include "tests/daemon/log/log_helper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

atomic_int fail_syncs, fail_writes;
atomic_bool short_writes;
atomic_ullong free_left;
_Atomic int64_t test_clock;

static ssize_t test_pwrite(int fd, const void *buffer, size_t size, off_t offset) {
    if (atomic_load(&fail_writes) > 0) {
        atomic_fetch_sub(&fail_writes, 1);
        if (size > 1 && pwrite(fd, buffer, size / 2, offset) < 0)
            return -1;
        errno = ENOSPC;
        return -1;
    }
    if (atomic_load(&short_writes) && size > 7)
        size = 7;
    return pwrite(fd, buffer, size, offset);
}

/* A checkpoint is written and synced beside the appending, at its own time. */
static bool is_segment(int fd) {
    char link[40], path[300];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path);
    return n > 4 && memcmp(path + n - 4, ".log", 4) == 0;
}

static int test_fdatasync(int fd) {
    if (atomic_load(&fail_syncs) > 0 && is_segment(fd)) {
        atomic_fetch_sub(&fail_syncs, 1);
        errno = EIO;
        return -1;
    }
    return 0; /* tests don't cut the power; syncing would only make them slow */
}

static int test_fstatvfs(int fd, struct statvfs *ret) {
    int r = fstatvfs(fd, ret);
    if (atomic_load(&free_left) > 0)
        ret->f_bavail = atomic_load(&free_left) / ret->f_frsize;
    return r;
}

static int64_t test_now(void) {
    return atomic_load(&test_clock);
}

static void run_shell(const char *command, const char *a, const char *b) {
    char line[256];
    snprintf(line, sizeof line, "%s %s %s", command, a, b);
    assert_int_equal(system(line), 0);
}

void fixture_setup(struct log_fixture *f) {
    *f = (struct log_fixture){.directory = "/tmp/newswire-log-XXXXXX"};
    assert_non_null(mkdtemp(f->directory));
    atomic_store(&fail_syncs, 0);
    atomic_store(&fail_writes, 0);
    atomic_store(&short_writes, false);
    atomic_store(&free_left, 0);
    atomic_store(&test_clock, INT64_C(1500000000000000));
    log_io.pwrite = test_pwrite;
    log_io.fdatasync = test_fdatasync;
    log_io.fstatvfs = test_fstatvfs;
    f->config = (struct log_config){
        .directory = f->directory,
        .segment_bytes = 1 << 20,
        .batch_bytes = 1 << 20,
        .queue_bytes = 64 << 20,
        .checkpoint_entries = 1 << 20,
        .now_usec = test_now,
    };
}

static void follow(void *userdata, struct log_batch *batch, const struct log_result *results,
                   size_t n) {
    struct log_fixture *f = userdata;
    log_batch_unref(log_batch_ref(batch));
    for (size_t i = 0; i < n; i++) {
        const struct log_result *r = &results[i];
        if (r->outcome == LOG_NOTICE_MADE)
            continue; /* nobody asked for it */
        if (f->n_results == f->n_results_max) {
            f->n_results_max = f->n_results_max == 0 ? 1024 : f->n_results_max * 2;
            f->results = reallocarray(f->results, f->n_results_max, sizeof *f->results);
            assert_non_null(f->results);
        }
        struct kept_result *k = &f->results[f->n_results++];
        *k = (struct kept_result){
            .outcome = r->outcome,
            .id = (uintptr_t)r->cookie,
            .seq = r->seq,
            .prev_seq = r->prev_seq,
            .replaces = r->replaces,
            .fault = r->fault,
            .n_held = r->n_held,
        };
        if (r->topic.len > 0) /* a refusal may have none */
            memcpy(k->topic, r->topic.data, r->topic.len);
        if (r->story != NULL)
            k->story = *r->story;
        if (r->snapshot != NULL) {
            struct log_snapshot_file *files = calloc(r->snapshot->n, sizeof *files);
            assert_non_null(files);
            memcpy(files, r->snapshot->files, r->snapshot->n * sizeof *files);
            k->snapshot = *r->snapshot;
            k->snapshot.files = files;
            k->snapshot.directory = strdup(r->snapshot->directory);
        }
        for (size_t h = 0; h < r->n_held && h < 8; h++)
            k->held[h] = r->held[h].id;
        if (log_is_entry(r)) {
            struct log_bounds b;
            log_bounds(f->log, &b);
            assert_true(b.head >= r->seq);
            assert_true(r->entry.len > 0);
        }
    }
}

int fixture_open(struct log_fixture *f) {
    f->arena = arena_new(1 << 20);
    f->notes = (struct text_list){0};
    f->fault = (struct fault){0};
    return log_open(&f->config, follow, f, &f->log, &f->notes, f->arena, &f->fault);
}

void fixture_close(struct log_fixture *f) {
    f->log = log_close(f->log);
    f->arena = arena_free(f->arena);
}

void fixture_crash(struct log_fixture *f) {
    char copy[80], line[512];
    snprintf(copy, sizeof copy, "%s.copy", f->directory);
    /* As of one moment: anew when the log's jobs made or removed a file meanwhile. */
    snprintf(line, sizeof line,
             "until a=$(ls -i %s) && cp -a %s %s 2>/dev/null && [ \"$a\" = \"$(ls -i %s)\" ]; do "
             "rm -rf %s; done",
             f->directory, f->directory, copy, f->directory, copy);
    assert_int_equal(system(line), 0);
    fixture_close(f);
    /* The file by which a copy is known: this is to be none. */
    snprintf(line, sizeof line, "mv -f %s/format %s", f->directory, copy);
    assert_int_equal(system(line), 0);
    run_shell("rm -rf", f->directory, "");
    run_shell("mv", copy, f->directory);
}

void fixture_teardown(struct log_fixture *f) {
    fixture_close(f);
    run_shell("rm -rf", f->directory, "");
    for (size_t i = 0; i < f->n_results; i++) {
        free((char *)f->results[i].snapshot.directory);
        free((struct log_snapshot_file *)f->results[i].snapshot.files);
    }
    free(f->results);
}

void fixture_append(struct log_fixture *f, const struct story *stories, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const struct story *s = &stories[i];
        struct log_proposal p = {
            .article = slice_of(s->text),
            .uri = s->uri,
            .version = s->version,
            .topic = s->topic,
            .canceled = s->canceled,
            .forced = s->forced,
            .urgency = s->urgency,
            .approvals = s->approvals,
            .hold_until_usec = s->hold_until_usec,
            .cookie = (void *)(uintptr_t)s->id,
        };
        crypto_generichash(p.content_digest, sizeof p.content_digest, p.article.data, p.article.len,
                           NULL, 0);
        int r;
        while ((r = log_append(f->log, &p, 1)) == -EAGAIN)
            log_dispatch(f->log, 1000);
        assert_int_equal(r, 0);
    }
}

void fixture_wait(struct log_fixture *f, size_t n_results) {
    while (f->n_results < n_results) {
        struct pollfd p = {.fd = log_fd(f->log), .events = POLLIN};
        assert_int_equal(poll(&p, 1, 10000), 1);
        log_dispatch(f->log, 100);
    }
}

struct kept_result fixture_put(struct log_fixture *f, struct story story) {
    size_t n = f->n_results;
    fixture_append(f, &story, 1);
    fixture_wait(f, n + 1);
    return f->results[n];
}

struct kept_result fixture_ask(struct log_fixture *f, enum log_ask_type type, uint64_t hold,
                               const char *who) {
    size_t n = f->n_results;
    struct log_ask ask = {.type = type, .hold = hold, .uri = who, .who = who, .cookie = f};
    assert_int_equal(log_ask(f->log, &ask), 0);
    fixture_wait(f, n + 1);
    return f->results[n];
}

/* ---- reading */

static size_t take_entries(const uint8_t *bytes, size_t len, struct read_entry *out) {
    struct slice in = {bytes, len};
    size_t n = 0;
    while (in.len > 0) {
        struct wire_field field;
        struct entry e;
        assert_true(wire_get_field(&in, &field));
        assert_int_equal(field.number, ENTRY_FIELD);
        assert_int_equal(entry_decode(field.bytes, &e), 0);
        struct read_entry *r = &out[n++];
        *r = (struct read_entry){e.epoch, e.seq, e.prev_seq, e.replaces, e.version, "", "", "", ""};
        memcpy(r->uri, e.uri.data, e.uri.len < 127 ? e.uri.len : 127);
        memcpy(r->topic, e.topic.data, e.topic.len);
        if (e.article.len > 0) /* a kill may have no text */
            memcpy(r->text, e.article.data, e.article.len < 127 ? e.article.len : 127);
        for (size_t i = 0; i < e.n_approved_by; i++) {
            if (i > 0)
                strcat(r->approved_by, ",");
            strncat(r->approved_by, (const char *)e.approved_by[i].data, e.approved_by[i].len);
        }
    }
    return n;
}

int fixture_read(struct log_fixture *f, const char *prefix, uint64_t after, struct read_entry **ret,
                 size_t *ret_n) {
    struct log_cursor *cursor;
    struct log_bounds b;
    struct slice p = slice_of(prefix == NULL ? "" : prefix);
    size_t size = LIMIT_ENTRY_BYTES, n = 0;
    uint8_t *buffer = malloc(size);
    struct read_entry *entries = NULL;
    log_bounds(f->log, &b);
    assert_int_equal(log_cursor_open(f->log, &cursor), 0);
    struct log_read out = {.at_until = false};
    int r = 0;
    while (!out.at_until && r == 0) {
        r = log_cursor_read(cursor, &p, prefix != NULL, after, b.head, buffer, size, size, &out,
                            &f->fault);
        if (r < 0)
            break;
        assert_true(out.scanned_seq >= after);
        entries = reallocarray(entries, n + out.entries + 1, sizeof *entries);
        assert_int_equal(take_entries(buffer, out.bytes, entries + n), out.entries);
        n += out.entries;
        after = out.scanned_seq;
    }
    log_cursor_close(cursor);
    free(buffer);
    *ret = entries;
    *ret_n = n;
    return r;
}

/* ---- files */

static const char *wanted_ending;

static int by_ending(const struct dirent *e) {
    size_t len = strlen(e->d_name), end = strlen(wanted_ending);
    return len >= end && strcmp(e->d_name + len - end, wanted_ending) == 0;
}

bool fixture_file(const struct log_fixture *f, const char *ending, size_t n, char ret[256]) {
    struct dirent **names;
    wanted_ending = ending;
    int count = scandir(f->directory, &names, by_ending, alphasort);
    assert_true(count >= 0);
    if ((int)n < count)
        snprintf(ret, 256, "%s/%.180s", f->directory, names[n]->d_name);
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return (int)n < count;
}

size_t fixture_count(const struct log_fixture *f, const char *ending) {
    char path[256];
    size_t n = 0;
    while (fixture_file(f, ending, n, path))
        n++;
    return n;
}

uint8_t *file_load(const char *path, size_t *ret_len) {
    uint8_t *bytes;
    assert_int_equal(io_load(AT_FDCWD, path, SIZE_MAX / 2, &bytes, ret_len), 0);
    return bytes;
}

void file_store(const char *path, const uint8_t *bytes, size_t len) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}
