/*
 * What the archive's commands have in common when they print for people: nothing that
 * an article holds can do anything to the terminal.
 */
#pragma once

#include "clients/archive/load.h"
#include "clients/archive/snippet.h"
#include "proto/text.h"

/* How to print on stdout: the terminal's width, or 80; colour only on a terminal, and
 * not with NO_COLOR. */
struct text_style print_style(void);

/* A text on one line, with its matches bold, or in [brackets] where there is no colour. */
void print_marked(const char *text, const struct snippet_match *matches, size_t n, bool colour)
    __attribute__((nonnull(1)));

/* A UTC time as local time, "2031-04-09 07:30:01", in the buffer, which it returns. */
enum { PRINT_TIME_BYTES = 32 };
const char *print_time(int64_t usec, char buffer[static PRINT_TIME_BYTES]);

/* Says on stderr how far the index is behind, if it is. */
void print_index_lag(struct archive *a, const char *program) __attribute__((nonnull));

/* Reads --since and --until, either of which may be NULL: 0 in *ret then.
 * OPTIONS_GO_ON, or EX_USAGE with the reason said. */
int print_read_times(const struct options *options, const char *since, const char *until,
                     int64_t *ret_since_usec, int64_t *ret_until_usec)
    __attribute__((nonnull(1, 4, 5), warn_unused_result));
