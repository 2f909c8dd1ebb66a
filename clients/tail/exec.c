#include "clients/tail/exec.h"

#include "clients/tool/backoff.h"
#include "clients/tool/file.h"
#include "clients/tool/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum {
    VARIABLES = 6,
    GRACE_USEC = 5000000,     /* between SIGTERM and SIGKILL */
    FAREWELL_USEC = 10000000, /* for a command that runs when the program is to end */
    LOOK_USEC = 200000,
};

/* What a line about the article and its command is about. */
static void tell(const struct exec *x, enum journal_event event, const struct entry *e,
                 const char *file, const char *reason, const char *end) {
    char uri[LIMIT_URI_BYTES + 1], topic[LIMIT_TOPIC_BYTES + 1], text[2 * LIMIT_URI_BYTES];
    snprintf(uri, sizeof uri, "%.*s", (int)e->uri.len, (const char *)e->uri.data);
    snprintf(topic, sizeof topic, "%.*s", (int)e->topic.len, (const char *)e->topic.data);
    snprintf(text, sizeof text, "entry %llu, %s version %u: the command %s; %s%s",
             (unsigned long long)e->seq, uri, e->version, reason, end, file == NULL ? "" : file);
    x->tell(x->userdata, event,
            &(struct journal_subject){.uri = uri,
                                      .version = e->version,
                                      .topic = topic,
                                      .seq = e->seq,
                                      .file = file,
                                      .reason = reason},
            text);
}

static void tell_error(const struct exec *x, const char *what, int error) {
    char text[PATH_MAX + 64];
    snprintf(text, sizeof text, "%s: %s", what, strerror(-error));
    x->tell(x->userdata, JOURNAL_TOOL_FAILED, NULL, text);
}

/* ---- running */

/* The environment, and what the article is; freed by free_environment. */
static char **make_environment(const struct exec_article *a) {
    const struct entry *e = a->entry;
    size_t n = 0;
    while (environ[n] != NULL)
        n++;
    char **all = calloc(n + VARIABLES + 1, sizeof *all);
    if (all == NULL)
        return NULL;
    int made[VARIABLES] = {
        asprintf(&all[0], "NEWSWIRE_EPOCH=%llu", (unsigned long long)e->epoch),
        asprintf(&all[1], "NEWSWIRE_SEQ=%llu", (unsigned long long)e->seq),
        asprintf(&all[2], "NEWSWIRE_TOPIC=%.*s", (int)e->topic.len, (const char *)e->topic.data),
        asprintf(&all[3], "NEWSWIRE_URI=%.*s", (int)e->uri.len, (const char *)e->uri.data),
        asprintf(&all[4], "NEWSWIRE_VERSION=%u", e->version),
        asprintf(&all[5], "NEWSWIRE_STATUS=%s", a->status),
    };
    bool good = true;
    for (int i = 0; i < VARIABLES; i++)
        if (made[i] < 0) {
            all[i] = NULL;
            good = false;
        }
    for (size_t i = 0; i < n; i++)
        all[VARIABLES + i] = environ[i];
    if (good)
        return all;
    for (int i = 0; i < VARIABLES; i++)
        free(all[i]);
    free(all);
    return NULL;
}

static void free_environment(char **all) {
    for (int i = 0; all != NULL && i < VARIABLES; i++)
        free(all[i]);
    free(all);
}

/* A file in memory with the text, at its beginning; -errno. The command may leave any
 * of it unread. */
static int make_input(struct slice text) {
    int fd = memfd_create("article", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    while (text.len > 0) {
        ssize_t n = write(fd, text.data, text.len);
        if (n < 0) {
            int e = -errno;
            close(fd);
            return e;
        }
        text.data += n;
        text.len -= (size_t)n;
    }
    return lseek(fd, 0, SEEK_SET) < 0 ? -errno : fd;
}

/* In a process group of its own, with no file of ours but stdout and stderr. */
static int spawn(const struct exec *x, int input, char **environment, pid_t *ret) {
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)x->command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGTERM);
    sigaddset(&defaults, SIGINT);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    int e = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    if (e == 0)
        e = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    if (e == 0)
        e = posix_spawn(ret, "/bin/sh", &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -e;
}

