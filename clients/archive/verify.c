/*
 * newswire-archive verify: proves that nothing is missing, and nothing was altered.
 *
 * Every entry names the one before it on its topic, 0 for the first. So the chain must
 * be whole, but for what the wire itself had no more (loss) and what was removed here by
 * age (removed); and it must end where the reader's place says.
 */
#include "clients/archive/archive.h"
#include "clients/archive/commands.h"
#include "clients/archive/keep.h"
#include "clients/archive/proof.h"
#include "clients/tool/received.h"
#include "proto/signature.h"
#include "proto/text.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum { ARENA_BYTES = 64 << 20 };

struct verify {
    const char *archive_path, *trust;
    bool quick;

    struct archive archive;
    struct arena *arena;
    sqlite3_stmt *loss, *removed;
    uint64_t entries, topics, texts, is_signed, troubles;
    struct proof proof;

    /* the chain at hand */
    int64_t topic;
    char name[LIMIT_TOPIC_BYTES + 1];
    uint64_t epoch, last;
};

static const struct options_row rows[] = {
    ARCHIVE_ROW(verify, archive_path),
    {"trust", OPTIONS_STRING, offsetof(struct verify, trust), "KEY", NULL,
     "the daemon's public key, or its file, for its checkpoints"},
    {"quick", OPTIONS_FLAG, offsetof(struct verify, quick), NULL, NULL,
     "numbers only, and SQLite's quick check"},
    {0},
};

static const struct options options = {
    .program = "newswire-archive verify",
    .arguments = "",
    .summary = "Proves from the entries' numbers that none is missing since each topic's first,\n"
               "that every text has its digest, and that the file is sound. 65: it is not.",
    .rows = rows,
};

__attribute__((format(printf, 2, 3))) static void trouble(struct verify *v, const char *format,
                                                          ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    v->troubles++;
}

/* ---- chains */

/* Up to which number of the topic the statement's table explains a gap after a number. */
static int explained_upto(struct verify *v, sqlite3_stmt *st, uint64_t after, uint64_t *ret) {
    store_bind_int(st, 1, (int64_t)v->epoch);
    store_bind_string(st, 2, v->name);
    store_bind_int(st, 3, (int64_t)after);
    int r = store_step(&v->archive.store, st);
    if (r == 1)
        *ret = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return r < 0 ? r : 0;
}

/* The wire's losses follow one another: each begins where the reader was. */
static int skip_known(struct verify *v, uint64_t *at, uint64_t wanted) {
    for (uint64_t upto = *at; *at < wanted; *at = upto) {
        int r = explained_upto(v, v->loss, *at, &upto);
        if (r == 0 && upto <= *at)
            r = explained_upto(v, v->removed, *at, &upto);
        if (r < 0)
            return r;
        if (upto <= *at)
            return 0;
    }
    return 0;
}

/* What ought to be there between the last entry and a number, which is had or named. */
static int check_gap(struct verify *v, uint64_t upto, const char *how) {
    uint64_t at = v->last;
    int r = skip_known(v, &at, upto);
    if (r < 0 || at >= upto)
        return r;
    trouble(v,
            "%s: entries after %" PRIu64 ", up to %" PRIu64 ", are missing (epoch %" PRIu64 "): %s",
            v->name, at, upto, v->epoch, how);
    return 0;
}

/* Where the reader says it was on the topic; 0: it says nothing. */
static uint64_t cursor_at(const json_t *cursor, uint64_t epoch, const char *topic) {
    if ((uint64_t)json_integer_value(json_object_get(cursor, "epoch")) != epoch)
        return 0;
    return (uint64_t)json_integer_value(json_object_get(json_object_get(cursor, "topics"), topic));
}

static int end_chain(struct verify *v, const json_t *cursor) {
    if (v->topic == 0)
        return 0;
    v->topics++;
    return check_gap(v, cursor_at(cursor, v->epoch, v->name), "the reader had come that far");
}

static int check_link(struct verify *v, uint64_t seq, uint64_t prev) {
    char how[64];
    snprintf(how, sizeof how, "entry %" PRIu64 " names %" PRIu64 " before it", seq, prev);
    int r = prev > v->last ? check_gap(v, prev, how) : 0;
    if (prev < v->last)
        trouble(v, "%s: entry %" PRIu64 " names %" PRIu64 " before it, and not %" PRIu64, v->name,
                seq, prev, v->last);
    return r;
}

static int take_row(struct verify *v, sqlite3_stmt *st, const json_t *cursor) {
    uint64_t epoch = (uint64_t)sqlite3_column_int64(st, 0),
             seq = (uint64_t)sqlite3_column_int64(st, 2),
             prev = (uint64_t)sqlite3_column_int64(st, 3);
    int64_t topic = sqlite3_column_int64(st, 1);
    int r = 0;
    if (topic != v->topic || epoch != v->epoch) {
        r = end_chain(v, cursor);
        v->topic = topic;
        v->epoch = epoch;
        v->last = 0;
        snprintf(v->name, sizeof v->name, "%s", store_column_string(st, 4));
    }
    if (r == 0)
        r = check_link(v, seq, prev);
    v->last = seq;
    v->entries++;
    return r;
}

