/*
 * newswire-submit: reads pages and stories, and sends their articles.
 */
#include "clients/lib/newswire.h"
#include "clients/submit/submit.h"
#include "clients/tool/options.h"
#include "proto/input.h"
#include "proto/json.h"
#include "proto/parse.h"
#include "proto/rules.h"
#include "proto/text.h"
#include "proto/topic.h"
#include "proto/write.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
    RULES_ARENA_BYTES = 32 << 20,
    FILE_ARENA_BYTES = 512 << 20,
};

/* What is known here of an article that waits for its outcome. */
struct sent {
    TAILQ_ENTRY(sent) entry;
    char *path, *title;
};

#define AT(member) offsetof(struct submit, member)

enum { FORMATS_MOST = 16 };
static const char *format_names[FORMATS_MOST] = {"auto"};

static const struct options_row rows[] = {
    {"format", OPTIONS_CHOICE, AT(format), "NAME", format_names,
     "auto (default), or one of the input formats"},
    {"section", OPTIONS_STRING, AT(section), "KEY", NULL, "the section of all articles"},
    {"parse-only", OPTIONS_FLAG, AT(parse_only), NULL, NULL,
     "print each article as a line of JSON, send nothing"},
    {"output", OPTIONS_STRING, AT(output), "NAME", NULL,
     "with --parse-only: a format of newswire-tail"},
    {"preview", OPTIONS_FLAG, AT(preview), NULL, NULL,
     "show the articles as readers see them, numbered; send none"},
    {"correct", OPTIONS_STRING, AT(correct), "URI", NULL, "FILE is the next version of that story"},
    {"kill", OPTIONS_STRING, AT(kill), "URI", NULL, "withdraw that story; no FILE"},
    {"note", OPTIONS_STRING, AT(note), "TEXT", NULL, "with those: what was wrong, for editors"},
    {"force", OPTIONS_FLAG, AT(force), NULL, NULL, "also for a story that the daemon doesn't know"},
    {"revise", OPTIONS_FLAG, AT(revise), NULL, NULL,
     "FILE is a page that was sent before: send what changed"},
    {"dry-run", OPTIONS_FLAG, AT(dry_run), NULL, NULL,
     "with --revise: only say what would be sent"},
    {"yes", OPTIONS_FLAG, AT(yes), NULL, NULL, "with --revise: don't ask"},
    {"sign", OPTIONS_STRING, AT(sign), "FILE", NULL, "sign with that key of keygen --origin"},
    {"server", OPTIONS_STRING, AT(server), "HOST", NULL, "default 127.0.0.1, or $NEWSWIRE_SERVER"},
    {"submit", OPTIONS_STRING, AT(endpoint), "ENDPOINT", NULL, "default tcp://HOST:5562"},
    {"feed", OPTIONS_STRING, AT(feed), "ENDPOINT", NULL, NULL}, /* for --revise */
    {"replay", OPTIONS_STRING, AT(replay), "ENDPOINT", NULL, NULL},
    {"key", OPTIONS_STRING, AT(key), "FILE", NULL,
     "keys of this client, and the daemon's; or $NEWSWIRE_KEY"},
    {"timeout", OPTIONS_UINT, AT(timeout_sec), "SECONDS", NULL,
     "how long to try without an answer; 0: for ever; default 60"},
    {"config", OPTIONS_STRING, AT(config), "FILE", NULL,
     "sections and page rules, as in newswired.conf"},
    {"json", OPTIONS_FLAG, AT(json), NULL, NULL, "results as lines of JSON"},
    {0},
};

static const struct options options = {
    .program = "newswire-submit",
    .arguments = "FILE...",
    .summary = "Reads pages and stories and sends their articles to newswired; - is stdin.",
    .rows = rows,
};

static volatile sig_atomic_t stopped;

static void on_signal(int signal) {
    stopped = signal;
}

void submit_worse(struct submit *s, int code) {
    if (s->code == EX_OK || code == EX_NOPERM || (code == EX_UNAVAILABLE && s->code != EX_NOPERM))
        s->code = code;
}

