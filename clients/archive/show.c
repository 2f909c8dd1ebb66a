/*
 * newswire-archive show: a story, its versions, and what changed between them.
 */
#include "clients/archive/commands.h"
#include "clients/archive/diff.h"
#include "clients/archive/print.h"
#include "proto/write.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum { ENTRIES_MOST = 10000 };

struct show {
    const char *archive_path, *format;
    bool withdrawn, versions;
    int64_t wanted; /* the entry that was named; 0: a story was */

    struct archive archive;
    struct load load;
    struct text_style style;
    const struct write_format *writer;
    const char *writer_version;
};

static const struct options_row rows[] = {
    ARCHIVE_ROW(show, archive_path),
    {"versions", OPTIONS_FLAG, offsetof(struct show, versions), NULL, NULL,
     "what changed from version to version"},
    {"withdrawn", OPTIONS_FLAG, offsetof(struct show, withdrawn), NULL, NULL,
     "show the text of a withdrawn story too"},
    {"format", OPTIONS_STRING, offsetof(struct show, format), "NAME", write_format_words,
     "text (default), json, ninjs, newsml-g2, nitf"},
    {0},
};

static const struct options options = {
    .program = "newswire-archive show",
    .arguments = "URI|SEQ|EPOCH:SEQ",
    .summary = "Shows a story as it is now, by its uri, or as it was in the entry of a number,\n"
               "and which versions, kills and moves it has had.",
    .rows = rows,
};

static int fail(struct show *s, int error) {
    if (error != -ENOMEM)
        return archive_fail(&s->archive, &options);
    fprintf(stderr, "%s: out of memory\n", options.program);
    return EX_OSERR;
}

/* ---- finding the story */

static int find(struct show *s, const char *sql, const char *text, int64_t a, int64_t b,
                int64_t *ret) {
    struct store *store = &s->archive.store;
    sqlite3_stmt *st = store_prepare(store, sql);
    if (st == NULL)
        return -EIO;
    if (text != NULL) {
        store_bind_string(st, 1, text);
    } else {
        store_bind_int(st, 1, a);
        store_bind_int(st, 2, b);
    }
    int r = store_step(store, st);
    if (r == 1)
        *ret = sqlite3_column_int64(st, 0);
    store_finalize(store, st);
    return r;
}

/* A number is one of the newest epoch, unless it names its own. 1 when there is one. */
static int find_story(struct show *s, const char *name, int64_t *ret) {
    char *end;
    int64_t epoch = 0, seq = strtoll(name, &end, 10);
    if (isdigit((unsigned char)*name) && *end == ':' && isdigit((unsigned char)end[1])) {
        epoch = seq;
        seq = strtoll(end + 1, &end, 10);
    }
    if (!isdigit((unsigned char)*name) || *end != '\0')
        return find(s, "SELECT id FROM story WHERE uri = ?", name, 0, 0, ret);
    int r = find(s,
                 "SELECT id FROM entry WHERE seq = ?2 AND (epoch = ?1 OR ?1 = 0)"
                 " AND epoch IN (SELECT DISTINCT epoch FROM entry) ORDER BY epoch DESC LIMIT 1",
                 NULL, epoch, seq, &s->wanted);
    return r <= 0 ? r
                  : find(s, "SELECT story FROM entry WHERE id = ?1 AND ?2 = 0", NULL, s->wanted, 0,
                         ret);
}

/* The story's entries by version, in the order of arrival. How many. */
static int list_entries(struct show *s, int64_t story, int64_t *ret) {
    struct store *store = &s->archive.store;
    sqlite3_stmt *st =
        store_prepare(store, "SELECT id FROM entry WHERE story = ? ORDER BY version, id LIMIT ?");
    int n = 0, r;
    if (st == NULL)
        return -EIO;
    store_bind_int(st, 1, story);
    store_bind_int(st, 2, ENTRIES_MOST);
    while ((r = store_step(store, st)) == 1)
        ret[n++] = sqlite3_column_int64(st, 0);
    store_finalize(store, st);
    return r < 0 ? r : n;
}

/* ---- printing */

static const char *what_it_is(const struct loaded *l) {
    return strcmp(l->role, "kill") == 0         ? "KILL: withdraws the story"
           : strcmp(l->role, "notice") == 0     ? "moved to "
           : strcmp(l->role, "tombstone") == 0  ? "came without its text: the story was killed"
           : strcmp(l->role, "unreadable") == 0 ? "can't be read"
           : l->current                         ? "holds now"
           : l->article == NULL                 ? "its text is erased"
           : l->withdrawn                       ? "withdrawn"
                                                : "superseded";
}

