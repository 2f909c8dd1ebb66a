#include "tests/daemon/keys.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char folder[64];
static struct key_pair server, pairs[KEYS_N];

int keys_setup(void **state) {
    (void)state;
    char path[96], text[KEY_FILE_BYTES];
    snprintf(folder, sizeof folder, "/tmp/newswire-keys-XXXXXX");
    if (sodium_init() < 0 || mkdtemp(folder) == NULL || key_pair_make(KEY_CURVE, &server) < 0)
        return -1;
    for (int i = 0; i < KEYS_N; i++)
        if (key_pair_make(KEY_CURVE, &pairs[i]) < 0)
            return -1;
    snprintf(path, sizeof path, "%s/daemon.secret", folder);
    umask(0077);
    FILE *f = fopen(path, "we");
    fputs(key_pair_text(&server, true, NULL, text), f);
    return fclose(f);
}

int keys_teardown(void **state) {
    (void)state;
    char command[128];
    key_pair_free(&server);
    for (int i = 0; i < KEYS_N; i++)
        key_pair_free(&pairs[i]);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

const struct key_pair *keys_of(enum keys_who who) {
    return &pairs[who];
}

const char *keys_text(enum keys_who who) {
    static char texts[KEYS_N][KEY_TEXT_BYTES];
    return key_public_text(KEY_CURVE, pairs[who].public_key, texts[who]);
}

const char *keys_config(const char *more) {
    static char text[4096];
    snprintf(text, sizeof text,
             "[security]\nsecret_key = %s/daemon.secret\n"
             "[client \"archive\"]\npublic_key = %s\nread = *\nsend = *\nrelay = yes\n"
             "requests_per_second = 0\narticles_per_second = 0\nbytes_per_second = 0\n"
             "[client \"econ\"]\npublic_key = %s\nread = economy\nsend = economy\n"
             "[section \"economy\"]\n[section \"politics\"]\n%s",
             folder, keys_text(KEYS_ARCHIVE), keys_text(KEYS_ECON), more);
    return text;
}

void *keys_connect(struct rig *r, int type, const struct text_list *endpoints, enum keys_who who) {
    const struct text_list nowhere = {.items = (char *[]){(char *)"inproc://nowhere"}, .n = 1};
    void *s = rig_connect(r, type, &nowhere);
    const struct key_pair *k = &pairs[who];
    zmq_disconnect(s, nowhere.items[0]);
    assert_int_equal(zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, server.public_key, KEY_BYTES), 0);
    assert_int_equal(zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, k->public_key, KEY_BYTES), 0);
    assert_int_equal(zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, k->secret, KEY_BYTES), 0);
    assert_int_equal(zmq_connect(s, endpoints->items[0]), 0);
    return s;
}
