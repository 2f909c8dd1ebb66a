/*
 * Messages in words: many alerts in one, by kind, no longer than the format takes.
 */
#pragma once

#include "clients/alert/board.h"

enum event_type {
    EVENT_NEW,
    EVENT_STILL, /* a reminder */
    EVENT_OVER,
    EVENT_PASSED, /* over before it was told */
};

struct event {
    enum event_type type;
    const struct alert *alert;
};

struct message_facts {
    const struct group_config *group;
    const char *wire;
    const struct event *events; /* sorted by message_sort */
    size_t n;
    size_t open; /* alerts in all that go on */
    bool digest; /* at the end of quiet hours */
    int64_t now_usec;
};

/* Puts events in the order in which they are told. */
void message_sort(struct event *events, size_t n);

/* Fills in title, text, json and urgent. 0 or -ENOMEM. */
int message_write(const struct message_facts *facts, struct message *ret)
    __attribute__((nonnull, warn_unused_result));

/* A message in place of one that is refused, whose title, text and json are replaced: that
 * there is something to know, and when that was. 0 or -ENOMEM. */
int message_write_brief(const struct group_config *group, const char *wire, struct message *m)
    __attribute__((nonnull, warn_unused_result));

/* A message of `test`, that says so. 0 or -ENOMEM. */
int message_write_test(const struct group_config *group, const char *wire, int64_t now_usec,
                       struct message *ret) __attribute__((nonnull, warn_unused_result));