/* A topic that the reader has been on, and of which there is nothing. */
static int check_empty(struct verify *v, const json_t *cursor) {
    struct store *s = &v->archive.store;
    const char *topic;
    json_t *value;
    sqlite3_stmt *st = store_prepare(s, "SELECT 1 FROM entry e JOIN topic t ON t.id = e.topic"
                                        " WHERE t.name = ? AND e.epoch = ? LIMIT 1");
    if (st == NULL)
        return -EIO;
    v->epoch = (uint64_t)json_integer_value(json_object_get(cursor, "epoch"));
    json_object_foreach(json_object_get(cursor, "topics"), topic, value) {
        store_bind_string(st, 1, topic);
        store_bind_int(st, 2, (int64_t)v->epoch);
        int r = store_run(s, st);
        bool there = r == 0 && store_step(s, st) == 1;
        sqlite3_reset(st);
        snprintf(v->name, sizeof v->name, "%s", topic);
        v->last = 0;
        if (r == 0 && !there)
            r = check_gap(v, (uint64_t)json_integer_value(value), "the reader had come that far");
        if (r < 0)
            return r;
    }
    store_finalize(s, st);
    return 0;
}

static int check_chains(struct verify *v) {
    struct store *s = &v->archive.store;
    char *text = NULL;
    int r = archive_text(&v->archive, "cursor", &text);
    json_t *cursor = text == NULL ? NULL : json_loads(text, 0, NULL);
    free(text);
    v->loss = store_prepare(s, "SELECT max(upto) FROM loss WHERE epoch = ? AND topic = ? AND"
                               " after <= ?3 AND upto > ?3");
    v->removed = store_prepare(s, "SELECT upto FROM removed WHERE epoch = ? AND topic = ? AND"
                                  " upto > ?");
    sqlite3_stmt *st =
        store_prepare(s, "SELECT e.epoch, e.topic, e.seq, e.prev_seq, t.name FROM entry e"
                         " JOIN topic t ON t.id = e.topic ORDER BY e.epoch, e.topic, e.seq");
    if (v->loss == NULL || v->removed == NULL || st == NULL)
        r = -EIO;
    while (r == 0 && (r = store_step(s, st)) == 1)
        r = take_row(v, st, cursor);
    if (r == 0)
        r = end_chain(v, cursor);
    if (r == 0)
        r = check_empty(v, cursor);
    json_decref(cursor);
    return r;
}

/* ---- texts */

/* The digest is that of the text; a text that is gone was checked when it was there. */
static void check_signature(struct verify *v, sqlite3_stmt *st, const char *topic, long long seq,
                            const uint8_t *digest) {
    struct signature s;
    struct slice encoded = store_column(st, 7);
    if (encoded.len == 0)
        return;
    v->is_signed++;
    if (signature_decode(encoded, &s) < 0 || !signature_is_good(&s, digest))
        trouble(v, "%s: the signature of entry %lld is not that of its text", topic, seq);
}

static void check_text(struct verify *v, sqlite3_stmt *st) {
    uint8_t digest[LIMIT_DIGEST_BYTES];
    struct entry e = {.article = store_column(st, 3)};
    struct fault fault;
    Article *article = NULL;
    const char *topic = store_column_string(st, 0), *role = store_column_string(st, 2);
    long long seq = sqlite3_column_int64(st, 1);
    bool missing = sqlite3_column_type(st, 3) == SQLITE_NULL;
    arena_reset(v->arena);
    if (missing) {
        bool may = strcmp(role, "tombstone") == 0 || sqlite3_column_int(st, 5) != 0;
        if (!may)
            trouble(v, "%s: entry %lld has no text, and its story was not withdrawn", topic, seq);
        return;
    }
    v->texts++;
    keep_digest(e.article, digest);
    if (!slice_equal(store_column(st, 6), (struct slice){digest, sizeof digest})) {
        trouble(v, "%s: the text of entry %lld is not the one that came", topic, seq);
        return;
    }
    check_signature(v, st, topic, seq, digest);
    if (strcmp(role, "unreadable") == 0)
        return;
    if (received_article(v->arena, &e, &article, &fault) < 0 || article == NULL) {
        trouble(v, "%s: the text of entry %lld can't be read", topic, seq);
        return;
    }
    codec_content_digest(article, digest);
    if (!slice_equal(store_column(st, 4), (struct slice){digest, sizeof digest}))
        trouble(v, "%s: entry %lld has a content digest that is not its text's", topic, seq);
}

static int check_texts(struct verify *v) {
    struct store *s = &v->archive.store;
    int r;
    sqlite3_stmt *st = store_prepare(
        s, "SELECT t.name, e.seq, e.role, b.article, e.content_digest, y.withdrawn_by IS NOT NULL,"
           " b.digest, e.signature"
           " FROM entry e JOIN topic t ON t.id = e.topic JOIN story y ON y.id = e.story"
           " LEFT JOIN body b ON b.entry = e.id ORDER BY e.id");
    if (st == NULL)
        return -EIO;
    while ((r = store_step(s, st)) == 1)
        check_text(v, st);
    return r;
}

