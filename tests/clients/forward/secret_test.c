#include "clients/forward/receipt_link.h"
#include "clients/forward/signing.h"
#include "clients/tool/backoff.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

static char folder[64], path[128], error[256];

static int set_up(void **state) {
    (void)state;
    strcpy(folder, "/tmp/newswire-secret-XXXXXX");
    return mkdtemp(folder) == NULL || sodium_init() < 0 ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[128];
    unsetenv("CREDENTIALS_DIRECTORY");
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static const char *put(const char *name, const char *text, mode_t mode) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "we");
    fputs(text, f);
    fclose(f);
    chmod(path, mode);
    return path;
}

static struct secret *load(const char *name) {
    struct secret *s;
    if (secret_load(name, &s, error, sizeof error) < 0)
        fail_msg("%s", error);
    return s;
}

static void a_secret_is_a_file_that_others_cant_read(void **state) {
    (void)state;
    struct secret *s = load(put("a", "sesame\r\n", 0600));
    assert_string_equal(secret_text(s), "sesame");
    assert_string_equal(secret_path(s), path);
    secret_free(s);
    assert_int_equal(secret_load(put("b", "sesame", 0644), &s, error, sizeof error), -EPERM);
    assert_non_null(strstr(error, "anybody can read it"));
    assert_null(strstr(error, "sesame"));
    assert_int_equal(secret_load(put("c", "\n", 0600), &s, error, sizeof error), -EINVAL);
    assert_int_equal(secret_load("/no/such/file", &s, error, sizeof error), -ENOENT);
    assert_non_null(strstr(error, "/no/such/file"));
    assert_null(load(""));
}

static void a_secret_is_blacked_out(void **state) {
    (void)state;
    char text[] = "no tok123, tok123", other[] = "tok12";
    struct secret *s = load(put("token", "tok123\n", 0600));
    secret_black_out(s, text);
    assert_string_equal(text, "no ******, ******");
    secret_black_out(s, other);
    secret_black_out(NULL, other);
    assert_string_equal(other, "tok12");
    secret_free(s);
}

static void or_a_credential_of_systemd(void **state) {
    (void)state;
    struct secret *s;
    assert_int_equal(secret_load("daily", &s, error, sizeof error), -ENOENT);
    put("daily", "sesame", 0444);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    s = load("daily");
    assert_string_equal(secret_text(s), "sesame");
    secret_free(s);
}

/* The example of the specification's reference libraries. */
static void webhooks_are_signed_as_the_standard_says(void **state) {
    (void)state;
    char signature[SIGNATURE_BYTES];
    struct secret *s = load(put("w", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 0600));
    assert_int_equal(signing_webhook(s, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                                     slice_of("{\"test\": 2432232314}"), signature),
                     0);
    assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    secret_free(s);
    s = load(put("x", "whsec_no base64!", 0600));
    assert_int_equal(signing_webhook(s, "id", 1, slice_of(""), signature), -EINVAL);
    secret_free(s);
}

/* RFC 2202, test case 2 of HMAC-SHA-1. */
static void superdesks_signature_is_hmac_sha1(void **state) {
    (void)state;
    char signature[SIGNATURE_BYTES];
    struct secret *s = load(put("s", "Jefe", 0600));
    signing_superdesk(s, slice_of("what do ya want for nothing?"), signature);
    assert_string_equal(signature, "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    secret_free(s);
}

static void links_are_good_for_one_story_and_outlet(void **state) {
    (void)state;
    struct arena *a = arena_new(1 << 20);
    struct forward_config c = {.receipts = {.listen = (char *)"",
                                            .url = (char *)"https://x/receipt",
                                            .secret = (char *)put("l", "a secret", 0600)}};
    struct receipt_links *links;
    const char *outlet, *uri;
    assert_int_equal(receipt_links_new(&c, &links), 0);
    const char *link = receipt_link(links, a, "daily", "urn:x:1");
    assert_int_equal(strncmp(link, "https://x/receipt/", 18), 0);
    char token[512];
    snprintf(token, sizeof token, "%s", link + 18);
    assert_true(receipt_link_read(links, a, token, &outlet, &uri));
    assert_string_equal(outlet, "daily");
    assert_string_equal(uri, "urn:x:1");
    for (size_t i = 0; token[i] != '\0'; i++) { /* no bit of it can be another */
        char kept = token[i];
        token[i] = kept == 'A' ? 'B' : 'A';
        assert_false(receipt_link_read(links, a, token, &outlet, &uri));
        token[i] = kept;
    }
    assert_false(receipt_link_read(links, a, "", &outlet, &uri));
    assert_string_not_equal(link, receipt_link(links, a, "daily2", "urn:x:1"));
    receipt_links_free(links);
    arena_free(a);
}

static void waits_grow_and_differ(void **state) {
    (void)state;
    uint64_t lowest = UINT64_MAX, highest = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t wait = backoff_usec(1000000, 8000000, 2);
        assert_in_range(wait, 2000000, 4000000);
        lowest = wait < lowest ? wait : lowest;
        highest = wait > highest ? wait : highest;
        assert_in_range(backoff_usec(1000000, 8000000, 60), 4000000, 8000000);
    }
    assert_true(highest - lowest > 1000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_secret_is_a_file_that_others_cant_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_secret_is_blacked_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(or_a_credential_of_systemd, set_up, tear_down),
        cmocka_unit_test_setup_teardown(webhooks_are_signed_as_the_standard_says, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(superdesks_signature_is_hmac_sha1, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_are_good_for_one_story_and_outlet, set_up, tear_down),
        cmocka_unit_test(waits_grow_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
