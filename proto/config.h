/*
 * Reading INI files by a table.
 *
 * A table names every key: its section, name, type, range, default, help, and
 * where its value goes. The sample config and the man page are made from it,
 * so there is no second list of keys to keep. Files are read with inih.
 *
 *     [feed]
 *     bind = tcp://127.0.0.1:5560
 *     [section "briefs"]
 *     labels = 时政简讯 | 简讯 | In brief
 */
#pragma once

#include "proto/arena.h"
#include "proto/codec.h"
#include "proto/parse.h"

#include <stdio.h>

enum config_type {
    CONFIG_STRING, /* char * */
    CONFIG_PATH,   /* char *, absolute */
    CONFIG_WORDS,  /* struct text_list, apart by white space */
    CONFIG_LIST,   /* struct text_list, apart by '|' */
    CONFIG_BOOL,   /* bool: yes, no, true, false, on, off, 1, 0 */
    CONFIG_UINT,   /* uint64_t */
    CONFIG_BYTES,  /* uint64_t, with K, M, G, T (powers of 1024) */
    CONFIG_TIME,   /* uint64_t microseconds, with us, ms, s, min, h, d; a bare number is seconds */
    CONFIG_CHOICE, /* int: the index in choices */
};

struct config_key {
    const char *name;
    enum config_type type;
    size_t offset;              /* into the struct that the table's section fills */
    uint64_t min, max;          /* CONFIG_UINT, _BYTES, _TIME; max 0: no upper bound */
    const char *fallback;       /* the default as it would be written in a file; NULL: empty */
    const char *const *choices; /* CONFIG_CHOICE; ended by NULL */
    bool fixed;                 /* a running program can't change it: see config_keep_fixed */
    const char *help;           /* sentences for the man page and the sample */
};

struct config_section {
    const char *name;
    const char *help;
    const struct config_key *keys; /* ended by one without a name */
    size_t offset;                 /* of the section's struct in the destination */
    /* For sections that are written [name "instance"]: gives the struct for that
     * instance, with the defaults of its own set; NULL when out of memory.
     * Called once for each instance, in the order of the files. */
    void *(*instance)(struct arena *a, void *destination, const char *instance);
    /* Whether an instance's name is good; NULL: any. */
    bool (*instance_valid)(const char *instance);
};

struct config_fault {
    char file[256];
    int line; /* 0 when it is about the whole file */
    char key[128];
    char reason[256];
};

/* Sets every default of the table (but of no instance). 0 or -ENOMEM. */
int config_defaults(struct arena *a, const struct config_section *const *sections,
                    void *destination) __attribute__((nonnull, warn_unused_result));

/* Sets the defaults of one section's keys in its struct; for `instance`
 * functions. 0 or -ENOMEM. */
int config_section_defaults(struct arena *a, const struct config_key *keys, void *section)
    __attribute__((nonnull, warn_unused_result));

enum config_flags {
    CONFIG_ONLY_KNOWN = 0,
    /* Sections that the table lacks are passed over: a tool reads its part of
     * the daemon's file. Keys within known sections are checked all the same. */
    CONFIG_OTHER_SECTIONS = 1,
};

/* Reads a file and then, in the order of their names, the files *.conf in the
 * folder conf.d beside it. A later value replaces an earlier one. Strings
 * live in the arena. 0; -EINVAL, -ENOENT, … with *ret_fault set; -ENOMEM. */
int config_read(struct arena *a, const struct config_section *const *sections, void *destination,
                const char *path, enum config_flags flags, struct config_fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* For a program that reads its config again: what is marked as fixed stays as it was
 * before, copied into the arena; each key that would have changed is noted as
 * "[feed] bind". 0 or -ENOMEM. */
int config_keep_fixed(struct arena *a, const struct config_section *const *sections,
                      const void *before, void *now, struct text_list *ret_notes)
    __attribute__((nonnull, warn_unused_result));

/* The fault in one line: "newswired.conf:12: [feed] bind: …"; UTF-8 whatever
 * the file has. Returns buffer. */
const char *config_fault_text(const struct config_fault *f, char *buffer, size_t size)
    __attribute__((nonnull));

/* Writes what the keys of the sections without an instance are, as a file that gives the
 * same: sizes in bytes, times in microseconds. 0 or -EIO. */
int config_write_values(const struct config_section *const *sections, const void *destination,
                        FILE *out) __attribute__((nonnull));

/* Writes the tables as a sample file: every key with its help, its default
 * commented out. 0 or -EIO. */
int config_write_sample(const struct config_section *const *sections, FILE *out)
    __attribute__((nonnull));
