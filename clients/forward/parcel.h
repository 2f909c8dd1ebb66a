/*
 * A parcel: an article made ready for one outlet, as its transport takes it.
 *
 * Rendering is pure: article and outlet in, bytes out (but for exec:, which runs
 * a program under limits). A parcel lives in the arena that it was made in.
 */
#pragma once

#include "clients/forward/config.h"
#include "clients/forward/template.h"
#include "proto/article.h"
#include "proto/entry.h"

enum parcel_action { PARCEL_CREATE, PARCEL_CORRECT, PARCEL_KILL };

/* What a parcel is made from. */
struct parcel_order {
    enum parcel_action action;
    const char *message_id; /* the same on every try */
    const char *remote_id;  /* the outlet's name for the story; "" */
    const char *receipt;    /* a url where the outlet can tell what it did; "" */
    const char *headline;   /* of the version before, for kills without one; "" */
    int64_t stored_usec;
    uint64_t seq;
    const char *topic;
    struct slice bytes; /* the encoded article */
    struct entry entry; /* around it */
};

struct parcel {
    enum parcel_action action;
    const char *message_id;
    const char *uri, *remote_id, *receipt; /* uri "": it is a message, and no article */
    uint32_t version;
    bool urgent;                                 /* of a message: a mail says so */
    const char *filename, *subject, *media_type; /* media_type with its charset */
    const char *text;                            /* UTF-8; of a mail */
    struct slice body;                           /* in the outlet's format */
    struct slice bytes;                          /* the encoded article, as it came */
    struct entry entry;
    struct template_values values;
};

/* The word for an action: "create", "correct", "kill". */
const char *parcel_action_name(enum parcel_action action);

/* Makes the parcel. 0; -EINVAL with *ret_fault set when this article can't be
 * written so (it is parked); -EAGAIN with *ret_fault when it may later (a program
 * that failed for the moment); -ENOMEM. */
int parcel_make(struct arena *a, const struct outlet_config *outlet,
                const struct parcel_order *order, struct parcel *ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* Puts several parcels of one outlet together in one. 0 or -ENOMEM. */
int parcel_join(struct arena *a, const struct outlet_config *outlet, const struct parcel *parcels,
                size_t n, struct parcel *ret) __attribute__((nonnull, warn_unused_result));

/* Runs a program of format = exec: on the input; *ret_output is in the arena.
 * Errors as parcel_make. */
int exec_format(struct arena *a, const struct outlet_config *outlet, struct slice input,
                struct slice *ret_output, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));
