#include "clients/tool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int write_all(int fd, struct slice bytes) {
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.data, bytes.len);
        if (n < 0 && errno != EINTR)
            return -errno;
        bytes.data += n > 0 ? n : 0;
        bytes.len -= n > 0 ? (size_t)n : 0;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

int file_write(int folder, const char *name, int flags, unsigned mode, struct slice bytes) {
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC | flags, (mode_t)mode);
    if (fd < 0)
        return -errno;
    int r = write_all(fd, bytes);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r < 0)
        unlinkat(folder, name, 0);
    return r;
}

int file_sync_folder(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return r;
}
