/*
 * Work that may take long, such as looking through a folder that may hang: each piece
 * in a thread of its own, so that the loop goes on.
 */
#pragma once

#include <systemd/sd-event.h>

enum { TASKS_MOST = 8 }; /* at work at the same time */

struct tasks;

/* 0 or -errno. */
int tasks_new(sd_event *event, struct tasks **ret) __attribute__((nonnull, warn_unused_result));

/* Runs work in a thread, then done in the loop's. 0; -EAGAIN when too many are at work,
 * other -errno: neither is called then. */
int tasks_start(struct tasks *t, void (*work)(void *userdata), void (*done)(void *userdata),
                void *userdata) __attribute__((nonnull, warn_unused_result));

/* Waits for what is at work, and calls its done. Takes NULL; returns NULL. */
struct tasks *tasks_free(struct tasks *t);
