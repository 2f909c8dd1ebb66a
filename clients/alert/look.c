#include "clients/alert/look.h"

#include "clients/tool/control.h"
#include "proto/article.h"
#include "proto/formats/timestamp.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sysexits.h>

/* Over the longest holidays. */
enum { ARENA_BYTES = 64 << 20, DAYS_BACK = 30 };

static const int64_t day_usec = 86400 * INT64_C(1000000);

static const char *copy(struct arena *a, const char *text) {
    return text == NULL ? "" : arena_strndup(a, text, strlen(text));
}

__attribute__((format(printf, 4, 5), warn_unused_result)) static int add_fault(
    struct look *l, const char *what, enum look_source source, const char *format, ...) {
    char why[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    struct look_fault *f = arena_alloc(l->arena, sizeof *f);
    if (f == NULL)
        return -ENOMEM;
    *f = (struct look_fault){copy(l->arena, what), copy(l->arena, why), source};
    if (f->what == NULL || f->why == NULL)
        return -ENOMEM;
    return article_push(l->arena, (void ***)&l->faults, &l->n_faults, f);
}

/* ---- the daemon */

/* The day of the week of the zone's clocks, from Sunday. */
static int weekday(const struct zone *z, int64_t usec) {
    return (int)((zone_local(z, usec) / day_usec + 4) % 7); /* 1970 began on a Thursday */
}

static bool is_page_day(const struct group_config *g, int64_t usec) {
    char date[16];
    zone_date(g->zone, usec, date);
    for (size_t i = 0; i < g->page_except.n; i++)
        if (strcmp(g->page_except.items[i], date) == 0)
            return false;
    return g->days[weekday(g->zone, usec)];
}

bool look_page_time(const struct group_config *g, int64_t now, int64_t *ret_start,
                    int64_t *ret_deadline) {
    if (g->no_page_minute < 0)
        return false;
    for (int back = 1; back <= DAYS_BACK; back++) {
        int64_t deadline = zone_next(g->zone, now - back * day_usec, g->no_page_minute);
        if (deadline > now || !is_page_day(g, deadline))
            continue;
        *ret_start = zone_next(g->zone, deadline - day_usec, g->page_after_minute);
        *ret_deadline = deadline;
        return true;
    }
    return false;
}

static int ask_since(struct look *l, const struct alert_config *c, const struct group_config *g) {
    char time[TIMESTAMP_BYTES], reason[CONTROL_REASON_BYTES];
    const char *arguments[] = {time};
    int64_t start, deadline;
    if (!g->wants[ALERT_NO_PAGE] || !look_page_time(g, l->now_usec, &start, &deadline))
        return 0;
    timestamp_write(start, time);
    if (control_ask(c->watch.control, "since", arguments, 1, &l->came[g->index], reason,
                    sizeof reason) == EX_OK)
        return 0;
    return add_fault(l, c->watch.control, LOOK_DAEMON, "%s", reason);
}

static int ask_daemon(struct look *l, const struct alert_config *c) {
    char reason[CONTROL_REASON_BYTES];
    int r = 0;
    l->watches_daemon = *c->watch.control != '\0';
    if (!l->watches_daemon)
        return 0;
    if (control_ask(c->watch.control, "status", NULL, 0, &l->status, reason, sizeof reason) !=
        EX_OK) {
        l->no_answer = copy(l->arena, reason);
        return l->no_answer == NULL ? -ENOMEM : 0;
    }
    for (size_t i = 0; r == 0 && i < c->n_groups; i++)
        r = ask_since(l, c, c->groups[i]);
    return r;
}

/* ---- ledgers */

struct reading {
    struct look *look;
    const char *ledger;
};

static int take_trouble(void *userdata, const struct trouble *t) {
    const struct reading *reading = userdata;
    struct look *l = reading->look;
    if (l->n_troubles == l->max_troubles) {
        size_t max = l->max_troubles * 2 + 64;
        struct look_trouble *more = reallocarray(l->troubles, max, sizeof *more);
        if (more == NULL)
            return -ENOMEM;
        l->troubles = more;
        l->max_troubles = max;
    }
    struct look_trouble *to = &l->troubles[l->n_troubles];
    *to = (struct look_trouble){*t, reading->ledger};
    to->trouble.outlet = copy(l->arena, t->outlet);
    to->trouble.uri = copy(l->arena, t->uri);
    to->trouble.headline = copy(l->arena, t->headline);
    to->trouble.text = copy(l->arena, t->text);
    if (to->trouble.outlet == NULL || to->trouble.uri == NULL || to->trouble.headline == NULL ||
        to->trouble.text == NULL)
        return -ENOMEM;
    l->n_troubles++;
    return 0;
}

/* A forwarder that never ran has no ledger, and nothing is wrong with it. */
static int read_ledger(struct look *l, const char *path) {
    struct arena *a = arena_new(ARENA_BYTES);
    struct forward_config *c;
    struct config_fault fault = {0};
    struct ledger ledger = {0};
    char line[800];
    struct reading reading = {l, copy(l->arena, path)};
    int r =
        a == NULL || reading.ledger == NULL ? -ENOMEM : forward_config_load(a, path, &c, &fault);
    if (r < 0 && r != -ENOMEM) {
        r = add_fault(l, path, LOOK_LEDGER, "%s", config_fault_text(&fault, line, sizeof line));
    } else if (r == 0) {
        r = ledger_open(&ledger, c, STORE_READ);
        if (r == 0)
            r = troubles_each(&ledger, take_trouble, &reading);
        if (r < 0 && r != -ENOMEM && r != -ENOENT)
            r = add_fault(l, path, LOOK_LEDGER, "%s", ledger.store.trouble);
        ledger_close(&ledger);
    }
    arena_free(a);
    return r == -ENOENT ? 0 : r;
}

static int read_ledgers(struct look *l, const char *pattern) {
    glob_t found = {0};
    int r = 0, g = glob(pattern, GLOB_ERR, NULL, &found);
    bool exact = strpbrk(pattern, "*?[") == NULL;
    if (g == GLOB_NOSPACE)
        r = -ENOMEM;
    else if (g == GLOB_ABORTED && errno != ENOENT)
        r = add_fault(l, pattern, LOOK_LEDGER, "%s", strerror(errno));
    else if (g != 0 && exact)
        r = add_fault(l, pattern, LOOK_LEDGER, "%s", strerror(ENOENT));
    for (size_t i = 0; g == 0 && r == 0 && i < found.gl_pathc; i++)
        r = read_ledger(l, found.gl_pathv[i]);
    globfree(&found);
    return r;
}

/* ---- disks */

static int measure(struct look *l, const char *path) {
    struct statvfs st;
    if (statvfs(path, &st) < 0)
        return add_fault(l, path, LOOK_DISK, "%s", strerror(errno));
    l->disks[l->n_disks++] = (struct look_disk){path, (uint64_t)st.f_bavail * st.f_frsize};
    return 0;
}

/* ---- all of it */

int look_at(const struct alert_config *c, int64_t now, struct look *l) {
    *l = (struct look){.arena = arena_new(ARENA_BYTES), .now_usec = now};
    l->came = calloc(c->n_groups + 1, sizeof *l->came);
    l->disks = calloc(c->watch.disks.n + 1, sizeof *l->disks);
    if (l->arena == NULL || l->came == NULL || l->disks == NULL)
        return -ENOMEM;
    int r = ask_daemon(l, c);
    for (size_t i = 0; r == 0 && i < c->watch.forwarders.n; i++)
        r = read_ledgers(l, c->watch.forwarders.items[i]);
    for (size_t i = 0; r == 0 && i < c->watch.disks.n; i++)
        r = measure(l, c->watch.disks.items[i]);
    return r;
}

void look_done(struct look *l, const struct alert_config *c) {
    json_decref(l->status);
    for (size_t i = 0; l->came != NULL && i < c->n_groups; i++)
        json_decref(l->came[i]);
    free(l->came);
    free(l->troubles);
    free(l->disks);
    arena_free(l->arena);
    *l = (struct look){0};
}
