#include "daemon/settings.h"

#include "proto/topic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define AT(field) offsetof(struct settings, field)

static const char *const log_level_words[] = {"error", "warning", "notice", "info", "debug", NULL};

static const struct config_key service_keys[] = {
    {.name = "log_level",
     .type = CONFIG_CHOICE,
     .offset = AT(service.log_level),
     .choices = log_level_words,
     .fallback = "info",
     .help = "Lines of the daemon's own journal that are less important are left out, but for the "
             "audit: error, warning, notice, info or debug."},
    {.name = "disk_patience",
     .type = CONFIG_TIME,
     .offset = AT(service.disk_patience_usec),
     .fallback = "5min",
     .help = "A disk that does not answer is waited for, and readers are served meanwhile. After "
             "so long systemd's watchdog is left to restart the daemon; never sooner than the "
             "watchdog's own time. 0: for ever."},
    {.name = "language",
     .type = CONFIG_STRING,
     .offset = AT(service.language),
     .fixed = true,
     .help = "The language of what the daemon says to readers, senders and operators, and writes "
             "beside refused files: en or zh_CN. The journal is in English. Default: that of the "
             "environment (LANG)."},
    {0},
};

static const struct config_key feed_keys[] = {
    {.name = "bind",
     .type = CONFIG_WORDS,
     .offset = AT(feed.bind),
     .fixed = true,
     .fallback = "tcp://127.0.0.1:5560",
     .help = "Where readers subscribe: one ZeroMQ endpoint or several, apart by spaces."},
    {.name = "send_high_water",
     .type = CONFIG_UINT,
     .offset = AT(feed.send_high_water),
     .min = 1,
     .max = 10000000,
     .fallback = "2000",
     .help = "Messages that wait for one slow reader; beyond them it loses messages and gets them "
             "by replay."},
    {.name = "heartbeat_interval",
     .type = CONFIG_TIME,
     .offset = AT(feed.heartbeat_interval_usec),
     .min = 10000,
     .max = 3600000000ULL,
     .fallback = "2s",
     .help = "How often each topic's head is said."},
    {.name = "heartbeat_rate",
     .type = CONFIG_UINT,
     .offset = AT(feed.heartbeat_rate),
     .min = 1,
     .max = 100000,
     .fallback = "500",
     .help = "Heartbeats a second, all topics together, at most."},
    {.name = "frame_bytes",
     .type = CONFIG_BYTES,
     .offset = AT(feed.frame_bytes),
     .min = 1,
     .max = LIMIT_MESSAGE_BYTES / 2,
     .fallback = "64K",
     .help = "Entries of one topic that become durable together share a message up to this size."},
    {0},
};

static const struct config_key replay_keys[] = {
    {.name = "bind",
     .type = CONFIG_WORDS,
     .offset = AT(replay.bind),
     .fixed = true,
     .fallback = "tcp://127.0.0.1:5561",
     .help = "Where readers ask for what they missed."},
    {.name = "sessions",
     .type = CONFIG_UINT,
     .offset = AT(replay.sessions),
     .min = 1,
     .max = 10000,
     .fallback = "64",
     .help = "Replays that run at the same time; one more is told to try again."},
    {.name = "credit_bytes",
     .type = CONFIG_BYTES,
     .offset = AT(replay.credit_bytes),
     .min = 64 << 10,
     .max = 1ULL << 30,
     .fallback = "8M",
     .help = "What a session may have under way, whatever credit its reader gives."},
    {.name = "session_timeout",
     .type = CONFIG_TIME,
     .offset = AT(replay.session_timeout_usec),
     .min = 1000000,
     .fallback = "30s",
     .help = "A session whose reader is silent for so long, with no credit left, ends."},
    {.name = "frame_bytes",
     .type = CONFIG_BYTES,
     .offset = AT(replay.frame_bytes),
     .min = 4 << 10,
     .max = LIMIT_MESSAGE_BYTES / 2,
     .fallback = "512K",
     .help = "Entries in one message of a replay; a single larger entry goes alone."},
    {0},
};

static const struct config_key submit_keys[] = {
    {.name = "bind",
     .type = CONFIG_WORDS,
     .offset = AT(submit.bind),
     .fixed = true,
     .fallback = "tcp://127.0.0.1:5562",
     .help = "Where articles are sent to."},
    {.name = "turn_messages",
     .type = CONFIG_UINT,
     .offset = AT(submit.turn_messages),
     .min = 1,
     .max = SETTINGS_TURN_MESSAGES,
     .fallback = "256",
     .help = "Messages that are taken in one turn of the loop before others have theirs."},
    {0},
};

