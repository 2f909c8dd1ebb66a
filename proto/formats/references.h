/*
 * HTML's character references: &amp; &#8212; &#x2014;
 *
 * The names are those of HTML 4.01; what has none of them is no reference and
 * stays text, as browsers show it.
 */
#pragma once

#include "proto/wire.h"

enum { REFERENCE_BYTES = 4 };

/* Reads the reference that the text begins with: in.data[0] is its '&'. Writes
 * its character as UTF-8, never longer than the reference itself, and returns
 * the reference's length; 0 when there is none. */
size_t reference_read(struct slice in, uint8_t ret[static REFERENCE_BYTES], size_t *ret_len)
    __attribute__((nonnull));
