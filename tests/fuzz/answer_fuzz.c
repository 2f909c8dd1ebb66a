/* A server's JSON answer, behind a line with a test of it: $.errcode == 0. */
#include "tests/fuzz/fuzz.h"

#include "clients/forward/answer.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes in = {data, size};
    struct arena *a = fuzz_arena();
    char *test = fuzz_text(a, fuzz_until(&in, '\n')), text[16], *opposite;
    json_t *answer = json_loadb((const char *)in.data, in.len, JSON_DECODE_ANY, NULL);
    bool valid = answer_test_valid(test), passes = answer_passes(answer, test);
    MUST(valid || !passes);
    opposite = strchr(test, '=');
    if (valid && opposite > test && (opposite[-1] == '!' || opposite[1] == '=')) {
        char *sign = opposite[-1] == '!' ? opposite - 1 : opposite;
        *sign = *sign == '!' ? '=' : '!';
        MUST(answer_test_valid(test) && answer_passes(answer, test) != passes);
    }
    char *path = fuzz_text(a, (struct slice){(uint8_t *)test, strcspn(test, " =!")});
    if (answer_text(answer, path, text, sizeof text))
        fuzz_check_text(text);
    json_decref(answer);
    return 0;
}
