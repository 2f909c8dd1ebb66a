/* newswire-forward why: what became of a story at an outlet, in sentences. */
#include "clients/forward/commands.h"

#include "proto/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct why_options {
    struct desk_options desk;
};

static const struct options_row rows[] = {
    DESK_CONFIG_ROW(struct why_options),
    DESK_JSON_ROW(struct why_options),
    {0},
};

static const struct options options = {
    .program = "newswire-forward why",
    .arguments = "ITEM OUTLET",
    .summary = "Tells the history of a story at an outlet, with the server's own words. An\n"
               "ITEM is a uri or a sequence number.",
    .rows = rows,
};

/* A delivery as its row has it. */
struct row {
    int64_t id, version, queued, first_try, tries, done, due;
    bool kill, maybe;
    const char *state, *remote_id, *answer, *message_id, *topic;
};

static struct row read_row(sqlite3_stmt *st) {
    return (struct row){.id = sqlite3_column_int64(st, 0),
                        .version = sqlite3_column_int64(st, 1),
                        .kill = sqlite3_column_int(st, 2) != 0,
                        .state = store_column_string(st, 3),
                        .queued = sqlite3_column_int64(st, 4),
                        .first_try = sqlite3_column_int64(st, 5),
                        .tries = sqlite3_column_int64(st, 6),
                        .done = sqlite3_column_int64(st, 7),
                        .due = sqlite3_column_int64(st, 8),
                        .maybe = sqlite3_column_int(st, 9) != 0,
                        .remote_id = store_column_string(st, 10),
                        .answer = store_column_string(st, 11),
                        .message_id = store_column_string(st, 12),
                        .topic = store_column_string(st, 13)};
}

/* What a line of the history says. */
static const char *sentence(const char *event) {
    static const struct {
        const char *event, *sentence;
    } sentences[] = {
        {"tried", "It was tried, and failed for now"},
        {"refused", "It was refused"},
        {"parked", "It was parked"},
        {"replaced", "It was replaced"},
        {"withdrawn", "It was withdrawn"},
        {"expired", "It came too late"},
        {"moved", "The story moved to another topic"},
        {"delivered", "It was delivered"},
        {"kill-sent", "The kill was sent"},
        {"kill-confirmed", "The kill was confirmed"},
        {"interrupted", "It may have arrived, and goes again"},
        {"sent by hand", "Somebody put it in the queue by hand"},
        {"retried by hand", "Somebody had it tried again"},
        {"parked by hand", "Somebody put it aside"},
        {"the outlet was disabled", "The outlet wanted nothing any more and was disabled"}};
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
        if (strcmp(sentences[i].event, event) == 0)
            return sentences[i].sentence;
    return event;
}

/* What an open delivery waits for, and until when. 0 or an error. */
static int print_wait(struct desk *d, const struct outlet_config *o, const struct row *w) {
    const char *what = w->tries > 0 ? " to be tried again" : "";
    int64_t now = ledger_now(), next = w->due, open, paused = 0;
    sqlite3_stmt *st =
        store_query(&d->ledger.store,
                    "SELECT paused_until_usec, disabled FROM outlet WHERE name = ?", "s", o->name);
    int r = st == NULL ? -EIO : store_step(&d->ledger.store, st);
    if (r < 0)
        return r;
    bool disabled = r == 1 && sqlite3_column_type(st, 1) != SQLITE_NULL;
    if (r == 1)
        paused = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    if (disabled) {
        puts("  It waits, as the outlet is disabled; 'retry' enables it.");
        return 0;
    }
    if (paused > now && paused > next) {
        next = paused;
        what = " for the outlet, which fails";
    }
    if (!w->kill && !outlet_is_open(o, next > now ? next : now, &open)) {
        next = open;
        what = " for the outlet's hours";
    }
    if (next > now)
        printf("  It waits%s; next at %s.\n", what, words_time(next));
    else
        puts("  It waits for its turn.");
    return 0;
}