static const struct config_key control_keys[] = {
    {.name = "path",
     .type = CONFIG_PATH,
     .offset = AT(control.path),
     .fixed = true,
     .help = "The operator's Unix socket. Default: control in $RUNTIME_DIRECTORY, or "
             "/run/newswire/control."},
    {0},
};

static const struct config_key spool_keys[] = {
    {.name = "directory",
     .type = CONFIG_PATH,
     .offset = AT(spool.directory),
     .fixed = true,
     .help = "A folder with incoming/, accepted/ and rejected/; made if it isn't there. Empty: no "
             "spool."},
    {.name = "rescan",
     .type = CONFIG_TIME,
     .offset = AT(spool.rescan_usec),
     .min = 10000,
     .fallback = "10s",
     .help = "How often incoming/ is looked through for what was not told."},
    {.name = "settle",
     .type = CONFIG_TIME,
     .offset = AT(spool.settle_usec),
     .fallback = "2s",
     .help = "A file found by looking is taken when it has been the same for so long."},
    {.name = "sign",
     .type = CONFIG_STRING,
     .offset = AT(spool.sign),
     .fixed = true,
     .help =
         "A key of newswirectl keygen --origin: what comes by the spool is signed with it. Or the "
         "name of a systemd credential."},
    {0},
};

static const struct config_key log_keys[] = {
    {.name = "directory",
     .type = CONFIG_PATH,
     .offset = AT(log.directory),
     .fixed = true,
     .help = "The log's folder. Default: log in $STATE_DIRECTORY, or /var/lib/newswire/log."},
    {.name = "sign",
     .type = CONFIG_STRING,
     .offset = AT(log.sign),
     .fixed = true,
     .help =
         "A key of newswirectl keygen --origin: the daemon signs checkpoints of the log with it, "
         "by which an archive can prove to others that it has everything. Or the name of a systemd "
         "credential."},
    {.name = "segment_bytes",
     .type = CONFIG_BYTES,
     .offset = AT(log.segment_bytes),
     .min = 64 << 10,
     .max = 1ULL << 40,
     .fallback = "64M",
     .help = "A segment file is closed when it is this large. Retention removes whole segments."},
    {.name = "retain",
     .type = CONFIG_TIME,
     .offset = AT(log.retain_usec),
     .fallback = "0",
     .help = "How long articles can be replayed; 0: for ever."},
    {.name = "retain_bytes",
     .type = CONFIG_BYTES,
     .offset = AT(log.retain_bytes),
     .fallback = "0",
     .help = "The oldest segments go when all are larger than this; 0: never."},
    {.name = "remember",
     .type = CONFIG_TIME,
     .offset = AT(log.remember_usec),
     .fallback = "0",
     .help = "How long an article is known as a duplicate, even when its text has gone; 0: for "
             "ever."},
    {.name = "batch_bytes",
     .type = CONFIG_BYTES,
     .offset = AT(log.batch_bytes),
     .min = 4 << 10,
     .max = 64 << 20,
     .fallback = "4M",
     .help = "Articles that wait together are made durable together, up to this size."},
    {.name = "queue_bytes",
     .type = CONFIG_BYTES,
     .offset = AT(log.queue_bytes),
     .min = LIMIT_MESSAGE_BYTES * 2,
     .max = 1ULL << 32,
     .fallback = "32M",
     .help = "Articles that wait for the disk; beyond it senders have to wait."},
    {.name = "checkpoint_entries",
     .type = CONFIG_UINT,
     .offset = AT(log.checkpoint_entries),
     .min = 1,
     .max = 1000000,
     .fallback = "20000",
     .help = "After so many entries the view of the log (heads, identities, held articles) is "
             "written down."},
    {.name = "free_bytes",
     .type = CONFIG_BYTES,
     .offset = AT(log.free_bytes),
     .fallback = "64M",
     .help = "Intake is refused when the disk has less left than this."},
    {0},
};

static const char *const unknown_section_words[] = {"refuse", "default", NULL};

static const char *const unknown_original_words[] = {"refuse", "take", NULL};

