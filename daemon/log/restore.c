#include "daemon/log/restore.h"

#include "daemon/log/file.h"
#include "daemon/log/format.h"
#include "daemon/log/io.h"
#include "proto/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COPY_BYTES = 1 << 20,
    ARENA_BYTES = 512 << 20, /* for the manifest of very many segments */
    PATCH_BYTES = 64,        /* what stands of an entry before its epoch ends, at most */
};

struct restore {
    const char *from;
    int folder; /* of the backup */
    struct arena *arena;
    struct manifest manifest;
    bool proven;
    struct file_log *log;
    struct fault *fault;
    uint8_t *block;
};

static int cant_read(struct restore *r, int error, const char *name) {
    fault_set_error(r->fault, error, name, "%.100s/%s can't be read", r->from, name);
    return error;
}

/* ---- what a log's folder has */

static bool is_part(const char *name) {
    uint64_t id;
    return segment_parse_name(name, &id) || index_parse_name(name, &id) ||
           identity_run_parse_name(name, &id) || strcmp(name, VIEW_FILE) == 0;
}

/* Calls it with each name but . and .., until it returns other than 0. */
static int each_name(int folder, int (*visit)(struct restore *r, const char *name),
                     struct restore *r) {
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), k = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        k = -errno;
        io_closep(&fd);
        return k;
    }
    for (struct dirent *e = readdir(dir); e != NULL && k == 0; e = readdir(dir))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            k = visit(r, e->d_name);
    closedir(dir);
    return k;
}

/* ---- the folder that it goes to */

static int must_be_lock(struct restore *r, const char *name) {
    if (strcmp(name, "lock") == 0)
        return 0;
    fault_set(
        r->fault, "directory",
        "%.120s is not empty, there is %.40s; a restore begins in an empty folder: move it away",
        r->log->directory, name);
    return -EEXIST;
}

static int remove_part(struct restore *r, const char *name) {
    if (is_part(name) && unlinkat(r->log->folder, name, 0) < 0)
        return -errno;
    return 0;
}

static int prepare_target(struct restore *r) {
    struct file_log *l = r->log;
    enum format_state state;
    uint64_t epoch;
    int k = format_read(l->folder, l->directory, &state, &epoch, r->fault);
    if (k < 0)
        return k;
    k = state == FORMAT_UNFINISHED ? each_name(l->folder, remove_part, r)
                                   : each_name(l->folder, must_be_lock, r);
    return k < 0 ? k : format_write_unfinished(l->folder);
}

/* ---- copying */

static int copy(struct restore *r, int from, int to, uint8_t *ret_digest) {
    struct sha256_ctx sha;
    sha256_init(&sha);
    for (uint64_t at = 0;;) {
        ssize_t n = io_read(from, r->block, COPY_BYTES, at);
        int k = n <= 0 ? (int)n : io_write(to, r->block, (size_t)n, at);
        if (k < 0)
            return k;
        if (n == 0)
            break;
        sha256_update(&sha, (size_t)n, r->block);
        at += (uint64_t)n;
    }
    sha256_digest(&sha, MANIFEST_DIGEST_BYTES, ret_digest);
    return io_sync(to);
}

