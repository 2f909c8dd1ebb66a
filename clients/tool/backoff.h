/*
 * How long to wait before something is tried again.
 */
#pragma once

#include <stdint.h>

/* The wait after so many tries before: first, doubled each time, at most most, and
 * shortened by up to half at random, so that many don't come back at once. Microseconds. */
uint64_t backoff_usec(uint64_t first_usec, uint64_t most_usec, unsigned tries);
