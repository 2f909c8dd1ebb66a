#include "tests/proto/formats/formats.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct slice read_file(const char *path) {
    FILE *f = fopen(path, "re");
    if (f == NULL)
        fail_msg("%s: %s", path, strerror(errno));
    uint8_t *data = NULL;
    size_t len = 0, size = 0;
    do {
        size = size * 2 + 4096;
        data = realloc(data, size + 1);
        assert_non_null(data);
        len += fread(data + len, 1, size - len, f);
    } while (len == size);
    fclose(f);
    data[len] = '\0';
    return (struct slice){data, len};
}

char *fixture(struct arena *a, const char *name) {
    char path[256];
    snprintf(path, sizeof path, "tests/fixtures/formats/%s", name);
    struct slice s = read_file(path);
    char *text = arena_strndup(a, (const char *)s.data, s.len);
    free((void *)s.data);
    assert_non_null(text);
    return text;
}

/* ---- the full article */

static void fill_blocks(struct arena *a, Article *article) {
    static const struct {
        int type;
        const char *text;
    } blocks[] = {
        {BLOCK_PARAGRAPH, "The council of Liuxi & its <neighbours> said \"yes\" — 柳溪县。"},
        {BLOCK_CROSSHEAD, "小标题"},
        {BLOCK_QUOTE, "It's \\ long."},
        {BLOCK_LIST_ITEM, "one"},
        {BLOCK_LIST_ITEM, "two"},
        {BLOCK_PARAGRAPH, "1 < 2 &amp; &lt;p&gt;"},
        {BLOCK_CAPTION, "The old bridge."},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        assert_int_equal(
            article_add_block(a, article, blocks[i].type, blocks[i].text, strlen(blocks[i].text)),
            0);
}

static void fill_list(struct arena *a, char ***list, size_t *n, const char *x, const char *y) {
    assert_int_equal(article_push_string(a, list, n, x, strlen(x)), 0);
    assert_int_equal(article_push_string(a, list, n, y, strlen(y)), 0);
}

static void fill_subject(struct arena *a, Article *article, char *uri, char *code, char *name) {
    Subject *s = arena_alloc(a, sizeof *s);
    assert_non_null(s);
    newswire__v1__subject__init(s);
    s->uri = uri;
    s->code = code;
    s->name = name;
    assert_int_equal(article_push(a, (void ***)&article->subjects, &article->n_subjects, s), 0);
}

static void fill_media(struct arena *a, Article *article, char *href, char *media_type) {
    Media *m = arena_alloc(a, sizeof *m);
    assert_non_null(m);
    newswire__v1__media__init(m);
    m->href = href;
    m->digest = "sha256:00ff";
    m->media_type = media_type;
    m->size_bytes = 433116;
    m->width = 1600;
    m->height = 900;
    m->caption = "The old bridge, 旧桥 <in March>.";
    m->credit = "Tom Reed";
    assert_int_equal(article_push(a, (void ***)&article->media, &article->n_media, m), 0);
}

Article *full_article(struct arena *a) {
    Article *f = article_new(a);
    assert_non_null(f);
    f->uri = "urn:example:liuxi:2031:0409:1";
    f->version = 4000000000;
    f->kind = KIND_BRIEF;
    f->status = STATUS_WITHHELD;
    f->section = "city";
    f->section_label = "要闻 & City";
    f->language = "zh-Hans";
    fill_list(a, &f->kicker, &f->n_kicker, "Transport", "民生工程");
    f->headline = "County approves \"new\" bridge <today> & 柳溪新桥获批";
    f->subheadline = "Work begins  in May";
    f->dateline = "本报柳溪4月9日电 <A&B> —";
    fill_list(a, &f->byline, &f->n_byline, "Jane Doe, MA", "张三");
    fill_blocks(a, f);
    f->publication = "柳溪日报";
    f->page_date = "2031-04-09";
    f->page = "A01";
    f->source = "The Liuxi Wire";
    fill_subject(a, f, "http://cv.example.com/topic/20000001", "20000001", "infrastructure");
    fill_subject(a, f, "http://cv.example.com/topic/x", "", "");
    fill_subject(a, f, "http://cv.example.com/topic/x", "other", "x");
    fill_subject(a, f, "", "11000000", "政治");
    fill_subject(a, f, "", "", "a name");
    fill_list(a, &f->keywords, &f->n_keywords, "bridges", "桥梁");
    f->urgency = 9;
    f->created_at = 1933459200123456;
    f->embargoed_until = 1933495200000000;
    f->note_to_editors = "Corrects the length\nin paragraph 2";
    fill_list(a, &f->reviewers, &f->n_reviewers, "李四", "Ann Lee");
    f->continued_on = "B04";
    f->continued_from = "A00";
    f->rights = "© 2031 The Liuxi Wire";
    f->replaces = "urn:example:liuxi:2031:0408:9";
    fill_media(a, f, "https://img.example.com/1.jpg?a=1&b=2", "image/jpeg");
    fill_media(a, f, "https://img.example.com/2.mp4", "video/mp4");
    f->source_digest = "sha256:00";
    f->moved_to = "city/brief";
    return f;
}

/* ---- the public suites */

static struct {
    void (*take)(const char *path, struct slice bytes, void *context);
    void *context;
    const char *suffix;
} walk;

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)ftw;
    size_t len = strlen(path), end = strlen(walk.suffix);
    if (type != FTW_F || len < end || strcmp(path + len - end, walk.suffix) != 0)
        return 0;
    struct slice s = read_file(path);
    walk.take(path, s, walk.context);
    free((void *)s.data);
    return 0;
}

bool each_shared_file(const char *folder, const char *suffix,
                      void (*take)(const char *path, struct slice bytes, void *context),
                      void *context) {
    char path[512];
    const char *shared = getenv("NEWSWIRE_SHARED");
    snprintf(path, sizeof path, "%s/%s", shared == NULL ? "../shared" : shared, folder);
    if (access(path, R_OK) < 0) {
        print_message("skip: %s is not there; NEWSWIRE_SHARED names its folder\n", path);
        return false;
    }
    walk.take = take;
    walk.context = context;
    walk.suffix = suffix;
    assert_int_equal(nftw(path, visit, 16, FTW_PHYS), 0);
    return true;
}

/* ---- hostile input */

static void pass_on(struct slice s, void (*take)(struct slice bytes, void *context),
                    void *context) {
    uint8_t *copy = malloc(s.len + (s.len == 0));
    assert_non_null(copy);
    memcpy(copy, s.data, s.len);
    take((struct slice){copy, s.len}, context);
    free(copy);
}

void torture(struct slice text, size_t n_changed, void (*take)(struct slice bytes, void *context),
             void *context) {
    uint8_t *changed = malloc(text.len);
    unsigned seed = 20310409;
    assert_non_null(changed);
    for (size_t len = 0; len < text.len; len++)
        pass_on((struct slice){text.data, len}, take, context);
    for (size_t i = 0; i < n_changed; i++) {
        memcpy(changed, text.data, text.len);
        for (int k = rand_r(&seed) % 4; k >= 0; k--) {
            size_t at = (size_t)rand_r(&seed) % text.len, from = (size_t)rand_r(&seed) % text.len;
            changed[at] = k % 2 == 0 ? text.data[from] : (uint8_t)rand_r(&seed);
        }
        pass_on((struct slice){changed, text.len}, take, context);
    }
    free(changed);
}
