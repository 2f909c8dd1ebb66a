/*
 * newswire-tail: prints what is on the wire.
 */
#include "clients/lib/newswire.h"
#include "clients/lib/options.h"
#include "proto/codec.h"
#include "proto/write.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
    ARTICLE_ARENA_BYTES = 64 << 20,
    OUT_BYTES = 256 << 10,
    TURN_MSEC = 500, /* so often a signal is looked for, at least */
    SAVE_USEC = 1000000,
    PROGRESS_USEC = 200000,
    PATIENCE_USEC = 2000000, /* without a connection before a word is said of it */
    DEFAULT_COLUMNS = 80,
    DEFAULT_PATIENCE_SEC = 10, /* for an answer about sections */
};

struct tail {
    const char *server, *feed, *replay, *since, *cursor, *client, *format;
    struct options_uint after, count, timeout_sec;
    bool until_head, quiet, sections;
    const struct write_format *writer;
    const char *writer_version;

    struct newswire_reader *reader;
    struct arena *arena;
    struct text_style style;
    uint64_t printed;
    bool unsaved, unflushed, caught_up, connected, told_unreachable, shows_progress;
    uint64_t saved_usec, progress_usec, away_since_usec;
};

#define AT(member) offsetof(struct tail, member)

static const struct options_row rows[] = {
    {"after", OPTIONS_UINT, AT(after), "SEQ", NULL,
     "begin after this proven number; 0: at the first"},
    {"since", OPTIONS_STRING, AT(since), "TIME", NULL, "begin at a time: RFC 3339, 2h, 3d, today"},
    {"cursor", OPTIONS_STRING, AT(cursor), "FILE", NULL,
     "go on from FILE, and keep the place there"},
    {"until-head", OPTIONS_FLAG, AT(until_head), NULL, NULL, "end when all up to now is printed"},
    {"count", OPTIONS_UINT, AT(count), "N", NULL, "end after N entries"},
    {"format", OPTIONS_STRING, AT(format), "NAME", NULL,
     "text (default), json (one object a line), ..."},
    {"sections", OPTIONS_FLAG, AT(sections), NULL, NULL,
     "print which sections there are, and their topics, and end"},
    {"quiet", OPTIONS_FLAG, AT(quiet), NULL, NULL, "no progress, no word of lost connections"},
    {"timeout", OPTIONS_UINT, AT(timeout_sec), "SECONDS", NULL,
     "end when there is no daemon for so long"},
    {"server", OPTIONS_STRING, AT(server), "HOST", NULL, "default 127.0.0.1, or $NEWSWIRE_SERVER"},
    {"feed", OPTIONS_STRING, AT(feed), "ENDPOINT", NULL, "default tcp://HOST:5560"},
    {"replay", OPTIONS_STRING, AT(replay), "ENDPOINT", NULL, "default tcp://HOST:5561"},
    {"client", OPTIONS_STRING, AT(client), "NAME", NULL, "name in the operator's list of readers"},
    {0},
};

static const struct options options = {
    .program = "newswire-tail",
    .arguments = "[TOPIC...]",
    .summary = "Prints what is on the wire. A TOPIC is a section (economy), a topic\n"
               "(briefs/brief) or its start; none: everything. Without a place to begin\n"
               "at it prints what comes from now on; with --until-head or --cursor, all.",
    .rows = rows,
};

static volatile sig_atomic_t stop_signal;

static void on_signal(int number) {
    stop_signal = number;
}

