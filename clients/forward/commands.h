/*
 * The commands of newswire-forward, and what they share: the config, the ledger,
 * and words for people.
 */
#pragma once

#include "clients/forward/ledger.h"
#include "clients/tool/command.h"
#include "clients/tool/words.h"

/* Each is a command's run; argv[0] is its name. */
int forward_run(int argc, char **argv);
int forward_check(int argc, char **argv);
int forward_status(int argc, char **argv);
int forward_why(int argc, char **argv);
int forward_kills(int argc, char **argv);
int forward_retry(int argc, char **argv);
int forward_park(int argc, char **argv);
int forward_send(int argc, char **argv);
int forward_test(int argc, char **argv);
int forward_receipt(int argc, char **argv);
int forward_report(int argc, char **argv);
int forward_metrics(int argc, char **argv);

/* What every command's options have. */
struct desk_options {
    const char *config;
    bool json;
};

/* A command at work. */
struct desk {
    const struct options *options;
    struct arena *arena;
    struct forward_config *config;
    struct ledger ledger;
};

#define DESK_CONFIG_ROW(type)                                                                      \
    {                                                                                              \
        "config", OPTIONS_STRING, offsetof(type, desk.config), "FILE", NULL,                       \
            "default /etc/newswire/forward.conf"                                                   \
    }
#define DESK_JSON_ROW(type)                                                                        \
    { "json", OPTIONS_FLAG, offsetof(type, desk.json), NULL, NULL, "one JSON object a line" }

/* Reads the config. EX_OK, or a code with the reason said. desk_close in any case. */
int desk_configure(struct desk *d, const struct options *options, const char *config)
    __attribute__((nonnull(1, 2), warn_unused_result));

/* The same, and opens the ledger. */
int desk_open(struct desk *d, const struct options *options, const char *config,
              enum store_mode mode) __attribute__((nonnull(1, 2), warn_unused_result));
void desk_close(struct desk *d) __attribute__((nonnull));

/* Says what went wrong in the ledger. Returns EX_IOERR, or EX_TEMPFAIL when it is busy. */
int desk_trouble(struct desk *d, int error) __attribute__((nonnull));

/* The outlet of that name; NULL when there is none, with that said. */
const struct outlet_config *desk_outlet(const struct desk *d, const char *name)
    __attribute__((nonnull));

/* An item as people name it, its uri or a sequence number: its uri, in the arena,
 * and the article's id of its newest version (or that of the number). EX_OK, or a
 * code with the reason said. */
int desk_item(struct desk *d, const char *item, const char **ret_uri, int64_t *ret_article)
    __attribute__((nonnull, warn_unused_result));
