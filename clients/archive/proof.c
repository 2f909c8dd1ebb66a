#include "clients/archive/proof.h"

#include "proto/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct check {
    struct store *store;
    proof_trouble_fn trouble;
    void *userdata;
    const uint8_t *trusted;
    struct proof *proof;
    char topic[LIMIT_TOPIC_BYTES + 1];
};

__attribute__((format(printf, 2, 3))) static void trouble(struct check *k, const char *format,
                                                          ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    k->trouble(k->userdata, text);
}

/* The chain over the archive's entries that the checkpoint covers. How many they are,
 * or an error; *ret_first is the prev_seq of the first. */
static int64_t compute(struct check *k, const struct checkpoint *c, uint64_t *ret_first,
                       uint8_t *ret) {
    int64_t n = 0;
    int r;
    sqlite3_stmt *st = store_prepare(
        k->store, "SELECT e.seq, e.prev_seq, e.stored_at_usec, e.version, y.uri, e.content_digest,"
                  " coalesce(b.digest, e.article_digest) FROM entry e JOIN topic t ON t.id ="
                  " e.topic JOIN story y ON y.id = e.story LEFT JOIN body b ON b.entry = e.id"
                  " WHERE e.epoch = ? AND t.name = ? AND e.seq > ? AND e.seq <= ? ORDER BY e.seq");
    if (st == NULL)
        return -EIO;
    memset(ret, 0, CHECKPOINT_CHAIN_BYTES);
    store_bind_int(st, 1, (int64_t)c->epoch);
    store_bind_string(st, 2, k->topic);
    store_bind_int(st, 3, (int64_t)c->after);
    store_bind_int(st, 4, (int64_t)c->head);
    while ((r = store_step(k->store, st)) == 1) {
        uint8_t digest[SIGNATURE_ARTICLE_DIGEST_BYTES] = {0};
        struct slice kept = store_column(st, 6);
        struct entry e = {.seq = (uint64_t)sqlite3_column_int64(st, 0),
                          .prev_seq = (uint64_t)sqlite3_column_int64(st, 1),
                          .stored_at_usec = sqlite3_column_int64(st, 2),
                          .version = (uint32_t)sqlite3_column_int64(st, 3),
                          .uri = store_column(st, 4),
                          .content_digest = store_column(st, 5)};
        if (n++ == 0)
            *ret_first = e.prev_seq;
        if (kept.len == sizeof digest)
            memcpy(digest, kept.data, sizeof digest);
        checkpoint_chain(ret, &e, digest);
    }
    store_finalize(k->store, st);
    return r < 0 ? -EIO : n;
}

/* Whether the archive says itself that it lacks entries of the topic up to there. */
static bool lacks(struct check *k, const struct checkpoint *c) {
    int64_t n = 0;
    return store_number(k->store, &n,
                        "SELECT (SELECT count(*) FROM loss WHERE epoch = ?1 AND topic = ?2 AND"
                        " upto > ?3) + (SELECT count(*) FROM removed WHERE epoch = ?1 AND topic ="
                        " ?2 AND upto > ?3)",
                        "iti", (int64_t)c->epoch, c->topic, (int64_t)c->after) < 0 ||
           n > 0;
}

static int check_chain(struct check *k, const struct checkpoint *c) {
    uint8_t chain[CHECKPOINT_CHAIN_BYTES];
    uint64_t first = 0;
    int64_t n = compute(k, c, &first, chain);
    if (n < 0)
        return (int)n;
    if ((uint64_t)n == c->entries && memcmp(chain, c->chain, sizeof chain) == 0) {
        k->proof->topics++;
        k->proof->entries += c->entries;
        return 0;
    }
    /* It began later than the log, or has removed what is old: nothing is proven, and
     * nothing disproven. */
    if ((uint64_t)n < c->entries && (lacks(k, c) || (n > 0 && first > c->after))) {
        k->proof->unproven++;
        return 0;
    }
    trouble(k,
            "%s: what is here up to entry %" PRIu64 " is not what the daemon signed: %" PRId64
            " entries here, %" PRIu64 " there",
            k->topic, c->head, n, c->entries);
    return 0;
}

static int check_one(struct check *k, struct slice bytes) {
    struct checkpoint c;
    int r = checkpoint_read(bytes, &c);
    if (r < 0) {
        trouble(k, "%s: the checkpoint %s", k->topic,
                r == -EKEYREJECTED ? "was altered, or signed with another key" : "is none");
        return 0;
    }
    key_public_text(KEY_ED25519, c.key, k->proof->key);
    if (!slice_equal(c.topic, slice_of(k->topic))) {
        trouble(k, "%s: the checkpoint is that of another topic", k->topic);
        return 0;
    }
    if (k->trusted != NULL && memcmp(k->trusted, c.key, KEY_BYTES) != 0) {
        trouble(k, "%s: the checkpoint is signed with key %s, which is not the trusted one",
                k->topic, k->proof->key);
        return 0;
    }
    return check_chain(k, &c);
}

int proof_check(struct store *s, const uint8_t *trusted, proof_trouble_fn tell, void *userdata,
                struct proof *ret) {
    struct check k = {
        .store = s, .trouble = tell, .userdata = userdata, .trusted = trusted, .proof = ret};
    int r;
    *ret = (struct proof){0};
    sqlite3_stmt *st =
        store_prepare(s, "SELECT topic, bytes FROM checkpoint ORDER BY epoch, topic");
    if (st == NULL)
        return -EIO;
    while ((r = store_step(s, st)) == 1) {
        uint8_t copy[CHECKPOINT_ENCODED_BYTES];
        struct slice bytes = store_column(st, 1);
        snprintf(k.topic, sizeof k.topic, "%s", store_column_string(st, 0));
        bytes.len = bytes.len < sizeof copy ? bytes.len : sizeof copy;
        if (bytes.len > 0)
            memcpy(copy, bytes.data, bytes.len);
        r = check_one(&k, (struct slice){copy, bytes.len});
        if (r < 0)
            break;
    }
    store_finalize(s, st);
    return r < 0 ? r : 0;
}
