/*
 * The wire against the machine's raw limits: acknowledged ingest, live fan-out
 * and replay, each beside what the disk and bare libzmq do in the same rounds.
 *
 *     wire_bench BUILD_FOLDER
 */
#include "proto/entry.h"
#include "proto/signature.h"
#include "tests/bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

enum {
    ONE_ARTICLES = 1500,      /* a round at 1 in flight */
    MANY_ARTICLES = 256 * 80, /* a round at 256 in flight */
    MANY = 256,
    FAN_DELIVERIES = 100000, /* a round of fan-out, over all readers */
    REPLAY_ARTICLES = 200000,
    REPLAY_CREDIT_BYTES = 16 << 20,
};

/* ---- raw limits */

static int open_raw(void) {
    char path[300];
    snprintf(path, sizeof path, "%s/raw", bench_folder());
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        bench_fail("%s: %s", path, strerror(errno));
    return fd;
}

static void append_synced(int fd, const uint8_t *data, size_t len) {
    if (write(fd, data, len) != (ssize_t)len || fdatasync(fd) < 0)
        bench_fail("raw append: %s", strerror(errno));
}

/* Articles a second that the disk takes, so many to one fdatasync. */
static double raw_append(size_t n, size_t per_sync) {
    uint8_t *data = malloc(per_sync * bench_article_max());
    size_t len = 0;
    for (size_t i = 0; i < per_sync; i++)
        len += bench_article(i, data + len);
    int fd = open_raw();
    double begin = bench_now();
    for (size_t i = 0; i < n; i += per_sync)
        append_synced(fd, data, len);
    double seconds = bench_now() - begin;
    close(fd);
    free(data);
    return (double)n / seconds;
}

/* A child process that runs and never comes back. */
static pid_t in_child(void (*work)(const char *), const char *argument) {
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        work(argument);
        _exit(0);
    }
    return pid;
}

static void end_child(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

struct bare_request {
    zmq_msg_t id, body;
};

static bool bare_receive(void *socket, struct bare_request *r, int flags) {
    zmq_msg_init(&r->id);
    zmq_msg_init(&r->body);
    if (zmq_msg_recv(&r->id, socket, flags) < 0)
        return false;
    return zmq_msg_recv(&r->body, socket, 0) >= 0;
}

/* A ROUTER that appends what waits, syncs and answers: the least that any server
 * does. */
static void bare_router(const char *endpoint) {
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    static struct bare_request requests[MANY];
    uint8_t *data = malloc(MANY * bench_article_max());
    int fd = open_raw();
    if (data == NULL || zmq_bind(socket, endpoint) < 0)
        bench_fail("bind %s: %s", endpoint, zmq_strerror(errno));
    for (;;) {
        size_t n = 0, len = 0;
        while (n < MANY && bare_receive(socket, &requests[n], n == 0 ? 0 : ZMQ_DONTWAIT)) {
            memcpy(data + len, zmq_msg_data(&requests[n].body), zmq_msg_size(&requests[n].body));
            len += zmq_msg_size(&requests[n++].body);
        }
        append_synced(fd, data, len);
        for (size_t i = 0; i < n; i++) {
            zmq_msg_send(&requests[i].id, socket, ZMQ_SNDMORE);
            zmq_send(socket, "ok", 2, 0);
            zmq_msg_close(&requests[i].body);
        }
    }
}

static double bare_libzmq(size_t n, size_t in_flight) {
    char endpoint[300];
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", bench_free_port());
    pid_t child = in_child(bare_router, endpoint);
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_DEALER);
    int linger = 0;
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_connect(socket, endpoint);
    uint8_t article[8192];
    size_t len = bench_article(1, article), sent = 0, done = 0;
    char answer[8];
    double begin = 0;
    while (done <= n) { /* the first one waits for the connection */
        while (sent <= n && sent - done < (done == 0 ? 1 : in_flight)) {
            zmq_send(socket, article, len, 0);
            sent++;
        }
        zmq_recv(socket, answer, sizeof answer, 0);
        if (done++ == 0)
            begin = bench_now();
    }
    double seconds = bench_now() - begin;
    zmq_close(socket);
    zmq_ctx_term(context);
    end_child(child);
    return (double)n / seconds;
}

