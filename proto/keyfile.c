#include "proto/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum { READ_BYTES = 4096, Z85_CHARS = 40, HEX_CHARS = 64 };

static const char *const type_words[] = {[KEY_CURVE] = "curve", [KEY_ED25519] = "ed25519"};

/* ---- as text */

static size_t text_chars(enum key_type type) {
    return type == KEY_CURVE ? Z85_CHARS : HEX_CHARS;
}

/* Both have KEY_BYTES. The buffer has KEY_TEXT_BYTES. */
static void encode(enum key_type type, const uint8_t *key, char *buffer) {
    if (type == KEY_CURVE)
        zmq_z85_encode(buffer, key, KEY_BYTES);
    else
        sodium_bin2hex(buffer, KEY_TEXT_BYTES, key, KEY_BYTES);
}

/* libzmq's decoder takes only what it can encode, but doesn't look at the length. */
static int decode(enum key_type type, const char *text, size_t len, uint8_t *ret) {
    char copy[KEY_TEXT_BYTES];
    size_t bytes = 0;
    if (len != text_chars(type))
        return -EBADMSG;
    memcpy(copy, text, len);
    copy[len] = '\0';
    bool good = type == KEY_CURVE
                    ? zmq_z85_decode(ret, copy) != NULL
                    : sodium_hex2bin(ret, KEY_BYTES, copy, len, NULL, &bytes, NULL) == 0 &&
                          bytes == KEY_BYTES;
    sodium_memzero(copy, sizeof copy);
    return good ? 0 : -EBADMSG;
}

const char *key_public_text(enum key_type type, const uint8_t key[static KEY_BYTES],
                            char buffer[static KEY_TEXT_BYTES]) {
    encode(type, key, buffer);
    return buffer;
}

const char *key_pair_text(const struct key_pair *k, bool secret, const uint8_t *server,
                          char buffer[static KEY_FILE_BYTES]) {
    char public_text[KEY_TEXT_BYTES], secret_text[KEY_TEXT_BYTES] = "",
                                      server_text[KEY_TEXT_BYTES] = "";
    if (server != NULL)
        encode(k->type, server, server_text);
    encode(k->type, k->public_key, public_text);
    if (secret)
        encode(k->type, k->secret, secret_text); /* of Ed25519 its first half, the seed */
    snprintf(buffer, KEY_FILE_BYTES,
             "# newswire: %s. Written as CZMQ and pyzmq write theirs.\n\n%s\n    public-key = "
             "\"%s\"\n%s%s%s%s%s%s",
             secret ? "a secret key, for nobody but its owner" : "a public key, for everybody",
             type_words[k->type], public_text, secret ? "    secret-key = \"" : "", secret_text,
             secret ? "\"\n" : "", server != NULL ? "    server-key = \"" : "", server_text,
             server != NULL ? "\"\n" : "");
    sodium_memzero(secret_text, sizeof secret_text);
    return buffer;
}

/* ---- pairs */

static int new_secret(struct key_pair *k) {
    k->secret = sodium_init() < 0
                    ? NULL
                    : sodium_malloc(k->type == KEY_CURVE ? KEY_BYTES : KEY_ED25519_SECRET_BYTES);
    return k->secret == NULL ? -ENOMEM : 0;
}

void key_pair_free(struct key_pair *k) {
    if (k->secret != NULL)
        sodium_free(k->secret);
    *k = (struct key_pair){0};
}

static int make_curve(struct key_pair *k) {
    char public_text[Z85_CHARS + 1], secret_text[Z85_CHARS + 1];
    if (zmq_curve_keypair(public_text, secret_text) < 0)
        return -errno;
    zmq_z85_decode(k->public_key, public_text);
    zmq_z85_decode(k->secret, secret_text);
    sodium_memzero(secret_text, sizeof secret_text);
    return 0;
}

void key_hide_memory(void) {
    struct rlimit limit = {0};
    getrlimit(RLIMIT_CORE, &limit);
    limit.rlim_cur = 0; /* what it starts may have its own again */
    setrlimit(RLIMIT_CORE, &limit);
#ifndef __SANITIZE_ADDRESS__ /* which looks for leaks as a debugger would */
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

int key_pair_make(enum key_type type, struct key_pair *ret) {
    struct key_pair k = {.type = type};
    int r = new_secret(&k);
    if (r == 0 && type == KEY_CURVE)
        r = make_curve(&k);
    else if (r == 0)
        crypto_sign_keypair(k.public_key, k.secret);
    if (r < 0)
        key_pair_free(&k);
    else
        *ret = k;
    return r;
}

/* The public key from the secret one, so that a file can't make them differ. */
static int derive_public(struct key_pair *k) {
    uint8_t seed[KEY_BYTES];
    memcpy(seed, k->secret, sizeof seed);
    int r = k->type == KEY_CURVE ? crypto_scalarmult_curve25519_base(k->public_key, seed)
                                 : crypto_sign_seed_keypair(k->public_key, k->secret, seed);
    sodium_memzero(seed, sizeof seed);
    return r == 0 ? 0 : -EBADMSG;
}

/* ---- files */

static bool is_guarded(const char *path) {
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    size_t len = folder == NULL ? 0 : strlen(folder);
    return len > 0 && strncmp(path, folder, len) == 0 && path[len] == '/' &&
           strstr(path + len, "/../") == NULL;
}

static int check_mode(int fd, const char *path, struct fault *f) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if ((st.st_mode & 077) == 0 || is_guarded(path))
        return 0;
    fault_set(f, "", "%.128s has a secret key, and others than its owner may use it; chmod 600",
              path);
    return -EPERM;
}

