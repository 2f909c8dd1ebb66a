/*
 * Keys for tests: the daemon's, those of clients with all rights ("archive") and with
 * one section's ("econ"), and of somebody whom the config doesn't name.
 */
#pragma once

#include "tests/daemon/rig.h"

enum keys_who { KEYS_ARCHIVE, KEYS_ECON, KEYS_STRANGER, KEYS_N };

/* Makes them, in files of a temporary folder. For cmocka's group setup and teardown. */
int keys_setup(void **state);
int keys_teardown(void **state);

/* [security] and the clients, then what is added, for rig_setup; valid until the next
 * call. */
const char *keys_config(const char *more);

const struct key_pair *keys_of(enum keys_who who);
/* As a message tells it. */
const char *keys_text(enum keys_who who);

/* As rig_connect, with that client's key. */
void *keys_connect(struct rig *r, int type, const struct text_list *endpoints, enum keys_who who);
