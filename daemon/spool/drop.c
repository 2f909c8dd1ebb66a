#include "daemon/spool/drop.h"

#include "proto/input.h"
#include "proto/translation.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    ARENA_BYTES = 512 << 20,
    NAMES_TRIED = 10000, /* NAME.2, NAME.3, … in a folder that has NAME */
};

struct drop *drop_new(const struct settings *settings, const struct drop_folders *folders,
                      const struct key_pair *sign, const char *name) {
    struct drop *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->settings = settings_ref(settings);
    d->sign = sign;
    d->folders = folders;
    d->arena = arena_new(ARENA_BYTES);
    if (d->arena == NULL)
        return drop_free(d);
    snprintf(d->name, sizeof d->name, "%s", name);
    return d;
}

struct drop *drop_free(struct drop *d) {
    if (d == NULL)
        return NULL;
    settings_unref((struct settings *)d->settings);
    arena_free(d->arena);
    free(d);
    return NULL;
}

size_t drop_count(const struct drop *d, enum log_outcome outcome) {
    size_t n = 0;
    for (size_t i = 0; i < d->n_items; i++)
        n += d->items[i].outcome == outcome;
    return n;
}

/* ---- reading */

static enum drop_state cannot(struct drop *d, enum drop_state state, const char *sentence,
                              int error) {
    fault_say(&d->refusal.fault, "", sentence);
    fault_add(&d->refusal.fault, strerror(error), translated(strerror(error)));
    return state;
}

/* Whether somebody has the file open for writing: then it can't be leased
 * (fcntl(2), F_SETLEASE). Where leases don't work, nobody can tell. */
static bool is_written_to(int fd) {
    /* A writer who comes just now is told by a signal, which must harm nobody. */
    if (fcntl(fd, F_SETSIG, SIGURG) < 0)
        return false;
    if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
        return errno == EAGAIN;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

static enum drop_state read_open(struct drop *d, int fd, struct slice *ret) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return cannot(d, DROP_UNAVAILABLE, "it can't be read", errno);
    audit_user(st.st_uid, d->owner);
    if (!S_ISREG(st.st_mode)) {
        fault_set(&d->refusal.fault, "", "it is no plain file");
        return DROP_REFUSED;
    }
    if (is_written_to(fd))
        return DROP_BUSY;
    int r = input_read(fd, d->arena, ret);
    return r < 0 ? cannot(d, DROP_UNAVAILABLE, "it can't be read", -r) : DROP_PROPOSED;
}

