/*
 * newswire-submit: reads pages and stories, and sends their articles.
 */
#include "proto/json.h"
#include "proto/parse.h"
#include "proto/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum {
    RULES_ARENA_BYTES = 16 << 20,
    FILE_ARENA_BYTES = 1 << 30,
    REPLY_ARENA_BYTES = 64 << 20,
    RETRY_MSEC = 2000,
    PATIENCE_SEC = 60,
    REQUEST_BYTES = 1 << 20, /* a request is sent when it has so much */
};

struct submit {
    const char *format, *section, *endpoint;
    bool parse_only, as_json;
    long patience_sec; /* 0: for ever */
    struct rules rules;
    const char *path;    /* the file at work */
    struct arena *arena; /* for it */
    void *context, *socket;
    uint64_t request_id;
    int code; /* the worst so far, of sysexits.h */
};

static void worse(struct submit *s, int code) {
    if (s->code == EX_OK || code == EX_UNAVAILABLE)
        s->code = code;
}

/* ---- files */

static int read_all(int fd, struct arena *a, size_t size, struct slice *ret) {
    uint8_t *data = arena_alloc(a, size + 1);
    size_t len = 0;
    if (data == NULL)
        return -ENOMEM;
    while (len <= size) {
        ssize_t n = read(fd, data + len, size + 1 - len);
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret = (struct slice){data, len};
    return 0;
}

/* Reads a file, at most one byte more than parse takes. 0 or an exit code, with
 * the reason said. */
static int read_file(struct submit *s, const char *path, struct slice *ret) {
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    int r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
    if (r == 0 && S_ISDIR(st.st_mode))
        r = -EISDIR;
    if (r == 0) {
        size_t size = S_ISREG(st.st_mode) && st.st_size < LIMIT_FILE_BYTES ? (size_t)st.st_size
                                                                           : LIMIT_FILE_BYTES;
        r = read_all(fd, s->arena, size, ret);
    }
    if (fd >= 0 && !is_stdin)
        close(fd);
    if (r == 0)
        return EX_OK;
    fprintf(stderr, "newswire-submit: %s: %s\n", path, strerror(-r));
    return r == -ENOMEM ? EX_OSERR : EX_NOINPUT;
}

static void warn(const char *path, const struct parsed *parsed) {
    for (size_t i = 0; i < parsed->warnings.n; i++)
        fprintf(stderr, "%s: warning: %s\n", path, parsed->warnings.items[i]);
    for (size_t i = 0; i < parsed->unplaced.n; i++)
        fprintf(stderr, "%s: warning: unplaced: %s\n", path, parsed->unplaced.items[i]);
}

static int parse_file(struct submit *s, const char *path, struct parsed *ret) {
    struct parse_input input = {.section = s->section};
    struct parse_fault fault = {0};
    const char *slash = strrchr(path, '/');
    input.name = strcmp(path, "-") == 0 ? "" : slash == NULL ? path : slash + 1;
    int code = read_file(s, path, &input.bytes);
    if (code != EX_OK)
        return code;
    int r = parse(s->arena, &s->rules, s->format, &input, ret, &fault);
    if (r == 0) {
        warn(path, ret);
        return EX_OK;
    }
    char line[32] = "";
    if (fault.line > 0)
        snprintf(line, sizeof line, ":%zu", fault.line);
    fprintf(stderr, "%s%s: refused: %s%s%s\n", path, line, fault.fault.field,
            *fault.fault.field == '\0' ? "" : " ",
            r == -ENOMEM ? "the file needs too much memory" : fault.fault.reason);
    return EX_DATAERR;
}

/* ---- sending */

static void connect_socket(struct submit *s) {
    int linger = 0, wait = RETRY_MSEC;
    if (s->socket != NULL)
        zmq_close(s->socket);
    s->socket = zmq_socket(s->context, ZMQ_DEALER);
    int64_t most = LIMIT_MESSAGE_BYTES;
    zmq_setsockopt(s->socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(s->socket, ZMQ_RCVTIMEO, &wait, sizeof wait);
    zmq_setsockopt(s->socket, ZMQ_MAXMSGSIZE, &most, sizeof most);
    if (zmq_connect(s->socket, s->endpoint) < 0) {
        fprintf(stderr, "newswire-submit: %s: %s\n", s->endpoint, zmq_strerror(errno));
        exit(EX_USAGE);
    }
}

static void print_result(struct submit *s, const Article *article,
                         const Newswire__V1__SubmitResult *r) {
    const ProtobufCEnumValue *outcome =
        protobuf_c_enum_descriptor_get_value(&newswire__v1__outcome__value__descriptor, r->outcome);
    if (s->as_json) {
        if (json_write_line(stdout, json_message(&r->base)) < 0)
            worse(s, EX_IOERR);
    } else {
        printf("%-11s %8llu  %-20s %s", outcome == NULL ? "unknown" : outcome->name,
               (unsigned long long)r->seq, r->topic,
               *article->headline == '\0' ? article->uri : article->headline);
        if (*r->reason != '\0')
            printf("  (%s: %s%s%s)", s->path, r->field, *r->field == '\0' ? "" : ": ", r->reason);
        putchar('\n');
    }
    if (r->outcome == NEWSWIRE__V1__OUTCOME__VALUE__refused)
        worse(s, EX_DATAERR);
}

/* Waits for the answer to this request. NULL when it is time to ask again. */
static Newswire__V1__SubmitReply *wait_reply(struct submit *s, struct arena *a) {
    for (;;) {
        zmq_msg_t m;
        ProtobufCMessage *reply = NULL;
        struct fault fault;
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, s->socket, 0) < 0) {
            zmq_msg_close(&m);
            return NULL;
        }
        int r = codec_unpack(&newswire__v1__submit_reply__descriptor, a,
                             (struct slice){zmq_msg_data(&m), zmq_msg_size(&m)}, &reply, &fault);
        zmq_msg_close(&m);
        if (r < 0)
            return NULL;
        if (((Newswire__V1__SubmitReply *)reply)->request_id == s->request_id)
            return (Newswire__V1__SubmitReply *)reply;
    }
}

