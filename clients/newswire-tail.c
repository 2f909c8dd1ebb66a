/*
 * newswire-tail: prints what is on the wire.
 */
#include "clients/tail/exec.h"
#include "clients/tool/follow.h"
#include "clients/tool/received.h"
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
    DEFAULT_COLUMNS = 80,
    DEFAULT_PATIENCE_SEC = 10, /* for an answer about sections */
    DEFAULT_EXEC_SEC = 300,
    MOST_EXEC_SEC = 86400,
    FIRST_WAIT_USEC = 500000, /* before a command is run again for an article */
    MOST_WAIT_USEC = 60000000,
};

struct tail {
    struct follow_options wire;
    const char *since, *cursor, *format, *command, *parked;
    struct options_uint after, count, exec_timeout_sec;
    bool until_head, sections;
    const struct write_format *writer;
    const char *writer_version;

    struct follow follow;
    struct arena *arena;
    struct text_style style;
    struct exec exec;
    char parked_beside[4096];
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
    {"format", OPTIONS_STRING, AT(format), "NAME", write_format_words,
     "text (default), json (one object a line), ..."},
    {"exec", OPTIONS_STRING, AT(command), "COMMAND", NULL,
     "run it for each article, which it reads; needs --cursor"},
    {"exec-timeout", OPTIONS_UINT, AT(exec_timeout_sec), "SECONDS", NULL,
     "the longest it may take; default 300"},
    {"parked", OPTIONS_STRING, AT(parked), "FOLDER", NULL,
     "where articles go that it fails on; default CURSOR.parked"},
    {"sections", OPTIONS_FLAG, AT(sections), NULL, NULL,
     "print which sections there are, and their topics, and end"},
    FOLLOW_ROWS(struct tail),
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

/* ---- printing */

/* The entry, and its article as far as it can be read. */
static struct entry read_entry(struct tail *t, const struct newswire_entry *given,
                               Article **ret_article) {
    struct entry e = received_entry(given);
    struct fault fault;
    *ret_article = NULL;
    arena_reset(t->arena);
    if (received_article(t->arena, &e, ret_article, &fault) < 0)
        follow_tell(
            &t->follow, JOURNAL_ENTRY_UNREADABLE,
            &(struct journal_subject){.seq = e.seq, .field = fault.field, .reason = fault.reason},
            "entry %llu: its article can't be read: %s %s", (unsigned long long)e.seq, fault.field,
            fault.reason);
    return e;
}

static int print_entry(void *userdata, const struct newswire_entry *given) {
    struct tail *t = userdata;
    Article *article;
    struct entry e = read_entry(t, given, &article);
    int r = t->writer->write(stdout, t->arena, &e, article, t->writer_version, &t->style);
    if (r == -ENOMEM)
        follow_fail(&t->follow, "entry %llu: out of memory", (unsigned long long)e.seq);
    if (r < 0)
        return r == -ENOMEM ? EX_OSERR : EX_IOERR;
    return t->count.given && t->follow.taken >= t->count.value ? EX_OK : OPTIONS_GO_ON;
}

/* What was printed goes out. */
static int flush(void *userdata) {
    struct tail *t = userdata;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return OPTIONS_GO_ON;
    if (errno != EPIPE) /* whoever read it has enough */
        follow_fail(&t->follow, "stdout: %s", strerror(errno));
    return EX_IOERR;
}

/* The place is kept only behind what is out. */
static int save(void *userdata, struct newswire_reader *reader) {
    struct tail *t = userdata;
    int code = flush(t);
    if (code != OPTIONS_GO_ON || t->cursor == NULL)
        return code;
    int r = newswire_reader_save(reader);
    if (r < 0)
        follow_fail(&t->follow, "%s: %s", t->cursor, strerror(-r));
    return r < 0 ? EX_IOERR : OPTIONS_GO_ON;
}

/* ---- a command for each */

static void tell_of_command(void *userdata, enum journal_event event,
                            const struct journal_subject *about, const char *sentence) {
    struct tail *t = userdata;
    follow_tell(&t->follow, event, about, "%s", sentence);
}

/* The article in one of the formats, in memory that is freed by the caller. */
static int render(struct tail *t, const struct write_format *writer, const char *version,
                  const struct entry *e, const Article *article, char **ret, size_t *ret_len) {
    FILE *f = open_memstream(ret, ret_len);
    if (f == NULL)
        return -ENOMEM;
    int r = writer->write(f, t->arena, e, article, version, &t->style);
    return fclose(f) != 0 && r == 0 ? -ENOMEM : r;
}

/* Runs the command, and keeps the place when it is done with the article. */
static int hand_over(struct tail *t, const struct entry *e, const Article *article) {
    const char *version,
        *status = article == NULL ? "killed" : article_status_name(article->status);
    char *text = NULL, *json = NULL;
    size_t text_len, json_len;
    int r = render(t, t->writer, t->writer_version, e, article, &text, &text_len);
    if (r == 0)
        r = render(t, write_format_find("json", &version), NULL, e, article, &json, &json_len);
    if (r == 0) {
        struct exec_article a = {.entry = e,
                                 .status = status == NULL ? "" : status,
                                 .text = {(const uint8_t *)text, text_len},
                                 .json = {(const uint8_t *)json, json_len}};
        r = exec_article(&t->exec, &a);
    }
    free(text);
    free(json);
    t->follow.unfinished = r < 0 || r == EXEC_STOPPED;
    if (t->follow.unfinished)
        return r < 0 ? EX_OSERR : EX_OK;
    r = newswire_reader_save(t->follow.reader);
    if (r < 0)
        follow_fail(&t->follow, "%s: %s", t->cursor, strerror(-r));
    return r < 0 ? EX_IOERR : OPTIONS_GO_ON;
}

static int exec_entry(void *userdata, const struct newswire_entry *given) {
    struct tail *t = userdata;
    Article *article;
    struct entry e = read_entry(t, given, &article);
    int code = hand_over(t, &e, article);
    return code != OPTIONS_GO_ON                                 ? code
           : t->count.given && t->follow.taken >= t->count.value ? EX_OK
                                                                 : OPTIONS_GO_ON;
}

static const struct follow_use executing = {.entry = exec_entry, .save = save, .prints = true};

static int set_exec(struct tail *t) {
    if (t->command == NULL)
        return t->parked != NULL || t->exec_timeout_sec.given
                   ? options_fault(&options, "--parked, --exec-timeout: only with --exec")
                   : EX_OK;
    if (t->cursor == NULL)
        return options_fault(&options, "--exec: it needs --cursor, to know what is done");
    if (t->exec_timeout_sec.given &&
        (t->exec_timeout_sec.value == 0 || t->exec_timeout_sec.value > MOST_EXEC_SEC))
        return options_fault(&options, "--exec-timeout: from 1 to %d", MOST_EXEC_SEC);
    snprintf(t->parked_beside, sizeof t->parked_beside, "%s.parked", t->cursor);
    t->exec = (struct exec){
        .command = t->command,
        .parked = t->parked == NULL ? t->parked_beside : t->parked,
        .timeout_usec =
            (t->exec_timeout_sec.given ? t->exec_timeout_sec.value : DEFAULT_EXEC_SEC) * 1000000,
        .first_wait_usec = FIRST_WAIT_USEC,
        .most_wait_usec = MOST_WAIT_USEC,
        .tell = tell_of_command,
        .userdata = t};
    t->follow.use = &executing;
    return EX_OK;
}

static const struct follow_use printing = {
    .entry = print_entry, .save = save, .idle = flush, .prints = true};

/* ---- beginning */

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
    uint64_t patience =
        t->wire.timeout_sec.given ? t->wire.timeout_sec.value : DEFAULT_PATIENCE_SEC;
    char buffer[OPTIONS_ENDPOINT_BYTES];
    const char *replay =
        options_endpoint(t->wire.replay, t->wire.server, OPTIONS_REPLAY_PORT, buffer);
    if (replay == NULL)
        return options_fault(&options, "--server: the name is too long");
    int r = newswire_sections(replay, options_key(t->wire.key), (int64_t)patience * 1000000, &text,
                              error, sizeof error);
    if (r < 0) {
        follow_fail(&t->follow, "%s", error);
        return r == -ENOMEM ? EX_OSERR : r == -EACCES ? EX_NOPERM : EX_UNAVAILABLE;
    }
    json_t *list = json_loads(text, 0, NULL);
    for (size_t i = 0; i < json_array_size(list); i++)
        print_section(t, json_array_get(list, i));
    json_decref(list);
    free(text);
    return EX_OK;
}