/* ---- SQLite's own check */

static int check_file(struct verify *v) {
    struct store *s = &v->archive.store;
    int r;
    sqlite3_stmt *st =
        store_prepare(s, v->quick ? "PRAGMA quick_check(20)" : "PRAGMA integrity_check(20)");
    if (st == NULL)
        return -EIO;
    while ((r = store_step(s, st)) == 1)
        if (strcmp(store_column_string(st, 0), "ok") != 0) {
            char *clean = text_harmless(store_column(st, 0));
            trouble(v, "the file is damaged: %s", clean == NULL ? "" : clean);
            free(clean);
        }
    return r;
}

/* Who signed, as the daemon said, and by which key. */
static void print_signers(struct verify *v) {
    struct store *s = &v->archive.store;
    char key[KEY_TEXT_BYTES];
    struct signature made;
    sqlite3_stmt *st =
        store_prepare(s, "SELECT count(*), origin, max(signature) FROM entry WHERE signature IS NOT"
                         " NULL GROUP BY substr(signature, 1, 34), origin ORDER BY origin");
    printf("%" PRIu64 " texts are signed by their origins:\n", v->is_signed);
    while (st != NULL && store_step(s, st) == 1) {
        struct slice origin = store_column(st, 1);
        char *name = text_harmless(origin);
        if (signature_decode(store_column(st, 2), &made) == 0)
            printf("  %8lld  %s  key %s\n", (long long)sqlite3_column_int64(st, 0),
                   name == NULL || origin.len == 0 ? "(nobody's that the daemon knew)" : name,
                   key_public_text(KEY_ED25519, made.key, key));
        free(name);
    }
    store_finalize(s, st);
}

/* ---- checkpoints */

static void proof_trouble(void *userdata, const char *text) {
    trouble(userdata, "%s", text);
}

static int check_proof(struct verify *v) {
    uint8_t key[KEY_BYTES];
    struct fault fault;
    if (v->trust != NULL && key_public_read(KEY_ED25519, v->trust, key, &fault) < 0) {
        trouble(v, "--trust: %s", fault.reason);
        return 0;
    }
    int r =
        proof_check(&v->archive.store, v->trust == NULL ? NULL : key, proof_trouble, v, &v->proof);
    if (r == 0 && v->trust != NULL && v->proof.topics == 0)
        trouble(v, "no checkpoint of the trusted key proves anything");
    return r;
}

static void print_proof(const struct verify *v) {
    if (v->proof.topics > 0)
        printf("The daemon's signed checkpoints prove it for %" PRIu64 " entries of %" PRIu64
               " topics%s%s.\n",
               v->proof.entries, v->proof.topics,
               v->trust != NULL ? "" : "; name its key by --trust to be sure whose they are: ",
               v->trust != NULL ? "" : v->proof.key);
    if (v->proof.unproven > 0)
        printf(
            "Of %" PRIu64
            " topics the archive has not everything, so nothing is proven by their checkpoints.\n",
            v->proof.unproven);
}

static int run(struct verify *v) {
    int code = archive_open(&v->archive, &options, v->archive_path, ARCHIVE_READ);
    if (code == EX_IOERR) {
        puts("This archive is NOT whole: SQLite can't open it.");
        return EX_DATAERR;
    }
    if (code != EX_OK)
        return code;
    v->arena = arena_new(ARENA_BYTES);
    if (v->arena == NULL)
        return EX_OSERR;
    int r = store_exec(&v->archive.store, "BEGIN"); /* all of it at one moment */
    if (r == 0)
        r = check_file(v);
    if (r == 0)
        r = check_chains(v);
    if (r == 0 && !v->quick)
        r = check_texts(v);
    if (r == 0 && !v->quick)
        r = check_proof(v);
    if (r < 0) /* SQLite can't even read on */
        trouble(v, "the file can't be read: %s", v->archive.store.trouble);
    if (v->troubles > 0)
        printf("This archive is NOT whole: %" PRIu64 " faults in %" PRIu64 " entries.\n",
               v->troubles, v->entries);
    else
        printf("This archive is whole: %" PRIu64 " entries of %" PRIu64
               " topics follow one another without a gap%s.\n",
               v->entries, v->topics, v->quick ? "" : ", and every text has its digest");
    if (v->is_signed > 0)
        print_signers(v);
    print_proof(v);
    return v->troubles > 0 ? EX_DATAERR : fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

int archive_verify(int argc, char **argv) {
    struct verify v = {.archive = {.lock = -1}};
    int code = options_parse(&options, argc, argv, &v, NULL);
    if (code != OPTIONS_GO_ON)
        return code;
    code = run(&v);
    arena_free(v.arena);
    archive_close(&v.archive);
    return code;
}
