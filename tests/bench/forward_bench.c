/*
 * newswire-forward against the machine's raw limit: HTTP deliveries to a receiver
 * on loopback, beside libcurl that only posts; and a thousand outlets of which a
 * tenth hang.
 *
 *     forward_bench BUILD_FOLDER
 */
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ONE_ARTICLES = 10000, /* to one outlet, a round */
    ROUNDS = 3,
    OUTLETS = 1000,
    HANGING = OUTLETS / 10,
    EACH = 20, /* articles to each of them */
    QUEUED_MOST = 1000000,
    RECEIVE_BYTES = 64 << 10,
};

/* ---- the receiver */

struct connection {
    int fd;
    size_t len;
    char data[RECEIVE_BYTES];
};

struct receiver {
    pthread_t thread;
    int listener, epoll, port;
    bool hangs; /* reads and never answers */
    atomic_size_t received;
};

static void accept_one(struct receiver *r) {
    int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC), on = 1;
    struct connection *c = fd < 0 ? NULL : calloc(1, sizeof *c);
    if (c == NULL)
        return;
    c->fd = fd;
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* The length of the whole request at the front; 0 when it isn't there yet. */
static size_t request_length(struct connection *c) {
    c->data[c->len] = '\0';
    char *end = strstr(c->data, "\r\n\r\n");
    char *length = end == NULL ? NULL : strcasestr(c->data, "\r\ncontent-length:");
    if (length == NULL || length > end)
        return 0;
    size_t total = (size_t)(end + 4 - c->data) + strtoul(length + 17, NULL, 10);
    return total <= c->len ? total : 0;
}

static void read_one(struct receiver *r, struct connection *c) {
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    ssize_t n = read(c->fd, c->data + c->len, sizeof c->data - 1 - c->len);
    if (n <= 0) {
        close(c->fd);
        free(c);
        return;
    }
    c->len = r->hangs ? 0 : c->len + (size_t)n;
    for (size_t total; (total = request_length(c)) > 0;) {
        memmove(c->data, c->data + total, c->len - total);
        c->len -= total;
        if (write(c->fd, answer, sizeof answer - 1) > 0)
            atomic_fetch_add(&r->received, 1);
    }
}

static void *receive(void *userdata) {
    struct receiver *r = userdata;
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(r->epoll, events, 64, -1);
        for (int i = 0; i < n; i++)
            if (events[i].data.ptr == NULL)
                accept_one(r);
            else
                read_one(r, events[i].data.ptr);
    }
    return NULL;
}

static void receiver_start(struct receiver *r, bool hangs) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct epoll_event event = {.events = EPOLLIN};
    r->hangs = hangs;
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (bind(r->listener, (struct sockaddr *)&address, len) < 0 || listen(r->listener, 4096) < 0 ||
        getsockname(r->listener, (struct sockaddr *)&address, &len) < 0)
        bench_fail("receiver: %s", strerror(errno));
    r->port = ntohs(address.sin_port);
    epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->listener, &event);
    if (pthread_create(&r->thread, NULL, receive, r) != 0)
        bench_fail("no thread");
}

static void await(struct receiver *r, size_t n) {
    double begin = bench_now();
    while (atomic_load(&r->received) < n) {
        if (bench_now() - begin > 300)
            bench_fail("only %zu of %zu articles arrived", atomic_load(&r->received), n);
        usleep(1000);
    }
}

/* ---- the raw limit: libcurl that posts as much, one after the other */

static size_t ignore(char *data, size_t size, size_t n, void *userdata) {
    (void)data, (void)userdata;
    return size * n;
}

static double raw_posts(struct receiver *r, size_t n) {
    static char body[BENCH_TEXT_BYTES + 1024];
    char url[64];
    CURL *e = curl_easy_init();
    memset(body, 'x', sizeof body);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", r->port);
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)sizeof body);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    double begin = bench_now();
    for (size_t i = 0; i < n; i++)
        if (curl_easy_perform(e) != CURLE_OK)
            bench_fail("curl");
    double seconds = bench_now() - begin;
    curl_easy_cleanup(e);
    return (double)n / seconds;
}

/* ---- the forwarder */

struct forwarder {
    pid_t pid;
    char program[300], config[300], ledger[300];
};

static void write_config(struct forwarder *f, const struct bench_daemon *d, const char *build,
                         const char *name) {
    snprintf(f->program, sizeof f->program, "%s/newswire-forward", build);
    snprintf(f->config, sizeof f->config, "%s/%s.conf", bench_folder(), name);
    snprintf(f->ledger, sizeof f->ledger, "%s/%s.db", bench_folder(), name);
    FILE *out = fopen(f->config, "we");
    if (out == NULL)
        bench_fail("%s: %s", f->config, strerror(errno));
    fprintf(out, "[forward]\nledger = %s\nfeed = %s\nreplay = %s\n", f->ledger, d->feed, d->replay);
    fclose(out);
}

static void add_outlet(const struct forwarder *f, const char *name, int number, int port) {
    FILE *out = fopen(f->config, "ae");
    fprintf(out,
            "[outlet \"%s%d\"]\nurl = http://127.0.0.1:%d/in\nprivate_addresses = yes\n"
            "format = json\n",
            name, number, port);
    fclose(out);
}

static void start(struct forwarder *f) {
    f->pid = fork();
    if (f->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(f->program, f->program, "run", "--config", f->config, "--quiet", (char *)NULL);
        _exit(127);
    }
}

