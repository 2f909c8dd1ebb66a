#include "tests/bench/bench.h"

#include "proto/keyfile.h"

#include "proto/article.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

static char folder[128];

double bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, size_t n) {
    qsort(values, n, sizeof *values, compare);
    return values[n / 2];
}

void bench_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

/* ---- articles */

static const char uri_format[] = "urn:newswire:bench:%016llx";
enum { URI_LEN = 19 + 16 };

static uint8_t template[BENCH_TEXT_BYTES + 512];
static size_t template_len;

static void make_template(void) {
    struct arena *a = arena_new(1 << 20);
    Article *article = a == NULL ? NULL : article_new(a);
    char text[BENCH_TEXT_BYTES];
    for (size_t i = 0; i < sizeof text; i += 3)
        memcpy(text + i, i / 3 % 40 == 39 ? "。" : "报", 3);
    if (article == NULL || article_add_block(a, article, BLOCK_PARAGRAPH, text, sizeof text) < 0)
        bench_fail("out of memory");
    article->uri = arena_strndup(a, "urn:newswire:bench:0123456789abcdef", URI_LEN);
    article->version = 1;
    article->kind = NEWSWIRE__V1__KIND__VALUE__article;
    article->headline = arena_strndup(a, "Bench", 5);
    article->language = arena_strndup(a, "zh-Hans", 7);
    if (newswire__v1__article__get_packed_size(article) > sizeof template)
        bench_fail("the template is too small");
    template_len = newswire__v1__article__pack(article, template);
    arena_free(a);
}

size_t bench_article_max(void) {
    return sizeof template;
}

size_t bench_article(uint64_t number, uint8_t *p) {
    if (template_len == 0)
        make_template();
    memcpy(p, template, template_len);
    char uri[URI_LEN + 1];
    snprintf(uri, sizeof uri, uri_format, (unsigned long long)number);
    memcpy(p + 2, uri, URI_LEN); /* uri is field 1: a tag, a length, the text */
    return template_len;
}

/* ---- folders and the daemon */

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static pid_t owner;

static void remove_folder(void) {
    if (getpid() == owner)
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *bench_folder(void) {
    if (*folder != '\0')
        return folder;
    const char *base = getenv("BENCH_FOLDER");
    snprintf(folder, sizeof folder, "%s/newswire-bench-XXXXXX", base == NULL ? "/var/tmp" : base);
    if (mkdtemp(folder) == NULL)
        bench_fail("%s: %s", folder, strerror(errno));
    owner = getpid();
    atexit(remove_folder);
    return folder;
}

int bench_free_port(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        bench_fail("no free port: %s", strerror(errno));
    close(fd);
    return ntohs(a.sin_port);
}

static struct key_pair server, client;

/* The daemon's key beside its config, and the client. */
static void write_keys(const struct bench_daemon *d, FILE *config) {
    char path[300], text[KEY_FILE_BYTES], key[KEY_TEXT_BYTES];
    if (key_pair_make(KEY_CURVE, &server) < 0 || key_pair_make(KEY_CURVE, &client) < 0)
        bench_fail("no CURVE keys");
    snprintf(path, sizeof path, "%s/daemon.secret", d->folder);
    umask(0077);
    FILE *f = fopen(path, "we");
    if (f == NULL)
        bench_fail("%s: %s", path, strerror(errno));
    fputs(key_pair_text(&server, true, NULL, text), f);
    fclose(f);
    fprintf(config,
            "[security]\nsecret_key = %s\n[client \"bench\"]\npublic_key = %s\nread = *\nsend = "
            "*\nrequests_per_second = 0\narticles_per_second = 0\nbytes_per_second = 0\n",
            path, key_public_text(KEY_CURVE, client.public_key, key));
}

void bench_keys(const struct bench_daemon *d, void *socket) {
    if (d == NULL || !d->secure)
        return;
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server.public_key, KEY_BYTES) < 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, client.public_key, KEY_BYTES) < 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, client.secret, KEY_BYTES) < 0)
        bench_fail("keys: %s", zmq_strerror(errno));
}

static void write_config(const struct bench_daemon *d, const char *path) {
    FILE *f = fopen(path, "we");
    if (f == NULL)
        bench_fail("%s: %s", path, strerror(errno));
    fprintf(f,
            "[feed]\nbind = %s\nsend_high_water = 1000000\n[replay]\nbind = %s\n[submit]\nbind = "
            "%s\n[control]\npath = %s/control\n[log]\ndirectory = %s/log\n",
            d->feed, d->replay, d->submit, d->folder, d->folder);
    if (d->secure)
        write_keys(d, f);
    fclose(f);
}