/* Waits until it has ended, or until then. True when it has. */
static bool wait_until(int pidfd, uint64_t until, bool ends_at_stop) {
    uint64_t stopped = 0;
    for (uint64_t now = follow_now_usec(); now < until; now = follow_now_usec()) {
        struct pollfd fd = {.fd = pidfd, .events = POLLIN};
        uint64_t left = until - now < LOOK_USEC ? until - now : LOOK_USEC;
        if (poll(&fd, 1, (int)(left / 1000) + 1) > 0)
            return true;
        if (follow_stop != 0 && stopped == 0)
            stopped = now;
        if (ends_at_stop && stopped != 0 && now - stopped > FAREWELL_USEC)
            return false;
    }
    return false;
}

/* *ret_in_time: it ended by itself. */
static int run(const struct exec *x, const struct exec_article *a, int *ret_status,
               bool *ret_in_time) {
    char **environment = make_environment(a);
    int input = make_input(a->text), r = environment == NULL ? -ENOMEM : input < 0 ? input : 0;
    pid_t pid = 0;
    if (r == 0)
        r = spawn(x, input, environment, &pid);
    if (input >= 0)
        close(input);
    free_environment(environment);
    if (r < 0)
        return r;
    int pidfd = pidfd_open(pid, 0);
    *ret_in_time = wait_until(pidfd, follow_now_usec() + x->timeout_usec, true);
    if (!*ret_in_time) {
        kill(-pid, SIGTERM);
        (void)wait_until(pidfd, follow_now_usec() + GRACE_USEC, false);
        kill(-pid, SIGKILL);
    }
    close(pidfd);
    return waitpid(pid, ret_status, 0) < 0 ? -errno : 0;
}

/* ---- parking */

/* The name says which entry it is: one that is there was parked before a crash. */
static int park(const struct exec *x, const struct exec_article *a, const char *why) {
    const struct entry *e = a->entry;
    char path[4096];
    snprintf(path, sizeof path, "%s/%llu-%llu.json", x->parked, (unsigned long long)e->epoch,
             (unsigned long long)e->seq);
    int r = mkdir(x->parked, 0750) < 0 && errno != EEXIST ? -errno : 0;
    if (r == 0)
        r = file_write(AT_FDCWD, path, O_EXCL, 0640, a->json);
    if (r == -EEXIST)
        r = 0;
    if (r == 0)
        r = file_sync_folder(x->parked);
    if (r < 0)
        tell_error(x, path, r);
    else
        tell(x, JOURNAL_COMMAND_PARKED, e, path, why, "it is parked in ");
    return r < 0 ? r : EXEC_PARKED;
}

/* ---- one article */

static void pause_for(uint64_t usec) {
    for (uint64_t until = follow_now_usec() + usec, now;
         (now = follow_now_usec()) < until && follow_stop == 0;) {
        uint64_t left = until - now < LOOK_USEC ? until - now : LOOK_USEC;
        struct timespec t = {0, (long)left * 1000};
        nanosleep(&t, NULL);
    }
}

int exec_article(const struct exec *x, const struct exec_article *a) {
    char why[64];
    for (unsigned tries = 0;; tries++) {
        int status = 0;
        bool in_time = false;
        int r = run(x, a, &status, &in_time);
        if (r < 0) {
            tell_error(x, "the command can't be run", r);
            return r;
        }
        if (in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0)
            return EXEC_DONE;
        if (!in_time && follow_stop != 0)
            return EXEC_STOPPED;
        snprintf(why, sizeof why, WIFEXITED(status) ? "ended with %d" : "was ended by signal %d",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
        if (in_time && !(WIFEXITED(status) && WEXITSTATUS(status) == EX_TEMPFAIL))
            return park(x, a, why);
        uint64_t wait = backoff_usec(x->first_wait_usec, x->most_wait_usec, tries);
        if (tries == 0 || !in_time)
            tell(x, JOURNAL_COMMAND_REPEATED, a->entry, NULL, in_time ? why : "took too long",
                 "it is tried again");
        pause_for(wait);
        if (follow_stop != 0)
            return EXEC_STOPPED;
    }
}
