#include "clients/forward/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_MOST = 64 << 10, PATH_BYTES = 4096, ALIGNMENT = 16 };

struct secret {
    char path[PATH_BYTES];
    size_t len;
    char bytes[];
};

static int find(const char *name, char path[static PATH_BYTES], bool *ret_credential) {
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    *ret_credential = *name != '/';
    if (*ret_credential && folder == NULL)
        return -ENOENT;
    int n = *ret_credential ? snprintf(path, PATH_BYTES, "%s/%s", folder, name)
                            : snprintf(path, PATH_BYTES, "%s", name);
    return n < PATH_BYTES ? 0 : -ENAMETOOLONG;
}

static int read_file(int fd, struct secret **ret) {
    /* It ends where a page ends: a multiple of the alignment keeps its start aligned. */
    size_t size = (sizeof(struct secret) + SECRET_MOST + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    struct secret *s = sodium_malloc(size);
    if (s == NULL)
        return -ENOMEM;
    ssize_t n = read(fd, s->bytes, SECRET_MOST);
    if (n < 0) {
        n = -errno;
        sodium_free(s);
        return (int)n;
    }
    while (n > 0 && (s->bytes[n - 1] == '\n' || s->bytes[n - 1] == '\r'))
        n--;
    s->len = (size_t)n;
    s->bytes[n] = '\0';
    *ret = s;
    return 0;
}

int secret_load(const char *name, struct secret **ret, char *error, size_t size) {
    char path[PATH_BYTES];
    bool credential;
    struct stat st;
    *ret = NULL;
    if (*name == '\0')
        return 0;
    int r = find(name, path, &credential);
    if (r < 0) {
        snprintf(error, size, "secret '%s': no path, and there are no credentials", name);
        return r;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
    if (r == 0 && !credential && (st.st_mode & S_IRWXO) != 0)
        r = -EPERM;
    if (r == 0)
        r = read_file(fd, ret);
    if (r == 0)
        strcpy((*ret)->path, path);
    if (fd >= 0)
        close(fd);
    if (r < 0)
        snprintf(error, size, "secret %s: %s", path,
                 r == -EPERM ? "anybody can read it; chmod 600" : strerror(-r));
    else if ((*ret)->len == 0) {
        snprintf(error, size, "secret %s: it is empty", path);
        *ret = secret_free(*ret);
        r = -EINVAL;
    }
    return r;
}

struct slice secret_bytes(const struct secret *s) {
    struct slice bytes = {NULL, 0};
    if (s != NULL)
        bytes = (struct slice){(const uint8_t *)s->bytes, s->len};
    return bytes;
}

const char *secret_text(const struct secret *s) {
    return s == NULL ? "" : s->bytes;
}

/* Any bytes can be a secret; what is no text is said by nobody. */
void secret_black_out(const struct secret *s, char *text) {
    size_t len = s == NULL ? 0 : strlen(s->bytes);
    if (len == 0 || len != s->len)
        return;
    for (char *at = text; (at = strstr(at, s->bytes)) != NULL; at += len)
        memset(at, '*', len);
}

const char *secret_path(const struct secret *s) {
    return s == NULL ? "" : s->path;
}

struct secret *secret_free(struct secret *s) {
    sodium_free(s);
    return NULL;
}