void bench_daemon_start(struct bench_daemon *d, const char *build, const char *name) {
    char config[300], program[300], log[300];
    snprintf(d->folder, sizeof d->folder, "%s/%s", bench_folder(), name);
    mkdir(d->folder, 0700);
    snprintf(d->feed, sizeof d->feed, "tcp://127.0.0.1:%d", bench_free_port());
    snprintf(d->replay, sizeof d->replay, "tcp://127.0.0.1:%d", bench_free_port());
    snprintf(d->submit, sizeof d->submit, "tcp://127.0.0.1:%d", bench_free_port());
    snprintf(config, sizeof config, "%s/newswired.conf", d->folder);
    snprintf(program, sizeof program, "%s/newswired", build);
    snprintf(log, sizeof log, "%s/stderr", d->folder);
    write_config(d, config);
    d->pid = fork();
    if (d->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (freopen(log, "w", stderr) == NULL)
            _exit(1);
        execl(program, program, "--config", config, (char *)NULL);
        _exit(127);
    }
    /* It answers as soon as it serves: an article that is a duplicate of nothing. */
    (void)bench_ingest(d, 1, 1, 1);
}

void bench_daemon_stop(struct bench_daemon *d) {
    int status;
    kill(d->pid, SIGTERM);
    if (waitpid(d->pid, &status, 0) != d->pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        bench_fail("the daemon did not end well; see %s/stderr", d->folder);
}

double bench_daemon_cpu(const struct bench_daemon *d) {
    char path[64], line[1024];
    unsigned long user = 0, system_time = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)d->pid);
    FILE *f = fopen(path, "re");
    if (f == NULL || fgets(line, sizeof line, f) == NULL)
        bench_fail("%s: %s", path, strerror(errno));
    fclose(f);
    const char *rest = strrchr(line, ')'); /* behind the name, which may hold anything */
    if (rest == NULL || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                               &system_time) != 2)
        bench_fail("%s can't be read", path);
    return (double)(user + system_time) / (double)sysconf(_SC_CLK_TCK);
}

long bench_daemon_memory_kib(const struct bench_daemon *d) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)d->pid);
    FILE *f = fopen(path, "re");
    long kib = -1;
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "RssAnon: %ld", &kib) == 1)
            break;
    if (f != NULL)
        fclose(f);
    return kib;
}

/* ---- submitting */

static uint64_t next_article;

/* Numbers start at the time, so that no run repeats another's. */
static uint64_t take_numbers(size_t n) {
    if (next_article == 0)
        next_article = (uint64_t)time(NULL) << 24;
    next_article += n;
    return next_article - n;
}

void bench_skip_articles(size_t n) {
    take_numbers(n);
}

static size_t build_request(uint8_t *p, uint64_t id, size_t count) {
    uint8_t *q = wire_put_uint(p, 1, id);
    uint8_t article[sizeof template];
    for (size_t i = 0; i < count; i++) {
        size_t len = bench_article(take_numbers(1), article);
        q = wire_put_bytes(q, 2, (struct slice){article, len});
    }
    return (size_t)(q - p);
}

/* The articles that a reply says are accepted; anything else ends the run. */
static size_t count_accepted(struct slice reply) {
    size_t n = 0;
    while (reply.len > 0) {
        struct wire_field f, outcome;
        if (!wire_get_field(&reply, &f) || f.number == 4)
            bench_fail("the daemon refused a request");
        if (f.number != 3)
            continue;
        if (!wire_get_field(&f.bytes, &outcome) || outcome.number != 1 || outcome.value != 1)
            bench_fail("the daemon did not accept an article");
        n++;
    }
    return n;
}

double bench_ingest(const struct bench_daemon *d, size_t n, size_t in_flight, size_t per_request) {
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_DEALER);
    int linger = 0, patience = 20000;
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    bench_keys(d, socket);
    if (zmq_connect(socket, d->submit) < 0)
        bench_fail("connect: %s", zmq_strerror(errno));
    uint8_t *request = malloc(per_request * (sizeof template + 16) + 64);
    size_t sent = 0, done = 0;
    double begin = bench_now();
    while (done < n) {
        while (sent < n && sent - done < in_flight) {
            size_t count = n - sent < per_request ? n - sent : per_request;
            size_t len = build_request(request, sent + 1, count);
            if (zmq_send(socket, request, len, 0) < 0)
                bench_fail("send: %s", zmq_strerror(errno));
            sent += count;
        }
        zmq_msg_t m;
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, socket, 0) < 0)
            bench_fail("no answer from the daemon; see %s/stderr", d->folder);
        done += count_accepted((struct slice){zmq_msg_data(&m), zmq_msg_size(&m)});
        zmq_msg_close(&m);
    }
    double seconds = bench_now() - begin;
    free(request);
    zmq_close(socket);
    zmq_ctx_term(context);
    return (double)n / seconds;
}

void bench_row(const char *what, double ours, const char *unit, double ratio, double raw,
               const char *raw_name, double goal) {
    char figures[64] = "";
    if (raw > 0)
        snprintf(figures, sizeof figures, "%12.0f  %5.2f", raw, ratio);
    printf("%-44s %12.0f %-10s %-20s %-34s", what, ours, unit, figures, raw_name);
    if (goal > 0)
        printf(" goal %g", goal);
    putchar('\n');
    fflush(stdout);
}
