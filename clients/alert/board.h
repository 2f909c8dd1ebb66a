/*
 * The board: a group's alerts, and what it is to be told of them, when.
 *
 * A state machine without clock, sockets or files: what each look found and the time
 * go in, messages come out. What always holds:
 *
 *  - An alert is told once when it has gone on for long enough, again by the reminder,
 *    and once when it is over. One that was over before it could be told is told as
 *    that. What a message has no room for, it counts.
 *  - One message at a time: it stays until it was sent, the same on every try, and
 *    what happens meanwhile is told in the next.
 *  - What couldn't be looked at is neither new nor over.
 *
 *     found ──► ripe ──► told ──► over ──► (told, and forgotten)
 *       └► gone before it is ripe: forgotten, nobody hears of it
 */
#pragma once

#include "clients/alert/config.h"
#include "clients/alert/finding.h"

enum { MESSAGE_ID_BYTES = 33, MESSAGE_ERROR_BYTES = 320 };

struct alert {
    enum alert_kind kind;
    char *subject, *text;
    int64_t since_usec, ripe_usec;
    int64_t told_usec; /* 0: not yet */
    int64_t over_usec; /* 0: it goes on */
    bool found;        /* by the look at work */
};

struct message {
    char id[MESSAGE_ID_BYTES]; /* "": there is none */
    char *title, *text;
    char *json; /* of format = json */
    bool urgent;
    int64_t made_usec;
    int64_t next_usec; /* of the next try */
    unsigned tries;    /* that failed */
    unsigned refusals; /* of them, where it was refused */
    char error[MESSAGE_ERROR_BYTES];
};

struct board {
    const struct group_config *group;
    const char *wire; /* its name */
    struct alert *alerts;
    size_t n, max;
    int64_t paced_usec; /* of the rate: messages up to then are used up */
    int64_t held_usec;  /* since then something waits for the quiet hours' end; 0: nothing */
    int64_t sent_usec;  /* the last that went; 0: none did */
    struct message message;
    bool changed; /* since it was saved */
};

/* Takes in what a look found. 0 or -ENOMEM. */
int board_take(struct board *b, const struct findings *f, int64_t now_usec)
    __attribute__((nonnull, warn_unused_result));

/* Makes the message that is due, if one is. 0 or -ENOMEM. */
int board_compose(struct board *b, int64_t now_usec) __attribute__((nonnull, warn_unused_result));

/* Whether there is a message, and it is to be tried now. */
bool board_should_send(const struct board *b, int64_t now_usec) __attribute__((nonnull));

/* What became of the try. wait_usec: until the next. A message that is refused again
 * and again, as when a robot dislikes a word in a headline, is replaced by a short one
 * that says that there is something to know, so that it doesn't stop what comes after. */
void board_sent(struct board *b, int64_t now_usec) __attribute__((nonnull));
void board_failed(struct board *b, int64_t now_usec, uint64_t wait_usec, bool refused,
                  const char *error) __attribute__((nonnull));

/* Whether the alert counts: it has gone on for long enough. */
bool alert_is_ripe(const struct alert *a, int64_t now_usec) __attribute__((nonnull));

/* Alerts that count and go on; and things to tell that wait. */
size_t board_open(const struct board *b, int64_t now_usec) __attribute__((nonnull));
size_t board_waiting(const struct board *b, int64_t now_usec) __attribute__((nonnull));

/* Puts an alert there, as it was saved. 0 or -ENOMEM. */
int board_add(struct board *b, const struct alert *alert)
    __attribute__((nonnull, warn_unused_result));

void message_done(struct message *m) __attribute__((nonnull));
void board_done(struct board *b) __attribute__((nonnull));
