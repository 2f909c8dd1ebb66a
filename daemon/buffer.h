/*
 * Frame buffers: filled by the replay, sent by libzmq without a copy, and back
 * in a small pool when they are with the system.
 *
 * A tally counts the bytes that are on their way to one reader, from
 * buffer_message until libzmq is done with them, which happens in its threads.
 * It is what bounds the memory that a reader who does not read can take.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

struct buffer_pool;
struct buffer_tally;

/* A pool of buffers of so many bytes. NULL when out of memory. */
struct buffer_pool *buffer_pool_new(size_t size);

/* The pool goes when its last buffer is back. Takes NULL; returns NULL. */
struct buffer_pool *buffer_pool_free(struct buffer_pool *pool);

/* A buffer; to be given to buffer_message or buffer_drop. NULL when out of memory. */
uint8_t *buffer_take(struct buffer_pool *pool) __attribute__((nonnull));
void buffer_drop(uint8_t *data) __attribute__((nonnull));

/* Makes a message of the buffer's first len bytes, which is counted in the tally
 * until it is sent or closed. The buffer is gone either way. 0 or -errno. */
int buffer_message(uint8_t *data, size_t len, struct buffer_tally *tally, zmq_msg_t *ret)
    __attribute__((nonnull, warn_unused_result));

/* A tally of nothing. It lives as long as its owner or a counted message. */
struct buffer_tally *buffer_tally_new(void);
struct buffer_tally *buffer_tally_free(struct buffer_tally *tally);

/* Bytes on their way. */
size_t buffer_tally_bytes(const struct buffer_tally *tally) __attribute__((nonnull));
