#include "clients/forward/sentence.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What is open, by an index of its own; delivered ones are not looked at. */
static int count_open(struct store *s, const struct forward_config *config, int64_t *ret_waiting,
                      int64_t *ret_parked) {
    int r = store_number(s, ret_waiting, "SELECT count(*) FROM delivery WHERE due_usec IS NOT NULL",
                         "");
    *ret_parked = 0;
    for (size_t i = 0; r >= 0 && i < config->n_outlets; i++) {
        int64_t parked = 0;
        r = store_number(s, &parked,
                         "SELECT count(*) FROM delivery WHERE outlet = ? AND state = 'parked'", "s",
                         config->outlets[i]->name);
        *ret_parked += parked;
    }
    return r;
}

static void describe(const char *name, bool disabled, int64_t failing_usec, size_t others,
                     char *ret, size_t size) {
    char more[40] = "";
    if (others > 0)
        snprintf(more, sizeof more, ", and %zu more", others);
    if (disabled)
        snprintf(ret, size, "; %.60s is disabled%s", name, more);
    else
        snprintf(ret, size, "; %.60s failing for %lld min%s", name,
                 (long long)failing_usec / 60000000, more);
}

/* The one that fails for the longest stands for all. */
static int find_failing(struct store *s, const struct forward_config *config, int64_t now,
                        char *ret, size_t size) {
    sqlite3_stmt *st = store_query(s,
                                   "SELECT name, disabled IS NOT NULL, failing_since_usec FROM "
                                   "outlet WHERE disabled IS NOT NULL OR failing_since_usec > 0 "
                                   "ORDER BY 2 DESC, 3",
                                   "");
    int r = st == NULL ? -EIO : 0;
    char name[64] = "";
    bool disabled = false;
    int64_t since = 0;
    size_t n = 0;
    while (r >= 0 && (r = store_step(s, st)) == 1) {
        if (forward_outlet(config, store_column_string(st, 0)) == NULL)
            continue; /* it is in the config no more */
        if (n++ > 0)
            continue;
        snprintf(name, sizeof name, "%.60s", store_column_string(st, 0));
        disabled = sqlite3_column_int(st, 1) != 0;
        since = sqlite3_column_int64(st, 2);
    }
    *ret = '\0';
    if (n > 0)
        describe(name, disabled, now - since, n - 1, ret, size);
    return r < 0 ? r : 0;
}

int sentence_write(struct store *s, const struct forward_config *config, int64_t now_usec,
                   char ret[static SENTENCE_BYTES]) {
    int64_t waiting = 0, parked = 0;
    char failing[160], aside[60] = "";
    int r = count_open(s, config, &waiting, &parked);
    if (r >= 0)
        r = find_failing(s, config, now_usec, failing, sizeof failing);
    if (r < 0)
        return r;
    if (parked > 0)
        snprintf(aside, sizeof aside, ", %lld %s parked", (long long)parked,
                 parked == 1 ? "is" : "are");
    snprintf(ret, SENTENCE_BYTES, "%zu outlet%s; %lld article%s%s%s", config->n_outlets,
             config->n_outlets == 1 ? "" : "s", (long long)waiting,
             waiting == 1 ? " waits" : "s wait", aside, failing);
    return 0;
}
