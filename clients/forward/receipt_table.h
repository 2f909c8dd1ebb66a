/*
 * A table of receipts (RFC 4180, or with semicolons or tabs, as spreadsheets save them): a
 * line that names its columns, in any order, and a receipt on each line below.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum receipt_column {
    RECEIPT_OUTLET,
    RECEIPT_ITEM,
    RECEIPT_USED,
    RECEIPT_WITHDRAWN,
    RECEIPT_BY,
    RECEIPT_AT,
    RECEIPT_COLUMNS
};

enum { RECEIPT_FIELD_BYTES = 4096 }; /* longer fields are cut */

struct receipt_table {
    const char *text; /* what is left of it */
    char separator;
    size_t lines; /* that were read */
    int order[RECEIPT_COLUMNS], n_columns;
    char fields[RECEIPT_COLUMNS][RECEIPT_FIELD_BYTES];
};

/* Reads the names of the columns; the text must stay. False when one is unknown, or
 * there are fewer than three. */
bool receipt_table_open(struct receipt_table *t, const char *text) __attribute__((nonnull));

/* The next receipt's fields, valid UTF-8 and "" where the line has none, until the next call, and
 * the line that it begins on, from 1. Empty lines are passed over. False at the end. */
bool receipt_table_next(struct receipt_table *t, const char *ret_row[static RECEIPT_COLUMNS],
                        size_t *ret_line) __attribute__((nonnull));
