/*
 * The boards of all groups, and the file that keeps them over a restart: JSON,
 * replaced as a whole.
 */
#pragma once

#include "clients/alert/board.h"

#include <jansson.h>

struct state {
    const struct alert_config *config;
    struct board *boards; /* by group */
};

/* Empty boards. 0 or -ENOMEM. state_done in any case. */
int state_new(const struct alert_config *config, struct state *ret)
    __attribute__((nonnull, warn_unused_result));
void state_done(struct state *s) __attribute__((nonnull));

/* Fills the boards with what the file has; groups that are no more are left out. 0;
 * -ENOENT: there is none; -EINVAL: it isn't such a file; -errno. */
int state_load(struct state *s) __attribute__((nonnull, warn_unused_result));

/* Writes the file. 0 or -errno. */
int state_save(const struct state *s) __attribute__((nonnull, warn_unused_result));

/* Makes the folder of a state's file, when it isn't there. 0 or -errno. */
int state_make_folder(const char *path) __attribute__((nonnull, warn_unused_result));

/* Whether a board has changed since it was saved or loaded; forgotten then. */
bool state_changed(struct state *s) __attribute__((nonnull));

/* A board as JSON, as the file has it. NULL when out of memory. */
json_t *state_board(const struct board *b) __attribute__((nonnull, warn_unused_result));
