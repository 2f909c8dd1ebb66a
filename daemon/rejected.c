#include "daemon/rejected.h"

#include "proto/journal/journal.h"
#include "proto/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAME_BYTES = NAME_MAX + 1,
    FILES_MOST = 20000,   /* that are looked at */
    FILES_LISTED = 1000,  /* the newest */
    REASON_BYTES = 65536, /* of one that is shown */
    LINE_BYTES = 512,     /* of those in the list */
};

struct refused {
    char name[NAME_BYTES]; /* as the folder has it */
    int64_t when_usec, bytes;
};

enum act { LIST, SHOW, PUT_BACK };

/* A command on its way through its task. */
struct errand {
    struct control_call *call;
    enum act act;
    char directory[PATH_MAX], name[NAME_BYTES], user[64];
    int folder; /* rejected/ */
    struct refused *files;
    size_t n_files, n_more;
    json_t *answer; /* NULL: refused, or out of memory */
    int code;
    struct fault fault;
};

__attribute__((format(printf, 3, 4))) static void turn_down(struct errand *e, int code,
                                                            const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fault_set_va(&e->fault, "", format, arguments);
    va_end(arguments);
    e->code = code;
}

static void turn_down_for(struct errand *e, int error, const char *path) {
    e->code = NEWSWIRE__V1__ERROR__CODE__busy;
    fault_set_error(&e->fault, error, "", "%.150s can't be used", path);
}

/* ---- the folder */

static bool reason_name(const char *name, char ret[static NAME_BYTES]) {
    return snprintf(ret, NAME_BYTES, "%s.reason", name) < NAME_BYTES;
}

/* Whether it is a plain file with a reason beside it. */
static bool look_at(int folder, const char *name, struct refused *ret) {
    char reason[NAME_BYTES];
    struct stat st, why;
    if (name[0] == '.' || !reason_name(name, reason) ||
        fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
        fstatat(folder, reason, &why, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(why.st_mode))
        return false;
    snprintf(ret->name, sizeof ret->name, "%s", name);
    ret->bytes = st.st_size;
    ret->when_usec = why.st_mtim.tv_sec * INT64_C(1000000) + why.st_mtim.tv_nsec / 1000;
    return true;
}

static int newest_first(const void *a, const void *b) {
    const struct refused *x = a, *y = b;
    if (x->when_usec != y->when_usec)
        return x->when_usec < y->when_usec ? 1 : -1;
    return strcmp(x->name, y->name);
}

static bool read_folder(struct errand *e) {
    int fd = openat(e->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        turn_down_for(e, errno, e->directory);
        if (fd >= 0)
            close(fd);
        return false;
    }
    e->files = calloc(FILES_MOST, sizeof *e->files); /* pages that aren't used cost nothing */
    for (struct dirent *d; e->files != NULL && (d = readdir(folder)) != NULL;) {
        struct refused one;
        if (!look_at(e->folder, d->d_name, &one))
            continue;
        if (e->n_files < FILES_MOST)
            e->files[e->n_files++] = one;
        else
            e->n_more++;
    }
    closedir(folder);
    return e->files != NULL;
}

/* The one whose name looks like the one given. NULL, with the errand refused. */
static const struct refused *choose(struct errand *e) {
    const struct refused *found = NULL;
    for (size_t i = 0; i < e->n_files; i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "%s", e->files[i].name);
        codec_mend_utf8(name);
        if (strcmp(name, e->name) != 0)
            continue;
        if (found != NULL) {
            turn_down(e, NEWSWIRE__V1__ERROR__CODE__invalid,
                      "two files in rejected/ look like '%.100s'; rename one", e->name);
            return NULL;
        }
        found = &e->files[i];
    }
    if (found == NULL)
        turn_down(e, NEWSWIRE__V1__ERROR__CODE__unknown,
                  "there is no file '%.100s' in rejected/; 'rejected' lists them", e->name);
    return found;
}

