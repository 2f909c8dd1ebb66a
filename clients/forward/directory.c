/* A folder of this machine, or one that it has mounted. */
#include "clients/forward/transport.h"
#include "clients/tool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct directory {
    const char *path;
    int fd; /* -1: not open, as it may come later */
};

static const char *const schemes[] = {"file", NULL};

static const char *folder_of(const struct outlet_config *o) {
    return o->url + strlen("file://");
}

static const char *check(const struct outlet_config *o) {
    return *folder_of(o) != '/' ? "url: a folder is file:///whole/path" : NULL;
}

static int open_directory(const struct outlet_config *o, void **ret, char *error, size_t size) {
    struct directory *d = calloc(1, sizeof *d);
    (void)error, (void)size;
    if (d == NULL)
        return -ENOMEM;
    d->path = folder_of(o);
    d->fd = -1;
    *ret = d;
    return 0;
}

static void close_directory(void *session) {
    struct directory *d = session;
    if (d != NULL && d->fd >= 0)
        close(d->fd);
    free(d);
}

/* Under the other name first, so that nobody sees half a file. */
static int put(struct directory *d, const char *part, const char *name, struct slice body) {
    int r = file_write(d->fd, part, O_TRUNC, 0644, body);
    if (r == 0 && renameat(d->fd, part, d->fd, name) < 0) {
        r = -errno;
        unlinkat(d->fd, part, 0);
    }
    return r == 0 && fsync(d->fd) < 0 ? -errno : r;
}

static void send_directory(void *session, const struct parcel *p, struct verdict *v) {
    struct directory *d = session;
    char part[300];
    int n = snprintf(part, sizeof part, ".%s.part", p->filename);
    if (d->fd >= 0) /* the folder may have been mounted anew */
        close(d->fd);
    d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = d->fd < 0                   ? -errno
            : n >= (int)sizeof part - 1 ? -ENAMETOOLONG
                                        : put(d, part, p->filename, p->body);
    if (r == 0) {
        verdict_set(v, VERDICT_DELIVERED, "%s", p->filename);
    } else {
        verdict_set(v, r == -ENAMETOOLONG ? VERDICT_PARKED : VERDICT_RETRY, "%s/%s: %s", d->path,
                    p->filename, strerror(-r));
        v->about_outlet = r != -ENAMETOOLONG;
    }
}

const struct transport transport_directory = {schemes, check, open_directory, send_directory,
                                              close_directory};
