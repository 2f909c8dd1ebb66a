/*
 * How fast pages are read, beside how fast their bytes are merely copied.
 *
 *     page_bench FILE...
 */
#include "proto/parse.h"
#include "proto/rules.h"
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>

enum { SECONDS_A_ROUND = 1, ARENA_BYTES = 64 << 20 };

static struct slice read_page(const char *path) {
    FILE *f = fopen(path, "re");
    uint8_t *data = malloc(LIMIT_FILE_BYTES);
    if (f == NULL || data == NULL)
        bench_fail("%s can't be read", path);
    size_t len = fread(data, 1, LIMIT_FILE_BYTES, f);
    fclose(f);
    return (struct slice){data, len};
}

static double parse_rate(const struct rules *rules, const char *path, struct slice page) {
    struct arena *a = arena_new(ARENA_BYTES);
    struct parse_input input = {.bytes = page, .name = path};
    size_t bytes = 0;
    double begin = bench_now(), seconds;
    do {
        struct parsed parsed = {0};
        struct parse_fault fault = {0};
        arena_reset(a);
        if (parse(a, rules, "page", &input, &parsed, &fault) < 0 || parsed.n_articles == 0)
            bench_fail("%s: %s", path, fault.fault.reason);
        bytes += page.len;
        seconds = bench_now() - begin;
    } while (seconds < SECONDS_A_ROUND);
    arena_free(a);
    return (double)bytes / seconds;
}

int main(int argc, char **argv) {
    struct arena *a = arena_new(1 << 20);
    struct rules rules;
    if (a == NULL || rules_defaults(a, &rules) < 0)
        bench_fail("out of memory");
    for (int i = 1; i < argc; i++) {
        struct slice page = read_page(argv[i]);
        double rates[BENCH_ROUNDS];
        for (size_t r = 0; r < BENCH_ROUNDS; r++)
            rates[r] = parse_rate(&rules, argv[i], page);
        const char *name = strrchr(argv[i], '/');
        bench_row(name == NULL ? argv[i] : name + 1, bench_median(rates, BENCH_ROUNDS) / 1e6,
                  "MB/s", 0, 0, "page parsing; goal 50 MB/s", 0);
        free((void *)page.data);
    }
    arena_free(a);
    return 0;
}