/* ---- ingest */

static void bench_ingest_rows(const struct bench_daemon *d) {
    double one[BENCH_ROUNDS], many[BENCH_ROUNDS], disk_one[BENCH_ROUNDS], disk_many[BENCH_ROUNDS],
        bare[BENCH_ROUNDS], bare_many[BENCH_ROUNDS], ratio_one[BENCH_ROUNDS],
        ratio_disk[BENCH_ROUNDS], ratio_many[BENCH_ROUNDS], ratio_bare_many[BENCH_ROUNDS];
    for (size_t i = 0; i < BENCH_ROUNDS; i++) {
        disk_one[i] = raw_append(ONE_ARTICLES, 1);
        bare[i] = bare_libzmq(ONE_ARTICLES, 1);
        one[i] = bench_ingest(d, ONE_ARTICLES, 1, 1);
        disk_many[i] = raw_append(MANY_ARTICLES, MANY);
        bare_many[i] = bare_libzmq(MANY_ARTICLES, MANY);
        many[i] = bench_ingest(d, MANY_ARTICLES, MANY, 1);
        ratio_one[i] = one[i] / bare[i];
        ratio_disk[i] = one[i] / disk_one[i];
        ratio_many[i] = many[i] / disk_many[i];
        ratio_bare_many[i] = many[i] / bare_many[i];
    }
    double ours = bench_median(one, BENCH_ROUNDS);
    bench_row("acked ingest, 1 in flight", ours, "articles/s",
              bench_median(ratio_one, BENCH_ROUNDS), bench_median(bare, BENCH_ROUNDS),
              "bare ROUTER + append + fdatasync", 0.9);
    bench_row("", ours, "articles/s", bench_median(ratio_disk, BENCH_ROUNDS),
              bench_median(disk_one, BENCH_ROUNDS), "append + fdatasync", 0);
    bench_row("acked ingest, 256 in flight", bench_median(many, BENCH_ROUNDS), "articles/s",
              bench_median(ratio_many, BENCH_ROUNDS), bench_median(disk_many, BENCH_ROUNDS),
              "append, fdatasync per 256", 0.5);
    bench_row("", bench_median(many, BENCH_ROUNDS), "articles/s",
              bench_median(ratio_bare_many, BENCH_ROUNDS), bench_median(bare_many, BENCH_ROUNDS),
              "bare ROUTER + append + fdatasync", 0);
}

/* ---- fan-out */

struct fan {
    const char *endpoint;
    const struct bench_daemon *daemon; /* NULL: plain libzmq */
    size_t readers;
    size_t expected; /* entries for each reader */
    atomic_size_t subscribed;
    double first, last; /* when the first and the last delivery came */
};

/* Entries in a feed message; one for a plain payload, none for a heartbeat. */
static size_t entries_in(struct slice payload, bool plain) {
    if (plain)
        return 1;
    size_t n = 0;
    while (payload.len > 0) {
        struct wire_field f;
        if (!wire_get_field(&payload, &f))
            bench_fail("a feed message is ill-formed");
        n += f.number == ENTRY_FIELD;
    }
    return n;
}

static void receive_one(void *socket, bool plain, size_t *got) {
    zmq_msg_t m;
    zmq_msg_init(&m);
    while (zmq_msg_recv(&m, socket, ZMQ_DONTWAIT) >= 0) {
        if (!zmq_msg_more(&m))
            *got += entries_in((struct slice){zmq_msg_data(&m), zmq_msg_size(&m)}, plain);
        zmq_msg_close(&m);
        zmq_msg_init(&m);
    }
    zmq_msg_close(&m);
}

