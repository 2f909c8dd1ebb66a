/*
 * newswire.h: read from a news wire, and send to it.
 *
 * A reader hands on each entry of its topics once, in order per topic, through
 * reconnects, restarts of the daemon and gaps in the feed; what it can't have it
 * tells. Its cursor says where it is; saved together with the work that was done
 * with the entries, it makes that work exactly-once.
 *
 * A submitter sends articles and hands on the outcome of each, when that is
 * durable. It sends again what was not answered, which makes no duplicates.
 *
 * A reader or submitter belongs to one thread. No function here prints or ends
 * the program. Functions return 0 or more, or a negative errno.
 *
 *     struct newswire_reader_options options = {.feed = "tcp://127.0.0.1:5560",
 *                                               .replay = "tcp://127.0.0.1:5561"};
 *     if (newswire_reader_new(&options, &reader, error, sizeof error) < 0) ...
 *     while ((r = newswire_reader_next(reader, -1, &event)) >= 0)
 *         if (event.type == NEWSWIRE_ENTRY)
 *             store(event.entry);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct newswire_reader;
struct newswire_submitter;

/* Bytes that belong to the library; no NUL behind them. */
struct newswire_bytes {
    const uint8_t *data;
    size_t len;
};

enum { NEWSWIRE_PATH_MOST = 16, NEWSWIRE_APPROVALS_MOST = 8 };

/* An Entry of newswire.proto, in place. */
struct newswire_entry {
    uint64_t epoch;
    uint64_t seq;
    uint64_t prev_seq;
    struct newswire_bytes topic;
    int64_t stored_at_usec; /* UTC */
    struct newswire_bytes uri;
    uint32_t version;
    struct newswire_bytes content_digest;
    uint64_t replaces;
    struct newswire_bytes path[NEWSWIRE_PATH_MOST];
    size_t n_path;
    struct newswire_bytes approved_by[NEWSWIRE_APPROVALS_MOST]; /* who let it go */
    size_t n_approved_by;
    struct newswire_bytes signature;      /* an encoded Signature, of its origin; empty: none */
    struct newswire_bytes origin;         /* whose it is, as the daemon found; empty: nobody's */
    struct newswire_bytes article_digest; /* SHA-256 of an article that is missing */
    struct newswire_bytes article;        /* an encoded Article; empty: the story was killed */
};

/* ---- reading */

enum newswire_start {
    NEWSWIRE_FROM_FIRST, /* the log's first entry */
    NEWSWIRE_FROM_SEQ,   /* after a proven number */
    NEWSWIRE_FROM_TIME,  /* what was stored at since_usec or later */
    NEWSWIRE_FROM_HEAD,  /* live: what comes from now on */
};

struct newswire_reader_options {
    const char *feed, *replay; /* endpoints */
    const char *const *topics; /* prefixes: "economy/", "briefs/brief"; none: everything */
    size_t n_topics;
    enum newswire_start start; /* where to begin, unless there is a cursor */
    uint64_t after;
    int64_t since_usec;      /* UTC */
    const char *cursor_file; /* goes on from it if it is there; locked against others; NULL: none */
    const char *cursor_text; /* the same as a text of newswire_reader_cursor; NULL: none */
    const char *client;      /* a name for the operator's list of readers; NULL: host and pid */
    const char *key_file;    /* CURVE: this client's keys and the daemon's public one, as
                                newswirectl keygen makes it; NULL: no encryption */
};

enum newswire_event_type {
    NEWSWIRE_ENTRY,     /* entry; valid until the next call for this reader */
    NEWSWIRE_LOSS,      /* entries of topic with after < seq <= upto are kept no more */
    NEWSWIRE_EPOCH,     /* the log is another one: everything in it follows; know what you have by
                           uri and version */
    NEWSWIRE_CAUGHT_UP, /* all up to upto, the head at the start, has been handed on */
    NEWSWIRE_CONNECTED, /* to both feed and replay */
    NEWSWIRE_DISCONNECTED, /* it is tried again without end */
    NEWSWIRE_UNANSWERED,   /* connected, but a request was not answered; it is made again */
    NEWSWIRE_CHECKPOINT,   /* topic's entries up to upto have been handed on, and checkpoint, a
                              SignedCheckpoint that nobody has checked yet, covers them */
    NEWSWIRE_ERROR,        /* message says what; final: no entry will come any more */
};

