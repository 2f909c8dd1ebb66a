#include "clients/submit/published.h"
#include "clients/submit/revise.h"
#include "clients/submit/submit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void print_step(const struct revise_step *step) {
    const Article *shown = step->fresh != NULL ? step->fresh : step->published;
    char *title = text_harmless(slice_of(*shown->headline == '\0' && shown->n_blocks > 0
                                             ? shown->blocks[0]->text
                                             : shown->headline));
    printf("%-10s %s\n", revise_action_name(step->action), title == NULL ? "" : title);
    if (step->action == REVISE_WITHDRAWN)
        puts("           it was killed, and is not sent again");
    if (step->published != NULL && step->action != REVISE_UNCHANGED)
        printf("           %s, now version %u\n", step->published->uri,
               (unsigned)step->published->version);
    free(title);
}

/* Whether a person wants it. */
static bool confirmed(struct submit *s) {
    char line[16] = "";
    if (s->yes)
        return true;
    if (!isatty(STDIN_FILENO)) {
        submit_say(
            "newswire-submit: nobody is there to confirm it; --yes sends it, --dry-run only looks");
        submit_worse(s, EX_USAGE);
        return false;
    }
    fputs("Send these? [y/N] ", stdout);
    fflush(stdout);
    return fgets(line, sizeof line, stdin) != NULL && (*line == 'y' || *line == 'Y');
}

static bool send_step(struct submit *s, struct arena *a, const char *path,
                      const struct revise_step *step) {
    switch (step->action) {
    case REVISE_UNCHANGED:
    case REVISE_WITHDRAWN: return true;
    case REVISE_CORRECT: return submit_version(s, a, path, step->published->uri, step->fresh);
    case REVISE_KILL: return submit_kill(s, a, path, step->published->uri);
    case REVISE_NEW: break;
    }
    return submit_send(s, a, path, step->fresh);
}

/* EX_OK, or an exit code with the reason said. */
static int read_published(struct submit *s, struct arena *a, const Article *page,
                          struct published *ret) {
    char error[512];
    struct newswire_reader_options o = {.feed = s->feed,
                                        .replay = s->replay,
                                        .start = NEWSWIRE_FROM_FIRST,
                                        .client = "newswire-submit --revise",
                                        .key_file = options_key(s->key)};
    uint64_t patience = s->timeout_sec.given ? s->timeout_sec.value : SUBMIT_PATIENCE_SEC;
    if (published_read(a, &o, page, (patience == 0 ? INT32_MAX : patience) * 1000000, ret, error,
                       sizeof error) == 0)
        return EX_OK;
    submit_say("newswire-submit: what was published can't be read at %s: %s", s->replay, error);
    return EX_UNAVAILABLE;
}

struct holding {
    struct arena *arena;
    const Article *page;
    struct published *published;
};

static int take_held(void *userdata, const void *article, size_t len) {
    struct holding *h = userdata;
    return published_add_held(h->arena, h->page, article, len, h->published);
}

/* Adds what the daemon holds back of the page. */
static int read_held(struct submit *s, struct arena *a, const Article *page,
                     struct published *published) {
    struct holding h = {a, page, published};
    /* Uris of a page end in a digest; what stands before it is the page's. */
    const char *colon = strrchr(page->uri, ':');
    char *start = arena_strndup(
        a, page->uri, colon == NULL ? strlen(page->uri) : (size_t)(colon + 1 - page->uri));
    if (start == NULL)
        exit(EX_OSERR);
    int r = newswire_submitter_held(s->submitter, start, take_held, &h);
    if (r == 0)
        return EX_OK;
    submit_say("newswire-submit: what is held of the page can't be known: %s",
               r == -ENOMEM ? "out of memory" : newswire_submitter_trouble(s->submitter));
    return EX_UNAVAILABLE;
}

bool submit_revised_page(struct submit *s, struct arena *a, const char *path,
                         struct parsed *parsed) {
    struct published published;
    struct revise_plan plan;
    size_t changes = 0;
    bool on = true;
    const Article *page = parsed->n_articles > 0 ? parsed->articles[0] : NULL;
    if (page == NULL || *page->page_date == '\0' || *page->page == '\0') {
        submit_say("%s: it does not say of which date and page it is", path);
        submit_worse(s, EX_DATAERR);
        return true;
    }
    int code = read_published(s, a, page, &published);
    if (code == EX_OK)
        code = read_held(s, a, page, &published);
    if (code != EX_OK) {
        submit_worse(s, code);
        return false;
    }
    if (revise_plan(a, published.articles, published.n, published.withdrawn, published.n_withdrawn,
                    parsed->articles, parsed->n_articles, &plan) < 0)
        exit(EX_OSERR);
    for (size_t i = 0; i < plan.n; i++) {
        print_step(&plan.steps[i]);
        changes +=
            plan.steps[i].action != REVISE_UNCHANGED && plan.steps[i].action != REVISE_WITHDRAWN;
    }
    if (changes == 0 || s->dry_run || !confirmed(s))
        return true;
    on = submit_hold(s, parsed);
    for (size_t i = 0; i < plan.n && on; i++)
        on = send_step(s, a, path, &plan.steps[i]);
    return on;
}
