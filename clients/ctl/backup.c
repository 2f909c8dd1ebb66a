/* newswirectl backup: the daemon keeps its log's files as they are at one moment, and
 * they are copied here, by whoever may read them, to wherever that person may write:
 * the daemon's unit lets it write to its own folders only. */

#include "clients/ctl/copy.h"
#include "clients/ctl/ctl.h"
#include "clients/tool/file.h"
#include "clients/tool/follow.h"
#include "clients/tool/words.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    KEEP_USEC = 10 * 1000 * 1000,
    PROGRESS_USEC = 200 * 1000,
    IDLE_CLASS = 3 << 13, /* of ioprio_set(2): when nobody else wants the disk */
    ARENA_BYTES = 512 << 20,
    REASON_BYTES = 600,
};

struct backup {
    struct ctl_options ctl;
    const char *like;
    struct options_uint rate;
    bool quiet;

    char control[CTL_PATH_BYTES];
    char to[PATH_MAX], part[PATH_MAX]; /* the folder, and what it is called until it is whole */
    struct arena *arena;
    json_t *snapshot;
    struct manifest manifest, had;
    struct copier copier;
    uint64_t kept_usec, progress_usec;
    bool shows_progress;
    char reason[REASON_BYTES]; /* why it is given up */
};

static const struct options_row rows[] = {
    {"like", OPTIONS_STRING, offsetof(struct backup, like), "FOLDER", NULL,
     "an earlier backup: what it has too is linked, not copied"},
    {"rate", OPTIONS_UINT, offsetof(struct backup, rate), "MIB", NULL,
     "at most so many MiB a second"},
    {"quiet", OPTIONS_FLAG, offsetof(struct backup, quiet), NULL, NULL, "no progress"},
    CTL_JSON_ROW(struct backup),
    CTL_CONTROL_ROW(struct backup),
    CTL_CONFIG_ROW(struct backup),
    {0},
};

static const struct options options = {
    .program = "newswirectl backup",
    .arguments = "FOLDER",
    .summary = "Copies the log of a running newswired into FOLDER, which must be empty or not\n"
               "there: all of it up to one entry, proven by a manifest of SHA-256. Wants to\n"
               "read the log's files: root, or the daemon's group. newswired --restore FOLDER\n"
               "makes a log of it again.",
    .rows = rows,
};

__attribute__((format(printf, 3, 4))) static int fail(struct backup *b, int code,
                                                      const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(b->reason, sizeof b->reason, format, arguments);
    va_end(arguments);
    return code;
}

static int code_of(int error) {
    return error == -EACCES || error == -EPERM ? EX_NOPERM : error == -ENOMEM ? EX_OSERR : EX_IOERR;
}

/* ---- the daemon */

/* EX_OK, or a code with the reason kept. */
static int ask(struct backup *b, const char *const *arguments, size_t n, json_t **ret) {
    char reason[CONTROL_REASON_BYTES];
    int code = control_ask(b->control, "backup", arguments, n, ret, reason, sizeof reason);
    return code == EX_OK ? EX_OK : fail(b, code, "%.*s", REASON_BYTES - 1, reason);
}

static void snapshot_id(const struct backup *b, char ret[static 24]) {
    snprintf(ret, 24, "%lld", ctl_number(b->snapshot, "id"));
}

static int keep(struct backup *b) {
    char id[24];
    json_t *answer = NULL;
    const char *const arguments[] = {"keep", id};
    snapshot_id(b, id);
    int code = ask(b, arguments, 2, &answer);
    json_decref(answer);
    return code;
}

static void end(struct backup *b) {
    char id[24], reason[CONTROL_REASON_BYTES];
    json_t *answer = NULL;
    const char *const arguments[] = {"end", id, b->to, b->reason};
    snapshot_id(b, id);
    /* It would end by itself, later. */
    if (control_ask(b->control, "backup", arguments, 4, &answer, reason, sizeof reason) == EX_OK)
        json_decref(answer);
}

/* ---- while it copies */

static void show_progress(struct backup *b, uint64_t done, uint64_t now) {
    enum { MIB = 1 << 20 };
    if (b->quiet || !isatty(STDERR_FILENO) || now - b->progress_usec < PROGRESS_USEC)
        return;
    b->progress_usec = now;
    b->shows_progress = true;
    fprintf(stderr, "\r\033[K%3" PRIu64 "%%  %" PRIu64 " of %" PRIu64 " MiB",
            b->manifest.bytes == 0 ? 100 : done * 100 / b->manifest.bytes, done / MIB,
            b->manifest.bytes / MIB);
}

