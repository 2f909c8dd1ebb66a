/*
 * What the two ways of exporting have in common: one file of lines, or a file for each
 * article.
 */
#pragma once

#include "clients/archive/load.h"
#include "proto/write.h"

struct export {
    const char *archive_path, *format, *since, *until, *section, *kind, *out;
    bool withdrawn;
    int64_t since_usec, until_usec; /* until: INT64_MAX for none */

    struct archive archive;
    struct load load;
    const struct write_format *writer; /* NULL: lines */
    const char *writer_version;
    uint64_t written, unchanged, gone;
};

/* Writes entries as lines of line.h, to out/archive.jsonl or stdout. 0, -EIO, -ENOMEM or
 * another -errno of the file, whose name is in *ret_name then. */
int export_lines(struct export *x, const char **ret_name)
    __attribute__((nonnull, warn_unused_result));

/* Writes the articles that hold now, each to a file of its own below out, and the index,
 * where what is not in question now stays as it was. A file that is as it should be is left alone;
 * that of a story that holds no more is removed. Returns as export_lines. */
int export_files(struct export *x, const char **ret_name)
    __attribute__((nonnull, warn_unused_result));

/* A file that is there whole or not at all. */
struct export_file {
    FILE *file;
    char name[4096], temporary[4112];
};

/* Opens folder/name for writing under a temporary name. 0 or -errno. */
int export_begin(struct export_file *f, const char *folder, const char *name)
    __attribute__((nonnull, warn_unused_result));

/* Gives it its name when error is 0, else removes it. 0, or the first error. */
int export_end(struct export_file *f, int error) __attribute__((nonnull, warn_unused_result));
