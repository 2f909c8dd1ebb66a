/*
 * What one look finds wrong, for one group, by its thresholds.
 */
#pragma once

#include "clients/alert/kind.h"
#include "proto/arena.h"

#include <stdint.h>

struct finding {
    enum alert_kind kind;
    const char *subject; /* what it is about: of a kind, one alert for each */
    const char *text;    /* for people, on a line */
    int64_t since_usec;  /* 0: since this look, or the one that found it first */
    uint64_t for_usec;   /* so long it must go on before it counts */
};

struct findings {
    struct arena *arena; /* of the texts */
    struct finding **items;
    size_t n;
    bool unknown[ALERT_KINDS]; /* couldn't be looked at: what was open stays open */
};

/* The text, or its beginning and "…" when it is longer than so many bytes; in the arena.
 * NULL when that is full. */
const char *finding_brief(struct arena *a, const char *text, size_t most)
    __attribute__((nonnull, warn_unused_result));

/* Adds a copy of it, with a text made like printf. 0 or -ENOMEM. */
int findings_add(struct findings *f, const struct finding *finding, const char *format, ...)
    __attribute__((nonnull, format(printf, 3, 4), warn_unused_result));
