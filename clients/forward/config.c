#include "clients/forward/config.h"

#include "clients/forward/template.h"
#include "clients/forward/transport.h"
#include "proto/topic.h"

#include <errno.h>
#include <iconv.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAIN(member)   offsetof(struct forward_config, member)
#define OUTLET(member) offsetof(struct outlet_config, member)
#define HOUR           (3600 * 1000000ULL)

static const char *const late_words[] = {"park", "send", "drop", NULL};
static const char *const starttls_words[] = {"required", "if-offered", "never", NULL};

static const struct config_key forward_keys[] = {
    {.name = "ledger",
     .type = CONFIG_PATH,
     .offset = MAIN(forward.ledger),
     .help =
         "The file that knows what became of each article at each outlet. Default: ledger.db in "
         "/var/lib/newswire-forward; with a config NAME.conf other than forward.conf in its "
         "folder NAME."},
    {.name = "name",
     .type = CONFIG_STRING,
     .offset = MAIN(forward.name),
     .help = "The name of this wire in the path of articles that go to other wires; empty: this "
             "machine's."},
    {.name = "server",
     .type = CONFIG_STRING,
     .offset = MAIN(forward.server),
     .help = "The host of newswired; empty: $NEWSWIRE_SERVER, or this one."},
    {.name = "feed",
     .type = CONFIG_STRING,
     .offset = MAIN(forward.feed),
     .help = "Its feed as a ZeroMQ endpoint, where it isn't port 5560 of the server."},
    {.name = "replay",
     .type = CONFIG_STRING,
     .offset = MAIN(forward.replay),
     .help = "Its replay, where it isn't port 5561 of the server."},
    {.name = "key",
     .type = CONFIG_STRING,
     .offset = MAIN(forward.key),
     .help =
         "A file with the CURVE keys for that daemon, as newswirectl keygen makes it, or the name "
         "of a systemd credential."},
    {.name = "topics",
     .type = CONFIG_WORDS,
     .offset = MAIN(forward.topics),
     .help = "What is followed: sections (economy) or topics (briefs/brief); empty: everything. It "
             "should cover what a story may move to, or a kill there is not seen."},
    {.name = "retain",
     .type = CONFIG_TIME,
     .offset = MAIN(forward.retain_usec),
     .min = HOUR,
     .fallback = "400d",
     .help = "So long articles and what became of them stay in the ledger."},
    {0},
};

static const struct config_key receipts_keys[] = {
    {.name = "listen",
     .type = CONFIG_STRING,
     .offset = MAIN(receipts.listen),
     .help = "An address and port, such as 127.0.0.1:5570, where outlets tell that they used or "
             "withdrew an article; empty: nowhere. A web server with TLS stands before it."},
    {.name = "url",
     .type = CONFIG_STRING,
     .offset = MAIN(receipts.url),
     .help = "What outlets call it, such as https://wire.example/receipt. Each article goes out "
             "with a link below it that is signed and good for this article and outlet alone."},
    {.name = "secret",
     .type = CONFIG_STRING,
     .offset = MAIN(receipts.secret),
     .help = "The secret that signs these links: a file, or the name of a systemd credential."},
    {0},
};

