/*
 * The archive: storing from replay, indexing, and searching a million articles.
 *
 *     archive_bench BUILD_FOLDER
 *
 * What is stored from replay are the articles of the other benchmarks. What is searched
 * are briefs of some 450 bytes made here: words of two Chinese characters and some
 * Latin ones, as often as words are in a language (the k-th about 1/k), under random
 * uris, put in by the archive's own functions. BENCH_ARCHIVE_ARTICLES: how many.
 */
#include "clients/archive/index.h"
#include "clients/archive/search.h"
#include "proto/codec.h"
#include "tests/bench/bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    REPLAY_ARTICLES = 100000,
    REQUESTS_IN_FLIGHT = 256,
    SEARCH_ARTICLES = 1000000,
    WORDS = 20000,
    CHARACTERS = 3500,
    WORDS_OF_A_TEXT = 70,
    BATCH = 4096,
    ROUNDS = 5,
    HITS = 20,
    GOAL_STORED = 20000,
    GOAL_SEARCH_USEC = 50000,
};

static const struct options options = {.program = "archive_bench"};

/* ---- storing from replay */

static int64_t ask_number(const char *path, const char *sql) {
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    int64_t value = 0;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
        value = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return value;
}

static pid_t start_run(const struct bench_daemon *d, const char *build, const char *path) {
    char program[300];
    snprintf(program, sizeof program, "%s/newswire-archive", build);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(program, program, "run", "--archive", path, "--feed", d->feed, "--replay", d->replay,
              "--quiet", (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Articles a second, from the program's start until all can be read. */
static double store_once(const struct bench_daemon *d, const char *build, const char *path,
                         int64_t wanted) {
    double begin = bench_now();
    pid_t pid = start_run(d, build, path);
    int status;
    while (ask_number(path, "SELECT max(id) FROM entry") < wanted) {
        if (waitpid(pid, &status, WNOHANG) == pid || bench_now() - begin > 120)
            bench_fail("newswire-archive run ended, or is stuck");
        usleep(20000);
    }
    double seconds = bench_now() - begin;
    kill(pid, SIGTERM);
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        bench_fail("newswire-archive run did not end well");
    return (double)wanted / seconds;
}

/* Bytes of as many articles, as fast as the disk takes them by one writer. */
static double raw_once(const char *path) {
    uint8_t *article = malloc(bench_article_max());
    FILE *f = fopen(path, "we");
    double begin = bench_now();
    for (int i = 0; i < REPLAY_ARTICLES; i++) {
        size_t len = bench_article((uint64_t)i, article);
        fwrite(article, 1, len, f);
    }
    fflush(f);
    fdatasync(fileno(f));
    double seconds = bench_now() - begin;
    fclose(f);
    unlink(path);
    free(article);
    return REPLAY_ARTICLES / seconds;
}

static void bench_store(const char *build) {
    struct bench_daemon d;
    double ours[3], raw[3], ratios[3];
    bench_daemon_start(&d, build, "archived");
    bench_ingest(&d, REPLAY_ARTICLES, REQUESTS_IN_FLIGHT, REQUESTS_IN_FLIGHT / 4);
    for (int i = 0; i < 3; i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/replayed-%d.db", bench_folder(), i);
        ours[i] = store_once(&d, build, path, REPLAY_ARTICLES);
        snprintf(path, sizeof path, "%s/raw-articles", bench_folder());
        raw[i] = raw_once(path);
        ratios[i] = ours[i] / raw[i];
    }
    bench_daemon_stop(&d);
    bench_row("archive: stored from replay, 3 KiB", bench_median(ours, 3), "articles/s",
              bench_median(ratios, 3), bench_median(raw, 3), "one file written, one sync",
              GOAL_STORED);
}

/* ---- a million articles */

static char words[WORDS][8];
static uint64_t state = 88172645463325252;

static uint32_t random_number(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

/* The k-th about 1/k times as often as the first: each doubling of k has the same share. */
static int by_rank(int n) {
    int doublings = 0;
    while (2 << doublings < n)
        doublings++;
    uint32_t first = 1u << random_number() % (uint32_t)(doublings + 1);
    int k = (int)(first - 1 + random_number() % first);
    return k < n ? k : n - 1;
}

static char *put_character(char *to, int number) {
    unsigned c = 0x4e00 + (unsigned)number * 5;
    *to++ = (char)(0xe0 | c >> 12);
    *to++ = (char)(0x80 | (c >> 6 & 63));
    *to++ = (char)(0x80 | (c & 63));
    *to = '\0';
    return to;
}

static void make_words(void) {
    for (int i = 0; i < WORDS; i++)
        put_character(put_character(words[i], by_rank(CHARACTERS)), by_rank(CHARACTERS));
}

static void make_text(char *to, int64_t number) {
    for (int i = 0; i < WORDS_OF_A_TEXT; i++) {
        to = stpcpy(to, words[by_rank(WORDS)]);
        if (i % 9 == 8)
            to = stpcpy(to, "，");
        if (i % 25 == 24)
            to += sprintf(to, " word%d ", by_rank(WORDS));
    }
    if (number % 100000 == 7)
        stpcpy(to, "。彗星撞击 meteorite");
}

static void keep_one(struct keep *k, struct arena *a, int64_t number) {
    static const char *const topics[] = {"economy/brief", "culture/brief", "news/brief"};
    char text[4096], uri[64], headline[64] = "";
    uint8_t bytes[8192], digest[LIMIT_DIGEST_BYTES];
    make_text(text, number);
    snprintf(headline, sizeof headline, "%.24s", text);
    snprintf(uri, sizeof uri, "urn:newswire:story:%08x%08x%08x%08x", random_number(),
             random_number(), random_number(), (unsigned)number);
    arena_reset(a);
    Article *article = article_new(a);
    if (article == NULL || article_add_block(a, article, BLOCK_PARAGRAPH, text, strlen(text)) < 0)
        bench_fail("out of memory");
    article->uri = uri;
    article->version = 1;
    article->kind = KIND_BRIEF;
    article->headline = headline;
    codec_content_digest(article, digest);
    struct entry e = {.epoch = 1,
                      .seq = (uint64_t)number,
                      .topic = slice_of(topics[number % 3]),
                      .stored_at_usec = 1600000000000000 + number * 300000000,
                      .uri = slice_of(uri),
                      .version = 1,
                      .content_digest = {digest, sizeof digest},
                      .article = {bytes, newswire__v1__article__pack(article, bytes)}};
    if (keep_entry(k, &e) != 1)
        bench_fail("%s", k->archive->store.trouble);
}

static void fill(struct keep *k, int64_t n) {
    struct arena *a = arena_new(1 << 20);
    for (int64_t i = 1; i <= n; i++) {
        keep_one(k, a, i);
        if ((i % BATCH == 0 || i == n) && keep_commit(k, NULL) < 0)
            bench_fail("%s", k->archive->store.trouble);
    }
    arena_free(a);
}

static double index_all(struct keep *k, struct index *x, int64_t n) {
    double begin = bench_now();
    int r;
    while ((r = index_step(x, BATCH)) > 0)
        if (keep_commit(k, NULL) < 0)
            bench_fail("%s", k->archive->store.trouble);
    if (r < 0 || keep_commit(k, NULL) < 0)
        bench_fail("%s", k->archive->store.trouble);
    return (double)n / (bench_now() - begin);
}

/* ---- searching it */

static void bench_query(const char *path, const char *what, struct search_ask ask) {
    double usec[ROUNDS];
    int64_t ids[HITS];
    int n = 0;
    char label[64];
    ask.limit = HITS;
    for (int i = 0; i < ROUNDS; i++) {
        struct archive a;
        struct search s;
        double begin = bench_now();
        if (archive_open(&a, &options, path, ARCHIVE_READ) != 0 || search_open(&s, &a) < 0)
            bench_fail("%s can't be opened", path);
        n = search_find(&s, &ask, ids);
        usec[i] = (bench_now() - begin) * 1e6;
        if (n < 0)
            bench_fail("search: %s", a.store.trouble);
        search_close(&s);
        archive_close(&a);
    }
    snprintf(label, sizeof label, "archive: search, %s", what);
    printf("%-44s %12.1f %-10s %-20s %-34s goal %d\n", label, bench_median(usec, ROUNDS) / 1000,
           "ms", n == HITS ? "a page of hits" : "few hits", "", GOAL_SEARCH_USEC / 1000);
}

static void bench_searches(const char *path) {
    char two_common[32], rare_and_common[32], phrase[32], one[8];
    snprintf(two_common, sizeof two_common, "%s %s", words[0], words[1]);
    snprintf(rare_and_common, sizeof rare_and_common, "彗星 %s", words[0]);
    snprintf(phrase, sizeof phrase, "%s%s", words[3], words[4]);
    snprintf(one, sizeof one, "%.3s", words[0]);
    bench_query(path, "a rare word", (struct search_ask){.query = "彗星"});
    bench_query(path, "a rare Latin word", (struct search_ask){.query = "meteorite"});
    bench_query(path, "a word of five characters", (struct search_ask){.query = "彗星撞击"});
    bench_query(path, "a common word", (struct search_ask){.query = words[0]});
    bench_query(path, "a middling word", (struct search_ask){.query = words[2000]});
    bench_query(path, "two common words", (struct search_ask){.query = two_common});
    bench_query(path, "a rare and a common one", (struct search_ask){.query = rare_and_common});
    bench_query(path, "a phrase of two words", (struct search_ask){.query = phrase});
    bench_query(path, "one character", (struct search_ask){.query = one});
    bench_query(path, "a common word in a section",
                (struct search_ask){.query = words[0], .section = "culture"});
    bench_query(path, "a common word of a month",
                (struct search_ask){.query = words[0],
                                    .since_usec = 1700000000000000,
                                    .until_usec = 1702592000000000});
}

static void bench_search(void) {
    const char *wanted = getenv("BENCH_ARCHIVE_ARTICLES");
    int64_t n = wanted == NULL ? SEARCH_ARTICLES : atoll(wanted);
    struct archive a;
    struct keep k;
    struct index x;
    struct stat st;
    char path[300], label[64];
    make_words();
    snprintf(path, sizeof path, "%s/searched.db", bench_folder());
    if (archive_open(&a, &options, path, ARCHIVE_EXTEND) != 0 || keep_open(&k, &a) < 0 ||
        index_open(&x, &k) < 0)
        bench_fail("%s: %s", path, a.store.trouble);
    fill(&k, n);
    double rate = index_all(&k, &x, n);
    index_close(&x);
    keep_close(&k);
    archive_close(&a);
    stat(path, &st);
    snprintf(label, sizeof label, "archive: indexed, %lld briefs, %.1f GiB", (long long)n,
             (double)st.st_size / (1 << 30));
    bench_row(label, rate, "articles/s", 0, 0, "", 0);
    bench_searches(path);
}

int main(int argc, char **argv) {
    if (argc != 2)
        bench_fail("usage: archive_bench BUILD_FOLDER");
    bench_store(argv[1]);
    bench_search();
    return 0;
}
