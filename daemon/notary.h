/*
 * Signs checkpoints of the log, at most one a second and topic, in a thread of its own
 * behind the log's durable head: nothing that comes in waits for it.
 *
 * What it knows of a topic's chain follows from the log alone. It keeps it in a file
 * beside the log, so that a start needn't read all of it; without that file, or where
 * retention has removed what it lacks, its chains begin anew, and say so (after).
 */
#pragma once

#include "daemon/log/log.h"
#include "daemon/settings.h"
#include "proto/checkpoint.h"

struct notary;

/* *ret is NULL when the settings name no key. 0; -errno with *ret_fault. */
int notary_open(const struct settings *settings, struct log *log, struct notary **ret,
                struct fault *ret_fault) __attribute__((nonnull, warn_unused_result));

/* The topic's newest SignedCheckpoint. Its length; 0: there is none. n may be NULL. Any
 * thread. */
size_t notary_checkpoint(struct notary *n, struct slice topic,
                         uint8_t ret[static CHECKPOINT_ENCODED_BYTES]);

/* What keeps it from signing; "" when nothing does. Any thread. */
void notary_trouble(struct notary *n, char *buffer, size_t size) __attribute__((nonnull(2)));

/* Ends the thread, before the log is closed. Takes NULL; returns NULL. */
struct notary *notary_close(struct notary *n);
