#include "daemon/log/engine.h"

struct log_batch *log_batch_ref(struct log_batch *batch) {
    atomic_fetch_add_explicit(&batch->refs, 1, memory_order_relaxed);
    return batch;
}

void log_batch_unref(struct log_batch *batch) {
    if (batch != NULL && atomic_fetch_sub_explicit(&batch->refs, 1, memory_order_acq_rel) == 1)
        batch->release(batch);
}

int log_open(const struct log_config *config, log_follow_fn follow, void *userdata,
             struct log **ret, struct text_list *ret_notes, struct arena *notes_arena,
             struct fault *ret_fault) {
    return log_engine_file.open(config, follow, userdata, ret, ret_notes, notes_arena, ret_fault);
}

int log_append(struct log *log, const struct log_proposal *proposals, size_t n) {
    return log->engine->append(log, proposals, n);
}

int log_ask(struct log *log, const struct log_ask *ask) {
    return log->engine->ask(log, ask);
}

int log_fd(const struct log *log) {
    return log->engine->fd(log);
}

bool log_dispatch(struct log *log, size_t max_results) {
    return log->engine->dispatch(log, max_results);
}

void log_configure(struct log *log, const struct log_config *config) {
    log->engine->configure(log, config);
}

void log_bounds(struct log *log, struct log_bounds *ret) {
    log->engine->bounds(log, ret);
}

int log_heads(struct log *log, const struct slice *prefixes, size_t n_prefixes,
              struct log_head **ret, size_t *ret_n, uint64_t *ret_as_of, uint64_t *ret_newest) {
    return log->engine->heads(log, prefixes, n_prefixes, ret, ret_n, ret_as_of, ret_newest);
}

struct log *log_close(struct log *log) {
    if (log != NULL)
        log->engine->close(log);
    return NULL;
}

int log_cursor_open(struct log *log, struct log_cursor **ret) {
    return log->engine->cursor_open(log, ret);
}

struct log_cursor *log_cursor_close(struct log_cursor *cursor) {
    if (cursor != NULL)
        cursor->engine->cursor_close(cursor);
    return NULL;
}

int log_cursor_read(struct log_cursor *cursor, const struct slice *prefixes, size_t n_prefixes,
                    uint64_t after, uint64_t until, uint8_t *buffer, size_t size, size_t enough,
                    struct log_read *ret, struct fault *ret_fault) {
    return cursor->engine->cursor_read(cursor, prefixes, n_prefixes, after, until, buffer, size,
                                       enough, ret, ret_fault);
}

int log_cursor_seek_time(struct log_cursor *cursor, int64_t since_usec, uint64_t *ret_after) {
    return cursor->engine->cursor_seek_time(cursor, since_usec, ret_after);
}
