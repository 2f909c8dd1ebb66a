/*
 * What a client may do: [client "NAME"] of the config, and the rights that follow
 * from it. A client is known by its CURVE key; without CURVE there is only
 * trust_anybody, who may do everything and is on this machine.
 *
 * A right is a whole section. What nobody has allowed is denied.
 */
#pragma once

#include "proto/config.h"
#include "proto/keyfile.h"

#include <stdbool.h>

struct settings;

struct client {
    const char *name;
    struct text_list public_key; /* as config has them: texts or files */
    struct text_list read, send; /* sections, or * */
    bool relay;                  /* may send what came through other daemons */
    uint64_t replays;            /* at the same time */
    uint64_t requests_per_second, articles_per_second, bytes_per_second;

    /* made of these */
    char (*keys)[KEY_TEXT_BYTES];
    size_t n_keys;
    bool reads_all, sends_all;
};

extern const struct client trust_anybody;
extern const struct config_section trust_table_client;

/* Reads the keys that the clients name and checks what is said of them. 0; -ENOMEM;
 * -EINVAL with the key in ret_key, as "[client "x"] public_key", and the reason. */
int trust_check(struct arena *a, const struct settings *s, char *ret_key, size_t key_size,
                struct fault *ret_fault) __attribute__((nonnull, warn_unused_result));

/* The client with that key, as key_public_text writes it; NULL: there is none. */
const struct client *trust_client(const struct settings *s, const char *key)
    __attribute__((nonnull));

/* Whether all topics that begin so are the client's to read. A prefix that is wider
 * than one section needs the right to all. NULL may nothing. */
bool trust_may_read(const struct client *c, struct slice prefix);

/* Whether it may send to, and ask about, that section. NULL may nothing. */
bool trust_may_send(const struct client *c, struct slice section);

/* Who may connect now and who no more, and whose keys or rights are others: "clients added:
 * a, b; changed: c; removed: d", or that nothing is. */
void trust_changes(const struct settings *before, const struct settings *now, char *ret,
                   size_t size) __attribute__((nonnull));

/* Whether a connection that was made under one may go on under the other: the
 * rights are the same. */
bool trust_same(const struct client *before, const struct client *now);
