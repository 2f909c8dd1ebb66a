/*
 * What newswire-alert is told by its config: what it looks at, and each group of
 * people: what they want to hear of, by which way, and when.
 *
 * All of it lives in one arena and doesn't change after alert_config_load.
 */
#pragma once

#include "clients/alert/kind.h"
#include "clients/forward/zone.h"
#include "proto/config.h"

/* Of a title, in bytes. */
enum { ALERT_TITLE_MOST = 120 };

enum alert_format { ALERT_JSON, ALERT_WECOM, ALERT_DINGTALK };

struct group_config {
    const char *name;
    size_t index; /* among all */

    /* whom it goes to, and how */
    char *url, *url_secret, *secret, *token;
    int format;
    struct text_list mention;
    char *mail_from;
    struct text_list mail_to;
    char *user, *password, *ca_file, *proxy;
    int starttls;
    uint64_t timeout_usec, retry_first_usec, retry_most_usec;

    /* in which words */
    char *title;
    int language;

    /* when, and how much */
    struct text_list kinds, urgent;
    char *quiet_text, *timezone;
    uint64_t merge_usec, remind_usec, rate, lines;

    /* what counts */
    uint64_t daemon_down_usec, intake_stopped_usec, degraded_usec, disk_free_bytes,
        kill_unconfirmed_usec;
    uint64_t outlet_failing_usec, item_parked_usec, reader_behind_usec, reader_lag;
    uint64_t reader_gone_usec, unsigned_usec, cannot_look_usec;
    struct text_list readers;
    char *no_page_text, *page_after_text;
    struct text_list page_topics, page_days, page_except;

    /* made of these */
    bool is_mail;
    bool wants[ALERT_KINDS], is_urgent[ALERT_KINDS];
    struct zone *zone;
    struct day_window quiet;
    int no_page_minute, page_after_minute; /* -1: none */
    bool days[7];                          /* from Sunday */
};

struct alert_config {
    struct {
        char *control, *state, *name;
        struct text_list forwarders, disks;
        uint64_t interval_usec;
    } watch;
    struct group_config **groups;
    size_t n_groups;
};

extern const struct config_section *const alert_sections[];

/* Reads the config and checks each group. 0; -EINVAL, -ENOENT, … with *ret_fault set;
 * -ENOMEM. */
int alert_config_load(struct arena *a, const char *path, struct alert_config **ret,
                      struct config_fault *ret_fault) __attribute__((nonnull, warn_unused_result));

/* The group of that name; NULL when there is none. */
const struct group_config *alert_group(const struct alert_config *config, const char *name)
    __attribute__((nonnull));