/* How a delivery ended, or where it stands. 0 or an error. */
static int print_end(struct desk *d, const struct outlet_config *o, const struct row *w) {
    int r = 0;
    if (strcmp(w->state, "delivered") == 0)
        printf("  %s  It was delivered; the server said: %s\n", words_time(w->done),
               words_text(w->answer));
    else if (strcmp(w->state, "kill-confirmed") == 0)
        printf("  %s  The withdrawal was confirmed; the server said: %s\n", words_time(w->done),
               words_text(w->answer));
    else if (strcmp(w->state, "kill-sent") == 0)
        puts("  The kill was sent and is not confirmed.");
    else if (strcmp(w->state, "sending") == 0)
        puts("  It is being sent.");
    else if (w->due > 0)
        r = print_wait(d, o, w);
    else
        printf("  It is %s.\n", w->state);
    if (*w->remote_id != '\0')
        printf("  The outlet calls it %s.\n", words_text(w->remote_id));
    return r;
}

static int print_history(struct desk *d, const struct outlet_config *o, const struct row *w) {
    sqlite3_stmt *st = store_query(
        &d->ledger.store, "SELECT at_usec, event, text FROM history WHERE delivery = ? ORDER BY id",
        "i", w->id);
    int r = st == NULL ? -EIO : 0;
    printf("%s, version %lld, from %s (id %s)\n  %s  It was queued.\n",
           w->kill ? "Kill" : "Article", (long long)w->version, w->topic, w->message_id,
           words_time(w->queued));
    while (r >= 0 && st != NULL && (r = store_step(&d->ledger.store, st)) == 1) {
        const char *text = store_column_string(st, 2);
        printf("  %s  %s%s%s.\n", words_time(sqlite3_column_int64(st, 0)),
               sentence(store_column_string(st, 1)), *text == '\0' ? "" : ": ", words_text(text));
    }
    return r < 0 ? r : print_end(d, o, w);
}

static int print_json(struct desk *d, const struct row *w) {
    json_t *history = json_array();
    sqlite3_stmt *st = store_query(
        &d->ledger.store, "SELECT at_usec, event, text FROM history WHERE delivery = ? ORDER BY id",
        "i", w->id);
    int r = st == NULL ? -EIO : 0;
    while (r >= 0 && st != NULL && (r = store_step(&d->ledger.store, st)) == 1)
        json_array_append_new(history, json_pack("{s:I, s:s, s:s}", "at_usec",
                                                 (json_int_t)sqlite3_column_int64(st, 0), "event",
                                                 store_column_string(st, 1), "text",
                                                 store_column_string(st, 2)));
    json_t *line =
        json_pack("{s:I, s:b, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:s, s:s, s:s, s:o}", "version",
                  (json_int_t)w->version, "kill", w->kill, "topic", w->topic, "state", w->state,
                  "queued_usec", (json_int_t)w->queued, "tries", (json_int_t)w->tries, "due_usec",
                  (json_int_t)w->due, "done_usec", (json_int_t)w->done, "maybe_received", w->maybe,
                  "remote_id", w->remote_id, "answer", w->answer, "message_id", w->message_id,
                  "history", history);
    int written = json_write_line(stdout, line);
    return r < 0 ? r : written;
}

/* What its people told: used at a url, withdrawn by somebody. */
static int print_receipts(struct desk *d, const struct why_options *o, const char *uri,
                          const char *outlet) {
    sqlite3_stmt *st = store_query(&d->ledger.store,
                                   "SELECT at_usec, what, url, by FROM receipt WHERE uri = ? AND"
                                   " outlet = ? ORDER BY at_usec",
                                   "ss", uri, outlet);
    int r = st == NULL ? -EIO : 0;
    while (r >= 0 && st != NULL && (r = store_step(&d->ledger.store, st)) == 1) {
        const char *what = store_column_string(st, 1);
        bool used = strcmp(what, "used") == 0;
        const char *text = store_column_string(st, used ? 2 : 3);
        if (o->desk.json)
            r = json_write_line(stdout, json_pack("{s:s, s:s, s:I}", "receipt", what,
                                                  used ? "url" : "by", text, "at_usec",
                                                  (json_int_t)sqlite3_column_int64(st, 0)));
        else
            printf("%s  %s %s %s\n", words_time(sqlite3_column_int64(st, 0)), what,
                   used ? "at" : "by", words_text(text));
    }
    return r < 0 ? r : 0;
}

