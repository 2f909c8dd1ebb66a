/* What [client] says, and the rights that follow. */
#include "daemon/trust.h"

#include "daemon/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY_1  "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define KEY_2  "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define SECURE "[security]\nsecret_key = /nowhere/daemon.secret\n"

static struct settings *settings;
static struct config_fault fault;

static int read_config(const char *text) {
    char path[] = "/tmp/newswire-conf-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    settings = settings_unref(settings);
    fault = (struct config_fault){0};
    int result = settings_load(path, &settings, &fault);
    unlink(path);
    return result;
}

static int tear_down(void **state) {
    (void)state;
    settings = settings_unref(settings);
    return 0;
}

static bool may_read(const char *key, const char *prefix) {
    return trust_may_read(trust_client(settings, key), slice_of(prefix));
}

static bool may_send(const char *key, const char *section) {
    return trust_may_send(trust_client(settings, key), slice_of(section));
}

static void rights(void **state) {
    (void)state;
    assert_int_equal(read_config(SECURE "[client \"a\"]\npublic_key = " KEY_1 "\nread = economy "
                                        "culture\nsend = *\n[client \"b\"]\npublic_key = " KEY_2
                                        "\nread = *\n"),
                     0);
    assert_true(may_read(KEY_1, "economy/"));
    assert_true(may_read(KEY_1, "culture/brief"));
    assert_false(may_read(KEY_1, "economy"));
    assert_false(may_read(KEY_1, "economy2/"));
    assert_false(may_read(KEY_1, "econom/"));
    assert_false(may_read(KEY_1, "politics/"));
    assert_false(may_read(KEY_1, "/"));
    assert_false(may_read(KEY_1, ""));
    assert_true(may_read(KEY_2, ""));
    assert_true(may_read(KEY_2, "politics/"));
    assert_true(may_send(KEY_1, "politics"));
    assert_false(may_send(KEY_2, "politics"));
    assert_null(trust_client(settings, "somebody"));
    assert_null(trust_client(settings, ""));
    assert_false(may_read("somebody", "economy/"));
    assert_false(may_send("somebody", "economy"));
}

static void nothing_is_allowed_unless_said(void **state) {
    (void)state;
    assert_int_equal(read_config(SECURE "[client \"a\"]\npublic_key = " KEY_1 "\n"), 0);
    assert_non_null(trust_client(settings, KEY_1));
    assert_false(may_read(KEY_1, "news/"));
    assert_false(may_read(KEY_1, ""));
    assert_false(may_send(KEY_1, "news"));
    assert_false(trust_client(settings, KEY_1)->relay);
}

static void keys_change_with_both_valid(void **state) {
    (void)state;
    assert_int_equal(
        read_config(SECURE "[client \"a\"]\npublic_key = " KEY_1 " " KEY_2 "\nread = news\n"), 0);
    assert_ptr_equal(trust_client(settings, KEY_1), trust_client(settings, KEY_2));
}

static void what_changes_cuts_off(void **state) {
    const struct client a = {.name = "a", .read = {.items = (char *[]){(char *)"x"}, .n = 1}};
    struct client b = a;
    (void)state;
    assert_true(trust_same(&a, &b));
    b.articles_per_second = 5; /* a limit counts from now on, and needs no new connection */
    assert_true(trust_same(&a, &b));
    b.relay = true;
    assert_false(trust_same(&a, &b));
    b = a;
    b.read.n = 0;
    assert_false(trust_same(&a, &b));
    b = a;
    b.sends_all = true;
    assert_false(trust_same(&a, &b));
    assert_false(trust_same(&a, NULL));
    assert_false(trust_same(NULL, &a));
}

static void refused(const char *config, const char *key, const char *reason) {
    char text[800];
    if (read_config(config) == 0)
        fail_msg("taken: %s", config);
    config_fault_text(&fault, text, sizeof text);
    if (strstr(text, key) == NULL || strstr(text, reason) == NULL)
        fail_msg("%s", text);
}

static void bad_ones_are_refused(void **state) {
    (void)state;
    refused(SECURE "[client \"a\"]\n", "[client \"a\"] public_key", "no key");
    refused(SECURE "[client \"a\"]\npublic_key = abc\n", "[client \"a\"] public_key", "'abc'");
    refused(SECURE "[client \"a\"]\npublic_key = /nowhere/a.pub\n", "public_key", "/nowhere/a.pub");
    refused(SECURE "[client \"a\"]\npublic_key = " KEY_1 "\n[client \"b\"]\npublic_key = " KEY_1
                   "\n",
            "[client \"b\"] public_key", "client \"a\" has the same key");
    refused(SECURE "[client \"a\"]\npublic_key = " KEY_1 "\nread = economy/\n",
            "[client \"a\"] read", "'economy/'");
    refused("[client \"a\"]\npublic_key = " KEY_1 "\n", "[client]", "secret_key");
    refused(SECURE "insecure = yes\n", "insecure", "one or the other");
    refused("[security]\nsecret_key = keys/daemon\n", "secret_key", "neither an absolute path");
}

static void addresses_need_keys(void **state) {
    (void)state;
    refused("[feed]\nbind = tcp://0.0.0.0:5560\n", "[feed] bind", "secret_key");
    assert_int_equal(read_config("[feed]\nbind = tcp://0.0.0.0:5560\n" SECURE), 0);
    assert_int_equal(read_config("[feed]\nbind = tcp://0.0.0.0:5560\n[security]\ninsecure = yes\n"),
                     0);
}

static void a_credential_is_a_name(void **state) {
    (void)state;
    int result = read_config("[security]\nsecret_key = curve\n");
    assert_int_equal(result, 0);
    assert_string_equal(settings->security.secret_key, "curve");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(rights, tear_down),
        cmocka_unit_test_teardown(nothing_is_allowed_unless_said, tear_down),
        cmocka_unit_test_teardown(keys_change_with_both_valid, tear_down),
        cmocka_unit_test(what_changes_cuts_off),
        cmocka_unit_test_teardown(bad_ones_are_refused, tear_down),
        cmocka_unit_test_teardown(addresses_need_keys, tear_down),
        cmocka_unit_test_teardown(a_credential_is_a_name, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
