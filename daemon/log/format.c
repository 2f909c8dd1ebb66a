#include "daemon/log/format.h"
#include "daemon/log/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES = 512, BORN_BYTES = 40 };

static const char temporary[] = FORMAT_FILE ".tmp";

/* When the file system made the file; "" when it doesn't say. */
static void born(int fd, char ret[static BORN_BYTES]) {
    struct statx st;
    ret[0] = '\0';
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &st) == 0 && (st.stx_mask & STATX_BTIME) != 0)
        snprintf(ret, BORN_BYTES, "%" PRIi64 ".%09" PRIu32, (int64_t)st.stx_btime.tv_sec,
                 st.stx_btime.tv_nsec);
}

int format_too_new(const char *name, unsigned format, int known, struct fault *ret_fault) {
    fault_set(
        ret_fault, "format",
        "%s has format %u, but this version knows formats up to %d only; use a newer newswired",
        name, format, known);
    return -EBADMSG;
}

/* ---- reading */

/* The rest of the line that begins with a word, in place; NULL: there is none. */
static const char *line_of(char *text, const char *word) {
    size_t len = strlen(word);
    for (char *line = text; line != NULL && *line != '\0';) {
        char *end = strchr(line, '\n');
        if (strncmp(line, word, len) == 0) {
            if (end != NULL)
                *end = '\0';
            return line + len;
        }
        line = end == NULL ? NULL : end + 1;
    }
    return NULL;
}

static int parse(int fd, char *text, const char *directory, enum format_state *ret,
                 uint64_t *ret_epoch, struct fault *ret_fault) {
    char here[BORN_BYTES];
    unsigned format;
    if (sscanf(text, "newswire log, format %u\n", &format) != 1) {
        fault_set(ret_fault, FORMAT_FILE, "the file %s in %s is damaged", FORMAT_FILE, directory);
        return -EBADMSG;
    }
    if (format > FORMAT_LOG)
        return format_too_new(directory, format, FORMAT_LOG, ret_fault);
    if (strstr(text, "\nunfinished\n") != NULL) {
        *ret = FORMAT_UNFINISHED;
        return 0;
    }
    const char *there = line_of(text, "born "), *epoch = line_of(text, "epoch ");
    if (epoch == NULL || sscanf(epoch, "%" SCNu64, ret_epoch) != 1) {
        fault_set(ret_fault, FORMAT_FILE, "the file %s in %s is damaged", FORMAT_FILE, directory);
        return -EBADMSG;
    }
    born(fd, here);
    bool copied = there != NULL && *here != '\0' && strcmp(there, here) != 0;
    *ret = copied ? FORMAT_COPIED : FORMAT_WHOLE;
    return 0;
}

int format_read(int folder, const char *directory, enum format_state *ret, uint64_t *ret_epoch,
                struct fault *ret_fault) {
    char text[FILE_BYTES];
    *ret = FORMAT_NONE;
    *ret_epoch = 0;
    _cleanup_fd_ int fd = openat(folder, FORMAT_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    ssize_t n = fd < 0 ? -errno : io_read(fd, text, sizeof text - 1, 0);
    if (n < 0) {
        fault_set_error(ret_fault, (int)n, FORMAT_FILE, "the file %s in %s can't be read",
                        FORMAT_FILE, directory);
        return (int)n;
    }
    text[n] = '\0';
    return parse(fd, text, directory, ret, ret_epoch, ret_fault);
}

/* ---- writing */

/* As io_replace, but what is written says when its file was made. */
static int replace(int folder, const char *state, uint64_t epoch) {
    char text[FILE_BYTES], when[BORN_BYTES];
    if (unlinkat(folder, temporary, 0) < 0 && errno != ENOENT)
        return -errno;
    _cleanup_fd_ int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    born(fd, when);
    int n = snprintf(text, sizeof text, "newswire log, format %d\n", FORMAT_LOG);
    if (state != NULL)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s\n", state);
    else
        n += snprintf(text + n, sizeof text - (size_t)n, "epoch %" PRIu64 "\n", epoch);
    if (state == NULL && *when != '\0')
        n += snprintf(text + n, sizeof text - (size_t)n, "born %s\n", when);
    int r = io_write(fd, text, (size_t)n, 0);
    if (r == 0)
        r = io_sync(fd);
    if (r == 0 && renameat(folder, temporary, folder, FORMAT_FILE) < 0)
        r = -errno;
    return r < 0 ? r : io_sync(folder);
}

int format_write_unfinished(int folder) {
    return replace(folder, "unfinished", 0);
}

int format_write(int folder, uint64_t epoch) {
    return replace(folder, NULL, epoch);
}
