/* newswire-forward run: from the wire into the ledger, and from there to the outlets. */
#include "clients/forward/callback.h"
#include "clients/forward/commands.h"
#include "clients/forward/sender.h"
#include "clients/forward/sentence.h"
#include "clients/tool/follow.h"
#include "clients/tool/received.h"
#include "proto/keyfile.h"

#include <curl/curl.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { TAKE_MOST = 256, RETAIN_USEC = 60000000, LOOK_USEC = 5000000 };

struct run_options {
    struct desk_options desk;
    struct follow_options wire;
};

static const struct options_row rows[] = {
    DESK_CONFIG_ROW(struct run_options),
    FOLLOW_ROWS(struct run_options),
    {0},
};

static const struct options options = {
    .program = "newswire-forward run",
    .arguments = "",
    .summary = "Follows the wire and pushes articles to the outlets of the config, until it is\n"
               "told to end. Where the daemon is says the config; an option goes before it.",
    .rows = rows,
};

/* An entry that waits to be put down, with its bytes. */
struct waiting {
    struct newswire_entry entry;
    uint8_t *bytes;
};

struct run {
    struct desk desk;
    struct follow follow;
    struct senders *senders;
    struct clerk *clerk;
    struct waiting waiting[TAKE_MOST];
    size_t n;
    char *cursor;
    uint64_t retained_usec;
    char sentence[SENTENCE_BYTES]; /* how the outlets are */
    uint64_t looked_usec;          /* when that was found out */
};

/* ---- what comes from the wire */

static struct newswire_bytes copy_bytes(uint8_t **at, struct newswire_bytes b) {
    struct newswire_bytes copy = {*at, b.len};
    if (b.len > 0)
        memcpy(*at, b.data, b.len);
    *at += b.len;
    return copy;
}

static int keep_entry(struct run *r, const struct newswire_entry *e) {
    size_t len =
        e->topic.len + e->uri.len + e->content_digest.len + e->article.len + e->signature.len + 1;
    for (size_t i = 0; i < e->n_path; i++)
        len += e->path[i].len;
    struct waiting *w = &r->waiting[r->n];
    uint8_t *at = w->bytes = malloc(len);
    if (at == NULL)
        return -ENOMEM;
    w->entry = *e;
    w->entry.n_approved_by = 0;
    w->entry.topic = copy_bytes(&at, e->topic);
    w->entry.uri = copy_bytes(&at, e->uri);
    w->entry.content_digest = copy_bytes(&at, e->content_digest);
    w->entry.article = copy_bytes(&at, e->article);
    w->entry.signature = copy_bytes(&at, e->signature);
    w->entry.origin = w->entry.article_digest = (struct newswire_bytes){0};
    for (size_t i = 0; i < e->n_path; i++)
        w->entry.path[i] = copy_bytes(&at, e->path[i]);
    r->n++;
    return 0;
}

/* All that waits, and the reader's place behind it, in the clerk's transaction. */
static int take_all(struct ledger *l, void *userdata) {
    struct run *r = userdata;
    int result = 0;
    for (size_t i = 0; result == 0 && i < r->n; i++) {
        struct fault fault = {0};
        struct entry e = received_entry(&r->waiting[i].entry);
        result = ledger_take(l, &e, &fault);
        if (result != -EINVAL)
            continue;
        journal(
            JOURNAL_ENTRY_UNREADABLE,
            &(struct journal_subject){.seq = e.seq, .field = fault.field, .reason = fault.reason},
            "entry %llu goes to nobody, as it can't be read: %s %s", (unsigned long long)e.seq,
            fault.field, fault.reason);
        result = 0;
    }
    return result < 0 ? result : ledger_set_cursor(l, r->cursor);
}

static int retain(struct ledger *l, void *userdata) {
    struct run *r = userdata;
    return ledger_retain(l, ledger_now() - (int64_t)r->desk.config->forward.retain_usec);
}

static int save(void *userdata, struct newswire_reader *reader) {
    struct run *r = userdata;
    uint64_t now = follow_now_usec();
    int result = newswire_reader_cursor(reader, &r->cursor);
    if (result == 0 && r->cursor != NULL)
        result = clerk_insist(r->clerk, take_all, r);
    for (size_t i = 0; result == 0 && i < r->n; i++)
        free(r->waiting[i].bytes);
    if (result == 0)
        r->n = 0;
    free(r->cursor);
    r->cursor = NULL;
    if (result == 0 && now - r->retained_usec > RETAIN_USEC) {
        r->retained_usec = now;
        result = clerk_insist(r->clerk, retain, r);
    }
    return result < 0 ? EX_IOERR : OPTIONS_GO_ON;
}

static int take_entry(void *userdata, const struct newswire_entry *e) {
    struct run *r = userdata;
    return keep_entry(r, e) < 0 ? EX_OSERR : OPTIONS_GO_ON;
}

static int idle(void *userdata) {
    struct run *r = userdata;
    return r->n == 0 ? OPTIONS_GO_ON : save(r, r->follow.reader);
}

static int look(struct ledger *l, void *userdata) {
    struct run *r = userdata;
    return sentence_write(&l->store, r->desk.config, ledger_now(), r->sentence);
}

