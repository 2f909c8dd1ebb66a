/*
 * What the fuzzers of text formats share: an input through the one entry point, and
 * what must hold of all that comes out.
 */
#pragma once

#include "tests/fuzz/fuzz.h"

#include "proto/parse.h"
#include "proto/rules.h"

/* The built-in rules. */
const struct rules *fuzz_rules(void);

/* Parses it (format NULL: by detection) and looks at the result: a refusal has its
 * reason; articles are such as the codec takes, with uris that differ; the same
 * again gives the same. Whether it was taken. */
bool fuzz_parse(struct arena *a, const char *format, const struct parse_input *input,
                struct parsed *ret);

/* The same of what we wrote: it must be taken. */
void fuzz_read_back(struct arena *a, const char *format, const struct parse_input *input,
                    struct parsed *ret);
