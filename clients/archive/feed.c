/*
 * newswire-archive feed: sets up a feed of a section, and writes it.
 */
#include "clients/archive/commands.h"
#include "clients/archive/feeds.h"
#include "clients/archive/print.h"
#include "proto/formats/feed_write.h"
#include "proto/topic.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

enum { ITEMS = 50, ITEMS_MOST = 1000 };

struct feed {
    const char *archive_path, *section, *format, *out, *title, *author, *url;
    struct options_uint items;
    bool list, remove;
    struct archive archive;
};

static const struct options_row rows[] = {
    ARCHIVE_ROW(feed, archive_path),
    {"section", OPTIONS_STRING, offsetof(struct feed, section), "KEY", NULL, "of the articles"},
    {"format", OPTIONS_STRING, offsetof(struct feed, format), "NAME", NULL,
     "atom (default), rss, jsonfeed"},
    {"out", OPTIONS_STRING, offsetof(struct feed, out), "FOLDER", NULL,
     "where the file goes: FOLDER/KEY.atom, .rss or .json"},
    {"title", OPTIONS_STRING, offsetof(struct feed, title), "TEXT", NULL,
     "of the feed; default: the section's key"},
    {"author", OPTIONS_STRING, offsetof(struct feed, author), "NAME", NULL,
     "of articles without a byline; default newswire"},
    {"url", OPTIONS_STRING, offsetof(struct feed, url), "URL", NULL,
     "where the folder is on the web; validators want it"},
    {"items", OPTIONS_UINT, offsetof(struct feed, items), "N", NULL,
     "the newest N articles; default 50"},
    {"list", OPTIONS_FLAG, offsetof(struct feed, list), NULL, NULL, "print which feeds there are"},
    {"remove", OPTIONS_FLAG, offsetof(struct feed, remove), NULL, NULL,
     "keep that one no longer; its file stays"},
    {0},
};

static const struct options options = {
    .program = "newswire-archive feed",
    .arguments = "",
    .summary = "Writes a section's newest articles, with full text, as a feed for any web\n"
               "server. From then on 'run' keeps it current; what is withdrawn leaves it.",
    .rows = rows,
};

static void say(void *userdata, const char *file, int error) {
    (void)userdata;
    fprintf(stderr, "%s: %s: %s\n", options.program, file, strerror(-error));
}

/* ---- what is asked */

static int check(struct feed *f) {
    if (f->list)
        return EX_OK;
    if (f->section == NULL || f->out == NULL)
        return options_fault(&options, "it wants --section and --out, or --list");
    if (!topic_section_valid(slice_of(f->section)))
        return options_fault(&options, "--section: '%s' is no section's key", f->section);
    if (feed_kind_find(f->format) < 0)
        return options_fault(&options, "--format: '%s' is none of: atom, rss, jsonfeed", f->format);
    if (f->url != NULL && strncmp(f->url, "https://", 8) != 0 && strncmp(f->url, "http://", 7) != 0)
        return options_fault(&options, "--url: it should begin with https:// or http://");
    if (f->items.given && (f->items.value == 0 || f->items.value > ITEMS_MOST))
        return options_fault(&options, "--items: from 1 to %d", ITEMS_MOST);
    return EX_OK;
}

/* run works in another folder: the whole path is kept. */
static char *whole_path(const struct feed *f) {
    if (mkdir(f->out, 0755) < 0 && errno != EEXIST)
        return NULL;
    return realpath(f->out, NULL);
}

static int list(struct feed *f) {
    sqlite3_stmt *st =
        store_query(&f->archive.store,
                    "SELECT section, format, folder, items, title FROM feed ORDER BY id", "");
    int r = st == NULL ? -EIO : 0;
    while (r >= 0 && st != NULL && (r = store_step(&f->archive.store, st)) == 1)
        printf("%-16s %-9s %s, %lld articles, \"%s\"\n", store_column_string(st, 0),
               store_column_string(st, 1), store_column_string(st, 2),
               (long long)sqlite3_column_int64(st, 3), store_column_string(st, 4));
    return r < 0 ? archive_fail(&f->archive, &options) : EX_OK;
}

static int set_up(struct feed *f, const char *folder) {
    int64_t items = f->items.given ? (int64_t)f->items.value : ITEMS;
    return store_do(
        &f->archive.store,
        "INSERT INTO feed (section, format, folder, title, author, url, items, seen)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0) ON CONFLICT (section, format, folder)"
        " DO UPDATE SET title = ?4, author = ?5, url = ?6, items = ?7, seen = 0",
        "ssssssi", f->section, f->format, folder, f->title == NULL ? f->section : f->title,
        f->author == NULL ? "newswire" : f->author, f->url == NULL ? "" : f->url, items);
}

static int take_away(struct feed *f, const char *folder) {
    int r = store_do(&f->archive.store,
                     "DELETE FROM feed WHERE section = ? AND format = ? AND folder = ?", "sss",
                     f->section, f->format, folder);
    if (r < 0)
        return archive_fail(&f->archive, &options);
    if (sqlite3_changes(f->archive.store.db) > 0)
        return EX_OK;
    fprintf(stderr, "%s: there is no such feed; see --list\n", options.program);
    return EX_NOINPUT;
}

static int write_all(struct feed *f) {
    struct feeds feeds;
    struct feeds_count n;
    int r = feeds_open(&feeds, &f->archive);
    if (r == 0)
        r = feeds_write(&feeds, true, say, NULL, &n);
    feeds_close(&feeds);
    if (r < 0)
        return r == -ENOMEM ? EX_OSERR : archive_fail(&f->archive, &options);
    printf("%zu feeds written\n", n.written);
    return n.failed > 0 ? EX_CANTCREAT : EX_OK;
}

static int run(struct feed *f) {
    if (f->list)
        return list(f);
    char *folder = whole_path(f);
    if (folder == NULL) {
        say(NULL, f->out, -errno);
        return EX_CANTCREAT;
    }
    int code = f->remove               ? take_away(f, folder)
               : set_up(f, folder) < 0 ? archive_fail(&f->archive, &options)
                                       : EX_OK;
    free(folder);
    return code != EX_OK || f->remove ? code : write_all(f);
}

int archive_feed(int argc, char **argv) {
    struct feed f = {.format = "atom"};
    int code = options_parse(&options, argc, argv, &f, NULL);
    if (code != OPTIONS_GO_ON)
        return code;
    code = check(&f);
    if (code != EX_OK)
        return code;
    f.archive.lock = -1;
    code = archive_open(&f.archive, &options, f.archive_path, f.list ? ARCHIVE_READ : ARCHIVE_MARK);
    if (code == EX_OK)
        code = run(&f);
    archive_close(&f.archive);
    return code;
}
