/*
 * What the daemon's config says, and the one table that names every key.
 *
 * settings.c holds the tables; newswired.conf and the list in newswired.conf(5)
 * are held to them by a test.
 */
#pragma once

#include "daemon/origins.h"
#include "daemon/trust.h"
#include "proto/rules.h"

#include <stdatomic.h>

enum { SETTINGS_TURN_MESSAGES = 10000 }; /* the most that [submit] turn_messages can be */
enum log_level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_NOTICE, LEVEL_INFO, LEVEL_DEBUG };
enum unknown_section { UNKNOWN_SECTION_REFUSE, UNKNOWN_SECTION_DEFAULT };
enum unknown_original { UNKNOWN_ORIGINAL_REFUSE, UNKNOWN_ORIGINAL_TAKE };

struct settings {
    struct rules rules; /* first: the tables of rules.h fill it at offset 0 */
    struct {
        int log_level;               /* enum log_level */
        uint64_t disk_patience_usec; /* 0: for ever */
        char *language;
    } service;
    struct {
        struct text_list bind;
        uint64_t send_high_water;
        uint64_t heartbeat_interval_usec;
        uint64_t heartbeat_rate; /* a second, all topics together */
        uint64_t frame_bytes;
    } feed;
    struct {
        struct text_list bind;
        uint64_t sessions;
        uint64_t credit_bytes;
        uint64_t session_timeout_usec;
        uint64_t frame_bytes;
    } replay;
    struct {
        struct text_list bind;
        uint64_t turn_messages;
    } submit;
    struct {
        char *path;
    } control;
    struct {
        char *bind; /* "": there are none */
    } metrics;
    struct {
        char *directory;
        uint64_t rescan_usec;
        uint64_t settle_usec;
        char *sign; /* a file with the key; "": what comes by the spool is not signed */
    } spool;
    struct {
        char *directory;
        char *sign; /* a file with the key; "": no checkpoints */
        uint64_t segment_bytes, retain_usec, retain_bytes, remember_usec, batch_bytes, queue_bytes,
            checkpoint_entries, free_bytes;
    } log;
    struct {
        char *default_section;
        int unknown_section;  /* enum unknown_section */
        int unknown_original; /* enum unknown_original */
        uint64_t article_bytes;
    } intake;
    struct {
        char *secret_key; /* a file; "": no CURVE */
        bool insecure;
        uint64_t handshake_usec, unfinished, ban_usec;
    } security;
    struct client **clients;
    size_t n_clients;
    struct origin **origins;
    size_t n_origins;

    struct arena *arena; /* of settings_load; else NULL */
    atomic_uint refs;
};

/* All tables, for the sample and for tests; ended by NULL. */
extern const struct config_section *const settings_tables[];

/* Reads the file, or with a NULL path only sets the defaults, and checks what
 * no single key can tell: addresses, the default section. Strings live in the
 * arena. 0; -EINVAL, -ENOENT, … with *ret_fault set; -ENOMEM. */
int settings_read(struct arena *a, const char *path, struct settings *ret,
                  struct config_fault *ret_fault)
    __attribute__((nonnull(1, 3, 4), warn_unused_result));

/* The same in memory of its own, with one reference. */
int settings_load(const char *path, struct settings **ret, struct config_fault *ret_fault)
    __attribute__((nonnull(2, 3), warn_unused_result));

/* Whether somebody may listen there: with keys, by [security] insecure, or as it is on this
 * machine. */
bool settings_may_bind(const struct settings *s, const char *endpoint) __attribute__((nonnull));

/* For a reload: what can't change in a running daemon stays as it was, and is named in
 * *ret_notes. Before anybody else sees *now. 0 or -ENOMEM. */
int settings_keep_fixed(const struct settings *before, struct settings *now,
                        struct text_list *ret_notes) __attribute__((nonnull, warn_unused_result));

/* A log level by its word; -EINVAL when there is none. And as the journal has it: LOG_ERR
 * to LOG_DEBUG, and its word then. */
int settings_log_level(const char *word) __attribute__((nonnull));
int settings_priority(int log_level);
const char *settings_priority_word(int priority);

/* A reference more, or one less: any thread. The last one frees what settings_load
 * made; other settings are their owner's. */
struct settings *settings_ref(const struct settings *s) __attribute__((nonnull));
struct settings *settings_unref(struct settings *s);
