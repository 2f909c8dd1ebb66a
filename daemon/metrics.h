/*
 * How the daemon is, for programs that watch it: what report_status tells, as metrics.
 */
#pragma once

#include "daemon/control.h"

/* The text in the OpenMetrics format, malloc'd, with its length; NULL when out of memory. */
char *metrics_text(const struct control_subject *s, size_t *ret_len) __attribute__((nonnull));
