/*
 * The commands of newswirectl, and what they share: the daemon's socket, asking,
 * and texts for a terminal.
 */
#pragma once

#include "clients/tool/command.h"
#include "clients/tool/control.h"

#include <jansson.h>

/* Each is a command's run; argv[0] is its name. */
int ctl_show(int argc, char **argv); /* of show.h's table: asks once, prints the answer */
int ctl_keygen(int argc, char **argv);
int ctl_doctor(int argc, char **argv);
int ctl_top(int argc, char **argv);
int ctl_audit(int argc,
              char **argv); /* reads the journal; EX_DATAERR when it has lost some of it */
int ctl_backup(int argc, char **argv);

/* What every command that asks the daemon has among its options. */
struct ctl_options {
    const char *control, *config;
    bool json;
};

#define CTL_CONTROL_ROW(type)                                                                      \
    {                                                                                              \
        "control", OPTIONS_STRING, offsetof(type, ctl.control), "PATH", NULL,                      \
            "the daemon's Unix socket; default: as the config says"                                \
    }
#define CTL_CONFIG_ROW(type)                                                                       \
    {                                                                                              \
        "config", OPTIONS_STRING, offsetof(type, ctl.config), "FILE", NULL,                        \
            "the daemon's; default /etc/newswire/newswired.conf"                                   \
    }
#define CTL_JSON_ROW(type)                                                                         \
    { "json", OPTIONS_FLAG, offsetof(type, ctl.json), NULL, NULL, "print JSON" }

#define CTL_CONFIG_FILE "/etc/newswire/newswired.conf"

enum { CTL_PATH_BYTES = 512 };

/* Where the daemon's socket is. EX_OK, or an exit code with the reason said. */
int ctl_path(const struct ctl_options *o, char ret[static CTL_PATH_BYTES])
    __attribute__((nonnull, warn_unused_result));

/* ctl_path and control_ask, with the reason said. */
int ctl_fetch(const struct ctl_options *o, const char *command, const char *const *arguments,
              size_t n, json_t **ret) __attribute__((nonnull(1, 2, 5), warn_unused_result));

/* ---- answers for people */

/* A number of an object; 0 when it isn't there. */
long long ctl_number(const json_t *object, const char *key);

/* A text of an object that may come from anybody, harmless to a terminal; "" when it
 * isn't there. Four can be in use. */
const char *ctl_text(const json_t *object, const char *key);

void ctl_print_json(const json_t *value, size_t flags);
