/* newswire-forward metrics: how the outlets are, for programs. */
#include "proto/metrics.h"
#include "clients/forward/commands.h"
#include "clients/forward/outlet_counts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct metrics_options {
    struct desk_options desk;
};

static const struct options_row rows[] = {
    DESK_CONFIG_ROW(struct metrics_options),
    {0},
};

static const struct options options = {
    .program = "newswire-forward metrics",
    .arguments = "",
    .summary = "How the outlets are, in the OpenMetrics format, as for a file that\n"
               "node_exporter collects.",
    .rows = rows,
};

/* What each outlet has: a number, or a time that is left out when it is 0. */
static const struct row {
    struct metrics_family family;
    const char *state;
    size_t offset;
    bool usec;
} table[] = {
#define STATE(word, text)                                                                          \
    {                                                                                              \
        {"newswire_forward_deliveries", METRICS_GAUGE, text}, #word,                               \
            offsetof(struct outlet_counts, word), false                                            \
    }
    STATE(queued, "Articles for an outlet in the ledger, by state."),
    STATE(sending, ""),
    STATE(retrying, ""),
    STATE(delivered, ""),
    STATE(parked, ""),
    STATE(withdrawn, ""),
    {{"newswire_forward_kills_open", METRICS_GAUGE, "Withdrawals that nobody has confirmed."},
     NULL,
     offsetof(struct outlet_counts, kills_open),
     false},
    {{"newswire_forward_oldest_timestamp_seconds", METRICS_GAUGE,
      "Since when the oldest article waits."},
     NULL,
     offsetof(struct outlet_counts, oldest_usec),
     true},
    {{"newswire_forward_failing_since_timestamp_seconds", METRICS_GAUGE,
      "Since when the outlet takes nothing; not there when it does."},
     NULL,
     offsetof(struct outlet_counts, failing_since),
     true},
};

/* The config's name without folder and ".conf": which forwarder it is. */
static const char *name_of(struct arena *a, const char *config) {
    const char *slash = strrchr(config, '/'), *base = slash == NULL ? config : slash + 1;
    size_t len = strlen(base);
    if (len > 5 && strcmp(base + len - 5, ".conf") == 0)
        len -= 5;
    return arena_strndup(a, base, len);
}

static void print_row(const struct row *row, const char *forwarder, const char *outlet,
                      const struct outlet_counts *c) {
    const struct metrics_label labels[] = {
        {"forwarder", forwarder}, {"outlet", outlet}, {"state", row->state}, {0}};
    int64_t value;
    memcpy(&value, (const char *)c + row->offset, sizeof value);
    if (!row->usec)
        metrics_value(stdout, &row->family, labels, value);
    else if (value > 0)
        metrics_seconds(stdout, &row->family, labels, value);
}

static void print_all(struct desk *d, const char *forwarder, const struct outlet_counts *counts) {
    static const struct metrics_family disabled = {"newswire_forward_disabled", METRICS_GAUGE,
                                                   "Whether a person has to look at the outlet."};
    const char *last = "";
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(last, table[i].family.name) != 0)
            metrics_begin(stdout, &table[i].family);
        last = table[i].family.name;
        for (size_t k = 0; k < d->config->n_outlets; k++)
            print_row(&table[i], forwarder, d->config->outlets[k]->name, &counts[k]);
    }
    metrics_begin(stdout, &disabled);
    for (size_t k = 0; k < d->config->n_outlets; k++) {
        const struct metrics_label labels[] = {
            {"forwarder", forwarder}, {"outlet", d->config->outlets[k]->name}, {0}};
        metrics_value(stdout, &disabled, labels, counts[k].is_disabled);
    }
    metrics_end(stdout);
}

static int run(struct desk *d, const char *config) {
    const char *forwarder = name_of(d->arena, config == NULL ? "forward" : config);
    struct outlet_counts *counts = calloc(d->config->n_outlets + 1, sizeof *counts);
    int r = counts == NULL || forwarder == NULL ? -ENOMEM : 0;
    for (size_t i = 0; r == 0 && i < d->config->n_outlets; i++)
        r = outlet_count(&d->ledger.store, d->config->outlets[i]->name, &counts[i]);
    if (r == 0)
        print_all(d, forwarder, counts);
    free(counts);
    return r == 0 ? EX_OK : r == -ENOMEM ? EX_OSERR : desk_trouble(d, r);
}

int forward_metrics(int argc, char **argv) {
    struct metrics_options o = {0};
    struct desk d = {0};
    int code = options_parse(&options, argc, argv, &o, NULL);
    if (code != OPTIONS_GO_ON)
        return code;
    code = desk_open(&d, &options, o.desk.config, STORE_READ);
    if (code == EX_OK)
        code = run(&d, o.desk.config);
    desk_close(&d);
    return code;
}
