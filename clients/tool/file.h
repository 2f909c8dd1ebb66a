/*
 * Files that are there whole or not at all, and stay.
 */
#pragma once

#include "proto/wire.h"

/* Writes a file below the folder (an open one, or AT_FDCWD) and syncs it; flags are
 * of open(2), beside O_WRONLY and O_CREAT: O_EXCL refuses a name that is there
 * (-EEXIST), O_TRUNC replaces. What could not be written whole is removed. 0 or
 * -errno. */
int file_write(int folder, const char *name, int flags, unsigned mode, struct slice bytes)
    __attribute__((nonnull, warn_unused_result));

/* Makes a folder's names durable. 0 or -errno. */
int file_sync_folder(const char *path) __attribute__((nonnull, warn_unused_result));
