#include "daemon/spool/spool.h"

#include "daemon/loop.h"
#include "daemon/spool/drop.h"
#include "proto/journal/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CANDIDATES = 4096,      /* that are known of at a time; the rest is found later */
    APPEND_BYTES = 1 << 20, /* proposals that are given to the log together */
    LINES_TOLD = 20,        /* warnings about one file in the journal */
};

/* A file that may be taken. */
struct candidate {
    char *name;
    uint64_t due_usec; /* monotonic */
    bool settled;      /* it was moved in whole */
    struct stat seen;
};

/* Where the file at work is. */
enum phase { IDLE, READING, DECIDING, FINISHING };

struct spool {
    const struct settings *settings;
    struct key_pair sign; /* its secret is NULL: nothing is signed */
    struct log *log;
    struct admit_counts *counts;
    sd_event *event;
    sd_event_source *watch, *timer, *work_source;
    struct drop_folders folders;
    char trouble[300];

    struct candidate *candidates; /* sorted by name */
    size_t n_candidates;
    bool left_out;      /* there was no room for one */
    bool no_folder;     /* the trouble is that the folder can't be used */
    uint64_t scan_usec; /* when to look at the folder again */

    enum phase phase;
    struct drop *drop; /* the file at work; NULL when idle */
    pthread_t thread;
    bool at_work;       /* the thread is */
    uint64_t work_usec; /* since when, monotonic */
    int work_fd;
    size_t appended; /* of its proposals, to the log */
    bool stopped;

    uint64_t accepted, rejected;
};

static void proceed(struct spool *s);

/* Says it once for as long as it lasts. */
static void set_trouble(struct spool *s, const char *subject, const char *reason) {
    char text[sizeof s->trouble];
    snprintf(text, sizeof text, "%.200s: %s", subject, reason);
    codec_mend_utf8(text); /* it goes into the status */
    if (strcmp(text, s->trouble) != 0)
        journal(JOURNAL_SPOOL_TROUBLE, &(struct journal_subject){.file = subject, .reason = reason},
                "spool: %s", text);
    memcpy(s->trouble, text, sizeof text);
}

/* ---- candidates */

static bool is_ours(const char *name) {
    size_t len = strlen(name);
    return name[0] != '.' && !(len >= 5 && strcmp(name + len - 5, ".part") == 0);
}

