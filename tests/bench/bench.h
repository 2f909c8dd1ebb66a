/*
 * What the benchmarks share: a clock, medians, articles to send, a daemon of
 * their own, and a table.
 */
#pragma once

#include "proto/wire.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    BENCH_TEXT_BYTES = 3 << 10, /* an article's text, as in the figures that peers publish */
    BENCH_ROUNDS = 5,           /* contenders take turns; the median round counts */
};

/* Seconds on the monotonic clock. */
double bench_now(void);

/* The median; sorts the values in place. */
double bench_median(double *values, size_t n);

/* Prints what went wrong and ends the program, its children with it. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes the number-th article, encoded, at p: BENCH_TEXT_BYTES of text and a
 * uri of its own. Returns its length; bench_article_max() bytes suffice. */
size_t bench_article(uint64_t number, uint8_t *p);
size_t bench_article_max(void);

/* A temporary folder on the disk that is measured; removed at exit. */
const char *bench_folder(void);

/* A TCP port of this machine that nobody uses now. */
int bench_free_port(void);

struct bench_daemon {
    pid_t pid;
    char folder[256];
    char feed[64], replay[64], submit[64];
    bool secure; /* set before it starts: CURVE, and a client with all rights */
};

/* Starts newswired from the build folder with a log in a new or a kept folder
 * and waits until it answers. */
void bench_daemon_start(struct bench_daemon *d, const char *build, const char *name);
void bench_daemon_stop(struct bench_daemon *d);

/* Gives a socket the client's keys, where the daemon wants them. */
void bench_keys(const struct bench_daemon *d, void *socket);

/* The daemon's anonymous resident memory in KiB. */
long bench_daemon_memory_kib(const struct bench_daemon *d);

/* The processor's time that it has used, in seconds, in steps of some ms. */
double bench_daemon_cpu(const struct bench_daemon *d);

/* Sends n new articles with so many in flight and so many in one request;
 * returns once all are durable. Articles a second. */
double bench_ingest(const struct bench_daemon *d, size_t n, size_t in_flight, size_t per_request);

/* Passes over n article numbers, which a child process is about to use. */
void bench_skip_articles(size_t n);

/* A row: what, our figure, the raw limit of the same rounds, and its name. */
void bench_row(const char *what, double ours, const char *unit, double ratio, double raw,
               const char *raw_name, double goal);
