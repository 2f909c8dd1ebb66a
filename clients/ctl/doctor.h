/*
 * newswirectl doctor: looks at everything that a newswired needs, whether it runs or
 * not, and says what to do.
 */
#pragma once

#include "clients/ctl/ctl.h"
#include "proto/codec.h"

#include <sys/types.h>

enum finding { FINDING_OK, FINDING_WARNING, FINDING_WRONG };

/* What a check looks at, and what it found. */
struct doctor {
    struct ctl_options ctl;
    const char *user; /* the service's */
    struct arena *arena;
    char *values;      /* what newswired --show-config printed; NULL: it did not */
    char program[512]; /* newswired */
    json_t *status;    /* of the daemon; NULL: it doesn't answer */
    bool hidden;       /* we may not ask it: it may run */
    uid_t uid;         /* the service's user; ours when there is none */
    gid_t gid;
    bool can_be; /* we are root, and can look with that user's eyes */
    json_t *findings;
    bool wrong;
};

/* Notes a finding; advice, "" for none, says what to do. */
void doctor_note(struct doctor *d, const char *check, enum finding finding, const char *advice,
                 const char *format, ...) __attribute__((nonnull, format(printf, 5, 6)));

/* A value of the config, in the arena; "" when it is empty or not known. */
const char *doctor_value(const struct doctor *d, const char *section, const char *key)
    __attribute__((nonnull));

/* Whether the service's user may do that (R_OK, W_OK, X_OK) with a file. 0 or -errno. */
int doctor_access(const struct doctor *d, const char *path, int mode) __attribute__((nonnull));

/* The checks; each notes what it finds. */
void doctor_check_program(struct doctor *d);
void doctor_check_config(struct doctor *d);
void doctor_check_daemon(struct doctor *d);
void doctor_check_folders(struct doctor *d);
void doctor_check_disk(struct doctor *d);
void doctor_check_keys(struct doctor *d);
void doctor_check_ports(struct doctor *d);
void doctor_check_clock(struct doctor *d);
