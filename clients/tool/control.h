/*
 * Asking a running newswired by its control socket.
 */
#pragma once

#include <jansson.h>

enum { CONTROL_REASON_BYTES = 2048 };

/* Sends a command and waits for the answer, which is the caller's then. EX_OK, or an
 * exit code with the reason as a sentence: EX_UNAVAILABLE when no daemon answers. */
int control_ask(const char *path, const char *command, const char *const *arguments, size_t n,
                json_t **ret, char *ret_reason, size_t size)
    __attribute__((nonnull(1, 2, 5, 6), warn_unused_result));