struct newswire_event {
    enum newswire_event_type type;
    struct newswire_entry entry;
    struct newswire_bytes topic, checkpoint;
    uint64_t after, upto;
    uint64_t epoch_before, epoch;
    bool final;
    bool denied;         /* the error is that the daemon refuses this client: its key or a right */
    bool damaged;        /* the error is that the daemon's log can't be read there */
    const char *message; /* for a person; may hold anything that the daemon sent */
};

/* A reader that begins to connect. 0; -EINVAL for a bad endpoint, topic or
 * cursor, or one made for other topics; -EBUSY when another uses the cursor file;
 * -EPERM, -EBADMSG for a key file that can't be used; other -errno. error then has a sentence. */
int newswire_reader_new(const struct newswire_reader_options *options, struct newswire_reader **ret,
                        char *error, size_t error_size)
    __attribute__((nonnull, warn_unused_result));

/* Closes it; what was not saved is not. Takes NULL; returns NULL. */
struct newswire_reader *newswire_reader_free(struct newswire_reader *reader);

/* Waits for the next event. 1; 0 after timeout_msec (-1: never); -EINTR when a
 * signal came; other -errno. What the last event held ends with this call. */
int newswire_reader_next(struct newswire_reader *reader, int timeout_msec,
                         struct newswire_event *ret) __attribute__((nonnull, warn_unused_result));

/* The cursor as a text: it covers every event that newswire_reader_next has
 * returned. *ret is malloc'd; NULL as long as the place to begin at isn't known. */
int newswire_reader_cursor(struct newswire_reader *reader, char **ret)
    __attribute__((nonnull, warn_unused_result));

/* Writes it to the cursor file, so that the file is the old or the new one
 * whatever happens. Call it when the work with the events is durable. */
int newswire_reader_save(struct newswire_reader *reader)
    __attribute__((nonnull, warn_unused_result));

/* How far it is, for progress: the log's head as said last, and proven_seq. */
uint64_t newswire_reader_head(const struct newswire_reader *reader) __attribute__((nonnull));
uint64_t newswire_reader_proven(const struct newswire_reader *reader) __attribute__((nonnull));

/* ---- sections */

/* Asks a daemon, by its replay endpoint, which sections it has, and so what can be
 * subscribed to: *ret_json is malloc'd, an array of Section messages by the
 * protobuf JSON mapping. key_file: as newswire_reader_options has it. 0; -ETIMEDOUT when
 * nobody answers for so long (0: it waits for ever); -EACCES when the daemon refuses this
 * client; other -errno. error then has a sentence. */
int newswire_sections(const char *replay, const char *key_file, int64_t patience_usec,
                      char **ret_json, char *error, size_t error_size)
    __attribute__((nonnull(1, 4, 5), warn_unused_result));

/* ---- submitting */

/* As Outcome of newswire.proto. */
enum newswire_outcome {
    NEWSWIRE_ACCEPTED = 1,
    NEWSWIRE_DUPLICATE,
    NEWSWIRE_REFUSED,
    NEWSWIRE_HELD,
};

struct newswire_result {
    void *cookie;
    enum newswire_outcome outcome;
    uint64_t epoch, seq; /* seq 0: it has none (refused, held) */
    const char *uri;
    uint32_t version;
    const char *topic;
    const char *field, *reason; /* of a refusal */
};

/* Called once for each article that has an outcome. Its strings end with it. */
typedef void (*newswire_result_fn)(void *userdata, const struct newswire_result *result);

