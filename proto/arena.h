/*
 * An arena: memory that is handed out piece by piece and freed all at once.
 *
 * Parsers and decoders put everything that they make from one input into one
 * arena, so that there is a single owner and hostile input can't take more
 * than the arena's limit. Not for use by two threads at a time.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

struct arena;

/* A new arena that refuses to grow past max_bytes. NULL when out of memory.
 * Free with arena_free. */
struct arena *arena_new(size_t max_bytes) __attribute__((malloc, warn_unused_result));

/* Frees the arena and all that came from it. Takes NULL; returns NULL. */
struct arena *arena_free(struct arena *a);

/* Makes the arena empty again and keeps its first block for reuse. All that
 * came from it becomes invalid. */
void arena_reset(struct arena *a) __attribute__((nonnull));

/* Zeroed memory, aligned for any object; NULL past the limit or when out of
 * memory. Belongs to the arena. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((nonnull, warn_unused_result));

/* A copy of len bytes with a NUL behind them. NULL as arena_alloc. */
char *arena_strndup(struct arena *a, const char *s, size_t len)
    __attribute__((nonnull, warn_unused_result));

/* Bytes handed out so far. */
size_t arena_used(const struct arena *a) __attribute__((nonnull));

/* The arena as protobuf-c wants it. Its free does nothing. Belongs to the arena. */
ProtobufCAllocator *arena_allocator(struct arena *a) __attribute__((nonnull));

static inline void arena_freep(struct arena **a) {
    arena_free(*a);
}
#define _cleanup_arena_ __attribute__((cleanup(arena_freep)))
