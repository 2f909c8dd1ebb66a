/*
 * Following the wire, as every tool that reads it does: it waits for the daemon
 * and says so, shows how far it is, tells what is kept no more, keeps its place
 * behind the work that is done, and ends well at SIGTERM and SIGINT.
 *
 * A tool hands over what it does with an entry, and how it makes that durable
 * together with the reader's place; that is what makes its work exactly-once.
 */
#pragma once

#include "clients/lib/newswire.h"
#include "clients/tool/options.h"
#include "proto/journal/journal.h"

#include <signal.h>
#include <stdatomic.h>

/* What the command line says of the daemon; the tool's struct has one as `wire`. */
struct follow_options {
    const char *server, *feed, *replay, *client, *key;
    struct options_uint timeout_sec;
    bool quiet;
};

/* The rows of a tool's table for its member `wire`. */
#define FOLLOW_ROW(tool, name, type, member, argument, help)                                       \
    {                                                                                              \
        name, type, offsetof(tool, wire) + offsetof(struct follow_options, member), argument,      \
            NULL, help                                                                             \
    }
/* clang-format off */
#define FOLLOW_ROWS(tool)                                                                          \
    FOLLOW_ROW(tool, "quiet", OPTIONS_FLAG, quiet, NULL, "no progress, no word of lost connections"), \
    FOLLOW_ROW(tool, "timeout", OPTIONS_UINT, timeout_sec, "SECONDS", "end when there is no daemon for so long"), \
    FOLLOW_ROW(tool, "server", OPTIONS_STRING, server, "HOST", "default 127.0.0.1, or $NEWSWIRE_SERVER"), \
    FOLLOW_ROW(tool, "feed", OPTIONS_STRING, feed, "ENDPOINT", "default tcp://HOST:5560"),          \
    FOLLOW_ROW(tool, "replay", OPTIONS_STRING, replay, "ENDPOINT", "default tcp://HOST:5561"),      \
    FOLLOW_ROW(tool, "key", OPTIONS_STRING, key, "FILE", "keys of this client, and the daemon's; or $NEWSWIRE_KEY"), \
    FOLLOW_ROW(tool, "client", OPTIONS_STRING, client, "NAME", "name in the operator's list of readers")
/* clang-format on */

/* What a tool does. Each returns OPTIONS_GO_ON, or the code to end with; NULL
 * where a tool has nothing to do. */
struct follow_use {
    int (*entry)(void *userdata, const struct newswire_entry *e);
    /* Entries of a topic are kept no more, or the log is another one: beside what
     * is said of it. */
    int (*event)(void *userdata, const struct newswire_event *event);
    /* Makes all that was done durable, with the reader's place. */
    int (*save)(void *userdata, struct newswire_reader *reader);
    /* There is nothing to hand on at the moment: called then, and about twice a
     * second while that lasts. It does a little work; f->more asks for it again. */
    int (*idle)(void *userdata);
    /* What systemctl status says behind where the reader is, such as "300 wait for the
     * index"; asked once a second. */
    void (*status)(void *userdata, char *buffer, size_t size);
    bool prints; /* on stdout: no progress beside it, where that is the terminal too */
};

struct follow {
    const struct options *options; /* of the tool, for its name */
    const struct follow_use *use;
    void *userdata;
    struct follow_options wire;
    bool until_head;     /* ends when all up to now has been handed on */
    uint64_t save_after; /* entries, at most, between two saves; 0: any number */
    uint64_t save_usec;  /* between two saves, about; 0: a second */
    const char *what;    /* of the progress: "entries" */
    bool unfinished;     /* set by entry: that one is not done, and nothing is saved at the end */
    bool more;           /* set by idle: it has more to do, if nothing is to hand on */

    /* for the tool to read */
    struct newswire_reader *reader;
    uint64_t taken; /* entries */
    bool caught_up;

    /* its own */
    char feed[OPTIONS_ENDPOINT_BYTES], replay[OPTIONS_ENDPOINT_BYTES];
    bool unsaved, busy, connected, told_unreachable, shows_progress, told_ready;
    uint64_t unsaved_entries, saved_usec, progress_usec, status_usec, away_since_usec;
};

/* Opens the reader; the start, topics and cursor are the caller's, endpoints and
 * client those of f->wire. EX_OK, or a code, with the reason said. */
int follow_open(struct follow *f, struct newswire_reader_options *reader)
    __attribute__((nonnull, warn_unused_result));

/* Hands on entries until there is a reason to end. The code to exit with; after
 * EX_IOERR from entry or idle nothing is saved. */
int follow_run(struct follow *f) __attribute__((nonnull, warn_unused_result));

/* Closes the reader. */
void follow_close(struct follow *f) __attribute__((nonnull));

/* Writes a line of the journal (`about` may be NULL); on a terminal over the progress. */
void follow_tell(struct follow *f, enum journal_event event, const struct journal_subject *about,
                 const char *format, ...) __attribute__((nonnull(1, 4), format(printf, 4, 5)));

/* The same for what makes the tool end: JOURNAL_TOOL_FAILED. */
void follow_fail(struct follow *f, const char *format, ...)
    __attribute__((nonnull, format(printf, 2, 3)));

/* Shows how far a tool's own work is, such as what it does when it has caught up: a word
 * for it, and two numbers. At the end the bar goes. */
void follow_progress(struct follow *f, const char *what, uint64_t at, uint64_t of)
    __attribute__((nonnull));

/* The signal that asked for the end; 0: none has. follow_signals sets it up, and
 * follow_open calls that. */
extern atomic_int follow_stop; /* lock-free: signal handlers and threads use it */
void follow_signals(void);

/* Topics as people name them, "economy" being the whole section: *ret is malloc'd
 * in one piece and ends with NULL. 0 or -ENOMEM. */
int follow_topics(char *const *names, size_t n, const char *const **ret)
    __attribute__((nonnull(3), warn_unused_result));

/* Microseconds on the monotonic clock. */
uint64_t follow_now_usec(void);
