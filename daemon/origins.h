/*
 * Whose signatures count: [origin "NAME"] of the config, with keys that are valid for
 * a time, and what a section wants of an article's signature.
 */
#pragma once

#include "proto/config.h"
#include "proto/rules.h"
#include "proto/signature.h"

struct settings;

struct origin {
    const char *name;
    struct text_list keys_text; /* as config has them */
    struct origin_key {
        uint8_t key[KEY_BYTES];
        int64_t from_usec, until_usec; /* UTC; valid in [from, until) */
    } * keys;
    size_t n_keys;
};

extern const struct config_section origins_table;

/* Reads the keys that the origins name. 0; -ENOMEM; -EINVAL as trust_check. */
int origins_check(struct arena *a, const struct settings *s, char *ret_key, size_t key_size,
                  struct fault *ret_fault) __attribute__((nonnull, warn_unused_result));

/* Judges an article's signature (an encoded Signature; empty: none) by what the
 * section wants, at that time. 0 with *ret_origin the name of the origin that signed,
 * or NULL; -EINVAL with the reason when the article is to be refused. */
int origins_judge(const struct settings *s, const struct rules_section *section,
                  struct slice signature, struct slice article, int64_t now_usec,
                  const char **ret_origin, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));
