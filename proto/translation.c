#include "proto/translation.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES = 4 << 20 };

static const uint32_t mo_magic = 0x950412de;

/* As "The Format of GNU MO Files" in gettext's manual has it, little-endian. */
struct mo_header {
    uint32_t magic, revision, n, originals, translations;
};

struct mo_string {
    uint32_t len, offset;
};

/* What is in use; it stays as long as the program does. */
static struct {
    char *data;
    const struct mo_string *originals, *translations;
    size_t n;
} mo;

/* Words that come from the system: found here by xgettext only. */
static const char *const words[] __attribute__((unused)) = {
    N_("Operation not permitted"),
    N_("No such file or directory"),
    N_("Input/output error"),
    N_("Cannot allocate memory"),
    N_("Permission denied"),
    N_("Device or resource busy"),
    N_("File exists"),
    N_("Not a directory"),
    N_("Is a directory"),
    N_("Invalid argument"),
    N_("Too many open files in system"),
    N_("Too many open files"),
    N_("File too large"),
    N_("No space left on device"),
    N_("Read-only file system"),
    N_("File name too long"),
    N_("Too many levels of symbolic links"),
    N_("Bad message"),
    N_("Disk quota exceeded"),
    N_("Stale file handle"),
    N_("Resource temporarily unavailable"),
    N_("Address already in use"),
    N_("Cannot assign requested address"),
};

static const char *text_of(const char *data, const struct mo_string *s) {
    return data + le32toh(s->offset);
}

static int compare(const void *sentence, const void *original) {
    return strcmp(sentence, text_of(mo.data, original));
}

const char *translated(const char *sentence) {
    const struct mo_string *found =
        mo.n == 0 || *sentence == '\0' /* stands for the file's header */
            ? NULL
            : bsearch(sentence, mo.originals, mo.n, sizeof *mo.originals, compare);
    if (found == NULL)
        return sentence;
    return text_of(mo.data, &mo.translations[found - mo.originals]);
}

/* ---- the file */

static int read_whole(const char *path, char **ret, size_t *ret_size) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return -error;
    }
    size_t size = st.st_size > FILE_BYTES ? 0 : (size_t)st.st_size;
    char *data = malloc(size + 1);
    ssize_t n = data == NULL ? -1 : read(fd, data, size);
    close(fd);
    if (n < 0 || (size_t)n != size) {
        free(data);
        return data == NULL ? -ENOMEM : -EBADMSG;
    }
    *ret = data;
    *ret_size = size;
    return 0;
}

/* Whether a table, and each string that it names, lies within the file. */
static bool is_table(const char *data, size_t size, uint32_t at, size_t n) {
    if (at % sizeof(uint32_t) != 0 || at > size || n > (size - at) / sizeof(struct mo_string))
        return false;
    const struct mo_string *s = (const struct mo_string *)(data + at);
    for (size_t i = 0; i < n; i++) {
        size_t offset = le32toh(s[i].offset), len = le32toh(s[i].len);
        if (offset >= size || len >= size - offset || data[offset + len] != '\0')
            return false;
    }
    return true;
}

static bool is_sorted(const char *data, const struct mo_string *s, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (strcmp(text_of(data, &s[i - 1]), text_of(data, &s[i])) >= 0)
            return false;
    return true;
}

/* 0 or -EBADMSG. */
static int take(char *data, size_t size) {
    const struct mo_header *h = (const struct mo_header *)data;
    if (size < sizeof *h || le32toh(h->magic) != mo_magic)
        return -EBADMSG;
    size_t n = le32toh(h->n);
    uint32_t originals = le32toh(h->originals), translations = le32toh(h->translations);
    if (!is_table(data, size, originals, n) || !is_table(data, size, translations, n) ||
        !is_sorted(data, (const struct mo_string *)(data + originals), n))
        return -EBADMSG;
    mo.data = data;
    mo.n = n;
    mo.originals = (const struct mo_string *)(data + originals);
    mo.translations = (const struct mo_string *)(data + translations);
    return 0;
}

int translation_load(const char *path) {
    char *data = NULL, *before = mo.data;
    size_t size = 0;
    int r = path == NULL ? 0 : read_whole(path, &data, &size);
    if (r == 0 && path != NULL)
        r = take(data, size);
    if (r < 0) {
        free(data);
        return r;
    }
    if (path == NULL)
        memset(&mo, 0, sizeof mo);
    free(before);
    return 0;
}

/* ---- which file */

static const char *from_environment(void) {
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0')
            return value;
    }
    return "";
}

/* "zh_CN.UTF-8@x" and "zh-CN" are "zh_CN". */
static void clean(const char *language, char ret[static 32]) {
    snprintf(ret, 32, "%.*s", (int)strcspn(language, ".@"), language);
    for (char *c = ret; *c != '\0'; c++)
        if (*c == '-' || *c == '/')
            *c = '_';
}

static bool is_english(const char *language) {
    return *language == '\0' || strcmp(language, "C") == 0 || strcmp(language, "POSIX") == 0 ||
           strcmp(language, "en") == 0 || strncmp(language, "en_", 3) == 0;
}

static int load_from(const char *folder, const char *below, const char *language) {
    char path[PATH_MAX];
    int n =
        snprintf(path, sizeof path, "%s/%s/%s/LC_MESSAGES/newswired.mo", folder, below, language);
    return n < 0 || (size_t)n >= sizeof path ? -ENAMETOOLONG : translation_load(path);
}

int translation_choose(const char *language) {
    char name[32], folder[PATH_MAX];
    bool chosen = *language != '\0';
    clean(chosen ? language : from_environment(), name);
    if (chosen && *name == '\0')
        return -ENOENT;
    if (is_english(name))
        return translation_load(NULL);
    ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (n < 0)
        return -errno;
    folder[n] = '\0';
    *strrchr(folder, '/') = '\0';
    int r = load_from(folder, "locale", name);
    if (r == -ENOENT)
        r = load_from(folder, "../share/locale", name);
    return r == -ENOENT && !chosen ? translation_load(NULL) : r;
}