/* digest: what it must be; NULL: nobody knows. */
static int copy_part(struct restore *r, const char *name, const uint8_t *digest) {
    uint8_t found[MANIFEST_DIGEST_BYTES];
    _cleanup_fd_ int from = openat(r->folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0)
        return cant_read(r, -errno, name);
    _cleanup_fd_ int to = openat(r->log->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    int k = to < 0 ? -errno : copy(r, from, to, found);
    if (k < 0) {
        fault_set_error(r->fault, k, name, "%.100s/%s can't be copied", r->from, name);
        return k;
    }
    if (digest != NULL && memcmp(found, digest, sizeof found) != 0) {
        fault_set(r->fault, name, "%.120s/%s is not what was backed up: its SHA-256 differs",
                  r->from, name);
        return -EBADMSG;
    }
    return 0;
}

static int copy_unlisted(struct restore *r, const char *name) {
    return is_part(name) ? copy_part(r, name, NULL) : 0;
}

static int copy_listed(struct restore *r) {
    int k = 0;
    for (size_t i = 0; k == 0 && i < r->manifest.n; i++) {
        const struct manifest_file *f = &r->manifest.files[i];
        if (is_part(f->name))
            k = copy_part(r, f->name, f->digest);
    }
    return k;
}

static int read_manifest(struct restore *r) {
    _cleanup_free_ uint8_t *text = NULL;
    size_t len;
    int k = io_load(r->folder, MANIFEST_FILE, MANIFEST_MOST_BYTES, &text, &len);
    if (k == -ENOENT)
        return 0;
    if (k < 0)
        return cant_read(r, k, MANIFEST_FILE);
    r->proven = true;
    return manifest_read(r->arena, (struct slice){text, len}, &r->manifest, r->fault);
}

/* The backup's own word on its format. */
static int check_source(struct restore *r) {
    enum format_state state;
    uint64_t epoch;
    int k = format_read(r->folder, r->from, &state, &epoch, r->fault);
    if (k == 0 && state == FORMAT_NONE) {
        fault_set(r->fault, FORMAT_FILE,
                  "%.150s is neither a backup nor a log's folder, or only a part: the file %s "
                  "is missing",
                  r->from, FORMAT_FILE);
        return -EBADMSG;
    }
    if (k == 0 && state == FORMAT_UNFINISHED) {
        fault_set(r->fault, FORMAT_FILE, "%.150s is not whole: it was cut short", r->from);
        return -EBADMSG;
    }
    return k;
}

/* Fills the log's folder, before it is recovered. */
static int fill(struct file_log *l, void *userdata, struct fault *ret_fault) {
    struct restore *r = userdata;
    r->log = l;
    fault_clear(ret_fault);
    int k = check_source(r);
    if (k == 0)
        k = read_manifest(r);
    if (k == 0 && (k = prepare_target(r)) < 0 && r->fault->reason[0] == '\0')
        fault_set_error(r->fault, k, "directory", "the folder %.150s can't be used", l->directory);
    if (k == 0)
        k = r->proven ? copy_listed(r) : each_name(r->folder, copy_unlisted, r);
    return k;
}

/* ---- another epoch */

static size_t varint_size(uint64_t value) {
    uint8_t bytes[WIRE_VARINT_BYTES];
    return (size_t)(wire_put_varint(bytes, value) - bytes);
}

/* Now, as of any new log; but above the old one, and as long when written. */
static uint64_t choose_epoch(const struct file_log *l) {
    uint64_t now = (uint64_t)file_now(l);
    bool fits = now > l->epoch && varint_size(now) == varint_size(l->epoch);
    return fits ? now : l->epoch + 1 + randombytes_uniform(1 << 20);
}

/* Where in an entry's payload its epoch stands; 0: it can't be written over. */
static size_t find_epoch(struct slice payload, uint64_t old, uint64_t next) {
    struct slice entry = payload;
    struct wire_field f;
    if (!wire_get_field(&entry, &f) || f.type != WIRE_LEN || entry.len != 0)
        return 0;
    entry = f.bytes;
    if (entry.len == 0 || !wire_get_field(&entry, &f) || f.type != WIRE_VARINT || f.value != old ||
        (size_t)(entry.data - f.bytes.data) == 0)
        return 0;
    size_t end = (size_t)(entry.data - payload.data), size = varint_size(next);
    return varint_size(old) == size && end > size && end <= PATCH_BYTES ? end - size : 0;
}

/* Writes one entry's epoch over. */
static int renew_entry(const struct file_log *l, struct segment_reader *reader,
                       struct segment_record *record, struct slice payload, uint64_t epoch) {
    uint8_t front[sizeof *record + PATCH_BYTES];
    uint64_t at = reader->offset - sizeof *record - payload.len;
    size_t where = find_epoch(payload, l->epoch, epoch);
    if (where == 0)
        return -EBADMSG;
    uint8_t *bytes = reader->buffer + (payload.data - reader->buffer);
    size_t end = (size_t)(wire_put_varint(bytes + where, epoch) - bytes);
    segment_seal_record(&reader->segment, record, bytes);
    memcpy(front, record, sizeof *record);
    memcpy(front + sizeof *record, bytes, end);
    return io_write(reader->fd, front, sizeof *record + end, at);
}

static int renew_records(const struct file_log *l, struct segment_reader *reader, uint64_t epoch,
                         struct fault *ret_fault) {
    struct segment_record record;
    struct slice payload;
    const char *why = "";
    int k;
    while ((k = segment_reader_next(reader, &record, &payload, &why)) > 0) {
        if (record.type != SEGMENT_ENTRY)
            continue;
        k = renew_entry(l, reader, &record, payload, epoch);
        if (k == -EBADMSG)
            why = "an entry doesn't begin with the log's epoch";
        if (k < 0)
            break;
    }
    return k == -EBADMSG ? segment_damaged(reader->segment.base, reader->offset, why, ret_fault)
                         : k;
}

static int renew_segment(struct file_log *l, struct file_segment *s, uint64_t epoch,
                         struct fault *ret_fault) {
    struct segment_header header;
    struct segment_reader reader = {0};
    _cleanup_fd_ int fd = -1;
    int k = segment_open(l->folder, s->header.base, O_RDWR, &header, &fd, ret_fault);
    if (k < 0)
        return k;
    segment_reader_start(&reader, fd, &header, sizeof header, s->end);
    k = renew_records(l, &reader, epoch, ret_fault);
    segment_reader_done(&reader);
    s->header.epoch = epoch;
    if (k == 0)
        k = segment_write_header(fd, &s->header);
    return k < 0 ? k : io_sync(fd);
}

int file_begin_epoch(struct file_log *l, struct fault *ret_fault) {
    uint64_t epoch = choose_epoch(l);
    int k = 0;
    fault_clear(ret_fault);
    for (size_t i = 0; k == 0 && i < l->n_segments; i++)
        k = renew_segment(l, &l->segments[i], epoch, ret_fault);
    if (k == 0) {
        l->epoch = epoch;
        l->covered_seq = 0; /* the view is to be written, whatever it covers */
        file_checkpoint(l, true);
        k = l->job == NULL ? -ENOMEM : file_checkpoint_wait(l);
    }
    if (k == 0)
        k = format_write(l->folder, epoch);
    if (l->job != NULL)
        file_checkpoint_forget(l);
    if (k < 0 && ret_fault->reason[0] == '\0')
        fault_set_error(ret_fault, k, "log", "the log in %.150s can't be written", l->directory);
    return k;
}

/* ---- all of it */

/* What root puts there is for the user that the daemon runs under: whose the folder
 * is, or the one above it. */
static int give_away(const struct file_log *l) {
    struct stat st;
    _cleanup_fd_ int parent = openat(l->folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (geteuid() != 0)
        return 0;
    if (fstat(l->folder, &st) < 0 || (st.st_uid == 0 && (parent < 0 || fstat(parent, &st) < 0)))
        return -errno;
    if (fchown(l->folder, st.st_uid, st.st_gid) < 0)
        return -errno;
    int fd = openat(l->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), k = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL)
        return -errno;
    for (struct dirent *e = readdir(dir); e != NULL && k == 0; e = readdir(dir))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            fchownat(l->folder, e->d_name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
            k = -errno;
    closedir(dir);
    return k;
}

static int check_proven(struct restore *r) {
    const struct file_log *l = r->log;
    if (!r->proven || (l->epoch == r->manifest.epoch && l->view.head == r->manifest.head))
        return 0;
    fault_set(r->fault, MANIFEST_FILE,
              "the backup ends in entry %llu of epoch %llu, but its manifest says %llu of %llu",
              (unsigned long long)l->view.head, (unsigned long long)l->epoch,
              (unsigned long long)r->manifest.head, (unsigned long long)r->manifest.epoch);
    return -EBADMSG;
}

static int run(struct restore *r, const struct log_config *config, struct log_restored *ret,
               struct text_list *ret_notes, struct arena *notes_arena) {
    struct file_log *l;
    struct log_config still = *config;
    still.retain_usec = still.retain_bytes = 0; /* what goes, goes when the daemon runs */
    int k = file_open_still(&still, fill, r, &l, ret_notes, notes_arena, r->fault);
    if (k < 0)
        return k;
    r->log = l;
    uint64_t before = l->epoch;
    k = check_proven(r);
    if (k == 0)
        k = file_begin_epoch(l, r->fault);
    if (k == 0 && (k = give_away(l)) < 0)
        fault_set_error(r->fault, k, "directory", "%.150s can't be given to the daemon's user",
                        l->directory);
    if (k == 0)
        *ret = (struct log_restored){
            before, l->epoch, l->view.head, l->view.entries, view_n_held(&l->view), r->proven};
    file_free(l);
    return k;
}

int log_restore(const struct log_config *config, const char *from, struct log_restored *ret,
                struct text_list *ret_notes, struct arena *notes_arena, struct fault *ret_fault) {
    struct restore r = {.from = from,
                        .folder = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                        .arena = arena_new(ARENA_BYTES),
                        .fault = ret_fault,
                        .block = malloc(COPY_BYTES)};
    fault_clear(ret_fault);
    int k = r.folder < 0 ? -errno : r.arena == NULL || r.block == NULL ? -ENOMEM : 0;
    if (k < 0)
        fault_set_error(ret_fault, k, "restore", "%.150s can't be read", from);
    else
        k = run(&r, config, ret, ret_notes, notes_arena);
    io_closep(&r.folder);
    arena_free(r.arena);
    free(r.block);
    return k;
}