static void stop(struct forwarder *f) {
    int status;
    kill(f->pid, SIGTERM);
    if (waitpid(f->pid, &status, 0) != f->pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        bench_fail("the forwarder did not end well");
}

static long long ask(const struct forwarder *f, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *st = NULL;
    long long value = -1;
    if (sqlite3_open_v2(f->ledger, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
        value = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return value;
}

/* Gives it a place on the wire, so that it takes what comes while it is away. */
static void give_place(struct forwarder *f) {
    start(f);
    double begin = bench_now();
    while (ask(f, "SELECT count(*) FROM wire") != 1) {
        if (bench_now() - begin > 20)
            bench_fail("the forwarder did not start");
        usleep(20000);
    }
    stop(f);
}

static long memory_kib(pid_t pid) {
    char path[64], line[256];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *in = fopen(path, "re");
    while (in != NULL && fgets(line, sizeof line, in) != NULL)
        if (sscanf(line, "RssAnon: %ld", &kib) == 1)
            break;
    if (in != NULL)
        fclose(in);
    return kib;
}

/* ---- the benches */

static void bench_one(const char *build, const struct bench_daemon *d) {
    static struct receiver receiver;
    struct forwarder f;
    double ours[ROUNDS], raw[ROUNDS], ratios[ROUNDS];
    receiver_start(&receiver, false);
    write_config(&f, d, build, "one");
    add_outlet(&f, "only", 0, receiver.port);
    give_place(&f);
    for (size_t i = 0; i < ROUNDS; i++) {
        raw[i] = raw_posts(&receiver, ONE_ARTICLES);
        bench_ingest(d, ONE_ARTICLES, 512, 64);
        atomic_store(&receiver.received, 0);
        double begin = bench_now();
        start(&f);
        await(&receiver, ONE_ARTICLES);
        ours[i] = ONE_ARTICLES / (bench_now() - begin);
        ratios[i] = ours[i] / raw[i];
        stop(&f);
    }
    bench_row("forward, 1 HTTP outlet, from its start", bench_median(ours, ROUNDS), "articles/s",
              bench_median(ratios, ROUNDS), bench_median(raw, ROUNDS), "libcurl, POST alone", 3000);
}

/* Deliveries a second to the healthy ones. */
static double run_many(const char *build, const struct bench_daemon *d, struct receiver *healthy,
                       const struct receiver *hanging, const char *name, long *ret_memory) {
    struct forwarder f;
    write_config(&f, d, build, name);
    for (int i = 0; i < OUTLETS - HANGING; i++)
        add_outlet(&f, "healthy", i, healthy->port);
    for (int i = 0; hanging != NULL && i < HANGING; i++)
        add_outlet(&f, "hanging", i, hanging->port);
    give_place(&f);
    bench_ingest(d, EACH, EACH, EACH);
    atomic_store(&healthy->received, 0);
    double begin = bench_now();
    start(&f);
    await(healthy, (size_t)(OUTLETS - HANGING) * EACH);
    double seconds = bench_now() - begin;
    *ret_memory = memory_kib(f.pid);
    stop(&f);
    return (OUTLETS - HANGING) * EACH / seconds;
}

static void bench_many(const char *build, const struct bench_daemon *d) {
    static struct receiver healthy, hanging;
    double with[ROUNDS], without[ROUNDS], ratios[ROUNDS];
    long memory = 0;
    receiver_start(&healthy, false);
    receiver_start(&hanging, true);
    for (int i = 0; i < ROUNDS; i++) {
        char name[32];
        snprintf(name, sizeof name, "without%d", i);
        without[i] = run_many(build, d, &healthy, NULL, name, &memory);
        snprintf(name, sizeof name, "with%d", i);
        with[i] = run_many(build, d, &healthy, &hanging, name, &memory);
        ratios[i] = with[i] / without[i];
    }
    bench_row("forward, 900 of 1,000 outlets, 100 hang", bench_median(with, ROUNDS), "deliveries/s",
              bench_median(ratios, ROUNDS), bench_median(without, ROUNDS), "the 900 alone", 0.9);
    bench_row("forward, RssAnon with 1,000 outlets", (double)memory / 1024, "MiB", 0, 0, "", 0);
}

/* A queue of a million, of an outlet that is away, beside one that is there. */
static void bench_queue(const char *build, const struct bench_daemon *d) {
    struct forwarder f;
    char sql[512];
    write_config(&f, d, build, "queue");
    add_outlet(&f, "away", 0, 1);
    give_place(&f);
    bench_ingest(d, 1, 1, 1);
    start(&f);
    while (ask(&f, "SELECT count(*) FROM delivery") != 1)
        usleep(20000);
    stop(&f);
    sqlite3 *db;
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             " INSERT INTO delivery (article, outlet, uri, version, kill, state, rank, due_usec,"
             " queued_usec, message_id) SELECT 1, 'away0', 'urn:queued:' || i, 1, 0, 'queued', 1,"
             " i, i, 'msg' || i FROM n",
             QUEUED_MOST);
    if (sqlite3_open(f.ledger, &db) != SQLITE_OK ||
        sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        bench_fail("the ledger: %s", sqlite3_errmsg(db));
    sqlite3_close(db);
    start(&f);
    sleep(5);
    bench_row("forward, RssAnon with a million queued", (double)memory_kib(f.pid) / 1024, "MiB", 0,
              0, "", 0);
    stop(&f);
}

int main(int argc, char **argv) {
    struct bench_daemon d;
    if (argc != 2)
        bench_fail("usage: forward_bench BUILD_FOLDER");
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    bench_daemon_start(&d, argv[1], "forward");
    bench_one(argv[1], &d);
    bench_many(argv[1], &d);
    bench_queue(argv[1], &d);
    bench_daemon_stop(&d);
    return 0;
}
