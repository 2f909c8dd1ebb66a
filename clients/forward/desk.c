#include "clients/forward/commands.h"

#include "proto/journal/journal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { ARENA_BYTES = 64 << 20 };

static const char default_config[] = "/etc/newswire/forward.conf";

int desk_configure(struct desk *d, const struct options *options, const char *config) {
    struct config_fault fault = {0};
    char line[800];
    *d = (struct desk){.options = options, .arena = arena_new(ARENA_BYTES)};
    journal_open(options->program);
    if (d->arena == NULL)
        return EX_OSERR;
    int r =
        forward_config_load(d->arena, config == NULL ? default_config : config, &d->config, &fault);
    if (r == 0)
        return EX_OK;
    journal(JOURNAL_TOOL_FAILED, &(struct journal_subject){.file = fault.file}, "%s",
            r == -ENOMEM ? "out of memory" : config_fault_text(&fault, line, sizeof line));
    return r == -ENOMEM ? EX_OSERR : EX_CONFIG;
}

int desk_open(struct desk *d, const struct options *options, const char *config,
              enum store_mode mode) {
    int code = desk_configure(d, options, config);
    if (code != EX_OK)
        return code;
    int r = ledger_open(&d->ledger, d->config, mode);
    if (r == 0)
        return EX_OK;
    journal(JOURNAL_LEDGER_FAILED, &(struct journal_subject){.reason = d->ledger.store.trouble},
            "%s", d->ledger.store.trouble);
    return r == -ENOENT ? EX_NOINPUT : r == -EINVAL ? EX_DATAERR : EX_IOERR;
}

void desk_close(struct desk *d) {
    ledger_close(&d->ledger);
    d->arena = arena_free(d->arena);
}

int desk_trouble(struct desk *d, int error) {
    const char *reason =
        *d->ledger.store.trouble == '\0' ? strerror(-error) : d->ledger.store.trouble;
    journal(JOURNAL_LEDGER_FAILED, &(struct journal_subject){.reason = reason}, "the ledger: %s",
            reason);
    return error == -EBUSY ? EX_TEMPFAIL : EX_IOERR;
}

const struct outlet_config *desk_outlet(const struct desk *d, const char *name) {
    const struct outlet_config *o = forward_outlet(d->config, name);
    if (o == NULL)
        fprintf(stderr, "%s: the config has no [outlet \"%s\"]\n", d->options->program, name);
    return o;
}

int desk_item(struct desk *d, const char *item, const char **ret_uri, int64_t *ret_article) {
    bool number = isdigit((unsigned char)*item) && strspn(item, "0123456789") == strlen(item);
    sqlite3_stmt *st =
        number ? store_query(&d->ledger.store,
                             "SELECT uri, id FROM article WHERE seq = ? ORDER BY epoch DESC", "i",
                             (int64_t)strtoll(item, NULL, 10))
               : store_query(&d->ledger.store,
                             "SELECT uri, id FROM article WHERE uri = ? ORDER BY version DESC", "s",
                             item);
    int r = st == NULL ? -EIO : store_step(&d->ledger.store, st);
    if (r < 0)
        return desk_trouble(d, r);
    if (r == 0) {
        fprintf(stderr, "%s: the ledger has no article %s\n", d->options->program, item);
        return EX_NOINPUT;
    }
    const char *uri = store_column_string(st, 0);
    *ret_article = sqlite3_column_int64(st, 1);
    *ret_uri = arena_strndup(d->arena, uri, strlen(uri));
    sqlite3_reset(st);
    return *ret_uri == NULL ? EX_OSERR : EX_OK;
}
