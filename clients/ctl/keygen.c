#include "clients/ctl/ctl.h"

#include "clients/tool/file.h"
#include "proto/keyfile.h"
#include "proto/topic.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static int fail(const char *path, int error) {
    fprintf(stderr, "newswirectl: %s: %s\n", path, strerror(-error));
    return error == -EEXIST ? EX_CANTCREAT : error == -ENOMEM ? EX_OSERR : EX_IOERR;
}

static int write_one(const char *name, const struct key_pair *k, bool secret,
                     const uint8_t *server) {
    char path[PATH_BYTES], text[KEY_FILE_BYTES];
    if (snprintf(path, sizeof path, "%s%s", name, secret ? ".secret" : ".pub") >= PATH_BYTES)
        return fail(name, -ENAMETOOLONG);
    key_pair_text(k, secret, server, text);
    int r = file_write(AT_FDCWD, path, O_EXCL, secret ? 0600 : 0644, slice_of(text));
    sodium_memzero(text, sizeof text);
    return r < 0 ? fail(path, r) : EX_OK;
}

/* The public one first: a secret one is never left without it. */
static int write_both(const char *name, const struct key_pair *k, const uint8_t *server) {
    char path[PATH_BYTES];
    int code = write_one(name, k, false, NULL);
    if (code != EX_OK)
        return code;
    code = write_one(name, k, true, server);
    if (code != EX_OK && snprintf(path, sizeof path, "%s.pub", name) < PATH_BYTES)
        unlink(path);
    return code;
}

static void say(const char *name, const struct key_pair *k, bool server) {
    const char *slash = strrchr(name, '/'), *base = slash == NULL ? name : slash + 1;
    char text[KEY_TEXT_BYTES];
    key_public_text(k->type, k->public_key, text);
    printf("%s.secret  for its owner alone\n%s.pub     for everybody\n\n", name, name);
    if (k->type == KEY_ED25519) {
        printf("newswire-submit --sign %s.secret; those who trust it write\n"
               "[origin \"%s\"]\nkeys = %s\n",
               name, base, text);
        return;
    }
    printf("%s in newswired.conf:\n[client \"%s\"]\npublic_key = %s\nread =\nsend =\n",
           server ? "A client's;" : "A client's,", base, text);
    if (!server)
        printf("or the daemon's own:\n[security]\nsecret_key = %s.secret\n", name);
}

static int make(const char *name, const char *server_key, bool origin) {
    struct key_pair k;
    struct fault fault;
    uint8_t server[KEY_BYTES];
    if (server_key != NULL && key_public_read(KEY_CURVE, server_key, server, &fault) < 0) {
        fprintf(stderr, "newswirectl: --server-key: %s\n", fault.reason);
        return EX_DATAERR;
    }
    int r = key_pair_make(origin ? KEY_ED25519 : KEY_CURVE, &k);
    if (r < 0)
        return fail(name, r);
    int code = write_both(name, &k, server_key == NULL ? NULL : server);
    if (code == EX_OK)
        say(name, &k, server_key != NULL);
    key_pair_free(&k);
    return code;
}

struct keygen_options {
    const char *server_key;
    bool origin;
};

static const struct options_row rows[] = {
    {"server-key", OPTIONS_STRING, offsetof(struct keygen_options, server_key), "KEY", NULL,
     "the daemon's public key or its file, for a client's keys"},
    {"origin", OPTIONS_FLAG, offsetof(struct keygen_options, origin), NULL, NULL,
     "a key to sign articles or the log with"},
    {0},
};

static const struct options options = {
    .program = "newswirectl keygen",
    .arguments = "NAME",
    .summary = "Makes the keys NAME.secret, for its owner alone, and NAME.pub. Asks no daemon.",
    .rows = rows,
};

int ctl_keygen(int argc, char **argv) {
    struct keygen_options o = {0};
    int first, code = options_parse(&options, argc, argv, &o, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    if (argc - first != 1)
        return options_fault(&options, "it wants one NAME");
    if (o.server_key != NULL && o.origin)
        return options_fault(&options, "--server-key is for clients, --origin for signing");
    return make(argv[first], o.server_key, o.origin);
}
