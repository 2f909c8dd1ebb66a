#include "clients/ctl/copy.h"

#include "clients/tool/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    BLOCK_BYTES = 1 << 20,
    SYNC_BYTES = 32 << 20, /* no more than this waits for the disk */
};

int copier_begin(struct copier *c) {
    c->block = malloc(BLOCK_BYTES);
    c->started_usec = follow_now_usec();
    return c->block == NULL ? -ENOMEM : 0;
}

void copier_done(struct copier *c) {
    free(c->block);
    c->block = NULL;
}

/* Sleeps for as long as it has been too fast. */
static void keep_to_rate(const struct copier *c) {
    uint64_t spent = follow_now_usec() - c->started_usec;
    uint64_t due = c->rate == 0 ? 0 : (uint64_t)((double)c->done / (double)c->rate * 1e6);
    if (due <= spent)
        return;
    struct timespec t = {.tv_sec = (time_t)((due - spent) / 1000000),
                         .tv_nsec = (long)((due - spent) % 1000000) * 1000};
    nanosleep(&t, NULL); /* a signal may cut it short */
}

static int write_all(int fd, const uint8_t *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR)
            return -errno;
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Reads so many bytes of a file, into `to` as well unless that is -1, and takes
 * their digest. */
static int pass(struct copier *c, int from, int to, uint64_t bytes, uint8_t *ret_digest) {
    struct sha256_ctx sha;
    sha256_init(&sha);
    for (uint64_t at = 0; at < bytes;) {
        size_t want = bytes - at < BLOCK_BYTES ? (size_t)(bytes - at) : BLOCK_BYTES;
        ssize_t n = pread(from, c->block, want, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        int r = n < 0    ? -errno
                : n == 0 ? -ENODATA
                : to < 0 ? 0
                         : write_all(to, c->block, (size_t)n);
        if (r < 0)
            return r;
        sha256_update(&sha, (size_t)n, c->block);
        at += (uint64_t)n;
        c->done += (uint64_t)n;
        if (to >= 0 && at / SYNC_BYTES != (at - (uint64_t)n) / SYNC_BYTES && fdatasync(to) < 0)
            return -errno;
        keep_to_rate(c);
        r = c->pause(c->userdata, c->done);
        if (r < 0)
            return r;
    }
    sha256_digest(&sha, MANIFEST_DIGEST_BYTES, ret_digest);
    return 0;
}

static int compare(const void *name, const void *file) {
    return strcmp(name, ((const struct manifest_file *)file)->name);
}

/* Whether like has the same, sound: then it is linked. A file of the log that has the
 * same name and size in the same epoch is the same, but for those that are replaced. */
static bool link_same(struct copier *c, const char *name, uint64_t bytes,
                      struct manifest_file *ret) {
    const char *ending = strrchr(name, '.');
    struct stat st;
    if (c->like < 0 || ending == NULL)
        return false;
    const struct manifest_file *had =
        bsearch(name, c->had->files, c->had->n, sizeof *c->had->files, compare);
    int fd = had == NULL ? -1 : openat(c->like, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    uint64_t done = c->done;
    bool same = fd >= 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_size == bytes &&
                pass(c, fd, -1, bytes, ret->digest) == 0 &&
                memcmp(ret->digest, had->digest, sizeof had->digest) == 0 &&
                linkat(c->like, name, c->to, name, 0) == 0;
    if (fd >= 0)
        close(fd);
    if (same)
        c->linked += bytes;
    else
        c->done = done;
    return same;
}

static int copy(struct copier *c, const char *name, uint64_t bytes, uint8_t *ret_digest,
                const char **ret_what) {
    int from = openat(c->from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), r;
    *ret_what = "can't be read";
    if (from < 0)
        return -errno;
    posix_fadvise(from, 0, 0, POSIX_FADV_NOREUSE); /* others may still want its pages */
    int to = openat(c->to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    *ret_what = "can't be copied";
    r = to < 0 ? -errno : pass(c, from, to, bytes, ret_digest);
    if (r == 0 && fsync(to) < 0)
        r = -errno;
    if (to >= 0) {
        posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED);
        if (close(to) < 0 && r == 0)
            r = -errno;
    }
    close(from);
    return r;
}

int copier_add(struct copier *c, const char *name, uint64_t bytes, struct manifest_file *ret,
               const char **ret_what) {
    strncpy(ret->name, name, sizeof ret->name - 1);
    ret->name[sizeof ret->name - 1] = '\0';
    return link_same(c, name, bytes, ret) ? 0 : copy(c, name, bytes, ret->digest, ret_what);
}
