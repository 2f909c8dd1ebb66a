/*
 * Whether a thread gets on: it says so at each step, and another thread asks how long ago
 * that was.
 *
 * A thread that has nothing to do rests. Waiting for a disk is told apart, since a
 * disk that hangs is not cured by starting the thread anew.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pulse {
    atomic_uint_least64_t since_usec; /* of its last step, monotonic; 0: it rests */
    atomic_bool on_disk;
};

struct pulse_state {
    uint64_t busy_usec; /* since its last step; 0: it rests */
    bool on_disk;       /* that step was to the disk */
};

/* The calling thread has this pulse from now on, and begins with a step. */
void pulse_begin(struct pulse *p) __attribute__((nonnull));

/* The thread gets on; it has nothing to do. */
void pulse_step(struct pulse *p) __attribute__((nonnull));
void pulse_rest(struct pulse *p) __attribute__((nonnull));

/* There is something to do now, which the thread, if it rests, should begin with. Any
 * thread. */
void pulse_want(struct pulse *p) __attribute__((nonnull));

/* Around what may wait for a disk, in whichever thread; they nest. */
void pulse_enter_disk(void);
void pulse_leave_disk(void);

/* Any thread. */
struct pulse_state pulse_look(struct pulse *p) __attribute__((nonnull));
