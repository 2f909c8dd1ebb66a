#include "tests/fuzz/parsing.h"

#include <errno.h>
#include <stdio.h>

const struct rules *fuzz_rules(void) {
    static struct rules rules;
    static struct arena *a;
    if (a == NULL) {
        a = arena_new(16 << 20);
        MUST(a != NULL && rules_defaults(a, &rules) == 0);
    }
    return &rules;
}

static void check_list(const struct text_list *list) {
    for (size_t i = 0; i < list->n; i++)
        fuzz_check_text(list->items[i]);
}

static void check_same(struct arena *a, const struct parsed *x, const struct parsed *y) {
    MUST(x->n_articles == y->n_articles && x->unplaced.n == y->unplaced.n);
    for (size_t i = 0; i < x->n_articles; i++) {
        struct slice p, q;
        MUST(codec_pack(a, &x->articles[i]->base, &p) == 0);
        MUST(codec_pack(a, &y->articles[i]->base, &q) == 0 && slice_equal(p, q));
    }
}

static struct parse_fault fault; /* the last refusal */

bool fuzz_parse(struct arena *a, const char *format, const struct parse_input *input,
                struct parsed *ret) {
    struct parsed again;
    int r = parse(a, fuzz_rules(), format, input, ret, &fault);
    if (r < 0) {
        MUST(r == -EINVAL);
        fuzz_check_fault(&fault.fault);
        return false;
    }
    for (size_t i = 0; i < ret->n_articles; i++)
        fuzz_check_article(a, ret->articles[i]);
    check_list(&ret->unplaced);
    check_list(&ret->warnings);
    MUST(parse(a, fuzz_rules(), format, input, &again, &fault) == 0);
    check_same(a, ret, &again);
    return true;
}

void fuzz_read_back(struct arena *a, const char *format, const struct parse_input *input,
                    struct parsed *ret) {
    if (fuzz_parse(a, format, input, ret))
        return;
    fprintf(stderr, "%s: %s: %s\n%.*s\n", format, fault.fault.field, fault.fault.reason,
            (int)input->bytes.len, input->bytes.data);
    MUST(!"what was written is read back");
}