/* All deliveries of the story there. *ret_n: how many. */
static int tell(struct desk *d, const struct why_options *o, const char *uri,
                const struct outlet_config *outlet, int *ret_n) {
    sqlite3_stmt *st = store_query(
        &d->ledger.store,
        "SELECT d.id, d.version, d.kill, d.state, d.queued_usec, d.first_try_usec, d.tries,"
        " d.done_usec, d.due_usec, d.maybe, d.remote_id, d.answer, d.message_id, a.topic FROM"
        " delivery d JOIN article a ON a.id = d.article WHERE d.uri = ? AND d.outlet = ? ORDER BY"
        " d.id",
        "ss", uri, outlet->name);
    int r = st == NULL ? -EIO : 0;
    while (r >= 0 && st != NULL && (r = store_step(&d->ledger.store, st)) == 1) {
        struct row w = read_row(st);
        int printed = o->desk.json ? print_json(d, &w) : print_history(d, outlet, &w);
        if (printed < 0)
            return printed;
        ++*ret_n;
    }
    return r < 0 ? r : print_receipts(d, o, uri, outlet->name);
}

/* Whether the name is a line of the path. */
static bool is_on_path(const char *path, const char *name) {
    size_t len = strlen(name);
    for (const char *line = path; len > 0 && *line != '\0';
         line += strcspn(line, "\n"), line += *line != '\0')
        if (strncmp(line, name, len) == 0 && (line[len] == '\n' || line[len] == '\0'))
            return true;
    return false;
}

/* Nothing of the story was ever meant for the outlet: the likely reason. 0 or an error. */
static int tell_why_not(struct desk *d, const char *uri, int64_t article,
                        const struct outlet_config *o) {
    ProtobufCMessage *message = NULL;
    struct fault fault;
    sqlite3_stmt *st =
        store_query(&d->ledger.store, "SELECT topic, path, killed, bytes FROM article WHERE id = ?",
                    "i", article);
    int r = st == NULL ? -EIO : store_step(&d->ledger.store, st);
    if (r <= 0)
        return r;
    bool readable = codec_unpack(&newswire__v1__article__descriptor, d->arena, store_column(st, 3),
                                 &message, &fault) == 0;
    const char *name = words_text(uri);
    if (is_on_path(store_column_string(st, 1), o->host))
        printf("%s has come through %s, and does not go back.\n", name, o->host);
    else if (sqlite3_column_int(st, 2) != 0)
        printf("%s was killed, and %s never had it.\n", name, o->name);
    else if (readable && outlet_takes(o, store_column_string(st, 0), (const Article *)message))
        printf("%s came before %s took such articles; 'send' puts it in the queue.\n", name,
               o->name);
    else
        printf("%s was never meant for %s: its topics or filters don't take it.\n", name, o->name);
    sqlite3_reset(st);
    return 0;
}

int forward_why(int argc, char **argv) {
    struct why_options o = {0};
    struct desk d = {0};
    const char *uri = NULL;
    int64_t article;
    int first, code = options_parse(&options, argc, argv, &o, &first), n = 0;
    if (code != OPTIONS_GO_ON)
        return code;
    if (argc - first != 2)
        return options_fault(&options, "it wants an ITEM and an OUTLET");
    code = desk_open(&d, &options, o.desk.config, STORE_READ);
    const struct outlet_config *outlet = code == EX_OK ? desk_outlet(&d, argv[first + 1]) : NULL;
    if (code == EX_OK && outlet == NULL)
        code = EX_USAGE;
    if (code == EX_OK)
        code = desk_item(&d, argv[first], &uri, &article);
    int r = code == EX_OK ? tell(&d, &o, uri, outlet, &n) : 0;
    if (code == EX_OK && r == 0 && n == 0 && !o.desk.json)
        r = tell_why_not(&d, uri, article, outlet);
    if (r < 0)
        code = desk_trouble(&d, r);
    desk_close(&d);
    return code;
}
