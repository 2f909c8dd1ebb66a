#include "clients/forward/parcel.h"
#include "clients/tool/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_MOST = 16 << 20, WORDS_MOST = 512, FILES_MOST = 64, LOOK_USEC = 200000 };

struct child {
    pid_t pid;
    int in, out, err; /* our ends; -1: closed */
};

static void limit(int resource, rlim_t most) {
    struct rlimit r = {most, most};
    setrlimit(resource, &r);
}

/* In the child of a program with threads: nothing but what signal handlers may call. */
_Noreturn static void become(const struct outlet_config *o, int in, int out, int err) {
    char *const argv[] = {(char *)o->program, NULL};
    char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", NULL};
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 || close_range(3, ~0U, 0) < 0)
        _exit(EX_OSERR);
    limit(RLIMIT_AS, o->exec_memory_bytes);
    limit(RLIMIT_CPU, o->exec_timeout_usec / 1000000 + 1);
    limit(RLIMIT_FSIZE, OUTPUT_MOST);
    limit(RLIMIT_NOFILE, FILES_MOST);
    limit(RLIMIT_CORE, 0);
    signal(SIGPIPE, SIG_DFL);
    execve(o->program, argv, environment);
    _exit(EX_UNAVAILABLE);
}

static int start(const struct outlet_config *o, struct child *ret) {
    int p[6] = {-1, -1, -1, -1, -1, -1}, r = 0;
    for (int i = 0; i < 6 && r == 0; i += 2)
        r = pipe2(p + i, O_CLOEXEC) < 0 ? -errno : 0;
    pid_t pid = r == 0 ? fork() : -1;
    if (pid == 0)
        become(o, p[0], p[3], p[5]);
    if (r == 0 && pid < 0)
        r = -errno;
    int ours[] = {p[1], p[2], p[4]}, theirs[] = {p[0], p[3], p[5]};
    for (int i = 0; i < 3; i++) {
        if (theirs[i] >= 0)
            close(theirs[i]);
        if (r < 0 && ours[i] >= 0)
            close(ours[i]);
        if (r == 0)
            fcntl(ours[i], F_SETFL, O_NONBLOCK);
    }
    if (r == 0)
        *ret = (struct child){pid, ours[0], ours[1], ours[2]};
    return r;
}

