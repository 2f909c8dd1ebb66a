/* An article's bytes, as a peer sends them. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *a = fuzz_arena();
    struct fault f = {0};
    Article *article;
    int r = codec_unpack_article(a, (struct slice){data, size}, &article, &f);
    if (r == 0) {
        fuzz_check_article(a, article);
        return 0;
    }
    MUST(r == -EINVAL);
    fuzz_check_fault(&f);
    return 0;
}