void submit_say(const char *format, ...) {
    va_list arguments;
    fflush(stdout); /* in the order in which things happen */
    va_start(arguments, format);
    char *text = NULL, *harmless = NULL;
    if (vasprintf(&text, format, arguments) >= 0)
        harmless = text_harmless(slice_of(text));
    va_end(arguments);
    fprintf(stderr, "%s\n", harmless == NULL ? "newswire-submit: out of memory" : harmless);
    free(harmless);
    free(text);
}

/* ---- results */

static void print_line(struct submit *s, const struct sent *sent, const struct newswire_result *r) {
    static const char *const words[] = {[NEWSWIRE_ACCEPTED] = "accepted",
                                        [NEWSWIRE_DUPLICATE] = "duplicate",
                                        [NEWSWIRE_REFUSED] = "refused",
                                        [NEWSWIRE_HELD] = "held"};
    bool known = r->outcome >= NEWSWIRE_ACCEPTED && r->outcome <= NEWSWIRE_HELD;
    const char *word = known ? words[r->outcome] : "unknown";
    if (s->json) {
        json_t *line = json_pack("{s:s,s:s,s:I,s:I,s:s,s:i,s:s}", "file", sent->path, "outcome",
                                 word, "epoch", (json_int_t)r->epoch, "seq", (json_int_t)r->seq,
                                 "uri", r->uri, "version", (int)r->version, "topic", r->topic);
        if (line != NULL && *r->reason != '\0') {
            json_object_set_new(line, "field", json_string(r->field));
            json_object_set_new(line, "reason", json_string(r->reason));
        }
        if (json_write_line(stdout, line) < 0)
            submit_worse(s, EX_IOERR);
        return;
    }
    char *reason = text_harmless(slice_of(r->reason)), *field = text_harmless(slice_of(r->field));
    char *topic = text_harmless(slice_of(r->topic));
    if (reason == NULL || field == NULL || topic == NULL)
        exit(EX_OSERR);
    printf("%-11s %8llu  %-20s %s", word, (unsigned long long)r->seq, topic, sent->title);
    if (*reason != '\0')
        printf("  (%s: %s%s%s)", sent->path, field, *field == '\0' ? "" : ": ", reason);
    putchar('\n');
    free(reason);
    free(field);
    free(topic);
}

static struct sent *sent_new(struct submit *s, const char *path, const Article *article) {
    struct sent *sent = calloc(1, sizeof *sent);
    if (sent == NULL)
        exit(EX_OSERR);
    sent->path = strdup(path);
    sent->title =
        text_harmless(slice_of(*article->headline == '\0' ? article->uri : article->headline));
    if (sent->path == NULL || sent->title == NULL)
        exit(EX_OSERR);
    TAILQ_INSERT_TAIL(&s->waiting, sent, entry);
    return sent;
}

static void sent_free(struct submit *s, struct sent *sent) {
    TAILQ_REMOVE(&s->waiting, sent, entry);
    free(sent->path);
    free(sent->title);
    free(sent);
}

static void decided(void *userdata, const struct newswire_result *r) {
    struct submit *s = userdata;
    struct sent *sent = r->cookie;
    print_line(s, sent, r);
    if (r->outcome == NEWSWIRE_REFUSED)
        submit_worse(s, EX_DATAERR);
    sent_free(s, sent);
}

/* ---- files */

static int open_file(const char *path) {
    return strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
}

static void warn(const char *path, const struct parsed *parsed) {
    for (size_t i = 0; i < parsed->warnings.n; i++)
        submit_say("%s: warning: %s", path, parsed->warnings.items[i]);
    for (size_t i = 0; i < parsed->unplaced.n; i++)
        submit_say("%s: warning: unplaced: %s", path, parsed->unplaced.items[i]);
}

