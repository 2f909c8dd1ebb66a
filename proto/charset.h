/*
 * Text in the encodings that newsrooms send, as UTF-8 with LF line ends.
 *
 * Recognised: UTF-8 and UTF-16 with or without a byte order mark, and GB18030
 * (of which GBK is a part). What comes out is valid UTF-8 without NUL and
 * without a mark; binary noise is refused, never guessed at.
 */
#pragma once

#include "proto/codec.h"

/* Recognises the encoding and converts into the arena. 0; -EINVAL with
 * *ret_fault saying where (line or byte, from 1); -ENOMEM past the limit. */
int charset_to_utf8(struct arena *a, struct slice in, struct slice *ret_utf8,
                    struct fault *ret_fault) __attribute__((nonnull, warn_unused_result));
