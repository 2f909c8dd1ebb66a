/* What webhooks get; that they get it, is tests/system/alert_send_test.sh's. */
#include "clients/alert/courier.h"
#include "clients/alert/message.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct group_config group;
static const struct message message = {.id = "1",
                                       .title = "newswire: outlet failing",
                                       .text = "outlet failing:\n- 日报 \"x\"\n",
                                       .json = "{\"a\":1}",
                                       .urgent = true};

static json_t *body(int format) {
    group.format = format;
    char *text = courier_body(&group, &message);
    assert_non_null(text);
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    free(text);
    return object;
}

static void same(json_t *is, const char *wanted) {
    json_t *object = json_loads(wanted, 0, NULL);
    assert_non_null(object);
    if (!json_equal(is, object))
        fail_msg("%s", json_dumps(is, 0));
    json_decref(object);
    json_decref(is);
}

static void bodies(void **state) {
    (void)state;
    char *who[] = {"13800001111", "all"};
    group = (struct group_config){.name = "duty"};
    same(body(ALERT_JSON), "{\"a\":1}");
    same(body(ALERT_WECOM), "{\"msgtype\":\"text\",\"text\":{\"content\":\"newswire: outlet "
                            "failing\\noutlet failing:\\n- 日报 \\\"x\\\"\\n\"}}");
    group.mention = (struct text_list){.items = who, .n = 2};
    same(body(ALERT_WECOM),
         "{\"msgtype\":\"text\",\"text\":{\"content\":\"newswire: outlet failing\\noutlet "
         "failing:\\n- 日报 \\\"x\\\"\\n\",\"mentioned_mobile_list\":[\"13800001111\",\"@all\"]}}");
    same(body(ALERT_DINGTALK),
         "{\"msgtype\":\"text\",\"text\":{\"content\":\"newswire: outlet failing\\noutlet "
         "failing:\\n- 日报 \\\"x\\\"\\n\"},\"at\":{\"atMobiles\":[\"13800001111\"],\"isAtAll\":"
         "true}}");
}

/* printf '1577808000000\nSEC0123' | openssl dgst -sha256 -hmac SEC0123 -binary | base64 */
static void dingtalk_signs(void **state) {
    (void)state;
    char path[] = "/tmp/newswire-alert-XXXXXX", error[300];
    struct secret *secret;
    assert_true(sodium_init() >= 0);
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "SEC0123\n", 8), 8);
    close(fd);
    assert_int_equal(secret_load(path, &secret, error, sizeof error), 0);
    unlink(path);
    char *url = courier_sign("https://x.example/send?access_token=t", secret, 1577808000000);
    assert_string_equal(url, "https://x.example/send?access_token=t&timestamp=1577808000000&sign="
                             "F7vo8WffPswGQLROaq%2BGBbn6%2BBn2XvEuJVugvKt1cNE%3D");
    free(url);
    url = courier_sign("https://x.example/send", secret, 1577808000000);
    assert_non_null(strstr(url, "/send?timestamp="));
    free(url);
    secret_free(secret);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(bodies), cmocka_unit_test(dingtalk_signs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