/* Follows the topics that the rest of the command line names. */
static int print_topics(struct tail *t, char *const *names, size_t n) {
    struct newswire_reader_options o = {.n_topics = n, .cursor_file = t->cursor};
    int code = set_start(t, &o);
    if (code == EX_OK)
        code = set_exec(t);
    if (code != EX_OK)
        return code;
    t->arena = arena_new(ARTICLE_ARENA_BYTES);
    if (t->arena == NULL || follow_topics(names, n, &o.topics) < 0)
        return EX_OSERR;
    set_style(t);
    t->follow.wire = t->wire;
    t->follow.until_head = t->until_head;
    code = follow_open(&t->follow, &o);
    free((void *)o.topics);
    return code == EX_OK ? follow_run(&t->follow) : code;
}

static int run(struct tail *t, int argc, char **argv) {
    char names[256];
    int first, code = options_parse(&options, argc, argv, t, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    const char *usual = t->command == NULL ? "text" : "json";
    t->writer = write_format_find(t->format == NULL ? usual : t->format, &t->writer_version);
    if (t->writer == NULL)
        return options_fault(&options, "--format: '%s' is none of: %s", t->format,
                             write_format_names(names, sizeof names));
    if (t->sections)
        return print_sections(t);
    return print_topics(t, argv + first, (size_t)(argc - first));
}

int main(int argc, char **argv) {
    struct tail t = {.follow = {.options = &options, .use = &printing, .userdata = &t}};
    journal_open(options.program);
    setvbuf(stdout, NULL, _IOFBF, OUT_BYTES);
    int code = run(&t, argc, argv);
    follow_close(&t.follow);
    arena_free(t.arena);
    return fflush(stdout) == 0 || code != EX_OK ? code : EX_IOERR;
}
