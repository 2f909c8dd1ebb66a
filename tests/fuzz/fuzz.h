/*
 * What all fuzzers share. A fuzzer is a file NAME_fuzz.c with LLVMFuzzerTestOneInput;
 * it looks at what comes out as well, and stops by MUST when that breaks a promise.
 *
 * `make fuzz` links them with libFuzzer; `make check` with corpus_main.c, which feeds
 * each the files of corpus/NAME/, so that what was found once stays mended.
 */
#pragma once

#include "proto/article.h"
#include "proto/codec.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops, saying what is broken, when the condition doesn't hold; side effects are kept. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz_broken(__FILE__, __LINE__, #condition);                                           \
    } while (0)

void fuzz_broken(const char *file, int line, const char *condition) __attribute__((noreturn));

/* An arena that is empty at the begin of each run: call it once a run. */
struct arena *fuzz_arena(void);

/* ---- taking an input apart; what isn't there reads as 0 or empty */

struct fuzz_bytes {
    const uint8_t *data;
    size_t len;
};

uint8_t fuzz_byte(struct fuzz_bytes *in);
struct slice fuzz_slice(struct fuzz_bytes *in, size_t len);

/* What stands before the next such byte, which is taken too; all when there is none. */
struct slice fuzz_until(struct fuzz_bytes *in, uint8_t end);

/* The same as a text in the arena that ends at its first NUL. */
char *fuzz_text(struct arena *a, struct slice s);

/* ---- files */

enum { FUZZ_PATH_BYTES = 64 };

/* A file in memory with these bytes, private to its owner. A descriptor to close; path
 * names it until then. */
int fuzz_file(struct slice bytes, char path[static FUZZ_PATH_BYTES]);

/* A new folder, in memory if the machine has such; it is removed, with its files, at exit. */
const char *fuzz_folder(void);

/* Removes the files in it. */
void fuzz_empty_folder(void);

/* ---- promises that several fuzzers look at */

/* A refusal says why, in UTF-8. */
void fuzz_check_fault(const struct fault *f);

/* A text is UTF-8, and the article's bytes are those that a peer may send: they come
 * back as they were, with the same digest. */
void fuzz_check_text(const char *text);
void fuzz_check_article(struct arena *a, const Article *article);
