#include "clients/ctl/ctl.h"

#include "proto/config.h"
#include "proto/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { CONFIG_ARENA_BYTES = 16 << 20 };

/* ---- where the daemon is */

struct configured {
    char *path;
};

/* The daemon's [control]: all its keys, as one that isn't here would be a fault. */
static const struct config_key control_keys[] = {
    {.name = "path",
     .type = CONFIG_PATH,
     .offset = offsetof(struct configured, path),
     .help = "The operator's Unix socket."},
    {0},
};
static const struct config_section control_table = {
    .name = "control", .keys = control_keys, .help = "For the operator."};

static int read_config(struct arena *a, const char *file, char ret[static CTL_PATH_BYTES]) {
    static const struct config_section *const tables[] = {&control_table, NULL};
    struct configured configured = {0};
    struct config_fault fault = {0};
    char line[800];
    if (config_read(a, tables, &configured, file, CONFIG_OTHER_SECTIONS, &fault) < 0) {
        fprintf(stderr, "newswirectl: %s\n", config_fault_text(&fault, line, sizeof line));
        return EX_CONFIG;
    }
    if (configured.path != NULL && *configured.path != '\0')
        snprintf(ret, CTL_PATH_BYTES, "%s", configured.path);
    return EX_OK;
}

int ctl_path(const struct ctl_options *o, char ret[static CTL_PATH_BYTES]) {
    const char *file = o->config;
    snprintf(ret, CTL_PATH_BYTES, "%s", o->control != NULL ? o->control : "/run/newswire/control");
    if (file == NULL && access(CTL_CONFIG_FILE, R_OK) == 0)
        file = CTL_CONFIG_FILE;
    if (o->control != NULL || file == NULL)
        return EX_OK;
    struct arena *a = arena_new(CONFIG_ARENA_BYTES);
    int code = a == NULL ? EX_OSERR : read_config(a, file, ret);
    arena_free(a);
    return code;
}

/* ---- asking */

int ctl_fetch(const struct ctl_options *o, const char *command, const char *const *arguments,
              size_t n, json_t **ret) {
    char path[CTL_PATH_BYTES], reason[CONTROL_REASON_BYTES];
    int code = ctl_path(o, path);
    if (code != EX_OK)
        return code;
    code = control_ask(path, command, arguments, n, ret, reason, sizeof reason);
    if (code != EX_OK)
        fprintf(stderr, "newswirectl: %s\n", reason);
    return code;
}
