#include "proto/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK_BYTES = 16 << 10 };

struct block {
    struct block *next;
    size_t size;
    alignas(max_align_t) uint8_t bytes[];
};

struct arena {
    struct block *blocks; /* newest first; the last one is kept by a reset */
    size_t offset;        /* in the newest block */
    size_t used;
    size_t max_bytes;
    ProtobufCAllocator allocator;
};

static void *allocate(void *data, size_t size) {
    return arena_alloc(data, size);
}

static void release(void *data, void *pointer) {
    (void)data;
    (void)pointer;
}

static struct block *block_new(size_t size) {
    struct block *b = malloc(sizeof *b + size);
    if (b != NULL) {
        b->next = NULL;
        b->size = size;
    }
    return b;
}

struct arena *arena_new(size_t max_bytes) {
    struct arena *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->blocks = block_new(FIRST_BLOCK_BYTES);
    if (a->blocks == NULL)
        return arena_free(a);
    a->max_bytes = max_bytes;
    a->allocator = (ProtobufCAllocator){
        .alloc = allocate,
        .free = release,
        .allocator_data = a,
    };
    return a;
}

struct arena *arena_free(struct arena *a) {
    if (a == NULL)
        return NULL;
    while (a->blocks != NULL) {
        struct block *b = a->blocks;
        a->blocks = b->next;
        free(b);
    }
    free(a);
    return NULL;
}

void arena_reset(struct arena *a) {
    while (a->blocks->next != NULL) {
        struct block *b = a->blocks;
        a->blocks = b->next;
        free(b);
    }
    a->offset = 0;
    a->used = 0;
}

void *arena_alloc(struct arena *a, size_t size) {
    const size_t align = alignof(max_align_t);
    if (size > a->max_bytes || a->used + size > a->max_bytes)
        return NULL;
    size_t want = (size + align - 1) / align * align;
    if (want > a->blocks->size - a->offset) {
        size_t grown = a->blocks->size * 2;
        struct block *b = block_new(grown > want ? grown : want);
        if (b == NULL)
            return NULL;
        b->next = a->blocks;
        a->blocks = b;
        a->offset = 0;
    }
    void *p = a->blocks->bytes + a->offset;
    a->offset += want;
    a->used += want;
    return memset(p, 0, size);
}

char *arena_strndup(struct arena *a, const char *s, size_t len) {
    char *copy = arena_alloc(a, len + 1);
    return copy == NULL ? NULL : memcpy(copy, s, len);
}

size_t arena_used(const struct arena *a) {
    return a->used;
}

ProtobufCAllocator *arena_allocator(struct arena *a) {
    return &a->allocator;
}
