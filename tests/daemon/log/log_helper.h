/*
 * What the log's tests share: a log in a folder of its own, appending and
 * waiting for the results, reading all of it back, and disks that fail.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/log/io.h"
#include "daemon/log/log.h"

#include <stdatomic.h>

struct kept_result {
    enum log_outcome outcome;
    uint64_t id; /* the proposal's cookie */
    uint64_t seq, prev_seq, replaces;
    char topic[LIMIT_TOPIC_BYTES + 1];
    struct fault fault;
    struct log_story story;
    size_t n_held;
    uint64_t held[8];             /* their ids */
    struct log_snapshot snapshot; /* with memory of its own */
};

struct log_fixture {
    char directory[64];
    struct log_config config;
    struct log *log;
    struct kept_result *results;
    size_t n_results, n_results_max;
    struct arena *arena;
    struct text_list notes;
    struct fault fault;
};

struct story {
    const char *uri;
    uint32_t version;
    const char *topic;
    const char *text; /* also what the digest is made of */
    bool canceled, forced;
    uint32_t urgency, approvals;
    int64_t hold_until_usec;
    uint64_t id;
};

/* A new folder and a config with small numbers, nothing opened. */
void fixture_setup(struct log_fixture *f);
/* Opens; the result of log_open. */
int fixture_open(struct log_fixture *f);
void fixture_close(struct log_fixture *f);
/* Leaves the folder as SIGKILL would: a copy of it is made while the log is
 * open, and takes its place. */
void fixture_crash(struct log_fixture *f);
void fixture_teardown(struct log_fixture *f);

void fixture_append(struct log_fixture *f, const struct story *stories, size_t n);
/* Waits for so many results in all. */
void fixture_wait(struct log_fixture *f, size_t n_results);
/* Appends one and gives its result. */
struct kept_result fixture_put(struct log_fixture *f, struct story story);
/* Asks about, or for, a held article and gives the result. */
struct kept_result fixture_ask(struct log_fixture *f, enum log_ask_type type, uint64_t hold,
                               const char *who);

struct read_entry {
    uint64_t epoch, seq, prev_seq, replaces;
    uint32_t version;
    char uri[128];
    char topic[LIMIT_TOPIC_BYTES + 1];
    char text[128];        /* the first bytes of the article */
    char approved_by[128]; /* with commas between them */
};

/* Reads everything; malloc'd. A prefix of NULL: all topics. The result of
 * log_cursor_read, which stops at the first failure. */
int fixture_read(struct log_fixture *f, const char *prefix, uint64_t after, struct read_entry **ret,
                 size_t *ret_n);

/* The folder's n-th file with this ending, in the order of names. False: none. */
bool fixture_file(const struct log_fixture *f, const char *ending, size_t n, char ret[256]);
size_t fixture_count(const struct log_fixture *f, const char *ending);
uint8_t *file_load(const char *path, size_t *ret_len);
void file_store(const char *path, const uint8_t *bytes, size_t len);

/* ---- failing disks; all off after fixture_setup */
extern atomic_int fail_syncs;      /* so many of the next fdatasyncs of a segment fail with EIO */
extern atomic_int fail_writes;     /* so many of the next writes fail with ENOSPC, half done */
extern atomic_bool short_writes;   /* writes do at most 7 bytes at a time */
extern atomic_ullong free_left;    /* what fstatvfs says; 0: the truth */
extern _Atomic int64_t test_clock; /* what config.now_usec says */
