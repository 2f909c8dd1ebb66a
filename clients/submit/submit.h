/*
 * What the parts of newswire-submit share: its options, and sending an article.
 *
 * A function that returns bool says whether there is a point in going on; what went
 * wrong has been said, and the exit code noted.
 */
#pragma once

#include "clients/lib/newswire.h"
#include "clients/tool/options.h"
#include "proto/parse.h"
#include "proto/rules.h"
#include "proto/signature.h"
#include "proto/write.h"

#include <sys/queue.h>

enum { SUBMIT_PATIENCE_SEC = 60 }; /* without an answer */

struct submit {
    const char *section, *server, *endpoint, *config, *output, *feed, *replay, *key, *sign;
    struct key_pair sign_key; /* its secret is NULL: nothing is signed */
    const char *correct, *kill, *note;
    struct options_uint timeout_sec;
    bool parse_only, json, preview, revise, dry_run, yes, force;
    int format;                        /* index in format_names */
    const struct write_format *writer; /* of --output; NULL: lines of JSON */
    const char *writer_version;

    struct rules rules;
    struct newswire_submitter *submitter;
    TAILQ_HEAD(sent_list, sent) waiting;
    int code; /* the worst so far, of sysexits.h */
};

/* Notes an exit code, if it is worse than the one so far. */
void submit_worse(struct submit *s, int code) __attribute__((nonnull));

/* Says a line on stderr, harmless to a terminal. */
void submit_say(const char *format, ...) __attribute__((nonnull, format(printf, 1, 2)));

/* What became of the submitter: a negative errno. */
bool submit_goes_on(struct submit *s, int r) __attribute__((nonnull));

/* From here on articles wait for a person, if the rules say so of a page that was
 * read like this. */
bool submit_hold(struct submit *s, const struct parsed *parsed) __attribute__((nonnull));

/* Sends an article of the file. */
bool submit_send(struct submit *s, struct arena *a, const char *path, const Article *article)
    __attribute__((nonnull));

/* ---- versions.c */

/* Sends an article as the next version of a story, where the story is unless it
 * says otherwise itself. */
bool submit_version(struct submit *s, struct arena *a, const char *path, const char *uri,
                    Article *article) __attribute__((nonnull));

/* Withdraws a story. */
bool submit_kill(struct submit *s, struct arena *a, const char *path, const char *uri)
    __attribute__((nonnull));

/* Sends the one article of a file as the next version of --correct. */
bool submit_correction(struct submit *s, struct arena *a, const char *path, struct parsed *parsed)
    __attribute__((nonnull));

/* ---- revised_page.c */

/* Holds a page against what was published of it, and sends what a person confirms. */
bool submit_revised_page(struct submit *s, struct arena *a, const char *path, struct parsed *parsed)
    __attribute__((nonnull));
