/*
 * Metrics as text, in the OpenMetrics format 1.0
 * (https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md), of
 * which Prometheus' older text format reads all but info families.
 *
 * A family is begun, then its values follow; metrics_end comes last. Names are without
 * the suffixes that a type wants; a unit stands at a name's end: newswire_log_bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define METRICS_CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

enum metrics_type { METRICS_GAUGE, METRICS_COUNTER, METRICS_INFO };

struct metrics_family {
    const char *name;
    enum metrics_type type;
    const char *help;
};

/* A value in UTF-8; NULL: the label is left out. */
struct metrics_label {
    const char *name, *value;
};

void metrics_begin(FILE *out, const struct metrics_family *family) __attribute__((nonnull));

/* A value of the family; labels end with one without a name, or are NULL. */
void metrics_value(FILE *out, const struct metrics_family *family,
                   const struct metrics_label *labels, int64_t value)
    __attribute__((nonnull(1, 2)));

/* The same of a time in microseconds, written as seconds. */
void metrics_seconds(FILE *out, const struct metrics_family *family,
                     const struct metrics_label *labels, int64_t usec)
    __attribute__((nonnull(1, 2)));

void metrics_end(FILE *out) __attribute__((nonnull));
