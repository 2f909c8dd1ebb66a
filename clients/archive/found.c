/*
 * newswire-archive search: prints what is found.
 */
#include "clients/archive/commands.h"
#include "clients/archive/print.h"
#include "clients/archive/search.h"
#include "proto/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum { DEFAULT_LIMIT = 20, LIMIT_MOST = 100000 };

struct found {
    const char *archive_path, *since, *until;
    struct options_uint limit, offset;
    bool json;
    struct search_ask ask;

    struct archive archive;
    struct search search;
    struct load load;
    struct text_style style;
};

#define AT(member) offsetof(struct found, member)

static const struct options_row rows[] = {
    ARCHIVE_ROW(found, archive_path),
    {"section", OPTIONS_STRING, AT(ask.section), "KEY", NULL, "only of this section"},
    {"kind", OPTIONS_STRING, AT(ask.kind), "KIND", NULL, "article, brief or photo"},
    {"byline", OPTIONS_STRING, AT(ask.byline), "NAME", NULL, "only by this person"},
    {"since", OPTIONS_STRING, AT(since), "TIME", NULL, "stored then or later: 2031-04-09, 3d"},
    {"until", OPTIONS_STRING, AT(until), "TIME", NULL, "stored before it"},
    {"limit", OPTIONS_UINT, AT(limit), "N", NULL, "so many at most; default 20"},
    {"offset", OPTIONS_UINT, AT(offset), "N", NULL, "pass over the first N"},
    {"json", OPTIONS_FLAG, AT(json), NULL, NULL, "one object a line"},
    {0},
};

static const struct options options = {
    .program = "newswire-archive search",
    .arguments = "QUERY...",
    .summary = "Finds articles as they are now. All words are wanted; \"a phrase\", -without,\n"
               "this OR that, begin*. Rare words rank; common ones come newest first.",
    .rows = rows,
};

/* ---- printing */

static void print_headline(const struct found *f, const struct loaded *l) {
    struct snippet_match matches[SNIPPET_MATCHES_MOST];
    const char *headline = *l->article->headline != '\0' ? l->article->headline : "(no headline)";
    size_t n = snippet_find(f->search.query.words, f->search.query.n_words, slice_of(headline),
                            matches, SNIPPET_MATCHES_MOST);
    fputs("  ", stdout);
    print_marked(headline, matches, n, f->style.colour);
    for (size_t i = 0; i < l->article->n_byline; i++) {
        char *name = text_harmless(slice_of(l->article->byline[i]));
        printf("%s%s", i == 0 ? "  - " : ", ", name == NULL ? "" : name);
        free(name);
    }
    putchar('\n');
}

static int print_text(struct found *f, const struct loaded *l, const struct snippet *s) {
    char when[PRINT_TIME_BYTES], *uri = text_harmless(l->entry.uri);
    printf("%s/%s  #%llu  %s  %s\n", l->section, l->kind, (unsigned long long)l->entry.seq,
           print_time(l->entry.stored_at_usec, when), uri == NULL ? "" : uri);
    free(uri);
    print_headline(f, l);
    if (*s->text != '\0') {
        fputs(s->cut_before ? "  \u2026" : "  ", stdout);
        print_marked(s->text, s->matches, s->n_matches, f->style.colour);
        puts(s->cut_after ? "\u2026" : "");
    }
    putchar('\n');
    return ferror(stdout) ? -EIO : 0;
}