static void print_row(const struct loaded *l) {
    char when[PRINT_TIME_BYTES], *topic = text_harmless(l->entry.topic);
    const Article *a = l->article;
    bool notice = strcmp(l->role, "notice") == 0;
    char *moved_to = notice && a != NULL ? text_harmless(slice_of(a->moved_to)) : NULL;
    char *note = a != NULL ? text_harmless(slice_of(a->note_to_editors)) : NULL;
    char *origin = text_harmless(l->entry.origin);
    printf("  version %u  #%llu  %s  %s  %s%s%s%s%s%s\n", (unsigned)l->entry.version,
           (unsigned long long)l->entry.seq, print_time(l->entry.stored_at_usec, when),
           topic == NULL ? "" : topic, what_it_is(l), moved_to == NULL ? "" : moved_to,
           note == NULL || *note == '\0' ? "" : "  Note: ", note == NULL ? "" : note,
           l->entry.origin.len > 0 ? "  signed by " : "", origin == NULL ? "" : origin);
    free(topic);
    free(moved_to);
    free(note);
    free(origin);
}

/* What changed against the version before, of which there must be a text. */
static int print_changes(struct show *s, const struct loaded *before, const struct loaded *l) {
    if (!s->versions || before->article == NULL || l->article == NULL ||
        strcmp(l->role, "version") != 0 || (l->withdrawn && !s->withdrawn))
        return 0;
    return diff_write(stdout, s->load.arena, before->article, l->article, s->style.colour);
}

static int print_history(struct show *s, const int64_t *ids, int n) {
    struct loaded before = {0}, l;
    puts("Entries of this story:");
    for (int i = 0; i < n; i++) {
        int r = load_another(&s->load, ids[i], &l);
        if (r < 0)
            return r;
        print_row(&l);
        r = print_changes(s, &before, &l);
        if (r < 0)
            return r;
        if (strcmp(l.role, "version") == 0)
            before = l;
    }
    return 0;
}

/* How well an entry stands for its story: what holds now, a version with its text, any. */
static int weight(const struct loaded *l) {
    return l->current ? 3 : l->article == NULL ? 1 : strcmp(l->role, "version") == 0 ? 2 : 1;
}

/* The entry that was named, if it has a text; else the best one to show, the newest of
 * those that are as good. */
static int pick(struct show *s, const int64_t *ids, int n, struct loaded *ret) {
    struct loaded l;
    for (int i = 0; i < n; i++) {
        int r = load_another(&s->load, ids[i], &l);
        if (r < 0)
            return r;
        if (i == 0 || weight(&l) >= weight(ret))
            *ret = l;
        if (ids[i] == s->wanted && l.article != NULL && strcmp(l.role, "version") == 0) {
            *ret = l;
            break;
        }
    }
    return 0;
}

/* A withdrawn text is shown to who asks for it only. */
static int print_text(struct show *s, const struct loaded *l) {
    bool hidden = l->withdrawn && !s->withdrawn;
    const Article *article = hidden ? NULL : l->article;
    if (l->withdrawn) {
        fprintf(stderr, "%s: this story was withdrawn%s\n", options.program,
                hidden ? "; --withdrawn shows its text" : ": do not use it");
    } else if (!l->current && s->wanted != 0) {
        fprintf(stderr, "%s: version %u holds no more; the story's uri shows what does\n",
                options.program, (unsigned)l->entry.version);
    } else if (!l->current) {
        fprintf(stderr, "%s: this story has moved; it no longer holds here\n", options.program);
    }
    return s->writer->write(stdout, s->load.arena, &l->entry, article, s->writer_version,
                            &s->style);
}

static int show_story(struct show *s, int64_t story) {
    struct loaded l = {0};
    int64_t *ids = calloc(ENTRIES_MOST, sizeof *ids);
    int n = ids == NULL ? -ENOMEM : list_entries(s, story, ids), r = n < 0 ? n : 0;
    if (r == 0)
        r = pick(s, ids, n, &l);
    if (r == 0 && n > 0)
        r = print_text(s, &l);
    if (r == 0 && strcmp(s->writer->name, "text") == 0)
        r = print_history(s, ids, n);
    free(ids);
    return r;
}

static int run(struct show *s, const char *name) {
    int64_t story = 0;
    int code = archive_open(&s->archive, &options, s->archive_path, ARCHIVE_READ);
    if (code != EX_OK)
        return code;
    s->style = print_style();
    int r = load_open(&s->load, &s->archive);
    if (r == 0)
        r = find_story(s, name, &story);
    if (r == 0) {
        fprintf(stderr, "%s: the archive has no '%s'\n", options.program, name);
        return EX_DATAERR;
    }
    if (r > 0)
        r = show_story(s, story);
    if (r < 0 && r != -EIO)
        return fail(s, r);
    return r < 0 || fflush(stdout) != 0 ? EX_IOERR : EX_OK;
}

int archive_show(int argc, char **argv) {
    struct show s = {.archive = {.lock = -1}};
    char names[256];
    int first, code = options_parse(&options, argc, argv, &s, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    if (argc - first != 1)
        return options_fault(&options, "name one story: its uri, or an entry's number");
    s.writer = write_format_find(s.format == NULL ? "text" : s.format, &s.writer_version);
    if (s.writer == NULL)
        return options_fault(&options, "--format: '%s' is none of: %s", s.format,
                             write_format_names(names, sizeof names));
    code = run(&s, argv[first]);
    load_close(&s.load);
    archive_close(&s.archive);
    return code;
}
