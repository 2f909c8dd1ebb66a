#include "daemon/pulse.h"

#include "daemon/loop.h"

#include <stddef.h>

static _Thread_local struct pulse *mine;
static _Thread_local unsigned depth; /* of pulse_enter_disk */

void pulse_begin(struct pulse *p) {
    mine = p;
    pulse_step(p);
}

void pulse_step(struct pulse *p) {
    atomic_store(&p->since_usec, loop_monotonic_usec());
}

void pulse_rest(struct pulse *p) {
    atomic_store(&p->since_usec, 0);
}

void pulse_want(struct pulse *p) {
    uint_least64_t rests = 0;
    atomic_compare_exchange_strong(&p->since_usec, &rests, loop_monotonic_usec());
}

void pulse_enter_disk(void) {
    if (mine == NULL || depth++ > 0)
        return;
    pulse_step(mine);
    atomic_store(&mine->on_disk, true);
}

void pulse_leave_disk(void) {
    if (mine == NULL || --depth > 0)
        return;
    atomic_store(&mine->on_disk, false);
    pulse_step(mine);
}

struct pulse_state pulse_look(struct pulse *p) {
    uint64_t since = atomic_load(&p->since_usec), now = loop_monotonic_usec();
    return (struct pulse_state){
        .busy_usec = since == 0 || since > now ? 0 : now - since,
        .on_disk = atomic_load(&p->on_disk),
    };
}