static void describe(void *userdata, char *buffer, size_t size) {
    struct run *r = userdata;
    uint64_t now = follow_now_usec();
    if (*r->sentence == '\0' || now - r->looked_usec > LOOK_USEC) {
        r->looked_usec = now;
        if (clerk_do(r->clerk, look, r) < 0)
            snprintf(r->sentence, sizeof r->sentence, "the ledger can't be used");
    }
    snprintf(buffer, size, "%s", r->sentence);
}

static const struct follow_use use = {
    .entry = take_entry, .save = save, .idle = idle, .status = describe};

/* ---- beginning and end */

/* One forwarder a ledger. The lock goes with the process. */
static int lock_ledger(struct desk *d) {
    int fd, r = store_lock(&d->ledger.store, d->config->forward.ledger, &fd);
    if (r < 0)
        journal(JOURNAL_LEDGER_FAILED, &(struct journal_subject){.reason = d->ledger.store.trouble},
                "%s", d->ledger.store.trouble);
    return r == 0 ? EX_OK : r == -EBUSY ? EX_TEMPFAIL : EX_CANTCREAT;
}

static int recover(struct run *r) {
    size_t n = 0;
    int result = ledger_begin(&r->desk.ledger);
    if (result == 0)
        result = ledger_recover(&r->desk.ledger, &n);
    if (result == 0)
        result = ledger_commit(&r->desk.ledger);
    if (result < 0)
        return desk_trouble(&r->desk, result);
    if (n > 0)
        journal(JOURNAL_SENDING_RESUMED, NULL,
                "%zu articles were being sent when it ended; they go again, under the same ids", n);
    return EX_OK;
}

static const char *or_null(const char *text) {
    return *text == '\0' ? NULL : text;
}

static int open_wire(struct run *r, const struct follow_options *given) {
    const struct forward_config *c = r->desk.config;
    struct newswire_reader_options reader = {.start = NEWSWIRE_FROM_HEAD};
    char *cursor = NULL;
    int result = ledger_cursor(&r->desk.ledger, &cursor);
    if (result < 0)
        return desk_trouble(&r->desk, result);
    r->follow.wire = *given;
    if (given->server == NULL && given->feed == NULL && given->replay == NULL) {
        r->follow.wire.server = or_null(c->forward.server);
        r->follow.wire.feed = or_null(c->forward.feed);
        r->follow.wire.replay = or_null(c->forward.replay);
    }
    if (given->key == NULL)
        r->follow.wire.key = or_null(c->forward.key);
    if (given->client == NULL)
        r->follow.wire.client = "newswire-forward";
    reader.cursor_text = cursor;
    reader.n_topics = c->forward.topics.n;
    if (follow_topics(c->forward.topics.items, c->forward.topics.n, &reader.topics) < 0) {
        free(cursor);
        return EX_OSERR;
    }
    int code = follow_open(&r->follow, &reader);
    free((void *)reader.topics);
    free(cursor);
    return code;
}

static int start_work(struct run *r) {
    r->senders = senders_new(r->desk.config);
    if (r->senders == NULL)
        return EX_OSERR;
    r->desk.ledger.senders = senders_hooks(r->senders);
    int result = clerk_start(&r->desk.ledger, senders_after, r->senders, &r->clerk);
    if (result == 0)
        result = senders_start(r->senders, r->clerk);
    if (result < 0)
        journal(JOURNAL_TOOL_FAILED, NULL, "it can't start its threads: %s", strerror(-result));
    return result < 0 ? EX_OSERR : EX_OK;
}

static int run(struct run *r, const struct run_options *o) {
    struct callback *callback = NULL;
    follow_signals(); /* at once: what is opened here is to be closed well */
    int code = desk_open(&r->desk, &options, o->desk.config, STORE_CREATE);
    if (code == EX_OK)
        code = lock_ledger(&r->desk);
    if (code == EX_OK)
        code = recover(r);
    if (code == EX_OK)
        code = open_wire(r, &o->wire);
    if (code == EX_OK)
        code = start_work(r);
    if (code == EX_OK)
        code = callback_start(r->desk.config, r->clerk, &callback);
    if (code == EX_OK) {
        sd_notify(0, "READY=1"); /* it waits for the daemon, whenever that comes */
        code = follow_run(&r->follow);
    }
    if (follow_stop == 0)
        follow_stop = SIGTERM; /* the threads look at it */
    callback_stop(callback);
    senders_stop(r->senders); /* they need the clerk to the last, and it them */
    r->clerk = clerk_stop(r->clerk);
    r->senders = senders_free(r->senders);
    return code;
}

int forward_run(int argc, char **argv) {
    struct run_options o = {0};
    int code = options_parse(&options, argc, argv, &o, NULL);
    if (code != OPTIONS_GO_ON)
        return code;
    key_hide_memory(); /* outlets' passwords, too */
    struct run *r = calloc(1, sizeof *r);
    if (r == NULL || sodium_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        free(r);
        return EX_OSERR;
    }
    r->follow =
        (struct follow){.options = &options, .use = &use, .userdata = r, .save_after = TAKE_MOST};
    code = run(r, &o);
    follow_close(&r->follow);
    desk_close(&r->desk);
    for (size_t i = 0; i < r->n; i++)
        free(r->waiting[i].bytes);
    free(r);
    curl_global_cleanup();
    return code;
}
