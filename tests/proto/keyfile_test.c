#include "proto/keyfile.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

static char folder[64];

static int set_up(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/newswire-keys-XXXXXX");
    return mkdtemp(folder) == NULL || sodium_init() < 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static const char *put(const char *name, mode_t mode, const char *text) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static void comes_back(void **state) {
    (void)state;
    for (enum key_type type = KEY_CURVE; type <= KEY_ED25519; type++) {
        struct key_pair made, read;
        struct fault f;
        char text[KEY_FILE_BYTES], key[KEY_TEXT_BYTES];
        uint8_t public_key[KEY_BYTES];
        assert_int_equal(key_pair_make(type, &made), 0);
        const char *path = put("k.secret", 0600, key_pair_text(&made, true, NULL, text));
        if (key_pair_read(type, path, &read, &f) < 0)
            fail_msg("%s", f.reason);
        assert_memory_equal(made.public_key, read.public_key, KEY_BYTES);
        assert_memory_equal(made.secret, read.secret,
                            type == KEY_CURVE ? KEY_BYTES : KEY_ED25519_SECRET_BYTES);
        path = put("k.pub", 0644, key_pair_text(&made, false, NULL, text));
        assert_null(strstr(text, "secret-key"));
        assert_int_equal(key_public_read(type, path, public_key, &f), 0);
        assert_memory_equal(made.public_key, public_key, KEY_BYTES);
        /* a name without a slash, in this folder */
        assert_int_equal(chdir(folder), 0);
        assert_int_equal(key_public_read(type, "k.pub", public_key, &f), 0);
        key_public_text(type, made.public_key, key);
        assert_int_equal(key_public_read(type, key, public_key, &f), 0);
        assert_memory_equal(made.public_key, public_key, KEY_BYTES);
        /* a file of the other type */
        assert_int_equal(
            key_public_read(type == KEY_CURVE ? KEY_ED25519 : KEY_CURVE, path, public_key, &f),
            -EBADMSG);
        key_pair_free(&made);
        key_pair_free(&read);
        key_pair_free(&read);
    }
}

/* The key of RFC 26's examples, as CZMQ writes it. */
static void reads_czmq(void **state) {
    (void)state;
    struct key_pair k;
    struct fault f;
    char text[KEY_TEXT_BYTES];
    const char *path = put("czmq", 0600,
                           "#   ****  Generated on 2031-04-09 by CZMQ  ****\n\nmetadata\n"
                           "    name = \"curve\"\n    secret-key = \"wrong\"\ncurve\n"
                           "    public-key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"\n"
                           "    secret-key = \"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\"\n");
    if (key_pair_read(KEY_CURVE, path, &k, &f) < 0)
        fail_msg("%s", f.reason);
    assert_string_equal(key_public_text(KEY_CURVE, k.public_key, text),
                        "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
    key_pair_free(&k);
}

static void refuses(void **state) {
    (void)state;
    struct key_pair made, k = {0};
    struct fault f;
    char text[KEY_FILE_BYTES];
    uint8_t public_key[KEY_BYTES];
    assert_int_equal(key_pair_make(KEY_ED25519, &made), 0);
    key_pair_text(&made, true, NULL, text);
    key_pair_free(&made);
    for (mode_t mode = 01; mode <= 040; mode <<= 1) {
        assert_int_equal(key_pair_read(KEY_ED25519, put("k", 0600 | mode, text), &k, &f), -EPERM);
        assert_non_null(strstr(f.reason, "chmod 600"));
    }
    assert_int_equal(key_pair_read(KEY_ED25519, "/nonexistent/k", &k, &f), -ENOENT);
    assert_non_null(strstr(f.reason, "/nonexistent/k"));
    assert_int_equal(key_pair_read(KEY_ED25519, put("k", 0600, ""), &k, &f), -EBADMSG);
    assert_int_equal(
        key_pair_read(KEY_ED25519, put("k", 0600, "ed25519\n secret-key = \"00"), &k, &f),
        -EBADMSG);
    assert_int_equal(
        key_pair_read(KEY_ED25519, put("k", 0600, "ed25519\n secret-key = \"00\"\n"), &k, &f),
        -EBADMSG);
    assert_null(k.secret);
    assert_int_equal(key_public_read(KEY_CURVE, "short", public_key, &f), -EBADMSG);
    assert_int_equal(key_public_read(KEY_CURVE, "", public_key, &f), -EBADMSG);
    assert_int_equal(
        key_public_read(KEY_CURVE, "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~", public_key, &f),
        -EBADMSG);
}

static void names_its_server(void **state) {
    (void)state;
    struct key_pair client, server, read;
    struct fault f;
    uint8_t key[KEY_BYTES];
    char text[KEY_FILE_BYTES];
    assert_int_equal(key_pair_make(KEY_CURVE, &client), 0);
    assert_int_equal(key_pair_make(KEY_CURVE, &server), 0);
    const char *path = put("c", 0600, key_pair_text(&client, true, server.public_key, text));
    assert_int_equal(key_server_read(path, key, &f), 0);
    assert_memory_equal(key, server.public_key, KEY_BYTES);
    assert_int_equal(key_pair_read(KEY_CURVE, path, &read, &f), 0);
    assert_memory_equal(read.secret, client.secret, KEY_BYTES);
    key_pair_free(&read);
    path = put("c", 0600, key_pair_text(&client, true, NULL, text));
    assert_int_equal(key_server_read(path, key, &f), -EBADMSG);
    assert_non_null(strstr(f.reason, "server-key"));
    key_pair_free(&client);
    key_pair_free(&server);
}

/* What systemd hands over may be readable by a group in its mode bits. */
static void trusts_credentials(void **state) {
    (void)state;
    struct key_pair made, k;
    struct fault f;
    char text[KEY_FILE_BYTES];
    assert_int_equal(key_pair_make(KEY_CURVE, &made), 0);
    const char *path = put("k", 0440, key_pair_text(&made, true, NULL, text));
    assert_int_equal(key_pair_read(KEY_CURVE, path, &k, &f), -EPERM);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    assert_int_equal(key_pair_read(KEY_CURVE, path, &k, &f), 0);
    key_pair_free(&k);
    /* By its name alone, too. */
    assert_int_equal(key_pair_read(KEY_CURVE, "k", &k, &f), 0);
    assert_int_equal(key_pair_read(KEY_CURVE, "other", &made, &f), -ENOENT);
    unsetenv("CREDENTIALS_DIRECTORY");
    key_pair_free(&k);
    assert_int_equal(chdir(folder), 0); /* there it is a file as any other */
    assert_int_equal(key_pair_read(KEY_CURVE, "k", &k, &f), -EPERM);
    key_pair_free(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),         cmocka_unit_test(reads_czmq),
        cmocka_unit_test(names_its_server),   cmocka_unit_test(refuses),
        cmocka_unit_test(trusts_credentials),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
