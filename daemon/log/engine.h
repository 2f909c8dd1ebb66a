/*
 * What stands behind log.h: an engine is a struct of these functions, each with
 * the meaning of its namesake there. The first member of an engine's own log,
 * cursor and batch is the struct of that name here.
 */
#pragma once

#include "daemon/log/log.h"

#include <stdatomic.h>

struct log_engine {
    int (*open)(const struct log_config *config, log_follow_fn follow, void *userdata,
                struct log **ret, struct text_list *ret_notes, struct arena *notes_arena,
                struct fault *ret_fault);
    int (*append)(struct log *log, const struct log_proposal *proposals, size_t n);
    int (*ask)(struct log *log, const struct log_ask *ask);
    int (*fd)(const struct log *log);
    bool (*dispatch)(struct log *log, size_t max_results);
    void (*configure)(struct log *log, const struct log_config *config);
    void (*bounds)(struct log *log, struct log_bounds *ret);
    int (*heads)(struct log *log, const struct slice *prefixes, size_t n_prefixes,
                 struct log_head **ret, size_t *ret_n, uint64_t *ret_as_of, uint64_t *ret_newest);
    void (*close)(struct log *log);
    int (*cursor_open)(struct log *log, struct log_cursor **ret);
    void (*cursor_close)(struct log_cursor *cursor);
    int (*cursor_read)(struct log_cursor *cursor, const struct slice *prefixes, size_t n_prefixes,
                       uint64_t after, uint64_t until, uint8_t *buffer, size_t size, size_t enough,
                       struct log_read *ret, struct fault *ret_fault);
    int (*cursor_seek_time)(struct log_cursor *cursor, int64_t since_usec, uint64_t *ret_after);
};

struct log {
    const struct log_engine *engine;
};

struct log_cursor {
    const struct log_engine *engine;
};

struct log_batch {
    atomic_uint refs;
    void (*release)(struct log_batch *batch); /* the last unref calls it */
};

extern const struct log_engine log_engine_file;