/* The file that is meant: without a slash, systemd's credential of that name, if there is
 * one. */
static const char *locate(const char *name, char buffer[static PATH_MAX]) {
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (folder == NULL || strchr(name, '/') != NULL)
        return name;
    int n = snprintf(buffer, PATH_MAX, "%s/%s", folder, name);
    return n < PATH_MAX && access(buffer, F_OK) == 0 ? buffer : name;
}

/* The file's text, in a buffer of READ_BYTES that is locked. */
static int read_file(const char *name, bool secret, char **ret, struct fault *f) {
    char buffer[PATH_MAX];
    const char *path = secret ? locate(name, buffer) : name;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : secret ? check_mode(fd, path, f) : 0;
    char *text = r < 0 || sodium_init() < 0 ? NULL : sodium_malloc(READ_BYTES);
    if (r == 0 && text == NULL)
        r = -ENOMEM;
    ssize_t n = r < 0 ? 0 : read(fd, text, READ_BYTES - 1);
    if (n < 0)
        r = -errno;
    if (fd >= 0)
        close(fd);
    if (r < 0) {
        if (text != NULL)
            sodium_free(text);
        if (*f->reason == '\0')
            fault_set_error(f, r, "", "%.160s can't be read", path);
        return r;
    }
    text[n] = '\0';
    *ret = text;
    return 0;
}

/* The quoted value behind a name, below a line that is the type's word. */
static const char *find_value(const char *text, enum key_type type, const char *name,
                              size_t *ret_len) {
    bool inside = false;
    for (const char *line = text; *line != '\0';) {
        const char *word = line + strspn(line, " \t");
        size_t len = strcspn(word, " \t\r\n=");
        const char *end = line + strcspn(line, "\n");
        if (word == line && len > 0 && *line != '#')
            inside = len == strlen(type_words[type]) && memcmp(word, type_words[type], len) == 0;
        if (inside && len == strlen(name) && memcmp(word, name, len) == 0) {
            const char *open = memchr(word, '"', (size_t)(end - word));
            const char *close =
                open == NULL ? NULL : memchr(open + 1, '"', (size_t)(end - open - 1));
            if (close != NULL) {
                *ret_len = (size_t)(close - open - 1);
                return open + 1;
            }
        }
        line = *end == '\0' ? end : end + 1;
    }
    return NULL;
}

static int value_from(const char *text, enum key_type type, const char *name, const char *path,
                      uint8_t *ret, struct fault *f) {
    size_t len = 0;
    const char *value = find_value(text, type, name, &len);
    if (value != NULL && decode(type, value, len, ret) == 0)
        return 0;
    fault_set(f, "", "%.128s has no %s under %s, or one of another form", path, name,
              type_words[type]);
    return -EBADMSG;
}

int key_pair_read(enum key_type type, const char *path, struct key_pair *ret,
                  struct fault *ret_fault) {
    struct key_pair k = {.type = type};
    char *text = NULL;
    *ret_fault = (struct fault){0};
    int r = read_file(path, true, &text, ret_fault);
    if (r == 0)
        r = new_secret(&k);
    if (r == 0)
        r = value_from(text, type, "secret-key", path, k.secret, ret_fault);
    if (r == 0 && (r = derive_public(&k)) < 0)
        fault_set(ret_fault, "", "%.128s: the secret key is none", path);
    if (text != NULL)
        sodium_free(text);
    if (r < 0)
        key_pair_free(&k);
    else
        *ret = k;
    return r;
}

int key_server_read(const char *path, uint8_t ret[static KEY_BYTES], struct fault *ret_fault) {
    char *text = NULL;
    *ret_fault = (struct fault){0};
    int r = read_file(path, true, &text, ret_fault);
    if (r < 0)
        return r;
    r = value_from(text, KEY_CURVE, "server-key", path, ret, ret_fault);
    sodium_free(text);
    return r;
}

int key_public_read(enum key_type type, const char *text, uint8_t ret[static KEY_BYTES],
                    struct fault *ret_fault) {
    char *content = NULL;
    *ret_fault = (struct fault){0};
    /* A key in Z85 may have a slash as well. */
    if (decode(type, text, strlen(text), ret) == 0)
        return 0;
    if (strchr(text, '/') == NULL && access(text, F_OK) < 0) {
        fault_set(ret_fault, "", "'%.100s' is neither a public key of %zu characters nor a file",
                  text, text_chars(type));
        return -EBADMSG;
    }
    int r = read_file(text, false, &content, ret_fault);
    if (r < 0)
        return r;
    r = value_from(content, type, "public-key", text, ret, ret_fault);
    sodium_free(content);
    return r;
}