static const struct config_key intake_keys[] = {
    {.name = "default_section",
     .type = CONFIG_STRING,
     .offset = AT(intake.default_section),
     .help = "The section of an article that says nothing of its own and that no label or keyword "
             "places. Default: news if there is such a section, else the first."},
    {.name = "unknown_section",
     .type = CONFIG_CHOICE,
     .offset = AT(intake.unknown_section),
     .choices = unknown_section_words,
     .fallback = "refuse",
     .help =
         "What becomes of an article that names a section that isn't here: refuse, or default."},
    {.name = "unknown_original",
     .type = CONFIG_CHOICE,
     .offset = AT(intake.unknown_original),
     .choices = unknown_original_words,
     .fallback = "refuse",
     .help = "What becomes of version 2 or later of a story of which no version is known: refuse "
             "(its sender can force it), or take. Of use when an agency counts its versions "
             "itself."},
    {.name = "article_bytes",
     .type = CONFIG_BYTES,
     .offset = AT(intake.article_bytes),
     .min = 1 << 10,
     .max = LIMIT_ARTICLE_BYTES,
     .fallback = "1M",
     .help = "A larger article is refused."},
    {0},
};

static const struct config_key security_keys[] = {
    {.name = "secret_key",
     .type = CONFIG_STRING,
     .offset = AT(security.secret_key),
     .fixed = true,
     .help =
         "The daemon's CURVE key, NAME.secret of newswirectl keygen: then feed, replay and "
         "submit are encrypted and only clients with a [client] of their own are let in. Or the "
         "name of a systemd credential."},
    {.name = "insecure",
     .type = CONFIG_BOOL,
     .offset = AT(security.insecure),
     .fixed = true,
     .fallback = "no",
     .help = "Allows addresses beyond this machine without CURVE: everybody who can connect may "
             "read and send everything. Every status says so."},
    {.name = "handshake_timeout",
     .type = CONFIG_TIME,
     .offset = AT(security.handshake_usec),
     .fixed = true,
     .min = 100000,
     .max = 600000000,
     .fallback = "5s",
     .help = "A connection whose handshake isn't done after so long is closed."},
    {.name = "unfinished_connections",
     .type = CONFIG_UINT,
     .offset = AT(security.unfinished),
     .min = 1,
     .max = 100000,
     .fallback = "128",
     .help = "Connections that are in their handshake at the same time; the oldest is closed "
             "before there are more."},
    {.name = "ban",
     .type = CONFIG_TIME,
     .offset = AT(security.ban_usec),
     .fallback = "60s",
     .help = "How long a client is kept out that sends what is no subscription to feed."},
    {0},
};

static const struct config_key metrics_keys[] = {
    {.name = "bind",
     .type = CONFIG_STRING,
     .offset = AT(metrics.bind),
     .fixed = true,
     .help =
         "Where GET /metrics answers in the OpenMetrics format: tcp://127.0.0.1:5563, or a Unix "
         "socket as ipc:///run/newswire/metrics. It is without keys, so it is for this "
         "machine only. Default: nowhere."},
    {0},
};

static const struct config_section service_table = {
    .name = "service", .keys = service_keys, .help = "The daemon itself."};
static const struct config_section feed_table = {
    .name = "feed", .keys = feed_keys, .help = "Live articles, for readers."};
static const struct config_section replay_table = {
    .name = "replay", .keys = replay_keys, .help = "Missed articles, for readers."};
static const struct config_section submit_table = {
    .name = "submit", .keys = submit_keys, .help = "For those who send articles."};
static const struct config_section control_table = {
    .name = "control", .keys = control_keys, .help = "For the operator (newswirectl)."};
static const struct config_section metrics_table = {
    .name = "metrics", .keys = metrics_keys, .help = "For programs that watch the daemon."};
static const struct config_section spool_table = {
    .name = "spool", .keys = spool_keys, .help = "A folder to drop files into."};
static const struct config_section log_table = {
    .name = "log", .keys = log_keys, .help = "The log on disk."};
static const struct config_section intake_table = {
    .name = "intake", .keys = intake_keys, .help = "What is taken in, and where it goes."};

static const struct config_section security_table = {
    .name = "security", .keys = security_keys, .help = "Encryption, and who is let in."};

const struct config_section *const settings_tables[] = {
    &service_table,      &feed_table,    &replay_table,        &submit_table,     &control_table,
    &metrics_table,      &spool_table,   &log_table,           &intake_table,     &security_table,
    &trust_table_client, &origins_table, &rules_table_section, &rules_table_page, NULL,
};

/* A default folder by systemd's environment, else below the given one. */
static char *default_path(struct arena *a, const char *variable, const char *base,
                          const char *name) {
    const char *folder = getenv(variable);
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", folder == NULL ? base : folder, name);
    return n < 0 || (size_t)n >= sizeof path ? NULL : arena_strndup(a, path, (size_t)n);
}

