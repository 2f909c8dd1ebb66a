#include "clients/lib/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum { FORMAT = 1, FILE_BYTES_MOST = 16 << 20 };

/* ---- text */

static json_t *prefixes_json(const struct slice *prefixes, size_t n) {
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, json_stringn((const char *)prefixes[i].data, prefixes[i].len));
    return array;
}

static json_t *positions_json(const struct reader_cursor *c) {
    json_t *object = json_object();
    for (size_t i = 0; i < c->n_positions; i++) {
        char topic[LIMIT_TOPIC_BYTES + 1] = "";
        memcpy(topic, c->positions[i].topic.data, c->positions[i].topic.len);
        json_object_set_new(object, topic, json_integer((json_int_t)c->positions[i].last_seq));
    }
    return object;
}

char *cursor_to_text(const struct reader_cursor *c, const struct slice *prefixes, size_t n) {
    json_t *object =
        json_pack("{si so sI sI sI so}", "format", FORMAT, "prefixes", prefixes_json(prefixes, n),
                  "epoch", (json_int_t)c->epoch, "start_seq", (json_int_t)c->start_seq,
                  "proven_seq", (json_int_t)c->proven_seq, "topics", positions_json(c));
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(object);
    return text;
}

static bool has_prefix(const json_t *array, struct slice prefix) {
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *s = json_array_get(array, i);
        if (json_is_string(s) && slice_equal(slice_of(json_string_value(s)), prefix))
            return true;
    }
    return false;
}

/* The same prefixes, in whatever order. */
static bool same_prefixes(const json_t *array, const struct slice *prefixes, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!has_prefix(array, prefixes[i]))
            return false;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *s = json_string_value(json_array_get(array, i));
        bool found = false;
        for (size_t k = 0; k < n && !found && s != NULL; k++)
            found = slice_equal(slice_of(s), prefixes[k]);
        if (!found)
            return false;
    }
    return true;
}

static int read_positions(struct arena *a, json_t *topics, struct reader_cursor *ret,
                          struct fault *f) {
    const char *topic;
    json_t *value;
    struct reader_position *p = arena_alloc(a, (json_object_size(topics) + 1) * sizeof *p);
    if (p == NULL)
        return -ENOMEM;
    ret->positions = p;
    json_object_foreach(topics, topic, value) {
        char *copy = arena_strndup(a, topic, strlen(topic));
        if (copy == NULL)
            return -ENOMEM;
        if (!json_is_integer(value) || json_integer_value(value) < 0 ||
            !topic_valid(slice_of(topic)))
            return fault_set(f, "topics", "'%.96s' is no topic with its number", topic);
        p[ret->n_positions++] = (struct reader_position){
            .topic = slice_of(copy), .last_seq = (uint64_t)json_integer_value(value)};
    }
    return 0;
}

static int read_object(struct arena *a, json_t *object, const struct slice *prefixes, size_t n,
                       struct reader_cursor *ret, struct fault *f) {
    json_t *array, *topics;
    json_int_t epoch, start, proven;
    int format;
    struct reader_cursor c = {0};
    if (json_unpack(object, "{si so sI sI sI so}", "format", &format, "prefixes", &array, "epoch",
                    &epoch, "start_seq", &start, "proven_seq", &proven, "topics", &topics) < 0 ||
        !json_is_array(array) || !json_is_object(topics) || epoch < 0 || start < 0 ||
        proven < start)
        return fault_set(f, "", "it is no cursor");
    if (format != FORMAT)
        return fault_set(f, "format", "it was written by another version of newswire");
    if (!same_prefixes(array, prefixes, n))
        return fault_set(f, "prefixes", "it was made for other topics");
    int r = read_positions(a, topics, &c, f);
    if (r < 0)
        return r;
    c.epoch = (uint64_t)epoch;
    c.start_seq = (uint64_t)start;
    c.proven_seq = (uint64_t)proven;
    *ret = c;
    return 0;
}

int cursor_from_text(struct arena *a, const char *text, const struct slice *prefixes, size_t n,
                     struct reader_cursor *ret, struct fault *f) {
    json_error_t error;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        return fault_set(f, "", "it is no cursor");
    int r = read_object(a, object, prefixes, n, ret, f);
    json_decref(object);
    return r;
}

/* ---- file */

int cursor_lock(const char *path) {
    char *name;
    if (asprintf(&name, "%s.lock", path) < 0)
        return -ENOMEM;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666), r = fd < 0 ? -errno : fd;
    free(name);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        r = errno == EWOULDBLOCK ? -EBUSY : -errno;
        close(fd);
    }
    return r;
}

int cursor_load(const char *path, char **ret) {
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t size = 0;
    *ret = NULL;
    if (file == NULL)
        return errno == ENOENT ? 0 : -errno;
    ssize_t n = getdelim(&text, &size, '\0', file);
    int r = n < 0 && ferror(file) ? -EIO : n > FILE_BYTES_MOST ? -EFBIG : 0;
    fclose(file);
    if (r < 0 || n < 0)
        free(text);
    else
        *ret = text;
    return r;
}

static int write_all(int fd, const char *text, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

static int sync_folder_of(char *path) {
    int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return r;
}

int cursor_store(const char *path, const char *text) {
    char *name;
    if (asprintf(&name, "%s.new", path) < 0)
        return -ENOMEM;
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int r = fd < 0 ? -errno : write_all(fd, text, strlen(text));
    if (r == 0)
        r = write_all(fd, "\n", 1);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    if (fd >= 0 && close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(name, path) < 0)
        r = -errno;
    if (r == 0)
        r = sync_folder_of(name);
    free(name);
    return r;
}
