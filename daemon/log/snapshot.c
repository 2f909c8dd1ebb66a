/* Snapshots: the log's files kept as they are while somebody copies them, by hard
 * links in a folder beside them. Nothing is copied here, and nothing waits: files
 * are only ever added to, or replaced by rename. */

#include "daemon/log/batch.h"
#include "daemon/log/format.h"
#include "daemon/log/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char folder_name[] = "backup";

struct making {
    struct file_log *log;
    int folder;
    struct log_snapshot_file *files;
    size_t n;
};

void file_snapshot_clear(struct file_log *l) {
    int fd = openat(l->folder, folder_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    l->snapshot = 0;
    if (dir == NULL) {
        io_closep(&fd);
        return;
    }
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        unlinkat(fd, e->d_name, 0);
    closedir(dir);
    unlinkat(l->folder, folder_name, AT_REMOVEDIR);
}

void file_snapshot_expire(struct file_log *l) {
    if (l->snapshot != 0 &&
        file_monotonic_usec() - l->snapshot_usec > UINT64_C(1000000) * LOG_SNAPSHOT_KEPT_SEC)
        file_snapshot_clear(l);
}

/* Takes a file in, up to so many bytes; UINT64_MAX: all that it has. One that is not
 * there is left out. */
static int add(struct making *m, const char *name, uint64_t bytes) {
    struct stat st;
    if (linkat(m->log->folder, name, m->folder, name, 0) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (bytes == UINT64_MAX && fstatat(m->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    struct log_snapshot_file *f = &m->files[m->n++];
    snprintf(f->name, sizeof f->name, "%s", name);
    f->bytes = bytes == UINT64_MAX ? (uint64_t)st.st_size : bytes;
    return 0;
}

static int add_run(struct making *m, uint64_t id) {
    char name[IDENTITY_RUN_NAME_BYTES];
    identity_run_name(id, name);
    return add(m, name, UINT64_MAX);
}

/* The view first: a checkpoint that is being written may replace it meanwhile. Runs
 * that it no longer names go only when this thread has taken the checkpoint over; the
 * one that a newer view names is the one in the making. If it is the older view that
 * was caught, nobody asks for that run, whole or not. */
static int add_view(struct making *m) {
    const struct file_log *l = m->log;
    const struct identity_set *set = &l->view.identities;
    int r = add(m, VIEW_FILE, UINT64_MAX);
    for (size_t i = 0; r == 0 && i < set->n_runs; i++)
        r = add_run(m, set->runs[i]->id);
    return r < 0 || l->job == NULL ? r : add_run(m, l->next_run - 1);
}

static int add_segments(struct making *m) {
    const struct file_log *l = m->log;
    int r = 0;
    for (size_t i = 0; r == 0 && i < l->n_segments; i++) {
        char name[SEGMENT_NAME_BYTES], index[INDEX_NAME_BYTES];
        segment_name(l->segments[i].header.base, name);
        index_name(l->segments[i].header.base, index);
        r = add(m, name, l->segments[i].end);
        if (r == 0 && i + 1 < l->n_segments)
            r = add(m, index, UINT64_MAX);
    }
    return r;
}

static int make(struct file_log *l, struct making *m) {
    file_snapshot_clear(l);
    if (mkdirat(l->folder, folder_name, 0750) < 0)
        return -errno;
    m->folder = openat(l->folder, folder_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = m->folder < 0 ? -errno : add_view(m);
    if (r == 0)
        r = add_segments(m);
    if (r == 0)
        r = add(m, FORMAT_FILE, UINT64_MAX);
    io_closep(&m->folder);
    return r;
}

static int snapshot(struct file_log *l, struct file_batch *b, struct log_result *result) {
    char path[PATH_MAX];
    size_t most = 2 * l->n_segments + l->view.identities.n_runs + 3;
    struct log_snapshot *s =
        batch_answer(b, sizeof *s + most * sizeof *s->files + strlen(l->directory) + PATH_MAX);
    if (s == NULL)
        return -ENOMEM;
    struct making m = {.log = l, .folder = -1, .files = (struct log_snapshot_file *)(s + 1)};
    int r = realpath(l->directory, path) == NULL ? -errno : make(l, &m);
    if (r < 0) {
        struct fault why;
        file_snapshot_clear(l);
        fault_set_error(&why, r, "", "%.200s/%s can't be made", l->directory, folder_name);
        batch_unavailable(result, &why);
        return 0;
    }
    char *directory = (char *)(m.files + most);
    snprintf(directory, PATH_MAX, "%.*s/%s", PATH_MAX - 16, path, folder_name);
    l->snapshot = (uint64_t)file_now(l);
    l->snapshot_head = l->bounds.head;
    l->snapshot_usec = file_monotonic_usec();
    /* As is durable by now: what this batch has in it is not. */
    *s = (struct log_snapshot){.id = l->snapshot,
                               .directory = directory,
                               .epoch = l->epoch,
                               .head = l->bounds.head,
                               .entries = l->bounds.entries,
                               .files = m.files,
                               .n = m.n};
    result->snapshot = s;
    return 0;
}

int file_snapshot(struct file_log *l, struct file_batch *b, const struct log_ask *ask) {
    struct log_result *result = batch_result(b, LOG_ANSWERED, ask->cookie);
    bool one = ask->type == LOG_ASK_SNAPSHOT;
    if (one && l->snapshot == 0)
        return snapshot(l, b, result);
    if (one || ask->hold != l->snapshot || l->snapshot == 0) {
        result->outcome = LOG_REFUSED;
        if (one)
            fault_set(&result->fault, "", "another backup is being made");
        else
            fault_set(&result->fault, "",
                      "nobody has asked for this snapshot in %d seconds: it is gone",
                      LOG_SNAPSHOT_KEPT_SEC);
        return 0;
    }
    l->snapshot_usec = file_monotonic_usec();
    result->seq = l->snapshot_head;
    if (ask->type == LOG_ASK_SNAPSHOT_END)
        file_snapshot_clear(l);
    return 0;
}
