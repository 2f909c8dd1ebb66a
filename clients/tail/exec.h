/*
 * newswire-tail --exec: a command for each article, one after the other.
 *
 * Exit 0 is done; 75 (EX_TEMPFAIL), and taking too long, is tried again with
 * growing waits, so that order holds; anything else, or a death by signal, parks the
 * article in a file and goes on. The caller saves its place after each article.
 */
#pragma once

#include "proto/entry.h"
#include "proto/journal/journal.h"

#include <stdbool.h>
#include <stdint.h>

struct exec {
    const char *command; /* for /bin/sh -c */
    const char *parked;  /* the folder for what is put aside; made when it is needed */
    uint64_t timeout_usec;
    uint64_t first_wait_usec, most_wait_usec; /* between tries */
    /* Tells the operator. */
    void (*tell)(void *userdata, enum journal_event event, const struct journal_subject *about,
                 const char *sentence);
    void *userdata;
};

enum exec_result {
    EXEC_DONE,
    EXEC_PARKED,
    EXEC_STOPPED, /* the program is to end, and the article is not done */
};

/* What goes in: the article's text in the tool's format, the same as a JSON line for
 * the parked file, its entry, and its status ("usable", "withheld", "canceled", and
 * "killed" when the entry has no article). */
struct exec_article {
    const struct entry *entry;
    const char *status;
    struct slice text, json;
};

/* Runs the command until the article is done with. An enum exec_result, or -errno
 * when it can't even be run or parked, with that said. */
int exec_article(const struct exec *x, const struct exec_article *article)
    __attribute__((nonnull, warn_unused_result));