static int pause_copying(void *userdata, uint64_t done) {
    struct backup *b = userdata;
    uint64_t now = follow_now_usec();
    if (follow_stop != 0) {
        fail(b, 0, "it was ended by a signal");
        return -EINTR;
    }
    show_progress(b, done, now);
    if (now - b->kept_usec < KEEP_USEC)
        return 0;
    b->kept_usec = now;
    return keep(b) == EX_OK ? 0 : -ESTALE;
}

/* ---- the folder */

/* Removes what an earlier run left, and only that. 0 or -errno. */
static int remove_part(const struct backup *b) {
    int fd = open(b->part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return -ENOMEM;
    }
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        if (manifest_name_ok(e->d_name))
            unlinkat(fd, e->d_name, 0);
    closedir(dir);
    return rmdir(b->part) < 0 ? -errno : 0;
}

/* Whether the folder is there and has something in it. */
static bool is_taken(const char *path) {
    DIR *dir = opendir(path);
    if (dir == NULL)
        return errno != ENOENT;
    size_t n = 0;
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n > 2;
}

static int open_folders(struct backup *b) {
    const char *from = json_string_value(json_object_get(b->snapshot, "directory"));
    int r = remove_part(b);
    if (r == 0 && mkdir(b->part, 0750) < 0)
        r = -errno;
    b->copier.to = r < 0 ? -1 : open(b->part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->copier.to < 0)
        return fail(b, EX_CANTCREAT, "%s can't be made: %s", b->part, strerror(r < 0 ? -r : errno));
    b->copier.from = from == NULL ? -1 : open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->copier.from < 0)
        return fail(b, code_of(-errno), "the log's files in %s can't be read: %s%s", from,
                    strerror(errno), errno == EACCES ? "; be root, or in the daemon's group" : "");
    return EX_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct manifest_file *)a)->name, ((const struct manifest_file *)b)->name);
}

/* What an earlier backup has. One of another life of the log is of no use. */
static int open_like(struct backup *b) {
    char path[PATH_MAX];
    struct fault fault = {0};
    if (b->like == NULL)
        return EX_OK;
    snprintf(path, sizeof path, "%s/" MANIFEST_FILE, b->like);
    FILE *in = fopen(path, "r");
    struct stat st;
    if (in == NULL || fstat(fileno(in), &st) < 0 || st.st_size > MANIFEST_MOST_BYTES) {
        if (in != NULL)
            fclose(in);
        return fail(b, EX_NOINPUT, "--like: %.200s is no backup: it has no manifest", b->like);
    }
    uint8_t *text = malloc((size_t)st.st_size + 1);
    size_t len = text == NULL ? 0 : fread(text, 1, (size_t)st.st_size, in);
    int r = text == NULL ? -ENOMEM
                         : manifest_read(b->arena, (struct slice){text, len}, &b->had, &fault);
    free(text);
    fclose(in);
    if (r < 0)
        return fail(b, EX_DATAERR, "--like: %.200s: %s", b->like,
                    r == -ENOMEM ? "out of memory" : fault.reason);
    if (b->had.epoch != (uint64_t)ctl_number(b->snapshot, "epoch"))
        return EX_OK;
    qsort(b->had.files, b->had.n, sizeof *b->had.files, by_name);
    b->copier.had = &b->had;
    b->copier.like = open(b->like, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return EX_OK;
}

/* ---- all of it */

static int copy_all(struct backup *b) {
    const json_t *files = json_object_get(b->snapshot, "files");
    const char *what = "can't be copied";
    int r = copier_begin(&b->copier);
    for (size_t i = 0; r == 0 && i < json_array_size(files); i++) {
        const json_t *f = json_array_get(files, i);
        const char *name = json_string_value(json_object_get(f, "name"));
        r = name == NULL || !manifest_name_ok(name)
                ? -EPROTO
                : copier_add(&b->copier, name, (uint64_t)ctl_number(f, "bytes"),
                             &b->manifest.files[b->manifest.n++], &what);
        if (r < 0 && b->reason[0] == '\0')
            fail(b, 0, "%s %s: %s", name == NULL ? "a file" : name, what,
                 r == -ENODATA ? "it is shorter than the daemon said" : strerror(-r));
    }
    copier_done(&b->copier);
    return r == 0 ? EX_OK : code_of(r);
}

/* The manifest makes it a backup, and then it gets its name. */
static int complete(struct backup *b) {
    char above[PATH_MAX];
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    int r = out == NULL ? -ENOMEM : manifest_write(&b->manifest, out);
    if (out != NULL && fclose(out) != 0)
        r = -ENOMEM;
    if (r == 0)
        r = file_write(b->copier.to, MANIFEST_FILE, O_EXCL, 0640,
                       (struct slice){(const uint8_t *)text, len});
    free(text);
    if (r == 0)
        r = file_sync_folder(b->part);
    if (r == 0 && rename(b->part, b->to) < 0)
        r = -errno;
    snprintf(above, sizeof above, "%s", b->to);
    if (r == 0)
        r = file_sync_folder(dirname(above));
    return r == 0 ? EX_OK
                  : fail(b, code_of(r), "%.200s can't be completed: %s", b->to, strerror(-r));
}

static int make(struct backup *b) {
    const json_t *files = json_object_get(b->snapshot, "files");
    struct manifest *m = &b->manifest;
    m->epoch = (uint64_t)ctl_number(b->snapshot, "epoch");
    m->head = (uint64_t)ctl_number(b->snapshot, "head");
    m->entries = (uint64_t)ctl_number(b->snapshot, "entries");
    for (size_t i = 0; i < json_array_size(files); i++)
        m->bytes += (uint64_t)ctl_number(json_array_get(files, i), "bytes");
    m->files = arena_alloc(b->arena, (json_array_size(files) + 1) * sizeof *m->files);
    b->kept_usec = follow_now_usec();
    int code = m->files == NULL ? fail(b, EX_OSERR, "out of memory") : open_folders(b);
    if (code == EX_OK)
        code = open_like(b);
    if (code == EX_OK)
        code = copy_all(b);
    if (code == EX_OK)
        code = complete(b);
    if (code != EX_OK && b->copier.to >= 0)
        remove_part(b);
    return code;
}

static void tell(const struct backup *b) {
    const struct manifest *m = &b->manifest;
    if (b->ctl.json) {
        json_t *o = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "folder", b->to, "epoch",
                              (json_int_t)m->epoch, "head", (json_int_t)m->head, "entries",
                              (json_int_t)m->entries, "files", (json_int_t)m->n, "bytes",
                              (json_int_t)m->bytes, "linked_bytes", (json_int_t)b->copier.linked);
        ctl_print_json(o, JSON_COMPACT);
        json_decref(o);
        return;
    }
    printf("%s has all up to entry %" PRIu64 ": %" PRIu64 " entries, %zu files, %" PRIu64 " bytes",
           words_text(b->to), m->head, m->entries, m->n, m->bytes);
    if (b->like != NULL)
        printf(", %" PRIu64 " of them as in %s", b->copier.linked, words_text(b->like));
    putchar('\n');
}