/* Reads and parses a file. 0, or an exit code with the reason said. */
static int parse_file(struct submit *s, struct arena *a, const char *path, struct parsed *ret) {
    struct parse_input input = {.section = s->section};
    struct parse_fault fault = {0};
    const char *slash = strrchr(path, '/');
    input.name = strcmp(path, "-") == 0 ? "" : slash == NULL ? path : slash + 1;
    int fd = open_file(path);
    int r = fd < 0 ? -errno : input_read(fd, a, &input.bytes);
    if (fd >= 0)
        close(fd);
    if (r < 0) {
        submit_say("newswire-submit: %s: %s", path, strerror(-r));
        return r == -ENOMEM ? EX_OSERR : EX_NOINPUT;
    }
    r = parse(a, &s->rules, format_names[s->format], &input, ret, &fault);
    if (r == 0) {
        warn(path, ret);
        return EX_OK;
    }
    char line[32] = "";
    if (fault.line > 0)
        snprintf(line, sizeof line, ":%zu", fault.line);
    submit_say("%s%s: refused: %s%s%s", path, line, fault.fault.field,
               *fault.fault.field == '\0' ? "" : ": ",
               r == -ENOMEM ? "the file needs too much memory" : fault.fault.reason);
    return EX_DATAERR;
}

static void print_article(struct submit *s, struct arena *a, const Article *article) {
    static const struct text_style style = {.columns = 80};
    char topic[LIMIT_TOPIC_BYTES + 1] = "";
    int r;
    if (s->writer == NULL) {
        r = json_write_line(stdout, json_message(&article->base));
    } else {
        if (topic_make(article->section, article->kind, topic) < 0)
            *topic = '\0';
        struct entry e = {
            .topic = slice_of(topic), .uri = slice_of(article->uri), .version = article->version};
        r = s->writer->write(stdout, a, &e, article, s->writer_version, &style);
    }
    if (r < 0)
        submit_worse(s, r == -ENOMEM ? EX_OSERR : EX_IOERR);
}

/* What became of the submitter; whether it can go on. */
bool submit_goes_on(struct submit *s, int r) {
    if (r == -EINTR && !stopped)
        return true;
    if (r == -EINTR)
        submit_say("newswire-submit: stopped");
    else
        submit_say("newswire-submit: %s takes nothing: %s", s->endpoint,
                   r == -ETIMEDOUT || r == -EACCES ? newswire_submitter_trouble(s->submitter)
                                                   : strerror(-r));
    submit_worse(s, r == -EACCES ? EX_NOPERM : EX_UNAVAILABLE);
    return false;
}

/* Whether the submitter goes on. */
bool submit_send(struct submit *s, struct arena *a, const char *path, const Article *article) {
    struct slice bytes;
    struct sent *sent = sent_new(s, path, article);
    struct newswire_signature made, *signature = NULL;
    int r;
    if (codec_pack(a, &article->base, &bytes) < 0)
        exit(EX_OSERR);
    if (s->sign_key.secret != NULL) {
        struct signature own;
        signature_make(&s->sign_key, bytes, &own);
        memcpy(&made, &own, sizeof made);
        signature = &made;
    }
    do
        r = newswire_submitter_add_signed(s->submitter, bytes.data, bytes.len, signature, sent);
    while (r == -EINTR && !stopped);
    if (r == -EMSGSIZE) {
        char reason[100];
        snprintf(reason, sizeof reason, "too large: %zu bytes; %d are the most", bytes.len,
                 LIMIT_ARTICLE_BYTES);
        decided(s, &(struct newswire_result){.cookie = sent,
                                             .outcome = NEWSWIRE_REFUSED,
                                             .uri = article->uri,
                                             .version = article->version,
                                             .topic = "",
                                             .field = "",
                                             .reason = reason});
        return true;
    }
    return r == 0 || submit_goes_on(s, r);
}

/* ---- a look at what would be sent */

static void preview(struct submit *s, const struct parsed *parsed) {
    struct text_style style = {.columns = 80, .colour = isatty(STDOUT_FILENO)};
    for (size_t i = 0; i < parsed->n_articles; i++) {
        const Article *article = parsed->articles[i];
        const struct rules_section *section = rules_section_choose(&s->rules, article);
        char topic[LIMIT_TOPIC_BYTES + 1];
        if (topic_make(section == NULL ? article->section : section->key, article->kind, topic) < 0)
            snprintf(topic, sizeof topic, "(the daemon's default section)");
        struct entry e = {
            .topic = slice_of(topic), .uri = slice_of(article->uri), .version = article->version};
        printf("[%zu] ", i + 1);
        if (text_entry(stdout, &e, article, &style) < 0)
            submit_worse(s, EX_IOERR);
    }
}

