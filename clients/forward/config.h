/*
 * What newswire-forward is told by its config: where the wire and the ledger are,
 * and each outlet: what it takes, in which form, by which way, and when.
 *
 * All of it lives in one arena and doesn't change after config_load.
 */
#pragma once

#include "clients/forward/zone.h"
#include "proto/config.h"
#include "proto/write.h"

enum forward_late { LATE_PARK, LATE_SEND, LATE_DROP };
enum forward_starttls { STARTTLS_REQUIRED, STARTTLS_IF_OFFERED, STARTTLS_NEVER };

struct outlet_config {
    const char *name;
    size_t index; /* among all */

    /* what it takes */
    struct text_list topics, kinds, keywords, languages;
    uint64_t urgency;

    /* how it wants it */
    char *format, *charset;
    bool crlf;
    char *filename, *subject, *body, *body_kill, *place, *contact;
    uint64_t exec_timeout_usec, exec_memory_bytes;

    /* where to, and how */
    char *host;       /* of another newswired: its name in paths */
    const char *here; /* of this one */
    char *url, *method, *url_correct, *method_correct, *url_kill, *method_kill;
    struct text_list headers, signing_secrets;
    char *superdesk_secret, *token, *user, *password, *private_key, *known_hosts, *ca_file, *proxy;
    char *key; /* file of CURVE keys, for newswire:// */
    bool redirects, private_addresses, attach, kill_needs_receipt;
    char *success, *retry_on, *remote_id;
    char *mail_from;
    struct text_list mail_to;
    int starttls;

    /* when, and how much */
    char *window_text, *batch_text, *timezone;
    uint64_t expire_usec;
    int late;
    uint64_t connections, rate, batch_most;
    uint64_t connect_timeout_usec, timeout_usec, retry_for_usec, retry_first_usec, retry_most_usec;

    /* made of these */
    const struct write_format *writer; /* NULL: exec, or text by the body template */
    const char *writer_version;
    const char *program; /* of exec:PROGRAM; NULL: none */
    struct zone *zone;
    struct day_window window;
    int batch_minute; /* of the day; -1: an item at a time */
};

struct forward_config {
    struct {
        char *ledger, *name, *server, *feed, *replay, *key;
        struct text_list topics;
        uint64_t retain_usec;
    } forward;
    struct {
        char *listen, *url, *secret;
    } receipts;
    struct outlet_config **outlets;
    size_t n_outlets;
};

extern const struct config_section *const forward_sections[];

/* Sets every key of an outlet to its default. 0 or -ENOMEM. */
int outlet_config_defaults(struct arena *a, struct outlet_config *o)
    __attribute__((nonnull, warn_unused_result));

/* Reads the config and checks each outlet. 0; -EINVAL, -ENOENT, … with *ret_fault
 * set; -ENOMEM. */
int forward_config_load(struct arena *a, const char *path, struct forward_config **ret,
                        struct config_fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* The outlet of that name; NULL when there is none. */
const struct outlet_config *forward_outlet(const struct forward_config *config, const char *name)
    __attribute__((nonnull));