static void shut(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

struct collected {
    uint8_t *output;
    size_t len, room;
    char words[WORDS_MOST + 1];
    size_t n_words;
    bool too_much;
};

static int read_output(struct child *c, struct collected *k) {
    if (k->room - k->len < 65536) {
        size_t room = k->room * 2 + 131072;
        uint8_t *grown = realloc(k->output, room);
        if (grown == NULL)
            return -ENOMEM;
        k->output = grown;
        k->room = room;
    }
    ssize_t n = read(c->out, k->output + k->len, k->room - k->len);
    if (n <= 0 && !(n < 0 && errno == EAGAIN))
        shut(&c->out);
    k->len += n > 0 ? (size_t)n : 0;
    k->too_much = k->len > OUTPUT_MOST;
    return 0;
}

static void read_words(struct child *c, struct collected *k) {
    char rest[WORDS_MOST];
    bool full = k->n_words == WORDS_MOST;
    ssize_t n = read(c->err, full ? rest : k->words + k->n_words,
                     full ? sizeof rest : WORDS_MOST - k->n_words);
    if (n <= 0 && !(n < 0 && errno == EAGAIN))
        shut(&c->err);
    k->n_words += n > 0 && !full ? (size_t)n : 0;
}

static void write_input(struct child *c, struct slice *input) {
    ssize_t n = write(c->in, input->data, input->len);
    if (n > 0) {
        input->data += n;
        input->len -= (size_t)n;
    }
    if (input->len == 0 || (n < 0 && errno != EAGAIN))
        shut(&c->in); /* a program may have read enough */
}

/* Feeds it and takes what it prints. 0; -ETIMEDOUT; -ECANCELED; -EFBIG; -ENOMEM. */
static int talk(struct child *c, struct slice input, uint64_t until, struct collected *k) {
    int r = 0;
    while (r == 0 && (c->out >= 0 || c->err >= 0)) {
        uint64_t now = follow_now_usec();
        struct pollfd fds[] = {{c->in, POLLOUT, 0}, {c->out, POLLIN, 0}, {c->err, POLLIN, 0}};
        if (now >= until || follow_stop != 0)
            return now >= until ? -ETIMEDOUT : -ECANCELED;
        if (poll(fds, 3,
                 until - now < LOOK_USEC ? (int)((until - now) / 1000) + 1 : LOOK_USEC / 1000) <
                0 &&
            errno != EINTR)
            return -errno;
        if (fds[0].revents != 0)
            write_input(c, &input);
        if (fds[1].revents != 0)
            r = read_output(c, k);
        if (fds[2].revents != 0)
            read_words(c, k);
        if (k->too_much)
            return -EFBIG;
    }
    return r;
}

/* What it ended with; it and what it started are ended if it hasn't. */
static int finish(struct child *c, uint64_t until, bool failed) {
    int status = 0;
    pid_t done = 0;
    while (!failed && (done = waitpid(c->pid, &status, WNOHANG)) == 0 &&
           follow_now_usec() < until) {
        struct timespec pause = {0, 2000000};
        nanosleep(&pause, NULL);
    }
    kill(-c->pid, SIGKILL);
    if (done == 0)
        waitpid(c->pid, &status, 0);
    shut(&c->in);
    shut(&c->out);
    shut(&c->err);
    return status;
}

static int judge(const struct outlet_config *o, int talked, int status, struct collected *k,
                 struct fault *f) {
    k->words[strcspn(k->words, "\n")] = '\0';
    codec_mend_utf8(k->words);
    if (talked == -ETIMEDOUT)
        fault_set(f, "format", "%s took longer than %llu ms", o->program,
                  (unsigned long long)o->exec_timeout_usec / 1000);
    else if (talked == -ECANCELED)
        fault_set(f, "format", "%s was cut off, as the forwarder ends", o->program);
    else if (talked == -EFBIG)
        fault_set(f, "format", "%s printed more than %d bytes", o->program, OUTPUT_MOST);
    else if (talked < 0)
        fault_set(f, "format", "%s: %s", o->program, strerror(-talked));
    else if (WIFSIGNALED(status))
        fault_set(f, "format", "%s was ended by signal %d", o->program, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        fault_set(f, "format", "%s ended with %d: %.150s", o->program, WEXITSTATUS(status),
                  k->words);
    else if (k->len == 0)
        fault_set(f, "format", "%s printed nothing", o->program);
    else
        return 0;
    bool later = talked == -ETIMEDOUT || talked == -ECANCELED ||
                 (talked == 0 && WIFEXITED(status) && WEXITSTATUS(status) == EX_TEMPFAIL);
    return later ? -EAGAIN : -EINVAL;
}

int exec_format(struct arena *a, const struct outlet_config *o, struct slice input,
                struct slice *ret, struct fault *f) {
    struct child c = {0, -1, -1, -1};
    struct collected k = {0};
    uint64_t until = follow_now_usec() + o->exec_timeout_usec;
    int r = start(o, &c);
    if (r < 0) {
        fault_set(f, "format", "%s: %s", o->program, strerror(-r));
        return -EAGAIN;
    }
    int talked = talk(&c, input, until, &k);
    r = judge(o, talked, finish(&c, until, talked < 0), &k, f);
    if (r == 0) {
        char *copy = arena_strndup(a, (const char *)k.output, k.len);
        *ret = (struct slice){(uint8_t *)copy, k.len};
        r = copy == NULL ? -ENOMEM : 0;
    }
    free(k.output);
    return r;
}