/* Whether each article has an answer that will not change by asking again. */
static bool is_final(const Newswire__V1__SubmitReply *reply, size_t n, const char **ret_reason) {
    if (reply->error != NULL)
        return true;
    if (reply->n_results != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (reply->results[i]->outcome == NEWSWIRE__V1__OUTCOME__VALUE__unavailable) {
            *ret_reason = reply->results[i]->reason;
            return false;
        }
    return true;
}

static void print_reply(struct submit *s, Article *const *articles, size_t n,
                        const Newswire__V1__SubmitReply *reply) {
    if (reply->error != NULL) {
        fprintf(stderr, "newswire-submit: the daemon refused the request: %s\n",
                reply->error->message);
        worse(s, EX_DATAERR);
        return;
    }
    for (size_t i = 0; i < n; i++)
        print_result(s, articles[i], reply->results[i]);
}

/* Sends articles as one request, and again until the daemon has decided all of
 * them: what it had taken before is then a duplicate. */
static void send_articles(struct submit *s, Article *const *articles, size_t n,
                          const uint8_t *request, size_t len) {
    time_t begin = time(NULL);
    char reason[256] = "no answer";
    for (;;) {
        struct arena *a = arena_new(REPLY_ARENA_BYTES);
        if (a == NULL)
            exit(EX_OSERR);
        zmq_send(s->socket, request, len, 0);
        Newswire__V1__SubmitReply *reply = wait_reply(s, a);
        const char *why = NULL;
        bool final = reply != NULL && is_final(reply, n, &why);
        if (final)
            print_reply(s, articles, n, reply);
        if (why != NULL)
            snprintf(reason, sizeof reason, "%s", why);
        arena_free(a);
        if (final)
            return;
        if (s->patience_sec > 0 && time(NULL) - begin >= s->patience_sec)
            break;
        if (why != NULL)
            usleep(500000);
        connect_socket(s); /* drops what still waits to be sent to nobody */
    }
    fprintf(stderr, "newswire-submit: %s takes nothing: %s\n", s->endpoint, reason);
    worse(s, EX_UNAVAILABLE);
}

static void send_file(struct submit *s, const struct parsed *parsed) {
    uint8_t *request = arena_alloc(s->arena, REQUEST_BYTES + LIMIT_ARTICLE_BYTES + 64);
    for (size_t i = 0; request != NULL && i < parsed->n_articles && s->code != EX_UNAVAILABLE;) {
        size_t first = i;
        uint8_t *p = wire_put_uint(request, 1, ++s->request_id);
        while (i < parsed->n_articles && (size_t)(p - request) < REQUEST_BYTES &&
               i - first < LIMIT_REQUEST_ARTICLES) {
            struct slice bytes;
            if (codec_pack(s->arena, &parsed->articles[i]->base, &bytes) < 0)
                exit(EX_OSERR);
            if (bytes.len > LIMIT_ARTICLE_BYTES) {
                printf("%-11s %8d  %-20s %s  (%s: too large: %zu bytes; %d are the most)\n",
                       "refused", 0, "", parsed->articles[i]->headline, s->path, bytes.len,
                       LIMIT_ARTICLE_BYTES);
                worse(s, EX_DATAERR);
                break;
            }
            p = wire_put_bytes(p, 2, bytes);
            i++;
        }
        if (i > first)
            send_articles(s, parsed->articles + first, i - first, request, (size_t)(p - request));
        else
            i++;
    }
}

static void take_file(struct submit *s, const char *path) {
    struct parsed parsed = {0};
    s->path = path;
    s->arena = arena_new(FILE_ARENA_BYTES);
    if (s->arena == NULL)
        exit(EX_OSERR);
    int code = parse_file(s, path, &parsed);
    if (code != EX_OK)
        worse(s, code);
    else if (!s->parse_only)
        send_file(s, &parsed);
    else
        for (size_t i = 0; i < parsed.n_articles; i++)
            if (json_write_line(stdout, json_message(&parsed.articles[i]->base)) < 0)
                worse(s, EX_IOERR);
    s->arena = arena_free(s->arena);
}

/* ---- options */

static void usage(FILE *out) {
    fputs("usage: newswire-submit [OPTION...] FILE...\n"
          "\n"
          "Reads pages and stories and sends their articles to newswired; - is stdin.\n"
          "\n"
          "  --format NAME     auto (default), page or story\n"
          "  --section KEY     the section of all articles\n"
          "  --parse-only      print each article as a line of JSON, send nothing\n"
          "  --server HOST     default 127.0.0.1, or $NEWSWIRE_SERVER\n"
          "  --submit ENDPOINT default tcp://HOST:5562\n"
          "  --timeout SECONDS how long to try; 0: for ever; default 60\n"
          "  --config FILE     sections and page rules, as in newswired.conf\n"
          "  --json            results as lines of JSON\n"
          "  --help, --version\n",
          out);
}

enum {
    OPT_FORMAT = 1,
    OPT_SECTION,
    OPT_PARSE_ONLY,
    OPT_SERVER,
    OPT_SUBMIT,
    OPT_TIMEOUT,
    OPT_CONFIG,
    OPT_JSON,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option options[] = {
    {"format", required_argument, NULL, OPT_FORMAT},
    {"section", required_argument, NULL, OPT_SECTION},
    {"parse-only", no_argument, NULL, OPT_PARSE_ONLY},
    {"server", required_argument, NULL, OPT_SERVER},
    {"submit", required_argument, NULL, OPT_SUBMIT},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

static int read_rules(struct submit *s, struct arena *a, const char *config) {
    static const struct config_section *const tables[] = {&rules_table_page, &rules_table_section,
                                                          NULL};
    static const char default_config[] = "/etc/newswire/newswired.conf";
    struct config_fault fault;
    struct stat st;
    char text[800];
    if (rules_defaults(a, &s->rules) < 0)
        return EX_OSERR;
    if (config == NULL && stat(default_config, &st) == 0)
        config = default_config;
    if (config == NULL ||
        config_read(a, tables, &s->rules, config, CONFIG_OTHER_SECTIONS, &fault) == 0)
        return EX_OK;
    fprintf(stderr, "newswire-submit: %s\n", config_fault_text(&fault, text, sizeof text));
    return EX_CONFIG;
}

int main(int argc, char **argv) {
    const char *config = NULL, *server = getenv("NEWSWIRE_SERVER");
    char endpoint[512];
    struct submit s = {.format = "auto", .patience_sec = PATIENCE_SEC};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case OPT_FORMAT: s.format = optarg; break;
        case OPT_SECTION: s.section = optarg; break;
        case OPT_PARSE_ONLY: s.parse_only = true; break;
        case OPT_SERVER: server = optarg; break;
        case OPT_SUBMIT: s.endpoint = optarg; break;
        case OPT_TIMEOUT: s.patience_sec = atol(optarg); break;
        case OPT_CONFIG: config = optarg; break;
        case OPT_JSON: s.as_json = true; break;
        case OPT_HELP: usage(stdout); return EX_OK;
        case OPT_VERSION: puts("newswire-submit " NEWSWIRE_VERSION); return EX_OK;
        default: return EX_USAGE;
        }
    }
    if (optind == argc) {
        usage(stderr);
        return EX_USAGE;
    }
    struct arena *a = arena_new(RULES_ARENA_BYTES);
    if (a == NULL)
        return EX_OSERR;
    s.code = read_rules(&s, a, config);
    if (s.code == EX_OK) {
        snprintf(endpoint, sizeof endpoint, "tcp://%s:5562", server == NULL ? "127.0.0.1" : server);
        if (s.endpoint == NULL)
            s.endpoint = endpoint;
        if (!s.parse_only) {
            s.context = zmq_ctx_new();
            connect_socket(&s);
        }
        for (int i = optind; i < argc; i++)
            take_file(&s, argv[i]);
        if (s.socket != NULL)
            zmq_close(s.socket);
        if (s.context != NULL)
            zmq_ctx_term(s.context);
    }
    arena_free(a);
    return fflush(stdout) == 0 ? s.code : EX_IOERR;
}
