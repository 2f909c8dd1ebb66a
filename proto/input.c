#include "proto/input.h"

#include "proto/limits.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

int input_read(int fd, struct arena *a, struct slice *ret) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    bool known = S_ISREG(st.st_mode) && st.st_size < LIMIT_FILE_BYTES;
    size_t most = (known ? (size_t)st.st_size : LIMIT_FILE_BYTES) + 1, len = 0;
    uint8_t *data = arena_alloc(a, most);
    if (data == NULL)
        return -ENOMEM;
    while (len < most) {
        ssize_t n = read(fd, data + len, most - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret = (struct slice){data, len};
    return 0;
}
