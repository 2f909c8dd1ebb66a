/*
 * What ninjs 1.0 to 3.1 let stand in an item, as tables, and the check against them.
 *
 * An item need not say which version it is. 1.x, 2.x and 3.x differ in the names of
 * their properties, so each name that is found narrows down what it can be; an
 * item is sound when one of the three has them all. Dates are taken for what they
 * are meant to be, as IPTC's own test suite does: texts.
 */
#pragma once

#include "proto/formats/json_load.h"

enum ninjs_family { NINJS_1 = 1, NINJS_2 = 2, NINJS_3 = 4 };

enum property_type {
    TEXT,
    WORD,    /* one of `words` */
    DATE,    /* a date that may be cut short: 2031, 2031-04, ... */
    NUMBER,  /* from `least` to `most`, if most is not 0 */
    INTEGER, /* likewise */
    OBJECT,  /* of `shape`; any when that is NULL */
    MAP,     /* an object whose values are of `shape` */
    LIST,    /* an array of objects of `shape`; of strings when that is NULL */
};

struct shape;

struct property {
    const char *name; /* with a '*' at its end: each name that goes on with a letter, digit or _ */
    enum property_type type;
    unsigned families; /* that have it */
    const struct shape *shape;
    const char *words; /* with a '|' behind each */
    int least, most;
};

struct shape {
    const struct property *properties; /* ended by one without a name */
    const struct property *also;       /* more of them; NULL */
    const char *required[2];
    const char *either[4]; /* exactly one of the first two, or exactly one of the others */
    bool open;             /* other properties may stand in it */
};

/* What an item may hold. */
extern const struct shape ninjs_item;

/* Checks an item. 0, or -EINVAL with the property's path in ret_fault->field. */
int ninjs_check(const json_t *item, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));
