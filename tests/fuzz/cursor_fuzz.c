/* A cursor as text, behind a line with the prefixes of who reads it. */
#include "tests/fuzz/fuzz.h"

#include "clients/lib/cursor.h"

#include <errno.h>
#include <stdlib.h>

static const struct reader_position *find(const struct reader_cursor *c, struct slice topic) {
    for (size_t i = 0; i < c->n_positions; i++)
        if (slice_equal(c->positions[i].topic, topic))
            return &c->positions[i];
    return NULL;
}

/* What a program writes down is what it reads when it starts again. */
static void check_same(struct arena *a, const struct reader_cursor *c, const struct slice *prefixes,
                       size_t n) {
    struct reader_cursor x;
    struct fault f;
    char *text = cursor_to_text(c, prefixes, n);
    MUST(text != NULL && cursor_from_text(a, text, prefixes, n, &x, &f) == 0);
    free(text);
    MUST(c->epoch == x.epoch && c->start_seq == x.start_seq && c->proven_seq == x.proven_seq &&
         c->n_positions == x.n_positions);
    for (size_t i = 0; i < c->n_positions; i++) {
        const struct reader_position *p = find(&x, c->positions[i].topic);
        MUST(p != NULL && p->last_seq == c->positions[i].last_seq);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes in = {data, size}, line;
    struct arena *a = fuzz_arena();
    struct slice prefixes[8], first = fuzz_until(&in, '\n');
    struct reader_cursor cursor;
    struct reader *reader = NULL;
    struct fault f = {0};
    size_t n = 0;
    line = (struct fuzz_bytes){first.data, first.len};
    for (; n < 8 && line.len > 0; n++) {
        prefixes[n] = fuzz_until(&line, ' ');
        if (!topic_prefix_valid(prefixes[n]))
            return 0;
    }
    int r = cursor_from_text(a, fuzz_text(a, (struct slice){in.data, in.len}), prefixes, n, &cursor,
                             &f);
    if (r < 0) {
        MUST(r == -EINVAL);
        fuzz_check_fault(&f);
        return 0;
    }
    check_same(a, &cursor, prefixes, n);
    struct reader_config config = READER_CONFIG_DEFAULTS;
    config.prefixes = prefixes;
    config.n_prefixes = n;
    config.cursor = cursor;
    r = reader_new(&config, &reader);
    MUST(r == 0 || r == -EINVAL);
    reader_free(reader);
    return 0;
}
