/*
 * How fast articles are written in each format and read from each, beside what
 * jansson or libxml2 alone needs to read or write the same bytes. Pages have a
 * benchmark of their own.
 */
#include "proto/formats/markup.h"
#include "proto/parse.h"
#include "proto/rules.h"
#include "proto/write.h"
#include "tests/bench/bench.h"

#include <jansson.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 64 << 20, BATCH = 64, OUT_BYTES = 1 << 20 };
static const double seconds_a_round = 0.2;
static const double goal_mb = 50, least_mb = 20, goal_items = 60000;

/* What is measured; returns the bytes that it took or made. */
struct work {
    size_t (*once)(struct work *w);
    struct arena *arena;
    const struct rules *rules;
    const Article *article;
    const char *format, *version;
    struct slice bytes;
    FILE *out;
};

static double items_per_second(struct work *w) {
    double begin = bench_now(), seconds;
    size_t n = 0;
    do {
        for (size_t i = 0; i < BATCH; i++) {
            arena_reset(w->arena);
            w->once(w);
        }
        n += BATCH;
        seconds = bench_now() - begin;
    } while (seconds < seconds_a_round);
    return (double)n / seconds;
}

/* ---- ours */

static size_t parse_once(struct work *w) {
    struct parse_input input = {.bytes = w->bytes, .name = ""};
    struct parsed parsed = {0};
    struct parse_fault fault = {0};
    if (parse(w->arena, w->rules, w->format, &input, &parsed, &fault) < 0)
        bench_fail("%s: %s %s", w->format, fault.fault.field, fault.fault.reason);
    return w->bytes.len;
}

static size_t write_once(struct work *w) {
    static const struct text_style style = {.columns = 80};
    const char *version;
    const struct write_format *format = write_format_find(w->format, &version);
    struct entry e = {.seq = 1,
                      .topic = slice_of("news/article"),
                      .uri = slice_of(w->article->uri),
                      .version = w->article->version};
    rewind(w->out);
    if (format->write(w->out, w->arena, &e, w->article, w->version, &style) < 0)
        bench_fail("%s can't be written", w->format);
    long len = ftell(w->out);
    return len < 0 ? 0 : (size_t)len;
}

/* ---- the libraries alone */

static size_t load_once(struct work *w) {
    json_error_t error;
    if (*w->bytes.data == '{')
        json_decref(json_loadb((const char *)w->bytes.data, w->bytes.len, 0, &error));
    else
        xmlFreeDoc(xmlReadMemory((const char *)w->bytes.data, (int)w->bytes.len, NULL, NULL, 0));
    return w->bytes.len;
}

static json_t *tree;
static xmlDoc *doc;

static size_t dump_once(struct work *w) {
    if (tree != NULL) {
        free(json_dumps(tree, JSON_COMPACT));
    } else {
        xmlChar *text;
        int size;
        xmlDocDumpMemory(doc, &text, &size);
        xmlFree(text);
    }
    return w->bytes.len;
}

/* Our rate and the library's, by turns; in items a second. */
static void measure(struct work *ours, struct work *raw, double *ret_ours, double *ret_raw) {
    double a[BENCH_ROUNDS], b[BENCH_ROUNDS];
    for (size_t i = 0; i < BENCH_ROUNDS; i++) {
        a[i] = items_per_second(ours);
        b[i] = raw->once == NULL ? 0 : items_per_second(raw);
    }
    *ret_ours = bench_median(a, BENCH_ROUNDS);
    *ret_raw = bench_median(b, BENCH_ROUNDS);
}

static void print_rows(const char *name, const char *verb, struct work *ours, struct work *raw,
                       double mb_goal, double items_goal) {
    double rate, raw_rate, bytes = (double)ours->bytes.len;
    char what[64], unit[64];
    bool json = *ours->bytes.data == '{';
    const char *library = raw->once == NULL ? "" : json ? "jansson alone" : "libxml2 alone";
    measure(ours, raw, &rate, &raw_rate);
    snprintf(what, sizeof what, "%s %s (%zu bytes)", name, verb, ours->bytes.len);
    snprintf(unit, sizeof unit, "MB/s");
    bench_row(what, rate * bytes / 1e6, unit, raw_rate > 0 ? rate / raw_rate : 0,
              raw_rate * bytes / 1e6, library, mb_goal);
    bench_row("", rate, "items/s", raw_rate > 0 ? rate / raw_rate : 0, raw_rate, library,
              items_goal);
}

static bool has_library(struct slice bytes) {
    return bytes.len > 0 && (*bytes.data == '{' || *bytes.data == '<');
}

static void bench_read(struct work *w, const char *name) {
    struct work raw = *w;
    w->once = parse_once;
    raw.once = has_library(w->bytes) ? load_once : NULL;
    print_rows(name, "in", w, &raw, strncmp(name, "ninjs", 5) == 0 ? goal_mb : least_mb, 0);
}