static size_t characters(const char *text, size_t bytes) {
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

static json_t *matches_json(const struct snippet *s) {
    json_t *array = json_array();
    for (size_t i = 0; i < s->n_matches; i++) {
        const struct snippet_match *m = &s->matches[i];
        json_array_append_new(array, json_pack("[II]", (json_int_t)characters(s->text, m->start),
                                               (json_int_t)characters(s->text + m->start, m->len)));
    }
    return array;
}

static int print_json(struct found *f, const struct loaded *l, const struct snippet *s) {
    (void)f;
    json_t *bylines = json_array();
    for (size_t i = 0; i < l->article->n_byline; i++)
        json_array_append_new(bylines, json_string(l->article->byline[i]));
    return json_write_line(
        stdout,
        json_pack("{sI sI ss% sI sI ss% ss so ss so}", "epoch", (json_int_t)l->entry.epoch, "seq",
                  (json_int_t)l->entry.seq, "topic", (const char *)l->entry.topic.data,
                  l->entry.topic.len, "stored_at_usec", (json_int_t)l->entry.stored_at_usec,
                  "version", (json_int_t)l->entry.version, "uri", (const char *)l->entry.uri.data,
                  l->entry.uri.len, "headline", l->article->headline, "byline", bylines, "snippet",
                  s->text, "matches", matches_json(s)));
}

static int print_one(struct found *f, int64_t id) {
    struct loaded l;
    struct snippet s;
    int r = load_entry(&f->load, id, &l);
    if (r == -ENOENT || (r == 0 && l.article == NULL))
        return 0; /* gone since, or damaged: verify tells of it */
    if (r == 0)
        r = snippet_make(f->load.arena, l.article, f->search.query.words, f->search.query.n_words,
                         &s);
    if (r < 0)
        return r;
    return f->json ? print_json(f, &l, &s) : print_text(f, &l, &s);
}

/* ---- searching */

static int fail(struct found *f, int error) {
    if (error == -ENOENT) {
        fprintf(stderr, "%s: %s\n", options.program, f->archive.store.trouble);
        return EX_USAGE;
    }
    if (error == -E2BIG)
        return options_fault(&options, "there are more than %d words", QUERY_WORDS_MOST);
    if (error == -ENOMEM) {
        fprintf(stderr, "%s: out of memory\n", options.program);
        return EX_OSERR;
    }
    return archive_fail(&f->archive, &options);
}

static int find_and_print(struct found *f) {
    int64_t *ids = calloc((size_t)f->ask.limit, sizeof *ids);
    int n = ids == NULL ? -ENOMEM : search_find(&f->search, &f->ask, ids), r = n < 0 ? n : 0;
    for (int i = 0; i < n && r == 0; i++)
        r = print_one(f, ids[i]);
    free(ids);
    if (r < 0)
        return fail(f, r);
    print_index_lag(&f->archive, options.program);
    if (n == 0)
        fprintf(stderr, "%s: nothing is found\n", options.program);
    else if (n == f->ask.limit && !f->json)
        fprintf(stderr, "%s: the first %d, %s; go on with --offset %lld\n", options.program, n,
                f->search.ranked ? "best first" : "newest first", (long long)(f->ask.offset + n));
    return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

/* The words of the command line are one query. */
static char *join_words(int argc, char **argv) {
    size_t size = 1;
    for (int i = 0; i < argc; i++)
        size += strlen(argv[i]) + 1;
    char *query = malloc(size), *to = query;
    for (int i = 0; i < argc && query != NULL; i++)
        to = stpcpy(stpcpy(to, i == 0 ? "" : " "), argv[i]);
    if (argc == 0 && query != NULL)
        *query = '\0';
    return query;
}

/* No option has a single dash: -word is what the query leaves out. The query takes a
 * full-width dash for one too, which getopt lets pass. Malloc'd in one piece. */
static char **spare_dashes(int argc, char **argv) {
    static const char dash[] = "\uff0d";
    size_t bytes = ((size_t)argc + 1) * sizeof(char *);
    for (int i = 0; i < argc; i++)
        bytes += strlen(argv[i]) + sizeof dash;
    char **arguments = calloc(1, bytes), *to = (char *)(arguments + argc + 1);
    for (int i = 0; i < argc && arguments != NULL; i++) {
        bool word = argv[i][0] == '-' && argv[i][1] != '-' && argv[i][1] != '\0';
        arguments[i] = to;
        to = stpcpy(stpcpy(to, word ? dash : ""), argv[i] + word) + 1;
    }
    return arguments;
}

static int read_ask(struct found *f) {
    if (f->ask.kind != NULL && article_kind_from_name(f->ask.kind) < 0)
        return options_fault(&options, "--kind: '%s' is none of article, brief, photo",
                             f->ask.kind);
    f->ask.limit = f->limit.given ? (int64_t)f->limit.value : DEFAULT_LIMIT;
    f->ask.offset = (int64_t)f->offset.value;
    if (f->ask.limit < 1 || f->ask.limit > LIMIT_MOST)
        return options_fault(&options, "--limit: it must be 1 to %d", LIMIT_MOST);
    return print_read_times(&options, f->since, f->until, &f->ask.since_usec, &f->ask.until_usec);
}

static int run(struct found *f) {
    int code = archive_open(&f->archive, &options, f->archive_path, ARCHIVE_READ);
    if (code != EX_OK)
        return code;
    f->style = print_style();
    int r = search_open(&f->search, &f->archive);
    if (r == 0)
        r = load_open(&f->load, &f->archive);
    return r < 0 ? fail(f, r) : find_and_print(f);
}

static int search(struct found *f, int argc, char **argv) {
    int first, code = options_parse(&options, argc, argv, f, &first);
    if (code == OPTIONS_GO_ON)
        code = read_ask(f);
    if (code != OPTIONS_GO_ON)
        return code;
    if (first == argc && f->ask.byline == NULL)
        return options_fault(&options, "what is to be found?");
    char *query = join_words(argc - first, argv + first);
    f->ask.query = query;
    code = query == NULL ? EX_OSERR : run(f);
    search_close(&f->search);
    load_close(&f->load);
    archive_close(&f->archive);
    free(query);
    return code;
}

int archive_search(int argc, char **argv) {
    struct found f = {.archive = {.lock = -1}};
    char **arguments = spare_dashes(argc, argv);
    int code = arguments == NULL ? EX_OSERR : search(&f, argc, arguments);
    free(arguments);
    return code;
}
