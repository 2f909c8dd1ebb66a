/*
 * Commands that ask the daemon one thing and print the answer: a table of what each
 * takes and how its answer looks to people.
 */
#pragma once

#include "clients/ctl/ctl.h"

/* Printers of answers. */
void print_status(json_t *status);
void print_held(json_t *list);
void print_done(json_t *done);
