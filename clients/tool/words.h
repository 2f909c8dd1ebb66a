/*
 * Times, spans and texts of anybody's as people read them on a terminal. Of each, four
 * can be in use at the same time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A time: "2031-04-09 07:30:01"; without its day when that is today. */
const char *words_time(int64_t usec);

/* A span: "3 s", "2 min", "5 h", "3 d". */
const char *words_span(int64_t usec);

/* A text in a column of a table: harmless, and cut or filled up with spaces to so many
 * columns of a terminal, at most WORDS_COLUMNS. */
enum { WORDS_COLUMNS = 500 };
const char *words_cell(const char *text, int columns);

/* A text, harmless to a terminal; "" for NULL. */
const char *words_text(const char *text);