static const struct config_key outlet_keys[] = {
    {.name = "topics",
     .type = CONFIG_WORDS,
     .offset = OUTLET(topics),
     .help = "Sections (economy) or topics (briefs/brief) that go to it; empty: all."},
    {.name = "kinds",
     .type = CONFIG_WORDS,
     .offset = OUTLET(kinds),
     .help = "article, brief, photo; empty: all."},
    {.name = "keywords",
     .type = CONFIG_LIST,
     .offset = OUTLET(keywords),
     .help = "Words apart by '|', of which one must be among the article's keywords or in its "
             "headline or text; empty: none is needed."},
    {.name = "languages",
     .type = CONFIG_WORDS,
     .offset = OUTLET(languages),
     .help = "Such as zh or zh-Hans; empty: all."},
    {.name = "urgency",
     .type = CONFIG_UINT,
     .offset = OUTLET(urgency),
     .max = 9,
     .fallback = "9",
     .help = "The least urgent that it takes, from 1 (most urgent) to 9. An article that says "
             "nothing of its urgency counts as 5."},
    {.name = "format",
     .type = CONFIG_STRING,
     .offset = OUTLET(format),
     .fallback = "ninjs",
     .help = "ninjs, ninjs@2.2, ninjs@1.3, newsml-g2, nitf, json, text (by the body template), or "
             "exec:PROGRAM, which gets the article as JSON on its standard input and prints the "
             "body; a program has limits, and an environment of its own."},
    {.name = "exec_timeout",
     .type = CONFIG_TIME,
     .offset = OUTLET(exec_timeout_usec),
     .min = 100000,
     .fallback = "30s",
     .help = "The longest that exec:PROGRAM may take."},
    {.name = "exec_memory",
     .type = CONFIG_BYTES,
     .offset = OUTLET(exec_memory_bytes),
     .min = 1 << 20,
     .fallback = "512M",
     .help = "The most memory that it may have."},
    {.name = "charset",
     .type = CONFIG_STRING,
     .offset = OUTLET(charset),
     .fallback = "UTF-8",
     .help = "Of the text format, such as GB18030; what it can't hold is written as '?'. The other "
             "formats are UTF-8."},
    {.name = "crlf",
     .type = CONFIG_BOOL,
     .offset = OUTLET(crlf),
     .fallback = "no",
     .help = "Whether lines end by CR LF, in the text format."},
    {.name = "filename",
     .type = CONFIG_STRING,
     .offset = OUTLET(filename),
     .fallback = "{date}-{section}-{id}-{version}{suffix}",
     .help = "Template of a file's name. Templates know {uri}, {id} (of the uri, for names), "
             "{version}, {seq}, {section}, {section_label}, {kind}, {topic}, {headline}, "
             "{subheadline}, {kicker}, {byline}, {dateline}, {text}, {publication}, {page_date}, "
             "{page}, {language}, {urgency}, {note}, {rights}, {status} (empty, CORRECTION: or "
             "KILL:), {action} (create, correct, kill), {date} (the day it was stored), {suffix}, "
             "{place}, {contact}, {outlet}, {remote_id}, {receipt}, and \\n for a new line."},
    {.name = "subject",
     .type = CONFIG_STRING,
     .offset = OUTLET(subject),
     .fallback = "{status}{headline}",
     .help = "Template of a mail's subject."},
    {.name = "body",
     .type = CONFIG_STRING,
     .offset = OUTLET(body),
     .fallback =
         "{status}{headline}\\n{subheadline}\\n{byline}\\n\\n{text}\\n\\n{place}\\n{contact}\\n",
     .help = "Template of the text format. A line whose values are all empty is left out."},
    {.name = "body_kill",
     .type = CONFIG_STRING,
     .offset = OUTLET(body_kill),
     .fallback = "{status}{headline}\\n\\n{uri}\\n{note}\\n\\n{place}\\n{contact}\\n",
     .help = "The same for the message that withdraws an article."},
    {.name = "place",
     .type = CONFIG_STRING,
     .offset = OUTLET(place),
     .help = "A line for {place}: where the text comes from."},
    {.name = "contact",
     .type = CONFIG_STRING,
     .offset = OUTLET(contact),
     .help = "A line for {contact}: whom to ask."},
    {.name = "url",
     .type = CONFIG_STRING,
     .offset = OUTLET(url),
     .help =
         "Where it goes, and how: https://…, http://…, smtp://host:25, smtps://…, ftp://…/folder, "
         "ftps://…, sftp://…/folder, file:///folder, newswire://host:5562 (another newswired). "
         "In http urls {uri}, {version} and {id} are filled in."},
    {.name = "host",
     .type = CONFIG_STRING,
     .offset = OUTLET(host),
     .help = "Of newswire://: the name of that wire. What has come through it does not go back."},
    {.name = "method",
     .type = CONFIG_STRING,
     .offset = OUTLET(method),
     .fallback = "POST",
     .help = "Of HTTP."},
    {.name = "url_correct",
     .type = CONFIG_STRING,
     .offset = OUTLET(url_correct),
     .help = "For corrections, where it isn't url; {remote_id} too is filled in. What the outlet "
             "told no name for is parked then."},
    {.name = "method_correct",
     .type = CONFIG_STRING,
     .offset = OUTLET(method_correct),
     .help = "For corrections, where it isn't method."},
    {.name = "url_kill",
     .type = CONFIG_STRING,
     .offset = OUTLET(url_kill),
     .help = "For kills, where it isn't url; as url_correct."},
    {.name = "method_kill",
     .type = CONFIG_STRING,
     .offset = OUTLET(method_kill),
     .help = "For kills, where it isn't method."},
    {.name = "headers",
     .type = CONFIG_LIST,
     .offset = OUTLET(headers),
     .help = "Further header lines of HTTP, apart by '|'; Content-Type goes before the format's. "
             "Nothing secret: see token."},
    {.name = "signing_secrets",
     .type = CONFIG_WORDS,
     .offset = OUTLET(signing_secrets),
     .help =
         "Secrets of Standard Webhooks (whsec_… in base64, or any bytes), the newest first; two "
         "while they are changed. A secret is a file that nobody else can read, or the name of "
         "a systemd credential; so are the others below."},
    {.name = "superdesk_secret",
     .type = CONFIG_STRING,
     .offset = OUTLET(superdesk_secret),
     .help = "Secret of x-superdesk-signature."},
    {.name = "token",
     .type = CONFIG_STRING,
     .offset = OUTLET(token),
     .help = "Secret that is sent as a bearer token."},
    {.name = "user",
     .type = CONFIG_STRING,
     .offset = OUTLET(user),
     .help = "Name for HTTP (basic), SMTP, FTP and SFTP."},
    {.name = "password",
     .type = CONFIG_STRING,
     .offset = OUTLET(password),
     .help = "Secret: the password for it."},
    {.name = "private_key",
     .type = CONFIG_STRING,
     .offset = OUTLET(private_key),
     .help = "Secret: the private key for SFTP, in OpenSSH's or PEM form."},
    {.name = "key",
     .type = CONFIG_STRING,
     .offset = OUTLET(key),
     .help = "A file with the CURVE keys for newswire://, as newswirectl keygen makes it there, or "
             "the name of a systemd credential."},
    {.name = "known_hosts",
     .type = CONFIG_PATH,
     .offset = OUTLET(known_hosts),
     .fallback = "/etc/ssh/ssh_known_hosts",
     .help = "Keys of SFTP servers; one that isn't there is refused."},
    {.name = "ca_file",
     .type = CONFIG_PATH,
     .offset = OUTLET(ca_file),
     .help = "Certificates of authorities to trust for TLS, instead of the system's."},
    {.name = "proxy",
     .type = CONFIG_STRING,
     .offset = OUTLET(proxy),
     .help = "A proxy to go through, such as http://proxy.example:3128; the environment's are not "
             "used. Behind one, private_addresses has no effect."},
    {.name = "redirects",
     .type = CONFIG_BOOL,
     .offset = OUTLET(redirects),
     .fallback = "no",
     .help = "Whether redirects are followed, to https only."},
    {.name = "private_addresses",
     .type = CONFIG_BOOL,
     .offset = OUTLET(private_addresses),
     .fallback = "no",
     .help = "Whether it may be at a private address (10.0.0.0/8, 127.0.0.1, fd00::/8 and such); "
             "newswire:// always may."},
    {.name = "success",
     .type = CONFIG_STRING,
     .offset = OUTLET(success),
     .help = "What a 2xx answer's JSON must say for the article to count as taken: $.errcode == 0; "
             "also !=, and the words true, false, null and \"text\"."},
    {.name = "retry_on",
     .type = CONFIG_STRING,
     .offset = OUTLET(retry_on),
     .help = "What an answer's JSON says, with any status, when the article should come again "
             "later; by the same rules."},
    {.name = "remote_id",
     .type = CONFIG_STRING,
     .offset = OUTLET(remote_id),
     .help = "Where the answer has the article's name there: $.data.id."},
    {.name = "mail_from",
     .type = CONFIG_STRING,
     .offset = OUTLET(mail_from),
     .help = "Sender of mail."},
    {.name = "mail_to",
     .type = CONFIG_WORDS,
     .offset = OUTLET(mail_to),
     .help = "Whom it goes to."},
    {.name = "attach",
     .type = CONFIG_BOOL,
     .offset = OUTLET(attach),
     .fallback = "no",
     .help = "Whether a mail has the article in its format as a file too."},
    {.name = "starttls",
     .type = CONFIG_CHOICE,
     .offset = OUTLET(starttls),
     .choices = starttls_words,
     .fallback = "required",
     .help = "Of smtp:// and ftp://: required, if-offered or never."},
    {.name = "kill_needs_receipt",
     .type = CONFIG_BOOL,
     .offset = OUTLET(kill_needs_receipt),
     .fallback = "no",
     .help = "Whether a kill counts as confirmed only by a receipt. Mail and files always want "
             "one; a 2xx answer of HTTP is one unless this is set."},
    {.name = "window",
     .type = CONFIG_STRING,
     .offset = OUTLET(window_text),
     .help = "When it takes articles: 07:30-22:00; empty: always. Kills go at any time."},
    {.name = "batch",
     .type = CONFIG_STRING,
     .offset = OUTLET(batch_text),
     .help = "A time of day, 17:00, at which all that waits goes in one message (text format "
             "alone); empty: one by one."},
    {.name = "batch_most",
     .type = CONFIG_UINT,
     .offset = OUTLET(batch_most),
     .min = 1,
     .max = 1000,
     .fallback = "200",
     .help = "Articles in one such message."},
    {.name = "timezone",
     .type = CONFIG_STRING,
     .offset = OUTLET(timezone),
     .help = "Of window, batch and {date}: Asia/Shanghai; empty: this machine's."},
    {.name = "expire",
     .type = CONFIG_TIME,
     .offset = OUTLET(expire_usec),
     .fallback = "0",
     .help = "An article that waits longer is late; 0: none is."},
    {.name = "late",
     .type = CONFIG_CHOICE,
     .offset = OUTLET(late),
     .choices = late_words,
     .fallback = "park",
     .help = "What becomes of a late one: park (a person decides), send, or drop."},
    {.name = "connections",
     .type = CONFIG_UINT,
     .offset = OUTLET(connections),
     .min = 1,
     .max = 16,
     .fallback = "1",
     .help = "So many articles go to it at a time, each of another story."},
    {.name = "rate",
     .type = CONFIG_UINT,
     .offset = OUTLET(rate),
     .max = 1000000,
     .fallback = "0",
     .help = "Articles a minute at most, per connection; 0: no limit."},
    {.name = "connect_timeout",
     .type = CONFIG_TIME,
     .offset = OUTLET(connect_timeout_usec),
     .min = 100000,
     .fallback = "10s",
     .help = "The longest to wait for a connection."},
    {.name = "timeout",
     .type = CONFIG_TIME,
     .offset = OUTLET(timeout_usec),
     .min = 100000,
     .fallback = "60s",
     .help = "The longest that sending one article may take."},
    {.name = "retry_for",
     .type = CONFIG_TIME,
     .offset = OUTLET(retry_for_usec),
     .min = 1000000,
     .fallback = "3d",
     .help = "So long an article is tried again; then it is parked."},
    {.name = "retry_first",
     .type = CONFIG_TIME,
     .offset = OUTLET(retry_first_usec),
     .min = 10000,
     .fallback = "5s",
     .help = "The first wait before it is tried again; each next one is twice as long, and all are "
             "shortened by up to half, at random."},
    {.name = "retry_most",
     .type = CONFIG_TIME,
     .offset = OUTLET(retry_most_usec),
     .min = 10000,
     .fallback = "15min",
     .help = "The longest wait."},
    {0},
};

