/*
 * What in the ledger wants a person: outlets that fail, articles that were put
 * aside, kills that nobody has confirmed. For those who watch over a forwarder.
 */
#pragma once

#include "clients/forward/ledger.h"

enum trouble_type {
    TROUBLE_OUTLET, /* it fails, or wants nothing any more; text: its last error */
    TROUBLE_PARKED, /* an article; a kill that is parked is none */
    TROUBLE_KILL,   /* not confirmed, whatever keeps it */
};

/* The most that is told one by one of articles that are parked, and of kills. */
enum { TROUBLES_MOST = 500 };

struct trouble {
    enum trouble_type type;
    const char *outlet;
    const char *uri, *headline; /* "" of an outlet */
    uint32_t version;           /* 0 of an outlet */
    int64_t since_usec;
    const char *text; /* the reason, in the outlet's own words; "" when it told none */
    int64_t more;     /* so many others of this type, after the last that is told; else 0, and
                       * then all the rest is set */
};

/* Hands over each, of the outlets that the config has, the oldest first. What take
 * gets lives until it returns; it returns 0, or an error that ends it. 0, or an error
 * of the store. */
int troubles_each(struct ledger *l, int (*take)(void *userdata, const struct trouble *t),
                  void *userdata) __attribute__((nonnull(1, 2), warn_unused_result));