static enum drop_state read_file(struct drop *d, struct slice *ret) {
    int fd = openat(d->folders->incoming, d->name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return DROP_GONE;
    if (fd < 0) /* what only a person can change is refused; a full table passes */
        return cannot(d,
                      errno == EACCES || errno == EPERM || errno == ELOOP || errno == ENXIO
                          ? DROP_REFUSED
                          : DROP_UNAVAILABLE,
                      "it can't be opened", errno);
    enum drop_state state = read_open(d, fd, ret);
    close(fd);
    return state;
}

static enum drop_state parse_file(struct drop *d, struct slice bytes) {
    struct parse_input input = {.bytes = bytes, .name = d->name};
    int r = parse(d->arena, &d->settings->rules, NULL, &input, &d->parsed, &d->refusal);
    if (r == -ENOMEM)
        fault_set(&d->refusal.fault, "", "it needs too much memory to be read");
    return r < 0 ? DROP_REFUSED : DROP_PROPOSED;
}

/* Empty when nothing is signed, or there is no memory for it, which packing finds too. */
static struct slice signature_of(struct drop *d, struct slice article) {
    uint8_t *encoded = d->sign == NULL ? NULL : arena_alloc(d->arena, SIGNATURE_ENCODED_BYTES);
    struct signature made;
    if (encoded == NULL)
        return (struct slice){0};
    signature_make(d->sign, article, &made);
    signature_encode(&made, encoded);
    return (struct slice){encoded, SIGNATURE_ENCODED_BYTES};
}

static int propose(struct drop *d, Article *article, struct drop_item *item) {
    struct slice bytes;
    struct log_proposal *p = &d->proposals[d->n_proposals];
    item->drop = d;
    article_strip_kill(article);
    item->uri = article->uri;
    item->version = article->version;
    item->canceled = article->status == STATUS_CANCELED;
    item->title = *article->headline == '\0' ? article->uri : article->headline;
    int r = codec_pack(d->arena, &article->base, &bytes);
    if (r == 0)
        r = admit(d->settings, d->arena, bytes, signature_of(d, bytes), p, &item->fault);
    if (r == -EINVAL) {
        item->outcome = LOG_REFUSED;
        return 0;
    }
    if (r < 0)
        return r;
    memcpy(item->topic, p->topic, strlen(p->topic) + 1);
    p->cookie = &item->waiter;
    if (p->approvals == 0 && !p->canceled && rules_wants_review(&d->settings->rules, &d->parsed))
        p->approvals = 1;
    d->n_proposals++;
    return 0;
}

static enum drop_state propose_all(struct drop *d) {
    size_t n = d->parsed.n_articles;
    d->items = arena_alloc(d->arena, (n + 1) * sizeof *d->items);
    d->proposals = arena_alloc(d->arena, (n + 1) * sizeof *d->proposals);
    int r = d->items == NULL || d->proposals == NULL ? -ENOMEM : 0;
    for (; r == 0 && d->n_items < n; d->n_items++)
        r = propose(d, d->parsed.articles[d->n_items], &d->items[d->n_items]);
    if (r == 0)
        return DROP_PROPOSED;
    d->n_items = d->n_proposals = 0;
    fault_set(&d->refusal.fault, "", "it needs too much memory to be read");
    return DROP_REFUSED;
}

void drop_read(struct drop *d) {
    struct slice bytes = {0};
    d->state = read_file(d, &bytes);
    if (d->state == DROP_PROPOSED)
        d->state = parse_file(d, bytes);
    if (d->state == DROP_PROPOSED)
        d->state = propose_all(d);
}

/* ---- finishing */

/* "section: there is no section …", or without a field. */
static void write_fault(FILE *f, const struct fault *fault) {
    fprintf(f, "%s%s%s\n", fault->field, *fault->field == '\0' ? "" : translated(": "),
            fault_local(fault));
}

static void write_item(FILE *f, const struct drop_item *item) {
    unsigned long long seq = item->seq;
    switch (item->outcome) {
    case LOG_REFUSED:
        fprintf(f, translated("refused: %s: "), item->title);
        write_fault(f, &item->fault);
        break;
    case LOG_DUPLICATE:
        fprintf(f, translated("duplicate of %llu on %s: %s\n"), seq, item->topic, item->title);
        break;
    case LOG_HELD: fprintf(f, translated("held on %s: %s\n"), item->topic, item->title); break;
    default: fprintf(f, translated("accepted as %llu on %s: %s\n"), seq, item->topic, item->title);
    }
}

static void write_reason(FILE *f, const struct drop *d) {
    char when[32];
    time_t now = time(NULL);
    struct tm tm;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    fprintf(f, translated("%s, refused at %s\n"), d->name, when);
    if (d->refusal.line > 0)
        fprintf(f, translated("line %zu: "), d->refusal.line);
    if (*d->refusal.fault.reason != '\0')
        write_fault(f, &d->refusal.fault);
    for (size_t i = 0; i < d->n_items; i++)
        write_item(f, &d->items[i]);
    for (size_t i = 0; i < d->parsed.local.n; i++)
        fprintf(f, translated("warning: %s\n"), d->parsed.local.items[i]);
}

/* The k-th name to try for it: page.txt, page.2.txt, page.3.txt. */
static void nth_name(const char *name, int k, char ret[static DROP_NAME_BYTES]) {
    const char *dot = strrchr(name, '.');
    size_t stem = dot == NULL || dot == name ? strlen(name) : (size_t)(dot - name);
    if (k == 1) {
        memcpy(ret, name, strlen(name) + 1);
        return;
    }
    char number[16];
    size_t digits = (size_t)snprintf(number, sizeof number, ".%d", k), rest = strlen(name + stem);
    size_t room = DROP_NAME_BYTES - 1 - sizeof ".reason";
    if (stem + digits + rest > room) /* a name that long is cut in the middle */
        stem = room > digits + rest ? room - digits - rest : 0;
    snprintf(ret, DROP_NAME_BYTES, "%.*s%s%s", (int)stem, name, number,
             name + (dot == NULL || dot == name ? strlen(name) : (size_t)(dot - name)));
}

/* Moves it to a name that is free there. 0 or -errno. */
static int move_to(struct drop *d, int folder, const char *as) {
    return renameat2(d->folders->incoming, d->name, folder, as, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

static int accept_file(struct drop *d) {
    int r = -EEXIST;
    for (int k = 1; r == -EEXIST && k < NAMES_TRIED; k++) {
        char as[DROP_NAME_BYTES];
        nth_name(d->name, k, as);
        r = move_to(d, d->folders->accepted, as);
    }
    return r;
}

/* Writes the reason to a new file. 0; -EEXIST; other -errno. */
static int save_reason(const struct drop *d, const char *name) {
    int fd = openat(d->folders->rejected, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (f == NULL) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return -error;
    }
    write_reason(f, d);
    bool failed = fflush(f) != 0 || fsync(fd) < 0;
    int r = failed ? -errno : 0;
    fclose(f);
    return r;
}

/* First the reason, then the file: none is ever there without it. */
static int reject_file(struct drop *d) {
    int r = -EEXIST;
    for (int k = 1; r == -EEXIST && k < NAMES_TRIED; k++) {
        char as[DROP_NAME_BYTES], reason[DROP_NAME_BYTES + sizeof ".reason"];
        nth_name(d->name, k, as);
        snprintf(reason, sizeof reason, "%s.reason", as);
        r = save_reason(d, reason);
        if (r == -ENAMETOOLONG)
            r = -EEXIST; /* the next name is shorter */
        if (r < 0)
            continue;
        r = move_to(d, d->folders->rejected, as);
        if (r < 0)
            unlinkat(d->folders->rejected, reason, 0);
    }
    return r;
}

void drop_finish(struct drop *d) {
    if (drop_count(d, LOG_UNAVAILABLE) > 0) {
        for (size_t i = 0; i < d->n_items; i++)
            if (d->items[i].outcome == LOG_UNAVAILABLE)
                d->refusal.fault = d->items[i].fault;
        d->state = DROP_UNAVAILABLE;
        return;
    }
    bool refused = d->state == DROP_REFUSED || drop_count(d, LOG_REFUSED) > 0;
    int r = refused ? reject_file(d) : accept_file(d);
    if (r == 0)
        d->state = refused ? DROP_REJECTED : DROP_ACCEPTED;
    else if (r == -ENOENT)
        d->state = DROP_GONE;
    else
        d->state = cannot(d, DROP_UNAVAILABLE, "it can't be moved", -r);
}
