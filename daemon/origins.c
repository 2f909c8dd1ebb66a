#include "daemon/origins.h"

#include "daemon/log/identity.h"
#include "daemon/settings.h"
#include "proto/formats/timestamp.h"
#include "proto/topic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table */

static const struct config_key origin_keys[] = {
    {.name = "keys",
     .type = CONFIG_LIST,
     .offset = offsetof(struct origin, keys_text),
     .help = "Its Ed25519 public keys in hex, or files NAME.pub of newswirectl keygen --origin, "
             "each with the times between which it counts, if there are any: KEY from 2031-01-01 "
             "until 2032-02-01 | OTHER from 2032-01-01."},
    {0},
};

static void *origin_instance(struct arena *a, void *destination, const char *instance) {
    struct settings *s = destination;
    struct origin *o = arena_alloc(a, sizeof *o);
    if (o == NULL || config_section_defaults(a, origin_keys, o) < 0 ||
        article_push(a, (void ***)&s->origins, &s->n_origins, o) < 0)
        return NULL;
    o->name = instance;
    return o;
}

static bool origin_valid(const char *instance) {
    return topic_section_valid(slice_of(instance));
}

const struct config_section origins_table = {
    .name = "origin",
    .help = "An office whose signatures are known. A story that it has signed only it may correct "
            "or kill.",
    .keys = origin_keys,
    .instance = origin_instance,
    .instance_valid = origin_valid,
};

/* ---- checking */

/* "from TIME" or "until TIME", of which the second is end. */
static int read_time(const char *word, const char *text, struct origin_key *k, struct fault *f) {
    bool until = strcmp(word, "until") == 0;
    int64_t *to = until ? &k->until_usec : &k->from_usec;
    if (!until && strcmp(word, "from") != 0)
        return fault_set(f, "", "'%.40s' is neither from nor until", word);
    if (!timestamp_read_iso(slice_of(text), to))
        return fault_set(f, "", "'%.60s' is no date or time of RFC 3339", text);
    return 0;
}

/* "KEY from TIME until TIME". */
static int read_key(const char *text, struct origin_key *ret, struct fault *f) {
    char copy[1024], *rest = copy, *words[6] = {0};
    size_t n = 0;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word; n < 6 && (word = strsep(&rest, " \t")) != NULL;)
        if (*word != '\0')
            words[n++] = word;
    *ret = (struct origin_key){.from_usec = INT64_MIN, .until_usec = INT64_MAX};
    if (n != 1 && n != 3 && n != 5)
        return fault_set(f, "", "'%.100s' is not KEY from TIME until TIME", text);
    if (key_public_read(KEY_ED25519, words[0], ret->key, f) < 0)
        return -EINVAL;
    for (size_t i = 1; i < n; i += 2)
        if (read_time(words[i], words[i + 1], ret, f) < 0)
            return -EINVAL;
    return ret->from_usec < ret->until_usec
               ? 0
               : fault_set(f, "", "'%.100s' ends before it begins", text);
}

static int read_keys(struct arena *a, struct origin *o, struct fault *f) {
    o->keys = arena_alloc(a, o->keys_text.n * sizeof *o->keys + 1);
    if (o->keys == NULL)
        return -ENOMEM;
    if (o->keys_text.n == 0)
        return fault_set(f, "", "it has no key");
    for (size_t i = 0; i < o->keys_text.n; i++)
        if (read_key(o->keys_text.items[i], &o->keys[o->n_keys++], f) < 0)
            return -EINVAL;
    return 0;
}

/* The log knows origins by a hash, and two with the same would be one. */
static int check_name(const struct settings *s, size_t i, struct fault *f) {
    uint8_t own[IDENTITY_ORIGIN_BYTES], other[IDENTITY_ORIGIN_BYTES];
    identity_origin(slice_of(s->origins[i]->name), own);
    for (size_t k = 0; k < i; k++) {
        identity_origin(slice_of(s->origins[k]->name), other);
        if (memcmp(own, other, sizeof own) == 0)
            return fault_set(f, "", "its name can't be told from \"%.64s\"; take another",
                             s->origins[k]->name);
    }
    return 0;
}

int origins_check(struct arena *a, const struct settings *s, char *ret_key, size_t key_size,
                  struct fault *ret_fault) {
    for (size_t i = 0; i < s->n_origins; i++) {
        int r = check_name(s, i, ret_fault);
        if (r == 0)
            r = read_keys(a, s->origins[i], ret_fault);
        if (r == 0)
            continue;
        snprintf(ret_key, key_size, "[origin \"%.64s\"] keys", s->origins[i]->name);
        return r;
    }
    return 0;
}

/* ---- judging */

/* Whose key it is, whatever the time. */
static const struct origin *find_origin(const struct settings *s, const uint8_t *key,
                                        const struct origin_key **ret_key) {
    for (size_t i = 0; i < s->n_origins; i++)
        for (size_t k = 0; k < s->origins[i]->n_keys; k++)
            if (memcmp(s->origins[i]->keys[k].key, key, KEY_BYTES) == 0) {
                *ret_key = &s->origins[i]->keys[k];
                return s->origins[i];
            }
    return NULL;
}

static int judge(const struct settings *s, const struct signature *made, struct slice article,
                 int64_t now_usec, const char **ret_origin, struct fault *f) {
    uint8_t digest[SIGNATURE_ARTICLE_DIGEST_BYTES];
    const struct origin_key *key;
    const struct origin *origin = find_origin(s, made->key, &key);
    if (origin == NULL)
        return fault_set(f, "signature", "its key belongs to no origin that is known here");
    if (now_usec < key->from_usec || now_usec >= key->until_usec)
        return now_usec < key->from_usec
                   ? fault_set(f, "signature", "the key of origin %s is not valid yet",
                               origin->name)
                   : fault_set(f, "signature", "the key of origin %s is valid no more",
                               origin->name);
    signature_article_digest(article, digest);
    if (!signature_is_good(made, digest))
        return fault_set(f, "signature",
                         "it is not that of this article: the article was changed, or another key "
                         "than that of origin %s signed it",
                         origin->name);
    *ret_origin = origin->name;
    return 0;
}

int origins_judge(const struct settings *s, const struct rules_section *section,
                  struct slice signature, struct slice article, int64_t now_usec,
                  const char **ret_origin, struct fault *ret_fault) {
    struct signature made;
    *ret_origin = NULL;
    if (signature.len > LIMIT_SIGNATURE_BYTES ||
        (signature.len > 0 && signature_decode(signature, &made) < 0))
        return fault_set(ret_fault, "signature", "it is no signature");
    if (signature.len == 0)
        return section->signature == SIGNATURE_REQUIRE
                   ? fault_set(ret_fault, "signature",
                               "section %s takes only what a known origin has signed", section->key)
                   : 0;
    int r = judge(s, &made, article, now_usec, ret_origin, ret_fault);
    return section->signature == SIGNATURE_IGNORE ? 0 : r;
}
