/* newswire-archive metrics: how the archive is, for programs. */
#include "proto/metrics.h"
#include "clients/archive/archive.h"
#include "clients/archive/commands.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct metrics {
    struct archive archive;
    const char *archive_path;
};

static const struct options_row rows[] = {
    ARCHIVE_ROW(metrics, archive_path),
    {0},
};

static const struct options options = {
    .program = "newswire-archive metrics",
    .arguments = "",
    .summary = "How the archive is, in the OpenMetrics format, as for a file that\n"
               "node_exporter collects.",
    .rows = rows,
};

/* Each a number that one statement gives; no row: it is left out. */
static const struct {
    struct metrics_family family;
    const char *sql;
    bool usec;
} table[] = {
    {{"newswire_archive_entries", METRICS_COUNTER, "Entries stored in the archive's life."},
     "SELECT coalesce(max(id), 0) FROM entry",
     false},
    {{"newswire_archive_head", METRICS_GAUGE, "Number of the newest entry, in its epoch."},
     "SELECT seq FROM entry ORDER BY id DESC LIMIT 1",
     false},
    {{"newswire_archive_epoch", METRICS_GAUGE, "The epoch of the newest entry."},
     "SELECT epoch FROM entry ORDER BY id DESC LIMIT 1",
     false},
    {{"newswire_archive_newest_timestamp_seconds", METRICS_GAUGE,
      "When the daemon stored the newest entry."},
     "SELECT stored_at_usec FROM entry ORDER BY id DESC LIMIT 1",
     true},
    {{"newswire_archive_losses", METRICS_GAUGE,
      "Times the wire had no more what the archive had missed."},
     "SELECT count(*) FROM loss",
     false},
    {{"newswire_archive_unindexed", METRICS_GAUGE, "Entries that can't be searched for yet."},
     "SELECT coalesce(max(id), 0) - coalesce((SELECT value FROM state WHERE name = 'indexed_to'), "
     "0)"
     " FROM entry",
     false},
    {{"newswire_archive_bytes", METRICS_GAUGE, "Size of the archive's file."},
     "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
     false},
};

static int print_all(struct archive *a) {
    const char *slash = strrchr(a->path, '/');
    const struct metrics_label labels[] = {{"archive", slash == NULL ? a->path : slash + 1}, {0}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int64_t value = 0;
        int r = store_number(&a->store, &value, table[i].sql, "");
        if (r < 0)
            return archive_fail(a, &options);
        metrics_begin(stdout, &table[i].family);
        if (r == 1 && table[i].usec)
            metrics_seconds(stdout, &table[i].family, labels, value);
        else if (r == 1)
            metrics_value(stdout, &table[i].family, labels, value);
    }
    metrics_end(stdout);
    return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

int archive_metrics(int argc, char **argv) {
    struct metrics m = {.archive = {.lock = -1}};
    int code = options_parse(&options, argc, argv, &m, NULL);
    if (code != OPTIONS_GO_ON)
        return code;
    code = archive_open(&m.archive, &options, m.archive_path, ARCHIVE_READ);
    if (code == EX_OK)
        code = print_all(&m.archive);
    archive_close(&m.archive);
    return code;
}