/* ---- outlets */

int outlet_config_defaults(struct arena *a, struct outlet_config *o) {
    return config_section_defaults(a, outlet_keys, o);
}

static void *new_outlet(struct arena *a, void *destination, const char *name) {
    struct forward_config *c = destination;
    struct outlet_config *o = arena_alloc(a, sizeof *o);
    if (o == NULL || outlet_config_defaults(a, o) < 0 ||
        article_push(a, (void ***)&c->outlets, &c->n_outlets, o) < 0)
        return NULL;
    o->name = name;
    return o;
}

/* A name of files and of headers too. */
static bool outlet_name_valid(const char *name) {
    return topic_section_valid(slice_of(name));
}

/* Names this wire, for paths. */
/* Each config has a ledger of its own, as each newswire-forward@NAME has. */
static int choose_ledger(struct arena *a, const char *path, struct forward_config *c) {
    static const char folder[] = "/var/lib/newswire-forward";
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    const char *end = strrchr(name, '.');
    int len = (int)(end == NULL ? strlen(name) : (size_t)(end - name));
    char text[PATH_MAX];
    if (*c->forward.ledger != '\0')
        return 0;
    if (strcmp(name, "forward.conf") == 0)
        snprintf(text, sizeof text, "%s/ledger.db", folder);
    else
        snprintf(text, sizeof text, "%s/%.*s/ledger.db", folder, len, name);
    c->forward.ledger = arena_strndup(a, text, strlen(text));
    return c->forward.ledger == NULL ? -ENOMEM : 0;
}

