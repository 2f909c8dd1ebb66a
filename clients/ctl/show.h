/*
 * Commands that ask the daemon one thing and print the answer: a table of what each
 * takes and how its answer looks to people.
 */
#pragma once

#include "clients/ctl/ctl.h"

/* Printers of answers. */
void print_status(json_t *status);
void print_readers(json_t *readers);
void print_topics(json_t *topics);
void print_rejected(json_t *rejected);
void print_put_back(json_t *file);
void print_held(json_t *list);
void print_done(json_t *done);