static uint64_t now_usec(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- what is said beside the entries */

static void clear_progress(struct tail *t) {
    if (t->shows_progress)
        fputs("\r\033[K", stderr);
    t->shows_progress = false;
}

__attribute__((format(printf, 2, 3))) static void say(struct tail *t, const char *format, ...) {
    va_list arguments;
    clear_progress(t);
    fputs("newswire-tail: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* Only on a terminal that doesn't show the entries too. */
static void show_progress(struct tail *t, uint64_t now) {
    if (t->quiet || t->caught_up || now - t->progress_usec < PROGRESS_USEC ||
        !isatty(STDERR_FILENO) || isatty(STDOUT_FILENO))
        return;
    t->progress_usec = now;
    t->shows_progress = true;
    fprintf(stderr, "\r\033[K%llu entries, at %llu of %llu", (unsigned long long)t->printed,
            (unsigned long long)newswire_reader_proven(t->reader),
            (unsigned long long)newswire_reader_head(t->reader));
}

/* ---- printing */

static struct slice slice_from(struct newswire_bytes b) {
    return (struct slice){b.data, b.len};
}

static struct entry entry_from(const struct newswire_entry *e) {
    struct entry entry = {.epoch = e->epoch,
                          .seq = e->seq,
                          .prev_seq = e->prev_seq,
                          .topic = slice_from(e->topic),
                          .stored_at_usec = e->stored_at_usec,
                          .uri = slice_from(e->uri),
                          .version = e->version,
                          .content_digest = slice_from(e->content_digest),
                          .replaces = e->replaces,
                          .n_path = e->n_path,
                          .article = slice_from(e->article)};
    for (size_t i = 0; i < e->n_path; i++)
        entry.path[i] = slice_from(e->path[i]);
    entry.n_approved_by = e->n_approved_by;
    for (size_t i = 0; i < e->n_approved_by; i++)
        entry.approved_by[i] = slice_from(e->approved_by[i]);
    return entry;
}

/* EX_OK, or a code to end with. */
static int print_entry(struct tail *t, const struct newswire_entry *given) {
    struct entry e = entry_from(given);
    ProtobufCMessage *article = NULL;
    struct fault fault;
    arena_reset(t->arena);
    if (e.article.len > 0 &&
        codec_unpack(&newswire__v1__article__descriptor, t->arena, e.article, &article, &fault) < 0)
        say(t, "entry %llu: its article can't be read: %s %s", (unsigned long long)e.seq,
            fault.field, fault.reason);
    int r =
        t->writer->write(stdout, t->arena, &e, (Article *)article, t->writer_version, &t->style);
    t->printed++;
    t->unsaved = t->unflushed = true;
    if (r == -ENOMEM)
        say(t, "entry %llu: out of memory", (unsigned long long)e.seq);
    return r == 0 ? EX_OK : r == -ENOMEM ? EX_OSERR : EX_IOERR;
}

/* What was printed goes out. */
static int flush(struct tail *t) {
    bool unflushed = t->unflushed;
    t->unflushed = false;
    if (!unflushed || (fflush(stdout) == 0 && !ferror(stdout)))
        return EX_OK;
    if (errno != EPIPE) /* whoever read it has enough */
        say(t, "stdout: %s", strerror(errno));
    return EX_IOERR;
}

/* The place is kept only behind what is out. */
static int save(struct tail *t) {
    int code = flush(t);
    if (code != EX_OK || t->cursor == NULL)
        return code;
    t->saved_usec = now_usec();
    t->unsaved = false;
    int r = newswire_reader_save(t->reader);
    if (r < 0)
        say(t, "%s: %s", t->cursor, strerror(-r));
    return r < 0 ? EX_IOERR : EX_OK;
}

/* ---- events */

static int take_error(struct tail *t, const struct newswire_event *event) {
    char *message = text_harmless(slice_of(event->message));
    say(t, "%s%s", event->damaged ? "the daemon's log is damaged: " : "",
        message == NULL ? "out of memory" : message);
    free(message);
    return !event->final ? OPTIONS_GO_ON : event->damaged ? EX_DATAERR : EX_PROTOCOL;
}

static void tell_loss(struct tail *t, const struct newswire_event *event) {
    say(t, "%.*s: entries after %llu, up to %llu, are kept no more", (int)event->topic.len,
        (const char *)event->topic.data, (unsigned long long)event->after,
        (unsigned long long)event->upto);
    t->unsaved = true;
}

/* OPTIONS_GO_ON, or the code to end with. */
static int take_event(struct tail *t, const struct newswire_event *event) {
    int code;
    switch (event->type) {
    case NEWSWIRE_ENTRY:
        code = print_entry(t, &event->entry);
        if (code != EX_OK)
            return code;
        return t->count.given && t->printed >= t->count.value ? EX_OK : OPTIONS_GO_ON;
    case NEWSWIRE_LOSS: tell_loss(t, event); break;
    case NEWSWIRE_EPOCH:
        say(t,
            "the log is another one (epoch %llu, before %llu): all of it follows; "
            "go by uri and version",
            (unsigned long long)event->epoch, (unsigned long long)event->epoch_before);
        t->caught_up = false;
        break;
    case NEWSWIRE_CAUGHT_UP:
        t->caught_up = true;
        t->unsaved = true;
        clear_progress(t);
        return t->until_head ? EX_OK : OPTIONS_GO_ON;
    case NEWSWIRE_CONNECTED:
        if (t->told_unreachable && !t->quiet)
            say(t, "connected");
        t->connected = true;
        t->told_unreachable = false;
        break;
    case NEWSWIRE_DISCONNECTED:
        t->connected = false;
        t->away_since_usec = now_usec();
        break;
    case NEWSWIRE_UNANSWERED:
        if (!t->quiet)
            say(t, "the daemon does not answer; it is asked again");
        return t->timeout_sec.given ? EX_UNAVAILABLE : OPTIONS_GO_ON;
    case NEWSWIRE_ERROR: return take_error(t, event);
    }
    return OPTIONS_GO_ON;
}

/* Whether the daemon has been away for too long, and a word about it. */
static int mind_connection(struct tail *t, uint64_t now) {
    uint64_t away = now - t->away_since_usec;
    if (t->connected)
        return OPTIONS_GO_ON;
    if (t->timeout_sec.given && away / 1000000 >= t->timeout_sec.value) {
        say(t, "no daemon at %s and %s", t->feed, t->replay);
        return EX_UNAVAILABLE;
    }
    if (!t->quiet && !t->told_unreachable && away >= PATIENCE_USEC) {
        say(t, "no daemon at %s and %s; waiting for it", t->feed, t->replay);
        t->told_unreachable = true;
    }
    return OPTIONS_GO_ON;
}

/* Waits for the next thing. What was printed goes out before it waits. */
static int next(struct tail *t, struct newswire_event *ret) {
    int r = newswire_reader_next(t->reader, t->unflushed ? 0 : TURN_MSEC, ret);
    if (r == 0 && t->unflushed) {
        int code = flush(t);
        return code == EX_OK ? 0 : -EPIPE;
    }
    return r;
}

static int follow(struct tail *t) {
    int code = OPTIONS_GO_ON;
    t->away_since_usec = t->saved_usec = now_usec();
    while (code == OPTIONS_GO_ON && stop_signal == 0) {
        struct newswire_event event;
        int r = next(t, &event);
        uint64_t now = now_usec();
        if (r == -EPIPE)
            return EX_IOERR;
        if (r < 0 && r != -EINTR) {
            say(t, "%s", strerror(-r));
            return EX_OSERR;
        }
        code = r > 0 ? take_event(t, &event) : mind_connection(t, now);
        if (code == OPTIONS_GO_ON && t->unsaved && now - t->saved_usec >= SAVE_USEC) {
            int saved = save(t);
            code = saved == EX_OK ? OPTIONS_GO_ON : saved;
        }
        show_progress(t, now);
    }
    clear_progress(t);
    if (code == EX_IOERR)
        return code; /* nothing is known of what was written */
    int saved = save(t);
    return code > 0 ? code : saved;
}

/* ---- beginning */

/* "economy" is the whole section. */
static int name_topics(int argc, char **argv, int first, const char ***ret) {
    const char **topics = calloc((size_t)(argc - first) + 1, sizeof *topics);
    if (topics == NULL)
        return EX_OSERR;
    for (int i = first; i < argc; i++) {
        char *name = NULL;
        bool bare = strchr(argv[i], '/') == NULL && *argv[i] != '\0';
        if (asprintf(&name, "%s%s", argv[i], bare ? "/" : "") < 0)
            return EX_OSERR;
        topics[i - first] = name;
    }
    *ret = topics;
    return EX_OK;
}

static int set_start(const struct tail *t, struct newswire_reader_options *o) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (t->since != NULL && t->after.given)
        return options_fault(&options, "--since and --after don't go together");
    o->start = t->until_head || t->cursor != NULL ? NEWSWIRE_FROM_FIRST : NEWSWIRE_FROM_HEAD;
    if (t->after.given) {
        o->start = NEWSWIRE_FROM_SEQ;
        o->after = t->after.value;
    }
    if (t->count.given && t->count.value == 0)
        return options_fault(&options, "--count: it must be at least 1");
    if (t->since == NULL)
        return EX_OK;
    o->start = NEWSWIRE_FROM_TIME;
    if (options_time(t->since, (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, &o->since_usec) <
        0)
        return options_fault(&options, "--since: '%s' is no time", t->since);
    return EX_OK;
}

static void set_style(struct tail *t) {
    struct winsize size;
    t->style.columns = DEFAULT_COLUMNS;
    if (!isatty(STDOUT_FILENO))
        return;
    t->style.colour = getenv("NO_COLOR") == NULL;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        t->style.columns = size.ws_col;
}

static void set_signals(void) {
    struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

static int open_reader(struct tail *t, struct newswire_reader_options *o) {
    char error[512];
    o->feed = t->feed;
    o->replay = t->replay;
    o->cursor_file = t->cursor;
    o->client = t->client;
    int r = newswire_reader_new(o, &t->reader, error, sizeof error);
    if (r == 0)
        return EX_OK;
    say(t, "%s", error);
    return r == -EBUSY ? EX_TEMPFAIL : r == -EINVAL ? EX_USAGE : r == -ENOMEM ? EX_OSERR : EX_IOERR;
}

/* ---- sections */

static void print_strings(const json_t *list, const char *before) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const json_t *text = json_is_object(item) ? json_object_get(item, "title") : item;
        char *clean = text_harmless(slice_of(json_string_value(text)));
        printf("%s%s", i == 0 ? before : ", ", clean == NULL ? "" : clean);
        free(clean);
    }
}

static void print_section(const struct tail *t, json_t *section) {
    if (strcmp(t->writer->name, "text") != 0) {
        json_dumpf(section, stdout, JSON_COMPACT);
        putchar('\n');
        return;
    }
    printf("%-12s", json_string_value(json_object_get(section, "key")));
    print_strings(json_object_get(section, "titles"), " ");
    print_strings(json_object_get(section, "topics"), "\n              ");
    putchar('\n');
}

static int print_sections(struct tail *t) {
    char *text, error[512] = "";
    uint64_t patience = t->timeout_sec.given ? t->timeout_sec.value : DEFAULT_PATIENCE_SEC;
    int r = newswire_sections(t->replay, (int64_t)patience * 1000000, &text, error, sizeof error);
    if (r < 0) {
        say(t, "%s", error);
        return r == -ENOMEM ? EX_OSERR : EX_UNAVAILABLE;
    }
    json_t *list = json_loads(text, 0, NULL);
    for (size_t i = 0; i < json_array_size(list); i++)
        print_section(t, json_array_get(list, i));
    json_decref(list);
    free(text);
    return EX_OK;
}

static int run(struct tail *t, int argc, char **argv) {
    struct newswire_reader_options o = {0};
    char feed[OPTIONS_ENDPOINT_BYTES], replay[OPTIONS_ENDPOINT_BYTES];
    const char **topics = NULL;
    char names[256];
    int first, code = options_parse(&options, argc, argv, t, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    t->feed = options_endpoint(t->feed, t->server, OPTIONS_FEED_PORT, feed);
    t->replay = options_endpoint(t->replay, t->server, OPTIONS_REPLAY_PORT, replay);
    if (t->feed == NULL || t->replay == NULL)
        return options_fault(&options, "--server: the name is too long");
    t->writer = write_format_find(t->format == NULL ? "text" : t->format, &t->writer_version);
    if (t->writer == NULL)
        return options_fault(&options, "--format: '%s' is none of: %s", t->format,
                             write_format_names(names, sizeof names));
    if (t->sections)
        return print_sections(t);
    code = set_start(t, &o);
    if (code == EX_OK)
        code = name_topics(argc, argv, first, &topics);
    if (code != EX_OK)
        return code;
    o.topics = topics;
    o.n_topics = (size_t)(argc - first);
    set_style(t);
    set_signals();
    t->arena = arena_new(ARTICLE_ARENA_BYTES);
    code = t->arena == NULL ? EX_OSERR : open_reader(t, &o);
    for (size_t i = 0; i < o.n_topics; i++)
        free((void *)topics[i]);
    free(topics);
    return code == EX_OK ? follow(t) : code;
}

int main(int argc, char **argv) {
    struct tail t = {0};
    setvbuf(stdout, NULL, _IOFBF, OUT_BYTES);
    int code = run(&t, argc, argv);
    newswire_reader_free(t.reader);
    arena_free(t.arena);
    return fflush(stdout) == 0 || code != EX_OK ? code : EX_IOERR;
}
