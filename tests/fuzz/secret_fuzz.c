/* Files with secrets and with keys, and public keys as text. The first byte says which. */
#include "tests/fuzz/fuzz.h"

#include "clients/forward/secret.h"
#include "clients/forward/signing.h"
#include "proto/keyfile.h"

#include <errno.h>
#include <sodium.h>
#include <unistd.h>

static void try_secret(struct slice bytes) {
    char path[FUZZ_PATH_BYTES], error[256] = "", signature[SIGNATURE_BYTES];
    int fd = fuzz_file(bytes, path);
    struct secret *s;
    int r = secret_load(path, &s, error, sizeof error);
    close(fd);
    if (r < 0) {
        MUST(r == -EINVAL && s == NULL && *error != '\0');
        return;
    }
    struct slice got = secret_bytes(s);
    MUST(got.len > 0 && got.len <= bytes.len && memcmp(got.data, bytes.data, got.len) == 0);
    MUST(got.data[got.len - 1] != '\n' && got.data[got.len] == '\0');
    r = signing_webhook(s, "urn:x:1", 5, bytes, signature);
    MUST(r == 0 || r == -EINVAL);
    signing_superdesk(s, bytes, signature);
    secret_free(s);
}

static void try_pair(enum key_type type, struct slice bytes) {
    char path[FUZZ_PATH_BYTES], text[KEY_FILE_BYTES];
    int fd = fuzz_file(bytes, path);
    struct key_pair k, again;
    struct fault f;
    int r = key_pair_read(type, path, &k, &f);
    close(fd);
    if (r < 0) {
        fuzz_check_fault(&f);
        return;
    }
    /* As we write it, it is the same. */
    fd = fuzz_file(slice_of(key_pair_text(&k, true, NULL, text)), path);
    MUST(key_pair_read(type, path, &again, &f) == 0);
    MUST(memcmp(k.public_key, again.public_key, KEY_BYTES) == 0);
    close(fd);
    key_pair_free(&k);
    key_pair_free(&again);
}

static void try_public(enum key_type type, const char *text) {
    uint8_t key[KEY_BYTES], again[KEY_BYTES];
    char copy[KEY_TEXT_BYTES];
    struct fault f;
    if (strchr(text, '/') != NULL) /* it may name a file */
        return;
    if (key_public_read(type, text, key, &f) < 0) {
        fuzz_check_fault(&f);
        return;
    }
    MUST(key_public_read(type, key_public_text(type, key, copy), again, &f) == 0);
    MUST(memcmp(key, again, sizeof key) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes in = {data, size};
    MUST(sodium_init() >= 0);
    uint8_t which = fuzz_byte(&in);
    struct slice bytes = {in.data, in.len};
    enum key_type type = which & 8 ? KEY_ED25519 : KEY_CURVE;
    if (which % 3 == 0)
        try_secret(bytes);
    else if (which % 3 == 1)
        try_pair(type, bytes);
    else
        try_public(type, fuzz_text(fuzz_arena(), bytes));
    return 0;
}
