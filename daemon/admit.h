/*
 * The one door: whatever comes in, by submit or by the spool, passes here and
 * nowhere else before it goes to the log.
 *
 * Looks at limits and validity and decides the topic. Whether the article is
 * new, a duplicate or a new version is the log's to say, since only its order
 * tells.
 */
#pragma once

#include "daemon/log/log.h"
#include "daemon/settings.h"

/* Who waits for the log's answer; a proposal's cookie points at one. */
struct admit_waiter {
    void (*decided)(struct admit_waiter *waiter, const struct log_result *result);
};

/* Counts for the operator. */
struct admit_counts {
    uint64_t accepted, duplicate, held, refused, unavailable, malformed;
};

/* Makes a proposal of an encoded article. Its strings live in the arena or in
 * the bytes and must stay until log_append has copied them. 0; -EINVAL with
 * *ret_fault naming the field; -ENOMEM. */
int admit(const struct settings *settings, struct arena *a, struct slice article,
          struct slice signature, struct log_proposal *ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* The outcome in a word, for people: "accepted". */
const char *admit_outcome_word(enum log_outcome outcome) __attribute__((returns_nonnull));

/* Adds an outcome of the log to the counts. */
void admit_count(struct admit_counts *counts, enum log_outcome outcome) __attribute__((nonnull));