bool submit_hold(struct submit *s, const struct parsed *parsed) {
    bool review = rules_wants_review(&s->rules, parsed);
    int r =
        newswire_submitter_hold(s->submitter, review ? "text of the page is in no article" : NULL);
    return r == 0 || submit_goes_on(s, r);
}

/* Sends the file's articles. */
static bool send_all(struct submit *s, struct arena *a, const char *path, struct parsed *parsed) {
    bool on = submit_hold(s, parsed);
    for (size_t i = 0; i < parsed->n_articles && on; i++) {
        article_strip_kill(parsed->articles[i]);
        on = submit_send(s, a, path, parsed->articles[i]);
    }
    return on;
}

/* Whether there is a point in the next file. */
static bool take_file(struct submit *s, const char *path) {
    struct parsed parsed = {0};
    struct arena *a = arena_new(FILE_ARENA_BYTES);
    bool on = true;
    if (a == NULL)
        exit(EX_OSERR);
    int code = parse_file(s, a, path, &parsed);
    if (code != EX_OK)
        submit_worse(s, code);
    else if (s->preview)
        preview(s, &parsed);
    else if (s->correct != NULL)
        on = submit_correction(s, a, path, &parsed);
    else if (s->revise)
        on = submit_revised_page(s, a, path, &parsed);
    else if (!s->parse_only)
        on = send_all(s, a, path, &parsed);
    for (size_t i = 0; i < parsed.n_articles && code == EX_OK && s->parse_only; i++)
        print_article(s, a, parsed.articles[i]);
    arena_free(a);
    return on && !stopped && !ferror(stdout);
}

static bool kill_story(struct submit *s) {
    struct arena *a = arena_new(FILE_ARENA_BYTES);
    if (a == NULL)
        exit(EX_OSERR);
    bool on = submit_kill(s, a, "--kill", s->kill);
    arena_free(a);
    return on;
}

static void take_files(struct submit *s, char **paths) {
    bool on = s->kill == NULL || kill_story(s);
    while (on && *paths != NULL)
        on = take_file(s, *paths++);
    int r = 0;
    if (on && s->submitter != NULL)
        do
            r = newswire_submitter_finish(s->submitter);
        while (r < 0 && r == -EINTR && !stopped);
    if (r < 0)
        submit_goes_on(s, r);
}

/* What was sent, or was to be, and has no outcome: to send it again is harmless. */
static void tell_waiting(struct submit *s) {
    for (struct sent *sent; (sent = TAILQ_FIRST(&s->waiting)) != NULL; sent_free(s, sent))
        submit_say("%s: no answer: %s", sent->path, sent->title);
}

/* ---- the start */

static int read_rules(struct submit *s, struct arena *a) {
    static const struct config_section *const tables[] = {&rules_table_page, &rules_table_section,
                                                          NULL};
    static const char default_config[] = "/etc/newswire/newswired.conf";
    struct config_fault fault;
    struct stat st;
    char text[800];
    if (rules_defaults(a, &s->rules) < 0)
        return EX_OSERR;
    if (s->config == NULL && stat(default_config, &st) == 0)
        s->config = default_config;
    if (s->config == NULL ||
        config_read(a, tables, &s->rules, s->config, CONFIG_OTHER_SECTIONS, &fault) == 0)
        return EX_OK;
    submit_say("newswire-submit: %s", config_fault_text(&fault, text, sizeof text));
    return EX_CONFIG;
}

static int read_sign_key(struct submit *s) {
    struct fault fault;
    key_hide_memory();
    if (key_pair_read(KEY_ED25519, s->sign, &s->sign_key, &fault) == 0)
        return EX_OK;
    submit_say("newswire-submit: --sign: %s", fault.reason);
    return EX_CONFIG;
}