/* Reads with fan->readers sockets until each has all; deliveries a second. */
static double fan_read(struct fan *fan, void *context, bool plain) {
    void **sockets = calloc(fan->readers, sizeof *sockets);
    zmq_pollitem_t *items = calloc(fan->readers, sizeof *items);
    size_t *got = calloc(fan->readers, sizeof *got);
    int zero = 0;
    for (size_t i = 0; i < fan->readers; i++) {
        sockets[i] = zmq_socket(context, ZMQ_SUB);
        zmq_setsockopt(sockets[i], ZMQ_RCVHWM, &zero, sizeof zero);
        zmq_setsockopt(sockets[i], ZMQ_LINGER, &zero, sizeof zero);
        zmq_setsockopt(sockets[i], ZMQ_SUBSCRIBE, "news/", 5);
        bench_keys(fan->daemon, sockets[i]);
        if (zmq_connect(sockets[i], fan->endpoint) < 0)
            bench_fail("connect %s: %s", fan->endpoint, zmq_strerror(errno));
        items[i] = (zmq_pollitem_t){.socket = sockets[i], .events = ZMQ_POLLIN};
    }
    fan->subscribed = fan->readers;
    size_t complete = 0;
    double begin = 0;
    while (complete < fan->readers) {
        if (zmq_poll(items, (int)fan->readers, 20000) <= 0)
            bench_fail("fan-out to %zu: a reader waits for ever", fan->readers);
        complete = 0;
        for (size_t i = 0; i < fan->readers; i++) {
            if (items[i].revents != 0)
                receive_one(sockets[i], plain, &got[i]);
            complete += got[i] >= fan->expected;
            if (begin == 0 && got[i] > 0)
                begin = bench_now();
        }
    }
    double seconds = bench_now() - begin;
    for (size_t i = 0; i < fan->readers; i++)
        zmq_close(sockets[i]);
    free(sockets);
    free(items);
    free(got);
    return (double)(fan->readers * fan->expected) / seconds;
}

static size_t plain_count, plain_readers;

static void plain_publisher(const char *endpoint) {
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_XPUB);
    int zero = 0, yes = 1;
    zmq_setsockopt(socket, ZMQ_SNDHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_XPUB_VERBOSE, &yes, sizeof yes);
    if (zmq_bind(socket, endpoint) < 0)
        bench_fail("bind %s: %s", endpoint, zmq_strerror(errno));
    char subscription[64];
    for (size_t i = 0; i < plain_readers; i++)
        zmq_recv(socket, subscription, sizeof subscription, 0);
    uint8_t article[8192];
    for (size_t i = 0; i < plain_count; i++) {
        size_t len = bench_article(i, article);
        zmq_send(socket, "news/article", 12, ZMQ_SNDMORE);
        zmq_send(socket, article, len, 0);
    }
    pause();
}

static double fan_plain(size_t readers) {
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", bench_free_port());
    plain_readers = readers;
    plain_count = FAN_DELIVERIES / readers;
    pid_t child = in_child(plain_publisher, endpoint);
    void *context = zmq_ctx_new();
    struct fan fan = {.endpoint = endpoint, .readers = readers, .expected = plain_count};
    double rate = fan_read(&fan, context, true);
    zmq_ctx_term(context);
    end_child(child);
    return rate;
}

static const struct bench_daemon *fan_daemon;

static void fan_submitter(const char *count) {
    usleep(600000); /* the readers' subscriptions go first */
    bench_ingest(fan_daemon, (size_t)atol(count), 1024, 64);
}

static double fan_newswire(const struct bench_daemon *d, size_t readers) {
    char count[32];
    size_t n = FAN_DELIVERIES / readers;
    snprintf(count, sizeof count, "%zu", n);
    fan_daemon = d;
    pid_t child = in_child(fan_submitter, count);
    bench_skip_articles(n); /* the child has used these */
    void *context = zmq_ctx_new();
    struct fan fan = {.endpoint = d->feed, .daemon = d, .readers = readers, .expected = n};
    double rate = fan_read(&fan, context, false);
    zmq_ctx_term(context);
    waitpid(child, NULL, 0);
    return rate;
}

