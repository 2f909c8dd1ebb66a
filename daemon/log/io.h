/*
 * Files, as the log uses them.
 *
 * Every call that can fail because of a disk goes through log_io, so that
 * tests can make it fail.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/statvfs.h>
#include <sys/types.h>

struct log_io {
    ssize_t (*pread)(int fd, void *buffer, size_t size, off_t offset);
    ssize_t (*pwrite)(int fd, const void *buffer, size_t size, off_t offset);
    int (*fdatasync)(int fd);
    int (*fstatvfs)(int fd, struct statvfs *ret);
};

/* The system's calls; changed by tests only, while no log is open. */
extern struct log_io log_io;

/* Writes all of it. 0 or -errno; some of it may then be in the file. */
int io_write(int fd, const void *bytes, size_t len, uint64_t offset)
    __attribute__((nonnull, warn_unused_result));

/* Reads up to size bytes, fewer only at the end of the file. The count or -errno. */
ssize_t io_read(int fd, void *buffer, size_t size, uint64_t offset)
    __attribute__((nonnull, warn_unused_result));

/* Waits until a file's bytes, or a folder's names, are on the disk. 0 or -errno. */
int io_sync(int fd) __attribute__((warn_unused_result));

/* A whole file in memory, malloc'd. 0, -ENOENT or other -errno; -EFBIG above max. */
int io_load(int folder, const char *name, size_t max, uint8_t **ret, size_t *ret_len)
    __attribute__((nonnull, warn_unused_result));

/* Puts a file there whole or not at all, durably: written beside it, synced,
 * renamed, the folder synced. 0 or -errno; the file is then as it was. */
int io_replace(int folder, const char *name, const void *bytes, size_t len)
    __attribute__((nonnull, warn_unused_result));

/* Closes a descriptor that a local owns; -1 for none. */
void io_closep(int *fd);
#define _cleanup_fd_ __attribute__((cleanup(io_closep)))

void io_freep(void *pointer);
#define _cleanup_free_ __attribute__((cleanup(io_freep)))
