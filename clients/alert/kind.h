/*
 * What can be wrong, and its words for people, in the two languages that messages
 * are written in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The most urgent first: messages have them in this order. */
enum alert_kind {
    ALERT_DAEMON_DOWN,      /* newswired doesn't answer */
    ALERT_INTAKE_STOPPED,   /* it takes nothing in, or its spool can't be used */
    ALERT_DEGRADED,         /* its log is damaged, a thread or its disk doesn't get on */
    ALERT_DISK_FULL,        /* a folder has too little room left */
    ALERT_KILL_UNCONFIRMED, /* an outlet hasn't withdrawn a story */
    ALERT_NO_PAGE,          /* nothing came by a time of day */
    ALERT_OUTLET_FAILING,
    ALERT_ITEM_PARKED,   /* the forwarder put an article aside */
    ALERT_READER_BEHIND, /* far behind the log's head */
    ALERT_READER_GONE,   /* one that should be there isn't */
    ALERT_UNSIGNED,      /* checkpoints of the log can't be signed */
    ALERT_CANNOT_LOOK,   /* so nobody knows */
    ALERT_KINDS
};

enum alert_language { ALERT_ENGLISH, ALERT_CHINESE };

/* As config and JSON have it: "outlet_failing". */
const char *alert_kind_name(enum alert_kind kind);

/* ALERT_KINDS when there is none of that name. */
enum alert_kind alert_kind_find(const char *name) __attribute__((nonnull));

/* "3 outlets failing"; of one, "outlet failing". */
void alert_kind_title(enum alert_kind kind, size_t n, enum alert_language language, char *ret,
                      size_t size) __attribute__((nonnull));