static void bench_fan_rows(const struct bench_daemon *d) {
    static const size_t readers[] = {1, 10, 100};
    for (size_t r = 0; r < sizeof readers / sizeof *readers; r++) {
        double ours[BENCH_ROUNDS], plain[BENCH_ROUNDS], ratio[BENCH_ROUNDS];
        for (size_t i = 0; i < BENCH_ROUNDS; i++) {
            plain[i] = fan_plain(readers[r]);
            ours[i] = fan_newswire(d, readers[r]);
            ratio[i] = ours[i] / plain[i];
        }
        char what[64];
        snprintf(what, sizeof what, "live fan-out, %zu reader%s, ingest included", readers[r],
                 readers[r] == 1 ? "" : "s");
        bench_row(what, bench_median(ours, BENCH_ROUNDS), "deliv./s",
                  bench_median(ratio, BENCH_ROUNDS), bench_median(plain, BENCH_ROUNDS),
                  "plain libzmq PUB/SUB, no log", 0.9);
    }
}

/* ---- replay */

static size_t open_request(uint8_t *p, uint64_t credit) {
    uint8_t body[32];
    uint8_t *end = wire_put_uint(body, 6, credit);
    uint8_t *q = wire_put_uint(p, 1, 1);
    q = wire_put_bytes(q, 2, (struct slice){body, (size_t)(end - body)});
    return (size_t)(q - p);
}

static size_t credit_request(uint8_t *p, uint64_t bytes) {
    uint8_t body[16];
    uint8_t *end = wire_put_uint(body, 1, bytes);
    uint8_t *q = wire_put_uint(p, 1, 1);
    q = wire_put_bytes(q, 3, (struct slice){body, (size_t)(end - body)});
    return (size_t)(q - p);
}

/* Reads a reply's entries as a reader does. Whether it was the last. */
static bool take_reply(struct slice reply, size_t *entries, uint64_t *last_seq) {
    bool done = false;
    while (reply.len > 0) {
        struct wire_field f;
        struct entry e;
        if (!wire_get_field(&reply, &f) || f.number == 8)
            bench_fail("replay answered with an error");
        if (f.number == ENTRY_FIELD) {
            if (entry_decode(f.bytes, &e) < 0 || e.seq <= *last_seq)
                bench_fail("replay sent a bad entry");
            *last_seq = e.seq;
            (*entries)++;
        }
        done = done || f.number == 7;
    }
    return done;
}

static double replay_all(const struct bench_daemon *d, size_t *ret_entries) {
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_DEALER);
    int linger = 0, patience = 20000;
    uint8_t request[64];
    uint64_t last_seq = 0;
    bool done = false;
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    bench_keys(d, socket);
    zmq_connect(socket, d->replay);
    *ret_entries = 0;
    double begin = bench_now();
    zmq_send(socket, request, open_request(request, REPLAY_CREDIT_BYTES), 0);
    while (!done) {
        zmq_msg_t m;
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, socket, 0) < 0)
            bench_fail("replay stalled after %zu entries", *ret_entries);
        size_t len = zmq_msg_size(&m);
        done = take_reply((struct slice){zmq_msg_data(&m), len}, ret_entries, &last_seq);
        zmq_msg_close(&m);
        zmq_send(socket, request, credit_request(request, len), 0);
    }
    double seconds = bench_now() - begin;
    zmq_close(socket);
    zmq_ctx_term(context);
    return (double)*ret_entries / seconds;
}

/* Reading the same bytes from the page cache, nothing else. */
static double raw_scan(const struct bench_daemon *d, size_t entries) {
    char command[600];
    snprintf(command, sizeof command, "cat %s/log/* %s/log/*/* >/dev/null 2>&1", d->folder,
             d->folder);
    double begin = bench_now();
    if (system(command) < 0)
        bench_fail("cat: %s", strerror(errno));
    return (double)entries / (bench_now() - begin);
}

