#include "daemon/log/io.h"

#include "daemon/pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct log_io log_io = {
    .pread = pread,
    .pwrite = pwrite,
    .fdatasync = fdatasync,
    .fstatvfs = fstatvfs,
};

void io_closep(int *fd) {
    if (*fd >= 0)
        close(*fd);
}

void io_freep(void *pointer) {
    free(*(void **)pointer);
}

static int write_all(int fd, const uint8_t *p, size_t len, uint64_t offset) {
    while (len > 0) {
        ssize_t n = log_io.pwrite(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -ENOSPC;
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int io_write(int fd, const void *bytes, size_t len, uint64_t offset) {
    pulse_enter_disk();
    int r = write_all(fd, bytes, len, offset);
    pulse_leave_disk();
    return r;
}

static ssize_t read_all(int fd, void *buffer, size_t size, uint64_t offset) {
    size_t done = 0;
    while (done < size) {
        ssize_t n = log_io.pread(fd, (uint8_t *)buffer + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

ssize_t io_read(int fd, void *buffer, size_t size, uint64_t offset) {
    pulse_enter_disk();
    ssize_t n = read_all(fd, buffer, size, offset);
    pulse_leave_disk();
    return n;
}

int io_sync(int fd) {
    pulse_enter_disk();
    /* Not repeated after EINTR or EIO: the kernel reports a failed write-back
     * once, and a second call may say 0 for pages that it has thrown away. */
    int r = log_io.fdatasync(fd) < 0 ? -errno : 0;
    pulse_leave_disk();
    return r;
}

int io_load(int folder, const char *name, size_t max, uint8_t **ret, size_t *ret_len) {
    _cleanup_fd_ int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if ((uint64_t)st.st_size > max)
        return -EFBIG;
    _cleanup_free_ uint8_t *bytes = malloc((size_t)st.st_size + 1);
    if (bytes == NULL)
        return -ENOMEM;
    ssize_t n = io_read(fd, bytes, (size_t)st.st_size, 0);
    if (n < 0)
        return (int)n;
    *ret = bytes;
    *ret_len = (size_t)n;
    bytes = NULL;
    return 0;
}

int io_replace(int folder, const char *name, const void *bytes, size_t len) {
    char temporary[64];
    snprintf(temporary, sizeof temporary, "%s.tmp", name);
    _cleanup_fd_ int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    int r = io_write(fd, bytes, len, 0);
    if (r == 0)
        r = io_sync(fd);
    if (r == 0 && renameat(folder, temporary, folder, name) < 0)
        r = -errno;
    if (r < 0) {
        unlinkat(folder, temporary, 0);
        return r;
    }
    return io_sync(folder);
}
