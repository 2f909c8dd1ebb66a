/*
 * JSON written piece by piece into an arena, as fast as bytes are copied; commas
 * come by themselves. jansson would build a tree first.
 */
#pragma once

#include "proto/arena.h"
#include "proto/wire.h"

struct json_put {
    struct arena *arena;
    char *data; /* what was written so far */
    size_t len, size;
    bool small;  /* names are written in small letters */
    bool failed; /* out of memory: nothing more is written */
};

/* Starts with room for so many bytes; more is found as it is needed. */
void json_put_init(struct json_put *p, struct arena *a, size_t size) __attribute__((nonnull));

/* Opens an object '{' or an array '['; name is NULL within an array. */
void json_put_open(struct json_put *p, const char *name, char bracket) __attribute__((nonnull(1)));
void json_put_close(struct json_put *p, char bracket) __attribute__((nonnull));

/* A string; text is valid UTF-8. */
void json_put_string(struct json_put *p, const char *name, const char *text)
    __attribute__((nonnull(1, 3)));
void json_put_slice(struct json_put *p, const char *name, struct slice text)
    __attribute__((nonnull(1)));

/* A string, unless it is empty. */
void json_put_some(struct json_put *p, const char *name, const char *text)
    __attribute__((nonnull(1, 3)));

/* A number, unless it is 0. */
void json_put_number(struct json_put *p, const char *name, uint64_t number)
    __attribute__((nonnull(1)));