static int open_submitter(struct submit *s) {
    char error[512];
    uint64_t patience = s->timeout_sec.given ? s->timeout_sec.value : SUBMIT_PATIENCE_SEC;
    struct newswire_submitter_options o = {
        .submit = s->endpoint,
        .client = "newswire-submit",
        .result = decided,
        .userdata = s,
        .force = s->force,
        .key_file = options_key(s->key),
        .patience_usec = (int64_t)(patience < INT32_MAX ? patience : INT32_MAX) * 1000000,
    };
    int r = newswire_submitter_new(&o, &s->submitter, error, sizeof error);
    if (r == 0)
        return EX_OK;
    submit_say("newswire-submit: can't connect to %s", error);
    return r == -ENOMEM ? EX_OSERR : r == -EINVAL ? EX_USAGE : EX_CONFIG;
}

static void set_signals(void) {
    struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

/* What can't go together. */
static int check_options(const struct submit *s, int n_files) {
    int ways = s->parse_only + s->preview + s->revise + (s->correct != NULL) + (s->kill != NULL);
    if (ways > 1)
        return options_fault(&options, "one of --parse-only, --preview, --correct, --kill and "
                                       "--revise at a time");
    if (s->kill != NULL && n_files > 0)
        return options_fault(&options, "--kill takes no FILE");
    if (s->kill == NULL && n_files == 0)
        return options_fault(&options, "which FILE? - is stdin");
    if (s->correct != NULL && n_files > 1)
        return options_fault(&options, "--correct takes one FILE");
    if ((s->correct != NULL || s->kill != NULL) && (s->note == NULL || *s->note == '\0'))
        return options_fault(&options, "--note: say what was wrong, for those who used the story");
    return EX_OK;
}

static int run(struct submit *s, struct arena *a, int argc, char **argv) {
    char endpoint[OPTIONS_ENDPOINT_BYTES], feed[OPTIONS_ENDPOINT_BYTES];
    char replay[OPTIONS_ENDPOINT_BYTES], names[256];
    int first;
    for (size_t i = 0; parse_formats[i].name != NULL && i + 2 < FORMATS_MOST; i++)
        format_names[i + 1] = parse_formats[i].name;
    int code = options_parse(&options, argc, argv, s, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    code = check_options(s, argc - first);
    if (code != EX_OK)
        return code;
    if (s->output != NULL && !s->parse_only)
        return options_fault(&options, "--output goes with --parse-only");
    s->writer = s->output == NULL ? NULL : write_format_find(s->output, &s->writer_version);
    if (s->output != NULL && s->writer == NULL)
        return options_fault(&options, "--output: '%s' is none of: %s", s->output,
                             write_format_names(names, sizeof names));
    s->endpoint = options_endpoint(s->endpoint, s->server, OPTIONS_SUBMIT_PORT, endpoint);
    s->feed = options_endpoint(s->feed, s->server, OPTIONS_FEED_PORT, feed);
    s->replay = options_endpoint(s->replay, s->server, OPTIONS_REPLAY_PORT, replay);
    if (s->endpoint == NULL || s->feed == NULL || s->replay == NULL)
        return options_fault(&options, "--server: the name is too long");
    code = read_rules(s, a);
    if (code == EX_OK && s->sign != NULL)
        code = read_sign_key(s);
    if (code == EX_OK && !s->parse_only && !s->preview)
        code = open_submitter(s);
    if (code != EX_OK)
        return code;
    set_signals();
    take_files(s, argv + first);
    tell_waiting(s);
    return s->code;
}

int main(int argc, char **argv) {
    struct submit s = {.waiting = TAILQ_HEAD_INITIALIZER(s.waiting)};
    struct arena *a = arena_new(RULES_ARENA_BYTES);
    setvbuf(stdout, NULL, _IOLBF, 0);
    int code = a == NULL ? EX_OSERR : run(&s, a, argc, argv);
    newswire_submitter_free(s.submitter);
    key_pair_free(&s.sign_key);
    arena_free(a);
    return fflush(stdout) == 0 || code != EX_OK ? code : EX_IOERR;
}
