/*
 * How the daemon is, as JSON for the operator.
 */
#pragma once

#include "daemon/control.h"

/* Everything that 'status' tells; NULL when out of memory. */
json_t *report_status(const struct control_subject *s) __attribute__((nonnull));
