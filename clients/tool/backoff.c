#include "clients/tool/backoff.h"

#include <sodium.h>

uint64_t backoff_usec(uint64_t first, uint64_t most, unsigned tries) {
    uint64_t wait = first;
    for (; tries > 0 && wait < most; tries--)
        wait *= 2;
    wait = wait < most ? wait : most;
    return wait - wait / 2000 * randombytes_uniform(1001);
}