static int set_here(struct arena *a, struct forward_config *c) {
    char host[LIMIT_NAME_BYTES + 1] = "";
    if (*c->forward.name == '\0') {
        gethostname(host, sizeof host - 1);
        c->forward.name = arena_strndup(a, host, strlen(host));
    }
    for (size_t i = 0; i < c->n_outlets; i++)
        c->outlets[i]->here = c->forward.name;
    return c->forward.name == NULL ? -ENOMEM : 0;
}

static const struct config_section forward_section = {
    .name = "forward", .keys = forward_keys, .help = "The wire and the ledger."};
static const struct config_section receipts_section = {
    .name = "receipts", .keys = receipts_keys, .help = "What outlets tell afterwards."};
static const struct config_section outlet_section = {
    .name = "outlet",
    .keys = outlet_keys,
    .help = "One section for each that articles go to: [outlet \"county-daily\"].",
    .instance = new_outlet,
    .instance_valid = outlet_name_valid};

const struct config_section *const forward_sections[] = {&forward_section, &receipts_section,
                                                         &outlet_section, NULL};

/* ---- what the table can't check */

static const char *check_times(struct arena *a, struct outlet_config *o) {
    if (zone_load(a, o->timezone, &o->zone) < 0)
        return "timezone: the system has none of that name";
    if (!zone_read_window(o->window_text, &o->window))
        return "window: it should be like 07:30-22:00";
    if (!zone_read_minute(o->batch_text, &o->batch_minute))
        return "batch: it should be a time of day like 17:00";
    return NULL;
}