static size_t position_of(const struct spool *s, const char *name) {
    size_t low = 0, high = s->n_candidates;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(s->candidates[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The candidate of that name; a new one if there was none. NULL when there is
 * no room: looking at the folder finds it again. */
static struct candidate *candidate_for(struct spool *s, const char *name) {
    size_t at = position_of(s, name);
    if (at < s->n_candidates && strcmp(s->candidates[at].name, name) == 0)
        return &s->candidates[at];
    char *copy = s->n_candidates == CANDIDATES ? NULL : strdup(name);
    if (copy == NULL) {
        s->left_out = true;
        return NULL;
    }
    struct candidate *c = &s->candidates[at];
    memmove(c + 1, c, (s->n_candidates++ - at) * sizeof *c);
    *c = (struct candidate){.name = copy, .due_usec = UINT64_MAX};
    return c;
}

static void forget(struct spool *s, const char *name) {
    size_t at = position_of(s, name);
    if (at == s->n_candidates || strcmp(s->candidates[at].name, name) != 0)
        return;
    free(s->candidates[at].name);
    memmove(&s->candidates[at], &s->candidates[at + 1],
            (--s->n_candidates - at) * sizeof *s->candidates);
}

/* Waits until it has been the same for a while, from now on. */
static void observe(struct spool *s, struct candidate *c, const struct stat *seen) {
    c->seen = *seen;
    c->settled = false;
    c->due_usec = loop_monotonic_usec() + s->settings->spool.settle_usec;
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Whether a candidate whose time has come can be taken; it may be forgotten. */
static bool is_ready(struct spool *s, struct candidate *c) {
    struct stat st;
    if (c->settled)
        return true;
    if (fstatat(s->folders.incoming, c->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        forget(s, c->name);
        return false;
    }
    if (same_file(&st, &c->seen))
        return true;
    observe(s, c, &st);
    return false;
}

/* The first by name whose time has come. */
static struct candidate *next_ready(struct spool *s, uint64_t now) {
    for (size_t i = 0; i < s->n_candidates;) {
        struct candidate *c = &s->candidates[i];
        size_t before = s->n_candidates;
        if (c->due_usec <= now && is_ready(s, c))
            return c;
        i += s->n_candidates == before;
    }
    return NULL;
}

/* ---- the folder */

static int open_folder(const char *directory, const char *name, int *ret) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return -ENAMETOOLONG;
    if (mkdir(path, 0770) < 0 && errno != EEXIST)
        return -errno;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (*ret >= 0)
        close(*ret);
    *ret = fd;
    return 0;
}

static void watch_lost(struct spool *s) {
    s->watch = sd_event_source_disable_unref(s->watch);
}

static int told(sd_event_source *source, const struct inotify_event *e, void *userdata) {
    struct spool *s = userdata;
    (void)source;
    if ((e->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0)
        watch_lost(s);
    if ((e->mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0)
        s->scan_usec = 0;
    struct candidate *c = e->len > 0 && is_ours(e->name) ? candidate_for(s, e->name) : NULL;
    struct stat st;
    if (c != NULL && (e->mask & IN_MOVED_TO) != 0) {
        c->settled = true;
        c->due_usec = 0;
    } else if (c != NULL && fstatat(s->folders.incoming, c->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        observe(s, c, &st);
    }
    proceed(s);
    return 0;
}

static int open_folders(struct spool *s) {
    const char *directory = s->settings->spool.directory;
    char incoming[PATH_MAX];
    if (mkdir(directory, 0770) < 0 && errno != EEXIST)
        return -errno;
    int r = open_folder(directory, "incoming", &s->folders.incoming);
    if (r == 0)
        r = open_folder(directory, "accepted", &s->folders.accepted);
    if (r == 0)
        r = open_folder(directory, "rejected", &s->folders.rejected);
    if (r < 0)
        return r;
    snprintf(incoming, sizeof incoming, "%s/incoming", directory);
    r = sd_event_add_inotify(
        s->event, &s->watch, incoming,
        IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR, told, s);
    return r < 0 ? r : 0;
}

/* Finds files that nobody told of. */
static void scan(struct spool *s) {
    int r = s->watch == NULL ? open_folders(s) : 0;
    int fd = r < 0 ? -1 : openat(s->folders.incoming, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        set_trouble(s, s->settings->spool.directory, strerror(r < 0 ? -r : errno));
        s->no_folder = true;
        if (fd >= 0)
            close(fd);
        return;
    }
    if (s->no_folder)
        s->trouble[0] = '\0';
    s->no_folder = false;
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        struct stat st;
        struct candidate *c = is_ours(e->d_name) ? candidate_for(s, e->d_name) : NULL;
        if (c != NULL && c->due_usec == UINT64_MAX &&
            fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            observe(s, c, &st);
    }
    closedir(folder);
}

/* ---- the file at work */

static void *run_read(void *drop) {
    struct drop *d = drop;
    drop_read(d);
    return NULL;
}

static void *run_finish(void *drop) {
    struct drop *d = drop;
    drop_finish(d);
    return NULL;
}

struct work {
    struct spool *spool;
    void *(*run)(void *drop);
};

static void *in_thread(void *argument) {
    struct work work = *(struct work *)argument;
    free(argument);
    work.run(work.spool->drop);
    eventfd_write(work.spool->work_fd, 1);
    return NULL;
}

/* In a thread of its own; without one, here and now. */
static void start(struct spool *s, void *(*run)(void *drop)) {
    struct work *work = malloc(sizeof *work);
    s->work_usec = loop_monotonic_usec();
    if (work != NULL) {
        *work = (struct work){s, run};
        s->at_work = pthread_create(&s->thread, NULL, in_thread, work) == 0;
    }
    if (s->at_work)
        return;
    free(work);
    run(s->drop);
    eventfd_write(s->work_fd, 1);
}

static void tell_warnings(const struct spool *s) {
    const struct text_list *warnings = &s->drop->parsed.warnings;
    const struct text_list *unplaced = &s->drop->parsed.unplaced;
    const char *name = s->drop->name;
    const struct journal_subject about = {.file = name};
    for (size_t i = 0; i < warnings->n && i < LINES_TOLD; i++)
        journal(JOURNAL_FILE_NOTED,
                &(struct journal_subject){.file = name, .reason = warnings->items[i]},
                "spool: %s: %s", name, warnings->items[i]);
    for (size_t i = 0; i < unplaced->n && i < LINES_TOLD; i++)
        journal(JOURNAL_FILE_UNPLACED, &about, "spool: %s: unplaced: %s", name, unplaced->items[i]);
    if (unplaced->n > LINES_TOLD)
        journal(JOURNAL_FILE_UNPLACED, &about, "spool: %s: and %zu more unplaced", name,
                unplaced->n - LINES_TOLD);
}

static struct journal_subject subject_of(const struct drop *d, const struct drop_item *item) {
    return (struct journal_subject){.file = d->name,
                                    .uri = item->uri,
                                    .version = item->version,
                                    .topic = item->topic,
                                    .seq = item->seq};
}

static void tell_refused_item(const struct drop *d, const struct drop_item *item) {
    const struct fault *f = &item->fault;
    struct journal_subject about = subject_of(d, item);
    about.field = f->field;
    about.reason = f->reason;
    journal(JOURNAL_ARTICLE_REFUSED, &about, "spool: %s: '%s' is refused: %s%s%s", d->name,
            item->title, f->field, *f->field == '\0' ? "" : ": ", f->reason);
}

static void tell_refusals(const struct spool *s) {
    const struct drop *d = s->drop;
    const struct fault *f = &d->refusal.fault;
    char line[40] = "";
    if (d->refusal.line > 0)
        snprintf(line, sizeof line, "line %zu: ", d->refusal.line);
    if (*f->reason != '\0')
        journal(JOURNAL_FILE_REFUSED,
                &(struct journal_subject){.file = d->name, .field = f->field, .reason = f->reason},
                "spool: %s is refused: %s%s%s%s", d->name, line, f->field,
                *f->field == '\0' ? "" : ": ", f->reason);
    size_t told = 0;
    for (size_t i = 0; i < d->n_items && told < LINES_TOLD; i++)
        if (d->items[i].outcome == LOG_REFUSED) {
            tell_refused_item(d, &d->items[i]);
            told++;
        }
}

static void tell_taken_item(const struct drop *d, const struct drop_item *item) {
    struct journal_subject about = subject_of(d, item);
    journal(JOURNAL_ARTICLE_TAKEN, &about, "spool: %s: %s version %u: %s", d->name, item->uri,
            item->version, admit_outcome_word(item->outcome));
}

static void tell(const struct spool *s) {
    const struct drop *d = s->drop;
    if (d->state == DROP_REJECTED)
        tell_refusals(s);
    tell_warnings(s);
    for (size_t i = 0; i < d->n_items; i++)
        if (d->items[i].outcome != LOG_REFUSED)
            tell_taken_item(d, &d->items[i]);
    if (d->n_items > 0)
        journal(JOURNAL_FILE_TAKEN, &(struct journal_subject){.file = d->name},
                "spool: %s: %zu accepted, %zu duplicate, %zu held, %zu refused", d->name,
                drop_count(d, LOG_ACCEPTED), drop_count(d, LOG_DUPLICATE), drop_count(d, LOG_HELD),
                drop_count(d, LOG_REFUSED));
}

/* Done with the file at work, which may have to be taken again. */
static void leave(struct spool *s) {
    struct drop *d = s->drop;
    bool busy = d->state == DROP_BUSY, unavailable = d->state == DROP_UNAVAILABLE;
    if (d->state == DROP_ACCEPTED || d->state == DROP_REJECTED) {
        s->accepted += d->state == DROP_ACCEPTED;
        s->rejected += d->state == DROP_REJECTED;
        s->trouble[0] = '\0';
        tell(s);
    }
    if (unavailable)
        set_trouble(s, d->name, d->refusal.fault.reason);
    struct candidate *c = busy || unavailable ? candidate_for(s, d->name) : NULL;
    if (c != NULL) {
        c->settled = true;
        c->due_usec = loop_monotonic_usec() +
                      (busy ? s->settings->spool.settle_usec : s->settings->spool.rescan_usec);
    }
    s->drop = drop_free(d);
    s->phase = IDLE;
}

/* Of what was accepted before a file is taken anew there is a line already. */
static void note(const struct drop_item *item, const struct log_result *result) {
    const struct drop *d = item->drop;
    const struct audit_by by = {.transport = "spool", .user = d->owner, .file = d->name};
    const struct audit_article article = {
        .uri = slice_of(item->uri), .topic = slice_of(item->topic), .version = item->version};
    audit_decided(&by, &article, item->canceled, result);
}

static void item_decided(struct admit_waiter *waiter, const struct log_result *result) {
    struct drop_item *item = (struct drop_item *)waiter;
    item->outcome = result->outcome;
    item->seq = result->seq;
    item->fault = result->fault;
    note(item, result);
    item->drop->undecided--;
}

static void begin_deciding(struct spool *s) {
    struct drop *d = s->drop;
    s->phase = DECIDING;
    s->appended = 0;
    d->undecided = d->n_proposals;
    for (size_t i = 0; i < d->n_items; i++) {
        d->items[i].waiter.decided = item_decided;
        if (d->items[i].outcome == LOG_REFUSED)
            admit_count(s->counts, LOG_REFUSED);
    }
}

/* Gives the log what it takes. */
static void append(struct spool *s) {
    struct drop *d = s->drop;
    int r = 0;
    while (r == 0 && s->appended < d->n_proposals) {
        const struct log_proposal *first = &d->proposals[s->appended];
        size_t n = 0, bytes = 0, left = d->n_proposals - s->appended;
        while (n < left && (n == 0 || bytes + first[n].article.len <= APPEND_BYTES))
            bytes += first[n++].article.len;
        r = log_append(s->log, first, n);
        if (r == 0)
            s->appended += n;
    }
    if (r == 0 || r == -EAGAIN)
        return;
    struct log_result result = {.outcome = LOG_UNAVAILABLE};
    fault_set_error(&result.fault, r, "", "the log takes nothing");
    while (s->appended < d->n_proposals)
        item_decided(d->proposals[s->appended++].cookie, &result);
}

static void decide(struct spool *s) {
    append(s);
    if (s->drop->undecided > 0)
        return;
    for (size_t i = 0; i < s->drop->n_proposals; i++)
        admit_count(s->counts, ((struct drop_item *)s->drop->proposals[i].cookie)->outcome);
    s->phase = FINISHING;
    start(s, run_finish);
}

static void finish_reading(struct spool *s) {
    if (s->drop->state == DROP_PROPOSED) {
        begin_deciding(s);
    } else if (s->drop->state == DROP_REFUSED) {
        s->phase = FINISHING;
        start(s, run_finish);
    } else {
        leave(s);
    }
}

static void join(struct spool *s) {
    eventfd_t count;
    if (s->at_work)
        pthread_join(s->thread, NULL);
    s->at_work = false;
    (void)eventfd_read(s->work_fd, &count);
}

static int work_done(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
    struct spool *s = userdata;
    (void)source;
    (void)fd;
    (void)revents;
    join(s);
    if (s->phase == READING)
        finish_reading(s);
    else
        leave(s);
    proceed(s);
    return 0;
}

/* ---- what to do next */

static void take_next(struct spool *s, uint64_t now) {
    struct candidate *c = next_ready(s, now);
    if (c == NULL)
        return;
    s->drop = drop_new(s->settings, &s->folders, s->sign.secret == NULL ? NULL : &s->sign, c->name);
    if (s->drop == NULL) {
        c->due_usec = now + s->settings->spool.rescan_usec;
        return;
    }
    forget(s, c->name);
    s->phase = READING;
    start(s, run_read);
}

static void arm(struct spool *s, uint64_t now) {
    uint64_t due = s->scan_usec;
    for (size_t i = 0; i < s->n_candidates && s->phase == IDLE; i++)
        if (s->candidates[i].due_usec < due)
            due = s->candidates[i].due_usec;
    sd_event_source_set_time_relative(s->timer, due > now ? due - now : 0);
    sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static void proceed(struct spool *s) {
    uint64_t now = loop_monotonic_usec();
    if (s->stopped)
        return;
    if (s->scan_usec <= now || (s->left_out && s->n_candidates == 0)) {
        s->left_out = false;
        scan(s);
        s->scan_usec = now + s->settings->spool.rescan_usec;
    }
    if (s->phase == DECIDING)
        decide(s);
    else if (s->phase == IDLE)
        take_next(s, now);
    arm(s, now);
}

static int tick(sd_event_source *source, uint64_t usec, void *userdata) {
    (void)source;
    (void)usec;
    proceed(userdata);
    return 0;
}

void spool_log_moved(struct spool *s) {
    if (s->phase == DECIDING)
        proceed(s);
}

void spool_stop(struct spool *s) {
    s->stopped = true;
}

void spool_get_counts(const struct spool *s, struct spool_counts *ret) {
    *ret = (struct spool_counts){
        .accepted = s->accepted,
        .rejected = s->rejected,
        .waiting = s->n_candidates + (s->phase != IDLE),
        .busy_usec = s->at_work ? loop_monotonic_usec() - s->work_usec : 0,
        .trouble = s->trouble,
    };
}

void spool_reload(struct spool *s, const struct settings *settings) {
    s->settings = settings;
}

int spool_open(sd_event *event, const struct settings *settings, struct log *log,
               struct admit_counts *counts, struct spool **ret, struct fault *ret_fault) {
    *ret = NULL;
    if (*settings->spool.directory == '\0')
        return 0;
    struct spool *s = calloc(1, sizeof *s);
    if (s == NULL)
        return -ENOMEM;
    s->settings = settings;
    s->log = log;
    s->counts = counts;
    s->event = event;
    s->folders = (struct drop_folders){-1, -1, -1};
    s->candidates = calloc(CANDIDATES, sizeof *s->candidates);
    s->work_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = s->candidates == NULL || s->work_fd < 0 ? -ENOMEM : open_folders(s);
    if (r < 0)
        fault_set_error(ret_fault, r, "spool", "the folder %s can't be used",
                        settings->spool.directory);
    if (r >= 0 && *settings->spool.sign != '\0')
        r = key_pair_read(KEY_ED25519, settings->spool.sign, &s->sign, ret_fault);
    if (r >= 0)
        r = sd_event_add_io(event, &s->work_source, s->work_fd, EPOLLIN, work_done, s);
    if (r >= 0)
        r = sd_event_add_time_relative(event, &s->timer, CLOCK_MONOTONIC, 0, 0, tick, s);
    if (r < 0) {
        spool_close(s);
        return r;
    }
    *ret = s;
    return 0;
}

/* The loop has ended: what the log has decided is carried out here. */
static void end_work(struct spool *s) {
    enum phase phase = s->phase;
    join(s);
    if (phase == DECIDING && s->drop->undecided == 0)
        drop_finish(s->drop);
    if (phase == FINISHING || (phase == DECIDING && s->drop->undecided == 0))
        leave(s);
    s->drop = drop_free(s->drop);
}

struct spool *spool_close(struct spool *s) {
    if (s == NULL)
        return NULL;
    end_work(s);
    watch_lost(s);
    sd_event_source_disable_unref(s->timer);
    sd_event_source_disable_unref(s->work_source);
    for (size_t i = 0; i < s->n_candidates; i++)
        free(s->candidates[i].name);
    free(s->candidates);
    const int fds[] = {s->folders.incoming, s->folders.accepted, s->folders.rejected, s->work_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    key_pair_free(&s->sign);
    free(s);
    return NULL;
}
