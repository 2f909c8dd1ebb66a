/*
 * The commands of newswire-alert, and what they share: the config and the state.
 */
#pragma once

#include "clients/alert/state.h"
#include "clients/tool/command.h"

/* Each is a command's run; argv[0] is its name. */
int alert_run(int argc, char **argv);
int alert_check(int argc, char **argv);
int alert_status(int argc, char **argv);
int alert_test(int argc, char **argv);

/* What every command's options have. */
struct watch_options {
    const char *config;
    bool json;
};

#define WATCH_CONFIG_ROW(type)                                                                     \
    {                                                                                              \
        "config", OPTIONS_STRING, offsetof(type, watch.config), "FILE", NULL,                      \
            "default /etc/newswire/alert.conf"                                                     \
    }
#define WATCH_JSON_ROW(type)                                                                       \
    { "json", OPTIONS_FLAG, offsetof(type, watch.json), NULL, NULL, "one JSON object a line" }

/* A command at work. */
struct watch {
    const struct options *options;
    struct arena *arena;
    struct alert_config *config;
    struct state state;
};

/* Reads the config, and makes empty boards. EX_OK, or a code with the reason said.
 * watch_close in any case. */
int watch_open(struct watch *w, const struct options *options, const char *config)
    __attribute__((nonnull(1, 2), warn_unused_result));
void watch_close(struct watch *w) __attribute__((nonnull));

/* Says that there is no memory. Returns EX_OSERR. */
int watch_short_of_memory(void);
