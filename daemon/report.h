/*
 * How the daemon is, as JSON for the operator.
 */
#pragma once

#include "daemon/control.h"

/* Everything that 'status' tells; NULL when out of memory. */
json_t *report_status(const struct control_subject *s) __attribute__((nonnull));

/* Which topics have entries that were stored at that time or later, each with its
 * head. 0, with *ret NULL when out of memory; -errno when the log can't be read. */
int report_since(const struct control_subject *s, int64_t since_usec, json_t **ret)
    __attribute__((nonnull, warn_unused_result));