static const char *check_format(struct outlet_config *o) {
    if (strncmp(o->format, "exec:", 5) == 0) {
        o->program = o->format + 5;
        return *o->program == '/' ? NULL : "format: exec: wants a program's whole path";
    }
    if (strcmp(o->format, "text") != 0 &&
        (o->writer = write_format_find(o->format, &o->writer_version)) == NULL)
        return "format: there is none of that name";
    if (o->writer != NULL && (o->crlf || strcasecmp(o->charset, "UTF-8") != 0))
        return "charset, crlf: only format = text or exec: has them";
    if (o->batch_minute >= 0 && strcmp(o->format, "text") != 0)
        return "batch: only format = text can be put together";
    iconv_t cd = iconv_open(o->charset, "UTF-8");
    if (cd == (iconv_t)-1)
        return "charset: it is unknown here";
    iconv_close(cd);
    return NULL;
}

static const char *check_templates(const struct outlet_config *o) {
    static char text[160];
    const struct {
        const char *key, *value;
    } templates[] = {{"filename", o->filename}, {"subject", o->subject},
                     {"body", o->body},         {"body_kill", o->body_kill},
                     {"url", o->url},           {"url_correct", o->url_correct},
                     {"url_kill", o->url_kill}};
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        char unknown[64];
        if (!template_check(templates[i].value, unknown, sizeof unknown)) {
            snprintf(text, sizeof text, "%s: there is no {%s}", templates[i].key, unknown);
            return text;
        }
    }
    return NULL;
}

/* Whether the forwarder follows any of the topics that a prefix with a slash names. */
static bool is_followed(const struct text_list *followed, const char *prefix) {
    for (size_t i = 0; i < followed->n; i++) {
        const char *topic = followed->items[i];
        size_t len = strlen(topic), n = strlen(prefix);
        bool section = strchr(topic, '/') == NULL; /* "economy" is all of it */
        if (section ? strncmp(prefix, topic, len) == 0 && prefix[len] == '/'
                    : strncmp(prefix, topic, n < len ? n : len) == 0)
            return true;
    }
    return followed->n == 0;
}

