#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unistr.h>

enum { ARENA_BYTES = 256 << 20 };

void fuzz_broken(const char *file, int line, const char *condition) {
    fprintf(stderr, "%s:%d: broken: %s\n", file, line, condition);
    abort();
}

struct arena *fuzz_arena(void) {
    static struct arena *a;
    if (a == NULL)
        a = arena_new(ARENA_BYTES);
    MUST(a != NULL);
    arena_reset(a);
    return a;
}

/* ---- inputs */

uint8_t fuzz_byte(struct fuzz_bytes *in) {
    if (in->len == 0)
        return 0;
    in->len--;
    return *in->data++;
}

struct slice fuzz_slice(struct fuzz_bytes *in, size_t len) {
    struct slice s = {in->data, len < in->len ? len : in->len};
    in->data += s.len;
    in->len -= s.len;
    return s;
}

struct slice fuzz_until(struct fuzz_bytes *in, uint8_t end) {
    const uint8_t *at = in->len == 0 ? NULL : memchr(in->data, end, in->len);
    struct slice s = fuzz_slice(in, at == NULL ? in->len : (size_t)(at - in->data));
    fuzz_slice(in, 1);
    return s;
}

char *fuzz_text(struct arena *a, struct slice s) {
    char *text = arena_strndup(a, s.len == 0 ? "" : (const char *)s.data, s.len);
    MUST(text != NULL);
    return text;
}

/* ---- files */

int fuzz_file(struct slice bytes, char path[static FUZZ_PATH_BYTES]) {
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    MUST(fd >= 0 && fchmod(fd, 0600) == 0);
    MUST(bytes.len == 0 || write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
    MUST(lseek(fd, 0, SEEK_SET) == 0);
    snprintf(path, FUZZ_PATH_BYTES, "/proc/self/fd/%d", fd);
    return fd;
}

static char folder[FUZZ_PATH_BYTES];

void fuzz_empty_folder(void) {
    DIR *dir = opendir(fuzz_folder());
    MUST(dir != NULL);
    for (const struct dirent *d; (d = readdir(dir)) != NULL;)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            MUST(unlinkat(dirfd(dir), d->d_name, 0) == 0);
    closedir(dir);
}

static void remove_folder(void) {
    fuzz_empty_folder();
    rmdir(folder);
}

const char *fuzz_folder(void) {
    if (*folder != '\0')
        return folder;
    strcpy(folder, "/dev/shm/newswire-fuzz-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        strcpy(folder, "/tmp/newswire-fuzz-XXXXXX");
        MUST(mkdtemp(folder) != NULL);
    }
    atexit(remove_folder);
    return folder;
}

/* ---- promises */

void fuzz_check_text(const char *text) {
    MUST(u8_check((const uint8_t *)text, strlen(text)) == NULL);
}

void fuzz_check_fault(const struct fault *f) {
    MUST(*f->reason != '\0');
    fuzz_check_text(f->reason);
    fuzz_check_text(f->field);
}

void fuzz_check_article(struct arena *a, const Article *article) {
    uint8_t digest[LIMIT_DIGEST_BYTES], again[LIMIT_DIGEST_BYTES];
    struct slice bytes, repacked;
    struct fault f;
    Article *back;
    if (codec_check_article(article, &f) < 0) {
        fprintf(stderr, "%s: %s\n", f.field, f.reason);
        MUST(!"an article that the codec takes");
    }
    MUST(codec_pack(a, &article->base, &bytes) == 0);
    MUST(codec_unpack_article(a, bytes, &back, &f) == 0);
    MUST(codec_pack(a, &back->base, &repacked) == 0 && slice_equal(bytes, repacked));
    codec_content_digest(article, digest);
    codec_content_digest(back, again);
    MUST(memcmp(digest, again, sizeof digest) == 0);
}