static bool is_loopback(const char *endpoint) {
    if (strncmp(endpoint, "ipc://", 6) == 0 || strncmp(endpoint, "inproc://", 9) == 0)
        return true;
    if (strncmp(endpoint, "tcp://", 6) != 0)
        return false;
    const char *host = endpoint + 6, *colon = strrchr(host, ':');
    size_t len = colon == NULL ? strlen(host) : (size_t)(colon - host);
    char name[128];
    snprintf(name, sizeof name, "%.*s", (int)len, host);
    struct in_addr v4;
    if (inet_pton(AF_INET, name, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    return strcmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 || strcmp(name, "lo") == 0;
}

__attribute__((format(printf, 4, 5))) static int fault(struct config_fault *f, const char *path,
                                                       const char *key, const char *format, ...) {
    va_list arguments;
    *f = (struct config_fault){0};
    va_start(arguments, format);
    vsnprintf(f->reason, sizeof f->reason, format, arguments);
    va_end(arguments);
    snprintf(f->file, sizeof f->file, "%s", path == NULL ? "(defaults)" : path);
    snprintf(f->key, sizeof f->key, "%s", key);
    return -EINVAL;
}

bool settings_may_bind(const struct settings *s, const char *endpoint) {
    return *s->security.secret_key != '\0' || s->security.insecure || is_loopback(endpoint);
}

static int check_endpoints(const struct settings *s, const struct text_list *bind, const char *key,
                           const char *path, struct config_fault *f) {
    if (bind->n == 0)
        return fault(f, path, key, "wants an endpoint such as tcp://127.0.0.1:5560");
    for (size_t i = 0; i < bind->n; i++)
        if (!settings_may_bind(s, bind->items[i]))
            return fault(
                f, path, key,
                "'%.60s' is beyond this machine, and without [security] secret_key nothing "
                "is encrypted or authorised; use an address of 127.0.0.0/8, [::1] or "
                "ipc://, or set a key",
                bind->items[i]);
    return 0;
}

/* "immediately" or "approve:2". */
static int read_releases(struct settings *s, const char *path, struct config_fault *f) {
    for (size_t i = 0; i < s->rules.n_sections; i++) {
        struct rules_section *section = s->rules.sections[i];
        char key[LIMIT_KEY_BYTES + 32], *end = "";
        unsigned long n = 0;
        section->approvals = 0;
        if (section->release == NULL || *section->release == '\0' ||
            strcmp(section->release, "immediately") == 0)
            continue;
        if (strncmp(section->release, "approve:", 8) == 0)
            n = strtoul(section->release + 8, &end, 10);
        snprintf(key, sizeof key, "[section \"%s\"] release", section->key);
        if (n < 1 || n > LIMIT_APPROVALS || *end != '\0')
            return fault(f, path, key, "'%.60s' is neither immediately nor approve:1 to approve:%d",
                         section->release, LIMIT_APPROVALS);
        section->approvals = (uint32_t)n;
    }
    return 0;
}

static int choose_default_section(struct settings *s, const char *path, struct config_fault *f) {
    const struct rules *r = &s->rules;
    const struct rules_section *chosen = NULL;
    if (*s->intake.default_section != '\0') {
        chosen = rules_section_find(r, s->intake.default_section);
        if (chosen == NULL)
            return fault(f, path, "[intake] default_section", "there is no section '%.100s'",
                         s->intake.default_section);
    }
    if (chosen == NULL)
        chosen = rules_section_find(r, "news");
    if (chosen == NULL)
        chosen = r->sections[0];
    s->intake.default_section = (char *)chosen->key;
    return 0;
}

/* A file, or a credential of systemd. */
static int check_key_file(const char *file, const char *key, const char *path,
                          struct config_fault *f) {
    return *file == '/' || strchr(file, '/') == NULL
               ? 0
               : fault(f, path, key, "'%.100s' is neither an absolute path nor a credential's name",
                       file);
}

static int check_key_files(const struct settings *s, const char *path, struct config_fault *f) {
    int r = check_key_file(s->security.secret_key, "[security] secret_key", path, f);
    if (r == 0)
        r = check_key_file(s->spool.sign, "[spool] sign", path, f);
    return r == 0 ? check_key_file(s->log.sign, "[log] sign", path, f) : r;
}

/* The keys, and the clients. */
static int check_security(struct arena *a, struct settings *s, const char *path,
                          struct config_fault *f) {
    const char *key = s->security.secret_key;
    char where[128] = "";
    struct fault reason = {0};
    if (check_key_files(s, path, f) < 0)
        return -EINVAL;
    if (*key == '\0' && s->n_clients > 0)
        return fault(f, path, "[client]",
                     "without [security] secret_key nobody can be known by a key");
    if (*key != '\0' && s->security.insecure)
        return fault(f, path, "[security] insecure", "there is a secret_key: one or the other");
    int r = trust_check(a, s, where, sizeof where, &reason);
    if (r == 0)
        r = origins_check(a, s, where, sizeof where, &reason);
    return r == -EINVAL ? fault(f, path, where, "%s", reason.reason) : r;
}

static int finish(struct arena *a, struct settings *s, const char *path, struct config_fault *f) {
    if (*s->control.path == '\0')
        s->control.path = default_path(a, "RUNTIME_DIRECTORY", "/run/newswire", "control");
    if (*s->log.directory == '\0')
        s->log.directory = default_path(a, "STATE_DIRECTORY", "/var/lib/newswire", "log");
    if (s->control.path == NULL || s->log.directory == NULL)
        return -ENOMEM;
    int r = check_security(a, s, path, f);
    if (r == 0)
        r = check_endpoints(s, &s->feed.bind, "[feed] bind", path, f);
    if (r == 0)
        r = check_endpoints(s, &s->replay.bind, "[replay] bind", path, f);
    if (r == 0)
        r = check_endpoints(s, &s->submit.bind, "[submit] bind", path, f);
    if (r == 0 && *s->metrics.bind != '\0' && !is_loopback(s->metrics.bind))
        r = fault(f, path, "[metrics] bind",
                  "'%.60s' is no address of this machine alone: tcp://127.0.0.1:5563, or "
                  "ipc:///run/newswire/metrics. A web server before it can have keys",
                  s->metrics.bind);
    if (r == 0)
        r = read_releases(s, path, f);
    return r == 0 ? choose_default_section(s, path, f) : r;
}

/* ---- in use */

enum { SETTINGS_ARENA_BYTES = 16 << 20 };

int settings_load(const char *path, struct settings **ret, struct config_fault *ret_fault) {
    struct arena *a = arena_new(SETTINGS_ARENA_BYTES);
    struct settings *s = calloc(1, sizeof *s);
    int r = a == NULL || s == NULL ? -ENOMEM : settings_read(a, path, s, ret_fault);
    if (r < 0) {
        arena_free(a);
        free(s);
        return r;
    }
    s->arena = a;
    s->refs = 1;
    *ret = s;
    return 0;
}

struct settings *settings_ref(const struct settings *s) {
    struct settings *mine = (struct settings *)s; /* only the count is touched */
    atomic_fetch_add(&mine->refs, 1);
    return mine;
}

struct settings *settings_unref(struct settings *s) {
    if (s != NULL && atomic_fetch_sub(&s->refs, 1) == 1 && s->arena != NULL) {
        arena_free(s->arena);
        free(s);
    }
    return NULL;
}

int settings_log_level(const char *word) {
    for (int i = 0; log_level_words[i] != NULL; i++)
        if (strcmp(log_level_words[i], word) == 0)
            return i;
    return -EINVAL;
}

int settings_priority(int log_level) {
    static const int priorities[] = {[LEVEL_ERROR] = LOG_ERR,
                                     [LEVEL_WARNING] = LOG_WARNING,
                                     [LEVEL_NOTICE] = LOG_NOTICE,
                                     [LEVEL_INFO] = LOG_INFO,
                                     [LEVEL_DEBUG] = LOG_DEBUG};
    return priorities[log_level];
}

const char *settings_priority_word(int priority) {
    int i = 0;
    while (log_level_words[i + 1] != NULL && settings_priority(i) < priority)
        i++;
    return log_level_words[i];
}

int settings_keep_fixed(const struct settings *before, struct settings *now,
                        struct text_list *ret_notes) {
    return config_keep_fixed(now->arena, settings_tables, before, now, ret_notes);
}

int settings_read(struct arena *a, const char *path, struct settings *ret,
                  struct config_fault *ret_fault) {
    struct settings s = {0};
    int r = rules_defaults(a, &s.rules);
    if (r == 0)
        r = config_defaults(a, settings_tables, &s);
    if (r == 0 && path != NULL)
        r = config_read(a, settings_tables, &s, path, CONFIG_ONLY_KNOWN, ret_fault);
    if (r == 0)
        r = finish(a, &s, path, ret_fault);
    if (r == 0)
        *ret = s;
    return r;
}