static void bench_replay_rows(const char *build) {
    struct bench_daemon d;
    bench_daemon_start(&d, build, "replay");
    long idle = bench_daemon_memory_kib(&d);
    bench_ingest(&d, REPLAY_ARTICLES - 1, 4096, 64);
    double ours[BENCH_ROUNDS], scan[BENCH_ROUNDS], ratio[BENCH_ROUNDS];
    size_t entries;
    for (size_t i = 0; i < BENCH_ROUNDS; i++) {
        ours[i] = replay_all(&d, &entries);
        if (entries != REPLAY_ARTICLES)
            bench_fail("replay gave %zu of %d entries", entries, REPLAY_ARTICLES);
        scan[i] = raw_scan(&d, entries);
        ratio[i] = ours[i] / scan[i];
    }
    bench_row("replay of 200,000", bench_median(ours, BENCH_ROUNDS), "entries/s",
              bench_median(ratio, BENCH_ROUNDS), bench_median(scan, BENCH_ROUNDS),
              "reading the log's files", 0);
    bench_row("", bench_median(ours, BENCH_ROUNDS), "entries/s", 0, 0, "goal 300,000/s", 0);
    sleep(6); /* what a burst leaves is given back when it is quiet */
    long busy = bench_daemon_memory_kib(&d);
    bench_daemon_stop(&d);
    double begin = bench_now();
    bench_daemon_start(&d, build, "replay");
    bench_row("start with 200,000 in the log", (bench_now() - begin) * 1000, "ms", 0, 0, "", 0);
    bench_row("RssAnon, idle, empty log", (double)idle, "KiB", 0, 0, "goal below 20,480", 0);
    bench_row("RssAnon, 6 s after 200,000 in and out", (double)busy, "KiB", 0, 0,
              "goal below 20,480", 0);
    bench_row("RssAnon, idle, 200,000 in the log", (double)bench_daemon_memory_kib(&d), "KiB", 0, 0,
              "goal below 20,480", 0);
    bench_daemon_stop(&d);
}

/* ---- what trust costs */

enum { SECURE_ARTICLES = 256 * 40, SIGNATURES = 5000, SUBSCRIPTIONS = 100000, AUTHORISED = 10 };

/* Seconds of the daemon's processor for one subscription, made and cancelled. Rights are
 * looked at there and nowhere else on feed. */
static double subscription_cost(const struct bench_daemon *d) {
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_XSUB);
    int zero = 0;
    zmq_setsockopt(socket, ZMQ_SNDHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    bench_keys(d, socket);
    if (zmq_connect(socket, d->feed) < 0)
        bench_fail("connect %s: %s", d->feed, zmq_strerror(errno));
    usleep(500000);
    double begin = bench_daemon_cpu(d), before, now = begin;
    for (int i = 0; i < SUBSCRIPTIONS; i++) {
        zmq_send(socket, "\1news/", 6, 0);
        zmq_send(socket, "\0news/", 6, 0);
    }
    do {
        before = now;
        usleep(500000);
        now = bench_daemon_cpu(d);
    } while (now - before > 0.02); /* what it needs for itself */
    zmq_close(socket);
    zmq_ctx_term(context);
    return (now - begin) / SUBSCRIPTIONS;
}

/* What the checking of rights takes of a fan-out that went at so many deliveries a second:
 * what a subscription takes more with keys, for each reader. */
static void bench_authorisation_row(const struct bench_daemon *plain,
                                    const struct bench_daemon *secure, double fan_rate) {
    double with[BENCH_ROUNDS], without[BENCH_ROUNDS], ratio[BENCH_ROUNDS];
    for (size_t i = 0; i < BENCH_ROUNDS; i++) {
        without[i] = subscription_cost(plain);
        with[i] = subscription_cost(secure);
        ratio[i] = with[i] / without[i];
    }
    double ours = bench_median(with, BENCH_ROUNDS), bare = bench_median(without, BENCH_ROUNDS);
    bench_row("CURVE and rights: a subscription", ours * 1e9, "ns",
              bench_median(ratio, BENCH_ROUNDS), bare * 1e9, "newswire without keys", 0);
    double more = ours > bare ? ours - bare : 0, fan_seconds = FAN_DELIVERIES / fan_rate;
    bench_row("authorisation, of that fan-out to 10", more * AUTHORISED / fan_seconds * 1e6,
              "millionths", 0, 0, "goal below 20,000", 0);
}