static int run(struct backup *b) {
    const char *const begin[] = {"begin"};
    int code = ctl_path(&b->ctl, b->control);
    if (code != EX_OK)
        return code;
    if (is_taken(b->to))
        code = fail(b, EX_CANTCREAT, "%s is there, and not an empty folder", b->to);
    if (code == EX_OK)
        code = ask(b, begin, 1, &b->snapshot);
    if (code == EX_OK) {
        follow_signals();
        syscall(SYS_ioprio_set, 1, 0, IDLE_CLASS); /* where the disk's scheduler knows it */
        code = make(b);
        end(b);
    }
    if (b->shows_progress)
        fputs("\r\033[K", stderr);
    if (code == EX_OK)
        tell(b);
    else
        fprintf(stderr, "newswirectl: no backup: %s\n", words_text(b->reason));
    return code;
}

/* Absolute, as the journal names it too. */
static bool name_folders(struct backup *b, const char *folder) {
    char here[PATH_MAX] = "";
    size_t len = strlen(folder);
    while (len > 1 && folder[len - 1] == '/')
        len--;
    if (*folder != '/' && (getcwd(here, sizeof here - 1) == NULL || strcat(here, "/") == NULL))
        return false;
    int n = snprintf(b->to, sizeof b->to, "%s%.*s", here, (int)len, folder);
    return n < PATH_MAX && snprintf(b->part, sizeof b->part, "%s.part", b->to) < PATH_MAX;
}

int ctl_backup(int argc, char **argv) {
    struct backup b = {.copier = {.from = -1, .to = -1, .like = -1, .pause = pause_copying}};
    int first, code = options_parse(&options, argc, argv, &b, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    if (argc - first != 1 || *argv[first] == '\0')
        return options_fault(&options, "it wants one FOLDER");
    if (!name_folders(&b, argv[first]))
        return options_fault(&options, "the name of FOLDER is too long");
    b.copier.userdata = &b;
    b.copier.rate = b.rate.value << 20;
    b.arena = arena_new(ARENA_BYTES);
    code = b.arena == NULL ? EX_OSERR : run(&b);
    arena_free(b.arena);
    json_decref(b.snapshot);
    return code;
}
