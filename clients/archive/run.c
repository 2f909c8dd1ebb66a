/*
 * newswire-archive run: follows the wire and keeps all of it.
 */
#include "clients/archive/commands.h"
#include "clients/archive/erase.h"
#include "clients/archive/feeds.h"
#include "clients/tool/follow.h"
#include "clients/tool/received.h"

#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <time.h>

enum {
    SAVE_ENTRIES = 4096, /* to one transaction, at most */
    SAVE_USEC = 200000,
    INDEX_ENTRIES = 128,        /* in one idle turn: what live entries wait for it, some 50 ms */
    INDEX_USEC = 1000000,       /* of turns in one transaction */
    LULL_USEC = 100000,         /* while it catches up, a shorter silence is no idleness */
    FEEDS_USEC = 1000000,       /* between two looks at what feeds lack */
    FEEDS_AGAIN_USEC = 5000000, /* until those that could not be written are tried again */
    ERASE_USEC = 10000000,      /* between looks at what has grown too old */
    HEAP_KEPT_BYTES = 64 << 20,
};

struct run {
    struct follow_options wire;
    const char *archive_path, *retain;
    bool forget_withdrawn, until_head;

    struct archive archive;
    struct keep keep;
    struct index index;
    struct erase erase;
    struct feeds feeds;
    struct follow follow;
    bool pending; /* entries that were not committed, as their cursor wasn't */
    bool failed;  /* what stands in the transaction may be half of something */
    uint64_t begun_usec, erased_usec, taken_usec, feeds_usec;
    int64_t feeds_next_id; /* the feeds have what came before */
    struct feeds_count feeds_count;
};

static const struct options_row rows[] = {
    ARCHIVE_ROW(run, archive_path),
    {"retain", OPTIONS_STRING, offsetof(struct run, retain), "AGE", NULL,
     "remove what was stored longer ago: 400d"},
    {"forget-withdrawn", OPTIONS_FLAG, offsetof(struct run, forget_withdrawn), NULL, NULL,
     "erase the texts of withdrawn stories"},
    {"until-head", OPTIONS_FLAG, offsetof(struct run, until_head), NULL, NULL,
     "end when all up to now is kept and indexed"},
    FOLLOW_ROWS(struct run),
    {0},
};

static const struct options options = {
    .program = "newswire-archive run",
    .arguments = "[TOPIC...]",
    .summary = "Follows the wire and keeps every entry of the topics in the archive, each once;\n"
               "none: everything. It goes on where it was; what was missed comes first.",
    .rows = rows,
};

static int fail(struct run *run, int error) {
    run->failed = true;
    const char *reason = error == -ENOMEM ? "out of memory" : run->archive.store.trouble;
    follow_tell(&run->follow, JOURNAL_ARCHIVE_FAILED,
                &(struct journal_subject){.file = run->archive.path, .reason = reason}, "%s: %s",
                run->archive.path, reason);
    return error == -ENOMEM ? EX_OSERR : EX_IOERR;
}

