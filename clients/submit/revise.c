#include "clients/submit/revise.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Two texts are versions of one story from here on, of 1000. */
enum { ALIKE = 500, SAME_HEADLINE = 1000 };

/* The pairs of neighbouring characters of a text, as sorted hashes. */
struct profile {
    uint32_t *pairs;
    size_t n;
};

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static size_t text_size(const Article *article) {
    size_t n = strlen(article->headline);
    for (size_t i = 0; i < article->n_blocks; i++)
        n += strlen(article->blocks[i]->text);
    return n;
}

/* White space and ASCII punctuation say nothing of what a story is. */
static void add_text(struct profile *p, const char *text, uint32_t *before) {
    const uint8_t *at = (const uint8_t *)text;
    while (*at != 0) {
        uint32_t c = *at++;
        while ((*at & 0xc0) == 0x80)
            c = c << 8 | *at++;
        if (c < '0')
            continue;
        if (*before != 0)
            p->pairs[p->n++] = *before * 2654435761U + c;
        *before = c;
    }
}

static int make_profile(struct arena *a, const Article *article, struct profile *ret) {
    uint32_t before = 0;
    ret->n = 0;
    ret->pairs = arena_alloc(a, (text_size(article) + 1) * sizeof *ret->pairs);
    if (ret->pairs == NULL)
        return -ENOMEM;
    add_text(ret, article->headline, &before);
    for (size_t i = 0; i < article->n_blocks; i++)
        add_text(ret, article->blocks[i]->text, &before);
    qsort(ret->pairs, ret->n, sizeof *ret->pairs, compare);
    return 0;
}

/* Twice the pairs that both have, of all that they have, times 1000 (Dice). */
static unsigned shared(const struct profile *a, const struct profile *b) {
    size_t i = 0, k = 0, both = 0;
    while (i < a->n && k < b->n) {
        int order = compare(&a->pairs[i], &b->pairs[k]);
        both += order == 0;
        i += order <= 0;
        k += order >= 0;
    }
    return a->n + b->n == 0 ? 0 : (unsigned)(both * 2000 / (a->n + b->n));
}

static unsigned likeness(const Article *x, const struct profile *of_x, const Article *y,
                         const struct profile *of_y) {
    unsigned text = shared(of_x, of_y);
    if (x->kind != y->kind)
        text = text * 9 / 10;
    bool headline = *x->headline != '\0' && strcmp(x->headline, y->headline) == 0;
    return headline ? SAME_HEADLINE + text : text;
}

static bool is_same(const Article *x, const Article *y) {
    return strcmp(x->uri, y->uri) == 0 ||
           (*x->source_digest != '\0' && strcmp(x->source_digest, y->source_digest) == 0);
}

static int profiles(struct arena *a, Article *const *articles, size_t n, struct profile **ret) {
    *ret = arena_alloc(a, (n + 1) * sizeof **ret);
    int r = *ret == NULL ? -ENOMEM : 0;
    for (size_t i = 0; i < n && r == 0; i++)
        r = make_profile(a, articles[i], &(*ret)[i]);
    return r;
}

/* Pairs what is left, the most alike first. */
static void pair(Article *const *published, size_t n_published, const struct profile *of_published,
                 Article *const *fresh, size_t n_fresh, const struct profile *of_fresh, bool *taken,
                 struct revise_step *steps) {
    for (;;) {
        unsigned best = ALIKE - 1;
        size_t best_fresh = 0, best_published = 0;
        for (size_t i = 0; i < n_fresh; i++)
            for (size_t k = 0; k < n_published && steps[i].action == REVISE_NEW; k++) {
                unsigned alike =
                    taken[k] ? 0 : likeness(fresh[i], &of_fresh[i], published[k], &of_published[k]);
                if (alike > best) {
                    best = alike;
                    best_fresh = i;
                    best_published = k;
                }
            }
        if (best < ALIKE)
            return;
        taken[best_published] = true;
        steps[best_fresh].action = REVISE_CORRECT;
        steps[best_fresh].published = published[best_published];
    }
}

static bool is_withdrawn(char *const *withdrawn, size_t n, const Article *article) {
    size_t i = 0;
    while (i < n && strcmp(withdrawn[i], article->uri) != 0)
        i++;
    return i < n;
}

int revise_plan(struct arena *a, Article *const *published, size_t n_published,
                char *const *withdrawn, size_t n_withdrawn, Article *const *fresh, size_t n_fresh,
                struct revise_plan *ret) {
    struct profile *of_published, *of_fresh;
    struct revise_step *steps = arena_alloc(a, (n_published + n_fresh + 1) * sizeof *steps);
    bool *taken = arena_alloc(a, n_published + 1);
    if (steps == NULL || taken == NULL || profiles(a, published, n_published, &of_published) < 0 ||
        profiles(a, fresh, n_fresh, &of_fresh) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < n_fresh; i++) {
        steps[i] = (struct revise_step){.action = REVISE_NEW, .fresh = fresh[i]};
        if (is_withdrawn(withdrawn, n_withdrawn, fresh[i]))
            steps[i].action = REVISE_WITHDRAWN;
        for (size_t k = 0; k < n_published && steps[i].published == NULL; k++)
            if (!taken[k] && is_same(fresh[i], published[k])) {
                taken[k] = true;
                steps[i].action = REVISE_UNCHANGED;
                steps[i].published = published[k];
            }
    }
    pair(published, n_published, of_published, fresh, n_fresh, of_fresh, taken, steps);
    ret->n = n_fresh;
    for (size_t k = 0; k < n_published; k++)
        if (!taken[k])
            steps[ret->n++] =
                (struct revise_step){.action = REVISE_KILL, .published = published[k]};
    ret->steps = steps;
    return 0;
}

const char *revise_action_name(enum revise_action action) {
    static const char *const names[] = {"unchanged", "correct", "new", "kill", "withdrawn"};
    return names[action];
}
