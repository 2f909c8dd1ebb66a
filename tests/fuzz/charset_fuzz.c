/* Text in any encoding. */
#include "tests/fuzz/fuzz.h"

#include "proto/charset.h"

#include <errno.h>
#include <unistr.h>

static bool has_mark(struct slice s) {
    return s.len >= 3 && memcmp(s.data, "\xef\xbb\xbf", 3) == 0;
}

static bool has_control(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] < ' ' && strchr("\n\t\f\v", s.data[i]) == NULL)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *a = fuzz_arena();
    struct slice text, again;
    struct fault f = {0};
    int r = charset_to_utf8(a, (struct slice){data, size}, &text, &f);
    if (r < 0) {
        MUST(r == -EINVAL);
        fuzz_check_fault(&f);
        return 0;
    }
    MUST(u8_check(text.data, text.len) == NULL);
    MUST(memchr(text.data, '\0', text.len) == NULL && memchr(text.data, '\r', text.len) == NULL);
    if (has_mark(text) || has_control(text))
        return 0; /* one of two marks is taken off; shorter text may have too many of these */
    MUST(charset_to_utf8(a, text, &again, &f) == 0 && slice_equal(text, again));
    return 0;
}
