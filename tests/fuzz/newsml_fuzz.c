#include "tests/fuzz/parsing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct parse_input input = {.bytes = {data, size}, .name = ""};
    struct parsed parsed;
    fuzz_parse(fuzz_arena(), "newsml-g2", &input, &parsed);
    return 0;
}