static const char *check_filters(struct arena *a, struct outlet_config *o,
                                 const struct text_list *followed) {
    for (size_t i = 0; i < o->kinds.n; i++)
        if (article_kind_from_name(o->kinds.items[i]) <= 0)
            return "kinds: article, brief, photo";
    for (size_t i = 0; i < o->topics.n; i++) {
        char *topic = o->topics.items[i];
        if (strchr(topic, '/') == NULL) { /* "economy" is the whole section */
            size_t len = strlen(topic);
            char *whole = arena_alloc(a, len + 2);
            if (whole == NULL)
                return "out of memory";
            memcpy(whole, topic, len);
            whole[len] = '/';
            o->topics.items[i] = topic = whole;
        }
        if (!topic_prefix_valid(slice_of(topic)))
            return "topics: a section or a topic, such as economy or briefs/brief";
        if (!is_followed(followed, topic))
            return "topics: one is not among the topics of [forward], so that it never comes";
    }
    return o->urgency == 0 ? "urgency: from 1 to 9" : NULL;
}

/* A url is printed here and there; a password is not for that. */
static bool names_user(const char *url) {
    const char *host = strstr(url, "://");
    return host != NULL && memchr(host + 3, '@', strcspn(host + 3, "/?#")) != NULL;
}

static const char *check_urls(const struct outlet_config *o) {
    if (transport_find(o->url) == NULL)
        return "url: it should begin with http, https, smtp, smtps, ftp, ftps, sftp, file or "
               "newswire, and ://";
    return names_user(o->url) || names_user(o->url_correct) || names_user(o->url_kill)
               ? "url: without a user; user and password are keys of their own"
               : NULL;
}

static const char *check_outlet(struct arena *a, struct outlet_config *o,
                                const struct text_list *followed) {
    const char *wrong = check_times(a, o);
    if (wrong == NULL)
        wrong = check_format(o);
    if (wrong == NULL)
        wrong = check_templates(o);
    if (wrong == NULL)
        wrong = check_filters(a, o, followed);
    if (wrong == NULL)
        wrong = check_urls(o);
    return wrong == NULL ? transport_find(o->url)->check(o) : wrong;
}

int forward_config_load(struct arena *a, const char *path, struct forward_config **ret,
                        struct config_fault *f) {
    struct forward_config *c = arena_alloc(a, sizeof *c);
    if (c == NULL)
        return -ENOMEM;
    int r = config_defaults(a, forward_sections, c);
    if (r == 0)
        r = config_read(a, forward_sections, c, path, CONFIG_ONLY_KNOWN, f);
    if (r == 0)
        r = set_here(a, c);
    if (r == 0)
        r = choose_ledger(a, path, c);
    for (size_t i = 0; r == 0 && i < c->n_outlets; i++) {
        c->outlets[i]->index = i;
        const char *wrong = check_outlet(a, c->outlets[i], &c->forward.topics);
        if (wrong == NULL)
            continue;
        *f = (struct config_fault){0};
        snprintf(f->file, sizeof f->file, "%s", path);
        snprintf(f->key, sizeof f->key, "[outlet \"%.60s\"]", c->outlets[i]->name);
        snprintf(f->reason, sizeof f->reason, "%s", wrong);
        r = -EINVAL;
    }
    if (r == 0 && (*c->receipts.listen != '\0' || *c->receipts.url != '\0') &&
        *c->receipts.secret == '\0') {
        *f = (struct config_fault){.key = "[receipts] secret", .reason = "links need one"};
        snprintf(f->file, sizeof f->file, "%s", path);
        r = -EINVAL;
    }
    if (r == 0)
        *ret = c;
    return r;
}

const struct outlet_config *forward_outlet(const struct forward_config *c, const char *name) {
    for (size_t i = 0; i < c->n_outlets; i++)
        if (strcmp(c->outlets[i]->name, name) == 0)
            return c->outlets[i];
    return NULL;
}