/* What stands beside the file, as UTF-8; "" when it can't be read. */
static void read_reason(const struct errand *e, const char *name, char *ret, size_t size) {
    char reason[NAME_BYTES];
    int fd = reason_name(name, reason)
                 ? openat(e->folder, reason, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                 : -1;
    ssize_t n = fd < 0 ? 0 : read(fd, ret, size - 1);
    if (fd >= 0)
        close(fd);
    ret[n < 0 ? 0 : n] = '\0';
    codec_mend_utf8(ret);
}

/* The first reason: below the line that says which file, and when. */
static void read_line(const struct errand *e, const char *name, char ret[static LINE_BYTES]) {
    char text[2 * LINE_BYTES];
    read_reason(e, name, text, sizeof text);
    const char *line = strchr(text, '\n');
    line = line == NULL ? text : line + 1;
    snprintf(ret, LINE_BYTES, "%.*s", (int)strcspn(line, "\n"), line);
    codec_mend_utf8(ret);
}

static json_t *describe(const struct refused *f, const char *reason) {
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s", f->name);
    codec_mend_utf8(name);
    return json_pack("{s:s,s:I,s:I,s:s}", "name", name, "bytes", (json_int_t)f->bytes,
                     "refused_at_usec", (json_int_t)f->when_usec, "reason", reason);
}

/* ---- what is asked, in a task */

static void list(struct errand *e) {
    json_t *array = json_array();
    char reason[LINE_BYTES];
    qsort(e->files, e->n_files, sizeof *e->files, newest_first);
    for (size_t i = 0; i < e->n_files && i < FILES_LISTED; i++) {
        read_line(e, e->files[i].name, reason);
        json_array_append_new(array, describe(&e->files[i], reason));
    }
    if (e->n_files > FILES_LISTED)
        e->n_more += e->n_files - FILES_LISTED;
    e->answer = json_pack("{s:o,s:I}", "files", array, "more", (json_int_t)e->n_more);
}

static void show(struct errand *e) {
    const struct refused *f = choose(e);
    char *reason = f == NULL ? NULL : malloc(REASON_BYTES);
    if (reason == NULL)
        return;
    read_reason(e, f->name, reason, REASON_BYTES);
    e->answer = describe(f, reason);
    free(reason);
}

static void put_back(struct errand *e) {
    const struct refused *f = choose(e);
    char line[LINE_BYTES], reason[NAME_BYTES], incoming[PATH_MAX + sizeof "/incoming"];
    if (f == NULL || !reason_name(f->name, reason))
        return;
    read_line(e, f->name, line);
    json_t *answer = describe(f, line);
    snprintf(incoming, sizeof incoming, "%s/incoming", e->directory);
    int to = open(incoming, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = to < 0 || renameat2(e->folder, f->name, to, f->name, RENAME_NOREPLACE) < 0 ? -errno : 0;
    if (to >= 0)
        close(to);
    if (r < 0) {
        if (r == -EEXIST)
            turn_down(e, NEWSWIRE__V1__ERROR__CODE__invalid,
                      "'%.100s': incoming/ has a file of that name, which waits", e->name);
        else
            turn_down_for(e, r, e->name);
        json_decref(answer);
        return;
    }
    unlinkat(e->folder, reason, 0); /* or it would be taken for the next one's */
    e->answer = answer;
}

static void work(void *userdata) {
    struct errand *e = userdata;
    static void (*const acts[])(struct errand *) = {
        [LIST] = list, [SHOW] = show, [PUT_BACK] = put_back};
    char path[PATH_MAX + sizeof "/rejected"];
    snprintf(path, sizeof path, "%s/rejected", e->directory);
    e->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (e->folder < 0)
        turn_down_for(e, errno, path);
    else if (read_folder(e))
        acts[e->act](e);
    if (e->folder >= 0)
        close(e->folder);
    free(e->files);
}

static void done(void *userdata) {
    struct errand *e = userdata;
    if (e->answer != NULL && e->act == PUT_BACK)
        journal(JOURNAL_FILE_PUT_BACK,
                &(struct journal_subject){.file = e->name, .person = e->user},
                "spool: %s is put back by %s; before: %s", e->name, e->user,
                json_string_value(json_object_get(e->answer, "reason")));
    if (e->answer != NULL || *e->fault.reason == '\0')
        control_answer(e->call, e->answer);
    else
        control_refuse_text(e->call, e->code, fault_local(&e->fault));
    free(e);
}

/* ---- commands */

static void begin(struct control_call *call, enum act act) {
    const struct control_subject *s = control_subject(call);
    const char *name = call->arguments[0] == NULL ? "" : call->arguments[0];
    struct errand *e = calloc(1, sizeof *e);
    if (s->spool == NULL || e == NULL || (act == PUT_BACK && *name == '\0')) {
        if (e == NULL)
            control_refuse(call, NEWSWIRE__V1__ERROR__CODE__busy, "the daemon is short of memory");
        else if (s->spool == NULL)
            control_refuse(call, NEWSWIRE__V1__ERROR__CODE__invalid,
                           "there is no spool: [spool] directory is empty");
        else
            control_refuse(call, NEWSWIRE__V1__ERROR__CODE__invalid,
                           "which file? A name that 'rejected' lists");
        free(e);
        return;
    }
    e->call = call;
    e->act = act;
    snprintf(e->directory, sizeof e->directory, "%s", s->settings->spool.directory);
    snprintf(e->name, sizeof e->name, "%s", name);
    snprintf(e->user, sizeof e->user, "%s", call->user);
    if (control_start(call, work, done, e) < 0) {
        control_refuse(call, NEWSWIRE__V1__ERROR__CODE__busy, "too much is asked; try again");
        free(e);
    }
}

void rejected_look(struct control_call *call) {
    begin(call, call->arguments[0] == NULL || *call->arguments[0] == '\0' ? LIST : SHOW);
}

void rejected_put_back(struct control_call *call) {
    begin(call, PUT_BACK);
}
