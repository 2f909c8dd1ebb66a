/* Whatever comes: it is of one format at most, and that one has it as if it was named. */
#include "tests/fuzz/parsing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct parse_input input = {.bytes = {data, size}, .name = ""};
    struct arena *a = fuzz_arena();
    struct parsed parsed, named;
    const struct parse_format *f = parse_formats;
    if (!fuzz_parse(a, NULL, &input, &parsed))
        return 0;
    while (!f->recognise(&input))
        f++;
    MUST(f->name != NULL);
    MUST(fuzz_parse(a, f->name, &input, &named) && named.n_articles == parsed.n_articles);
    return 0;
}