struct newswire_submitter_options {
    const char *submit; /* endpoint */
    const char *client; /* a name for the daemon's log; NULL: none */
    newswire_result_fn result;
    void *userdata;
    size_t window_bytes;   /* of articles that wait for their outcome; 0: 8 MiB */
    int64_t patience_usec; /* without any outcome for so long it gives up; 0: never */
    bool force;            /* take versions and kills whose original the daemon doesn't know */
    const char *key_file;  /* as newswire_reader_options has it */
};

int newswire_submitter_new(const struct newswire_submitter_options *options,
                           struct newswire_submitter **ret, char *error, size_t error_size)
    __attribute__((nonnull, warn_unused_result));

/* Takes NULL; returns NULL. Articles without an outcome get none: nothing is
 * known of them, and to send them again is harmless. */
struct newswire_submitter *newswire_submitter_free(struct newswire_submitter *submitter);

/* Sends an encoded Article, which is copied. Waits while the window is full, and
 * calls result for others meanwhile. 0; -EMSGSIZE; -ETIMEDOUT when patience ended,
 * -EACCES when the daemon refuses this client (newswire_submitter_trouble says why);
 * -EINTR: not taken; other -errno. */
int newswire_submitter_add(struct newswire_submitter *submitter, const void *article, size_t len,
                           void *cookie) __attribute__((nonnull(1, 2), warn_unused_result));

/* An origin's signature of an article: Ed25519, made as PROTOCOL.md says. */
struct newswire_signature {
    uint8_t key[32];
    uint8_t ed25519[64];
};

/* The same with a signature, which is copied; NULL: none. */
int newswire_submitter_add_signed(struct newswire_submitter *submitter, const void *article,
                                  size_t len, const struct newswire_signature *signature,
                                  void *cookie) __attribute__((nonnull(1, 2), warn_unused_result));

/* Waits until every article has its outcome. Errors as newswire_submitter_add. */
int newswire_submitter_finish(struct newswire_submitter *submitter)
    __attribute__((nonnull, warn_unused_result));

/* From here on articles are held until a person has approved them; reason: why,
 * copied; NULL: not any more. Waits first for what was sent before. */
int newswire_submitter_hold(struct newswire_submitter *submitter, const char *reason)
    __attribute__((nonnull(1), warn_unused_result));

/* From here on articles have come through these daemons, oldest first; n 0: through
 * none. At most NEWSWIRE_PATH_MOST names, copied. Waits first for what was sent
 * before. 0; -EINVAL; errors as newswire_submitter_add. */
int newswire_submitter_path(struct newswire_submitter *submitter, const char *const *names,
                            size_t n) __attribute__((nonnull(1), warn_unused_result));

/* What the daemon knows of a uri. */
struct newswire_story {
    uint32_t version; /* newest that was published; 0: none */
    uint64_t seq;     /* its entry */
    char topic[97];
    bool killed;
    uint32_t held_version; /* that waits for its release; 0: none */
    char held_topic[97];
};

/* Asks about a uri, and waits: for what was sent before, and for the answer.
 * Errors as newswire_submitter_add. */
int newswire_submitter_story(struct newswire_submitter *submitter, const char *uri,
                             struct newswire_story *ret)
    __attribute__((nonnull, warn_unused_result));

/* Is handed an encoded Article that is held. 0, or a negative errno that ends it. */
typedef int (*newswire_held_fn)(void *userdata, const void *article, size_t len);

/* Asks for the articles that are held and whose uri begins so, and waits; what was
 * sent before is known then. Errors as newswire_submitter_add, and those of the
 * function. */
int newswire_submitter_held(struct newswire_submitter *submitter, const char *uri_start,
                            newswire_held_fn take, void *userdata)
    __attribute__((nonnull(1, 2, 3), warn_unused_result));

/* What keeps it from going on, for a person: "no answer", or the daemon's reason. */
const char *newswire_submitter_trouble(const struct newswire_submitter *submitter)
    __attribute__((nonnull));