static double secure_ingest(const struct bench_daemon *d) {
    return bench_ingest(d, SECURE_ARTICLES, MANY, 1);
}

static double secure_fan_1(const struct bench_daemon *d) {
    return fan_newswire(d, 1);
}

static double secure_fan_10(const struct bench_daemon *d) {
    return fan_newswire(d, 10);
}

static double secure_replay(const struct bench_daemon *d) {
    size_t entries;
    return replay_all(d, &entries);
}

/* The same with CURVE and rights, and without, by turns. */
static void bench_secure_rows(const char *build) {
    static const struct {
        const char *what, *unit;
        double (*measure)(const struct bench_daemon *d);
    } rows[] = {{"CURVE and rights: 256 in flight", "articles/s", secure_ingest},
                {"CURVE and rights: fan-out, 1 reader", "deliv./s", secure_fan_1},
                {"CURVE and rights: fan-out, 10 readers", "deliv./s", secure_fan_10},
                {"CURVE and rights: replay", "entries/s", secure_replay}};
    struct bench_daemon plain = {0}, secure = {.secure = true};
    double fan_rate = 1;
    bench_daemon_start(&plain, build, "plain");
    bench_daemon_start(&secure, build, "secure");
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        double ours[BENCH_ROUNDS], without[BENCH_ROUNDS], ratio[BENCH_ROUNDS];
        for (size_t i = 0; i < BENCH_ROUNDS; i++) {
            without[i] = rows[r].measure(&plain);
            ours[i] = rows[r].measure(&secure);
            ratio[i] = ours[i] / without[i];
        }
        bench_row(rows[r].what, bench_median(ours, BENCH_ROUNDS), rows[r].unit,
                  bench_median(ratio, BENCH_ROUNDS), bench_median(without, BENCH_ROUNDS),
                  "newswire without keys", 0);
        if (rows[r].measure == secure_fan_10)
            fan_rate = bench_median(ours, BENCH_ROUNDS);
    }
    bench_authorisation_row(&plain, &secure, fan_rate);
    bench_daemon_stop(&secure);
    bench_daemon_stop(&plain);
}

static void bench_signature_rows(void) {
    uint8_t article[8192], digest[SIGNATURE_ARTICLE_DIGEST_BYTES];
    struct slice bytes = {article, bench_article(1, article)};
    struct signature made;
    struct key_pair k;
    size_t good = 0;
    if (key_pair_make(KEY_ED25519, &k) < 0)
        bench_fail("no key");
    double begin = bench_now();
    for (int i = 0; i < SIGNATURES; i++)
        signature_make(&k, bytes, &made);
    bench_row("signing an article of 3 KiB", SIGNATURES / (bench_now() - begin), "articles/s", 0, 0,
              "", 0);
    begin = bench_now();
    for (int i = 0; i < SIGNATURES; i++) {
        signature_article_digest(bytes, digest);
        good += signature_is_good(&made, digest);
    }
    bench_row("checking its signature", SIGNATURES / (bench_now() - begin), "articles/s", 0, 0, "",
              0);
    key_pair_free(&k);
    if (good != SIGNATURES)
        bench_fail("a signature is not good");
}

int main(int argc, char **argv) {
    if (argc != 2)
        bench_fail("usage: wire_bench BUILD_FOLDER");
    struct bench_daemon d;
    bench_daemon_start(&d, argv[1], "wire");
    bench_ingest_rows(&d);
    bench_fan_rows(&d);
    bench_daemon_stop(&d);
    bench_replay_rows(argv[1]);
    bench_secure_rows(argv[1]);
    bench_signature_rows();
    return 0;
}
