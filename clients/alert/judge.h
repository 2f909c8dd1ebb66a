/*
 * What of a look is wrong, by a group's thresholds and in its language. Pure.
 */
#pragma once

#include "clients/alert/finding.h"
#include "clients/alert/look.h"

/* Findings are in the look's arena. 0 or -ENOMEM. */
int judge(const struct group_config *g, const struct look *l, struct findings *ret)
    __attribute__((nonnull, warn_unused_result));
