/*
 * What every output format's writer has in common.
 *
 * A writer is a pure function from an article (and the entry that carries it) to
 * bytes on a FILE; it looks at nothing else. parse.h is the way back.
 */
#pragma once

#include "proto/text.h"

struct write_format {
    const char *name;            /* as --format names it */
    const char *const *versions; /* of its standard, the default first; NULL: it has none */
    const char *suffix;          /* of a file's name, with its dot */
    const char *media_type;
    /* Writes one article; what the format can't hold is left out. version is one
     * of versions. article is NULL when the entry has none (its story was
     * killed): what is left to say is written. a is for scratch; the caller
     * resets it. 0; -ENOMEM; -EIO when the file can't be written. */
    int (*write)(FILE *out, struct arena *a, const struct entry *e, const Article *article,
                 const char *version, const struct text_style *style);
};

/* All formats, ended by one without a name. */
extern const struct write_format write_formats[];

/* Their names alone, in the same order; ended by NULL. */
extern const char *const write_format_words[];

/* The format named "ninjs" or "ninjs@2.2"; *ret_version is the one asked for, or
 * the default. NULL when there is none of that name or version. */
const struct write_format *write_format_find(const char *name, const char **ret_version)
    __attribute__((nonnull));

/* The names of all formats, with commas between them, written to the buffer. Returns it. */
const char *write_format_names(char *buffer, size_t size) __attribute__((nonnull));