static int64_t now_utc_usec(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- what the wire brings */

static int take_entry(void *userdata, const struct newswire_entry *given) {
    struct run *run = userdata;
    struct entry e = received_entry(given);
    run->pending = true;
    run->taken_usec = follow_now_usec();
    int r = keep_entry(&run->keep, &e);
    if (r == -EEXIST) {
        follow_tell(&run->follow, JOURNAL_ARCHIVE_DIFFERS,
                    &(struct journal_subject){.epoch = e.epoch, .seq = e.seq},
                    "entry %llu of epoch %llu is in the archive with another content",
                    (unsigned long long)e.seq, (unsigned long long)e.epoch);
        return EX_PROTOCOL;
    }
    return r < 0 ? fail(run, r) : OPTIONS_GO_ON;
}

/* The epoch that the reader is in, as its cursor says. */
static uint64_t reader_epoch(struct newswire_reader *reader) {
    char *text = NULL;
    if (newswire_reader_cursor(reader, &text) < 0 || text == NULL)
        return 0;
    json_t *cursor = json_loads(text, 0, NULL);
    uint64_t epoch = (uint64_t)json_integer_value(json_object_get(cursor, "epoch"));
    json_decref(cursor);
    free(text);
    return epoch;
}

static int take_event(void *userdata, const struct newswire_event *event) {
    struct run *run = userdata;
    if (event->type != NEWSWIRE_LOSS && event->type != NEWSWIRE_CHECKPOINT)
        return OPTIONS_GO_ON;
    run->pending = true;
    if (event->type == NEWSWIRE_CHECKPOINT) {
        struct slice bytes = {event->checkpoint.data, event->checkpoint.len};
        int kept = keep_checkpoint(&run->keep, bytes);
        return kept < 0 ? fail(run, kept) : OPTIONS_GO_ON;
    }
    int r = keep_loss(&run->keep, reader_epoch(run->follow.reader),
                      (struct slice){event->topic.data, event->topic.len}, event->after,
                      event->upto, now_utc_usec());
    return r < 0 ? fail(run, r) : OPTIONS_GO_ON;
}

/* Entries and the place behind them, in one transaction. */
static int save(void *userdata, struct newswire_reader *reader) {
    struct run *run = userdata;
    char *cursor = NULL;
    if (run->failed)
        return EX_IOERR;
    int r = newswire_reader_cursor(reader, &cursor);
    if (r == 0)
        r = keep_commit(&run->keep, cursor);
    free(cursor);
    run->pending = false;
    return r < 0 ? fail(run, r) : OPTIONS_GO_ON;
}

/* ---- what is done meanwhile */

static void say_feed(void *userdata, const char *file, int error) {
    struct run *run = userdata;
    follow_tell(&run->follow, JOURNAL_FEED_FILE_FAILED,
                &(struct journal_subject){.file = file, .reason = strerror(-error)}, "feed %s: %s",
                file, strerror(-error));
}

/* Writes feeds of whose section something came. 0 or an error. */
static int write_feeds(struct run *run, uint64_t now) {
    uint64_t since = now - run->feeds_usec;
    bool came = run->feeds_next_id != run->keep.next_id && since >= FEEDS_USEC;
    if (!came && (run->feeds_count.failed == 0 || since < FEEDS_AGAIN_USEC))
        return 0;
    run->feeds_usec = now;
    run->feeds_next_id = run->keep.next_id;
    return feeds_write(&run->feeds, false, say_feed, run, &run->feeds_count);
}

/* A piece of what is to be indexed or erased. 1 when there is more of it. */
static int work_a_little(struct run *run, uint64_t now) {
    int indexed = index_step(&run->index, INDEX_ENTRIES), erased = 0;
    bool to_forget = run->forget_withdrawn && run->keep.withdrew;
    if (indexed == 0 && (to_forget || now - run->erased_usec >= ERASE_USEC)) {
        erased = erase_step(&run->erase, now_utc_usec());
        if (erased == 0)
            run->erased_usec = now;
    }
    return indexed < 0 ? indexed : erased < 0 ? erased : indexed > 0 || erased > 0;
}

/* Small pieces share a transaction for a while; entries end it with their cursor. */
static int idle(void *userdata) {
    struct run *run = userdata;
    uint64_t now = follow_now_usec();
    if (!run->follow.caught_up && now - run->taken_usec < LULL_USEC)
        return OPTIONS_GO_ON;
    if (!run->keep.open)
        run->begun_usec = now;
    int more = work_a_little(run, now);
    int written = more == 0 ? write_feeds(run, now) : 0;
    if (more < 0 || written < 0)
        return fail(run, more < 0 ? more : written);
    run->follow.more = more > 0;
    if (run->pending || (more > 0 && now - run->begun_usec < INDEX_USEC))
        return OPTIONS_GO_ON;
    int r = keep_commit(&run->keep, NULL);
    return r < 0 ? fail(run, r) : OPTIONS_GO_ON;
}

/* "214 kept since the start, 300 wait for the index". */
static void describe(void *userdata, char *buffer, size_t size) {
    struct run *run = userdata;
    int64_t behind = run->keep.next_id - 1 - run->keep.indexed_to;
    int n =
        snprintf(buffer, size, "%llu kept since the start", (unsigned long long)run->follow.taken);
    if (behind > 0)
        n += snprintf(buffer + n, size - (size_t)n, ", %lld wait for the index", (long long)behind);
    if (run->feeds_count.failed > 0)
        snprintf(buffer + n, size - (size_t)n, "; %zu web feed%s can't be written",
                 run->feeds_count.failed, run->feeds_count.failed == 1 ? "" : "s");
}

static const struct follow_use use = {
    .entry = take_entry, .event = take_event, .save = save, .idle = idle, .status = describe};

/* ---- beginning and end */

static int open_all(struct run *run) {
    int code = archive_open(&run->archive, &options, run->archive_path, ARCHIVE_EXTEND);
    if (code != EX_OK)
        return code;
    int r = keep_open(&run->keep, &run->archive);
    if (r == 0)
        r = index_open(&run->index, &run->keep);
    if (r == 0)
        r = feeds_open(&run->feeds, &run->archive);
    if (r == 0 && run->forget_withdrawn)
        r = store_exec(&run->archive.store, "PRAGMA secure_delete = ON");
    run->erase.index = &run->index;
    run->erase.forget_withdrawn = run->forget_withdrawn;
    run->keep.withdrew = run->forget_withdrawn; /* those of before too */
    return r < 0 ? fail(run, r) : EX_OK;
}

static int open_wire(struct run *run, char *const *names, size_t n, const char *cursor) {
    struct newswire_reader_options o = {.n_topics = n, .cursor_text = cursor};
    if (follow_topics(names, n, &o.topics) < 0)
        return EX_OSERR;
    run->follow.wire = run->wire;
    if (run->wire.client == NULL)
        run->follow.wire.client = "newswire-archive";
    run->follow.until_head = run->until_head;
    run->follow.save_after = SAVE_ENTRIES;
    run->follow.save_usec = SAVE_USEC;
    int code = follow_open(&run->follow, &o);
    free((void *)o.topics);
    if (code == EX_USAGE && cursor != NULL)
        follow_fail(&run->follow, "%s is made for its topics: name those, or another --archive",
                    run->archive.path);
    return code;
}

/* With --until-head what was kept is indexed too before the end. */
static int finish(struct run *run, int code) {
    int more = 1;
    while (code == EX_OK && run->until_head && follow_stop == 0 && more > 0) {
        more = work_a_little(run, follow_now_usec());
        if (more < 0)
            return fail(run, more);
        int r = keep_commit(&run->keep, NULL);
        if (r < 0)
            return fail(run, r);
        follow_progress(&run->follow, "indexed", (uint64_t)run->keep.indexed_to,
                        (uint64_t)run->keep.next_id - 1);
    }
    follow_progress(&run->follow, "", 0, 0);
    int written = code == EX_OK && more == 0 ? write_feeds(run, UINT64_MAX) : 0;
    if (written < 0)
        return fail(run, written);
    return code;
}

static int run_topics(struct run *run, char *const *names, size_t n) {
    char *cursor = NULL;
    int code = open_all(run);
    if (code != EX_OK)
        return code;
    if (archive_text(&run->archive, "cursor", &cursor) < 0)
        return fail(run, -EIO);
    code = open_wire(run, names, n, cursor);
    free(cursor);
    if (code != EX_OK)
        return code;
    sd_notify(0, "READY=1"); /* it waits for the daemon, whenever that comes */
    return finish(run, follow_run(&run->follow));
}

int archive_run(int argc, char **argv) {
    struct run run = {.follow = {.options = &options, .use = &use, .userdata = &run}};
    int first, code = options_parse(&options, argc, argv, &run, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    if (run.retain != NULL && erase_age(run.retain, &run.erase.retain_usec) < 0)
        return options_fault(&options, "--retain: '%s' is no age, such as 400d", run.retain);
    /* A transaction's pages come and go; giving them back to the system each time
     * costs as much as storing them. */
    mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES);
    mallopt(M_MMAP_THRESHOLD, HEAP_KEPT_BYTES);
    run.archive.lock = -1;
    code = run_topics(&run, argv + first, (size_t)(argc - first));
    follow_close(&run.follow);
    feeds_close(&run.feeds);
    index_close(&run.index);
    keep_close(&run.keep);
    archive_close(&run.archive);
    return code;
}
