/*
 * Keys on disk and in memory: CURVE keys, by which clients and daemon know each
 * other (ZeroMQ RFC 26), and Ed25519 keys, by which an origin signs its articles
 * and a daemon its checkpoints (RFC 8032).
 *
 * A key is a pair of small text files, NAME.pub for everybody and NAME.secret for
 * its owner alone. They are written as CZMQ and pyzmq write theirs, so that other
 * programs can use them:
 *
 *     curve
 *         public-key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
 *         secret-key = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
 *
 * A client's NAME.secret also has the public key of its daemon, as server-key.
 * CURVE keys are in Z85 (ZeroMQ RFC 32), Ed25519 keys in lower-case hex under the
 * word ed25519, the secret one being the seed of 32 bytes.
 */
#pragma once

#include "proto/codec.h"

#include <stdbool.h>

enum key_type { KEY_CURVE, KEY_ED25519 };

enum {
    KEY_BYTES = 32,                /* any public key; the secret one of CURVE */
    KEY_ED25519_SECRET_BYTES = 64, /* as libsodium has it: the seed and the public key */
    KEY_TEXT_BYTES = 65,           /* a public key as text, with its NUL */
    KEY_FILE_BYTES = 512,          /* what a file holds that we write */
};

struct key_pair {
    enum key_type type;
    uint8_t public_key[KEY_BYTES];
    uint8_t *secret; /* in locked memory that no core dump shows; KEY_BYTES, or
                        KEY_ED25519_SECRET_BYTES */
};

/* What this process holds in memory, keys among it, is nobody else's to see from now on: it
 * leaves no core dump, and another process of its user can't look into it. For programs; a
 * library has no business to. */
void key_hide_memory(void);

/* Makes a new pair; free it with key_pair_free. 0; -ENOMEM, -EOPNOTSUPP when libzmq
 * has no CURVE. */
int key_pair_make(enum key_type type, struct key_pair *ret)
    __attribute__((nonnull, warn_unused_result));

/* Wipes and frees the secret. */
void key_pair_free(struct key_pair *k) __attribute__((nonnull));

/* What NAME.pub holds, or with the secret NAME.secret, and the server's public key if
 * that is not NULL; wipe that buffer after use. Returns buffer. */
const char *key_pair_text(const struct key_pair *k, bool secret, const uint8_t *server,
                          char buffer[static KEY_FILE_BYTES]) __attribute__((nonnull(1, 4)));

/* Reads a pair from a file with a secret key; a path without a slash may be the name of a
 * systemd credential, too. The file must be nobody's but its
 * owner's, unless it lies in $CREDENTIALS_DIRECTORY, which systemd guards. 0; -EPERM,
 * -EBADMSG or another -errno with *ret_fault naming the file and what is wrong. */
int key_pair_read(enum key_type type, const char *path, struct key_pair *ret,
                  struct fault *ret_fault) __attribute__((nonnull, warn_unused_result));

/* The public key of the daemon that a client's key file is for: "server-key" beside the
 * keys of its owner. Errors as key_pair_read. */
int key_server_read(const char *path, uint8_t ret[static KEY_BYTES], struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* A public key from its text, or from the file of that name. 0; -EBADMSG or another -errno with
 * *ret_fault set. */
int key_public_read(enum key_type type, const char *text, uint8_t ret[static KEY_BYTES],
                    struct fault *ret_fault) __attribute__((nonnull, warn_unused_result));

/* A public key as text. Returns buffer. */
const char *key_public_text(enum key_type type, const uint8_t key[static KEY_BYTES],
                            char buffer[static KEY_TEXT_BYTES]) __attribute__((nonnull));
