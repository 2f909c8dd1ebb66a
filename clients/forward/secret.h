/*
 * Secrets: read from a file that nobody else can read, or a systemd credential
 * (systemd.exec(5), LoadCredential=); kept in memory that is locked and wiped;
 * never printed.
 */
#pragma once

#include "proto/wire.h"

struct secret; /* NULL stands for none */

/* Reads it: name is a path, or the name of a credential. A line break at the end
 * is no part of it. "" gives NULL. 0, or -errno with a sentence in error. */
int secret_load(const char *name, struct secret **ret, char *error, size_t error_size)
    __attribute__((nonnull, warn_unused_result));

/* Its bytes, with a NUL behind them; empty for NULL. */
struct slice secret_bytes(const struct secret *s);
const char *secret_text(const struct secret *s);

/* Makes it stars where it stands in a text, such as the words of a server that says back
 * what it got. */
void secret_black_out(const struct secret *s, char *text) __attribute__((nonnull(2)));

/* The file it came from, for libraries that read it themselves. */
const char *secret_path(const struct secret *s);

/* Takes NULL; returns NULL. */
struct secret *secret_free(struct secret *s);