static void bench_write(struct work *w, const char *name) {
    struct work raw = *w;
    json_error_t error;
    bool json = *w->bytes.data == '{';
    tree = json ? json_loadb((const char *)w->bytes.data, w->bytes.len, 0, &error) : NULL;
    doc = json || !has_library(w->bytes)
              ? NULL
              : xmlReadMemory((const char *)w->bytes.data, (int)w->bytes.len, NULL, NULL, 0);
    w->once = write_once;
    raw.once = has_library(w->bytes) ? dump_once : NULL;
    print_rows(name, "out", w, &raw, least_mb, strncmp(name, "ninjs", 5) == 0 ? goal_items : 0);
    json_decref(tree);
    xmlFreeDoc(doc);
}

/* ---- what is read */

static Article *make_article(struct arena *a) {
    static const char sentence[] = "The council of Liuxi approved the bridge, people said & <all> "
                                   "agreed. 柳溪县昨日批准修建新桥。";
    enum { BLOCKS = 8 };
    Article *article = article_new(a);
    char text[BENCH_TEXT_BYTES / BLOCKS + sizeof sentence];
    size_t len = 0;
    while (len < BENCH_TEXT_BYTES / BLOCKS)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s", sentence);
    if (article == NULL)
        bench_fail("out of memory");
    for (size_t i = 0; i < BLOCKS; i++)
        if (article_add_block(a, article, i == 3 ? BLOCK_QUOTE : BLOCK_PARAGRAPH, text, len) < 0)
            bench_fail("out of memory");
    article->uri = "urn:newswire:bench:1";
    article->version = 1;
    article->kind = KIND_ARTICLE;
    article->headline = "County approves new bridge";
    article->language = "en";
    article->section = "city";
    article->source = "The Liuxi Wire";
    article->created_at = 1933459200000000;
    return article;
}

static struct slice written(struct work *w) {
    char *text = NULL;
    size_t len;
    FILE *kept = w->out;
    w->out = open_memstream(&text, &len);
    if (w->out == NULL)
        bench_fail("out of memory");
    arena_reset(w->arena);
    write_once(w);
    fclose(w->out);
    w->out = kept;
    return (struct slice){(uint8_t *)text, len};
}

/* A text of printf's, malloc'd. */
__attribute__((format(printf, 1, 2))) static struct slice made(const char *format, ...) {
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len < 0)
        bench_fail("out of memory");
    return (struct slice){(uint8_t *)text, (size_t)len};
}

/* The formats that are read but not written. */
static void bench_read_only(struct work *w) {
    struct arena *a = arena_new(ARENA_BYTES);
    struct slice plain, html;
    if (a == NULL || markup_write_plain(a, w->article, &plain) < 0 ||
        markup_write(a, w->article, &html) < 0)
        bench_fail("out of memory");
    w->format = "story";
    w->bytes = made("Headline: Bridge\nUri: urn:x\n\n%s\n", plain.data);
    bench_read(w, "story");
    w->format = "feed";
    w->bytes =
        made("<rss version='2.0' xmlns:c='http://purl.org/rss/1.0/modules/content/'><channel>"
             "<title>Wire</title><item><guid>urn:x</guid><title>Bridge</title><c:encoded>"
             "<![CDATA[%s]]></c:encoded></item></channel></rss>",
             html.data);
    bench_read(w, "feed, RSS");
    w->bytes = made("<feed xmlns='http://www.w3.org/2005/Atom'><title>Wire</title><entry><id>urn:x"
                    "</id><title>Bridge</title><content type='xhtml'><div xmlns="
                    "'http://www.w3.org/1999/xhtml'>%s</div></content></entry></feed>",
                    html.data);
    bench_read(w, "feed, Atom");
    json_t *text = json_string((const char *)html.data);
    char *quoted = json_dumps(text, JSON_ENCODE_ANY);
    w->bytes =
        made("{\"version\":\"https://jsonfeed.org/version/1.1\",\"title\":\"Wire\",\"items\":"
             "[{\"id\":\"urn:x\",\"title\":\"Bridge\",\"content_html\":%s}]}",
             quoted);
    bench_read(w, "feed, JSON");
    free(quoted);
    json_decref(text);
    arena_free(a);
}

static void bench_both(struct work *w, const char *name) {
    w->bytes = written(w);
    bench_write(w, name);
    if (parse_format_find(w->format) != NULL)
        bench_read(w, name);
    free((void *)w->bytes.data);
}

int main(void) {
    struct arena *kept = arena_new(1 << 20);
    struct rules rules;
    if (kept == NULL || rules_defaults(kept, &rules) < 0)
        bench_fail("out of memory");
    struct work w = {.arena = arena_new(ARENA_BYTES),
                     .rules = &rules,
                     .article = make_article(kept),
                     .out = fopen("/dev/null", "we")};
    if (w.arena == NULL || w.out == NULL || setvbuf(w.out, NULL, _IOFBF, OUT_BYTES) != 0)
        bench_fail("out of memory");
    for (const struct write_format *f = write_formats; f->name != NULL; f++)
        for (size_t i = 0; i == 0 || (f->versions != NULL && f->versions[i] != NULL); i++) {
            char name[64];
            w.format = f->name;
            w.version = f->versions == NULL ? NULL : f->versions[i];
            snprintf(name, sizeof name, "%s%s%s", f->name, w.version == NULL ? "" : " ",
                     w.version == NULL ? "" : w.version);
            bench_both(&w, name);
        }
    bench_read_only(&w);
    fclose(w.out);
    arena_free(w.arena);
    arena_free(kept);
    return 0;
}
