#include "clients/alert/config.h"

#include "clients/forward/config.h"
#include "proto/article.h"
#include "proto/formats/timestamp.h"
#include "proto/topic.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define MAIN(member)  offsetof(struct alert_config, watch.member)
#define GROUP(member) offsetof(struct group_config, member)

static const char *const format_words[] = {"json", "wecom", "dingtalk", NULL};
static const char *const language_words[] = {"en", "zh", NULL};
static const char *const starttls_words[] = {"required", "if-offered", "never", NULL};
static const char *const day_words[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static const struct config_key watch_keys[] = {
    {.name = "control",
     .type = CONFIG_STRING,
     .offset = MAIN(control),
     .fallback = "/run/newswire/control",
     .help = "The control socket of newswired; empty: there is none to look at here."},
    {.name = "forwarders",
     .type = CONFIG_WORDS,
     .offset = MAIN(forwarders),
     .fallback = "/etc/newswire/forward/*.conf",
     .help = "Configs of newswire-forward, whose ledgers and outlets are looked at; * and ? stand "
             "for any letters and a letter."},
    {.name = "disks",
     .type = CONFIG_WORDS,
     .offset = MAIN(disks),
     .fallback = "/var/lib/newswire",
     .help = "Folders whose disks are looked at."},
    {.name = "interval",
     .type = CONFIG_TIME,
     .offset = MAIN(interval_usec),
     .min = 100000,
     .fallback = "30s",
     .help = "So often it looks."},
    {.name = "state",
     .type = CONFIG_PATH,
     .offset = MAIN(state),
     .fallback = "/var/lib/newswire-alert/state.json",
     .help = "The file that knows what was told to whom, and what waits."},
    {.name = "name",
     .type = CONFIG_STRING,
     .offset = MAIN(name),
     .help = "The name of this wire at the end of messages; empty: this machine's."},
    {0},
};

static const struct config_key group_keys[] = {
    {.name = "url",
     .type = CONFIG_STRING,
     .offset = GROUP(url),
     .help = "Where messages go: a webhook's https:// or http://, or a mail server as "
             "smtps://mail.example or smtp://mail.example:587."},
    {.name = "url_secret",
     .type = CONFIG_STRING,
     .offset = GROUP(url_secret),
     .help = "The same as a secret, since the url of a robot has its key in it: a file that has "
             "the url, or the name of a systemd credential."},
    {.name = "format",
     .type = CONFIG_CHOICE,
     .offset = GROUP(format),
     .choices = format_words,
     .fallback = "json",
     .help = "Of a webhook: json, which names each alert; wecom or dingtalk, text messages of "
             "their robots."},
    {.name = "secret",
     .type = CONFIG_STRING,
     .offset = GROUP(secret),
     .help = "The secret that signs messages, a file or a credential: of DingTalk's robot, or of "
             "format = json by the rules of Standard Webhooks."},
    {.name = "token",
     .type = CONFIG_STRING,
     .offset = GROUP(token),
     .help = "A bearer token for format = json, a file or a credential."},
    {.name = "mention",
     .type = CONFIG_WORDS,
     .offset = GROUP(mention),
     .help = "Telephone numbers of the members whom a robot calls by name in urgent messages; all: "
             "everybody."},
    {.name = "mail_from",
     .type = CONFIG_STRING,
     .offset = GROUP(mail_from),
     .help = "Sender of mail."},
    {.name = "mail_to",
     .type = CONFIG_WORDS,
     .offset = GROUP(mail_to),
     .help = "Whom mail goes to."},
    {.name = "user",
     .type = CONFIG_STRING,
     .offset = GROUP(user),
     .help = "The name to log in with at the mail server."},
    {.name = "password",
     .type = CONFIG_STRING,
     .offset = GROUP(password),
     .help = "Its password, a file or a credential."},
    {.name = "starttls",
     .type = CONFIG_CHOICE,
     .offset = GROUP(starttls),
     .choices = starttls_words,
     .fallback = "required",
     .help = "Of smtp://: required, if-offered or never."},
    {.name = "ca_file",
     .type = CONFIG_STRING,
     .offset = GROUP(ca_file),
     .help = "Certificates to trust; empty: the system's."},
    {.name = "proxy",
     .type = CONFIG_STRING,
     .offset = GROUP(proxy),
     .help = "A proxy, such as http://proxy.example:3128; empty: none."},
    {.name = "timeout",
     .type = CONFIG_TIME,
     .offset = GROUP(timeout_usec),
     .min = 100000,
     .max = 300 * 1000000ULL,
     .fallback = "20s",
     .help = "The longest that sending may take."},
    {.name = "retry_first",
     .type = CONFIG_TIME,
     .offset = GROUP(retry_first_usec),
     .min = 10000,
     .fallback = "10s",
     .help = "The first wait before a message is sent again that did not go; each next one is "
             "twice as long."},
    {.name = "retry_most",
     .type = CONFIG_TIME,
     .offset = GROUP(retry_most_usec),
     .min = 10000,
     .fallback = "10min",
     .help = "The longest wait."},
    {.name = "title",
     .type = CONFIG_STRING,
     .offset = GROUP(title),
     .fallback = "newswire",
     .help = "What every message begins with. Where DingTalk's robot wants a keyword, it stands "
             "here."},
    {.name = "language",
     .type = CONFIG_CHOICE,
     .offset = GROUP(language),
     .choices = language_words,
     .fallback = "en",
     .help = "Of messages: en or zh."},
    {.name = "kinds",
     .type = CONFIG_WORDS,
     .offset = GROUP(kinds),
     .help = "What the group hears of: daemon_down, intake_stopped, degraded, disk_full, "
             "kill_unconfirmed, "
             "no_page, outlet_failing, item_parked, reader_behind, reader_gone, unsigned, "
             "cannot_look; empty: all."},
    {.name = "urgent",
     .type = CONFIG_WORDS,
     .offset = GROUP(urgent),
     .fallback = "daemon_down intake_stopped degraded disk_full kill_unconfirmed",
     .help = "Kinds that are told in quiet hours too."},
    {.name = "quiet",
     .type = CONFIG_STRING,
     .offset = GROUP(quiet_text),
     .help = "Quiet hours, such as 22:00-06:30: what isn't urgent waits for their end and comes as "
             "one message; empty: none."},
    {.name = "timezone",
     .type = CONFIG_STRING,
     .offset = GROUP(timezone),
     .help = "Of quiet, no_page_by and the times in messages: Asia/Shanghai; empty: this "
             "machine's."},
    {.name = "merge",
     .type = CONFIG_TIME,
     .offset = GROUP(merge_usec),
     .fallback = "1min",
     .help = "So long a message waits for what else happens, to tell it too."},
    {.name = "rate",
     .type = CONFIG_UINT,
     .offset = GROUP(rate),
     .min = 1,
     .max = 3600,
     .fallback = "12",
     .help = "Messages an hour at most, on average; what happens meanwhile is told in the next."},
    {.name = "lines",
     .type = CONFIG_UINT,
     .offset = GROUP(lines),
     .min = 1,
     .max = 1000,
     .fallback = "20",
     .help = "Alerts that a message names at most; it says how many more there are."},
    {.name = "remind",
     .type = CONFIG_TIME,
     .offset = GROUP(remind_usec),
     .fallback = "12h",
     .help = "So often an alert that goes on is told again; 0: never."},
    {.name = "daemon_down",
     .type = CONFIG_TIME,
     .offset = GROUP(daemon_down_usec),
     .fallback = "1min",
     .help = "newswired does not answer for so long."},
    {.name = "intake_stopped",
     .type = CONFIG_TIME,
     .offset = GROUP(intake_stopped_usec),
     .fallback = "0",
     .help = "Nothing is taken in, or the spool can't be used, for so long."},
    {.name = "degraded",
     .type = CONFIG_TIME,
     .offset = GROUP(degraded_usec),
     .fallback = "1min",
     .help =
         "newswired says for so long that its log is damaged, or that a thread or its disk does "
         "not get on."},
    {.name = "disk_free",
     .type = CONFIG_BYTES,
     .offset = GROUP(disk_free_bytes),
     .fallback = "1G",
     .help = "A disk with less room than that is full."},
    {.name = "kill_unconfirmed",
     .type = CONFIG_TIME,
     .offset = GROUP(kill_unconfirmed_usec),
     .fallback = "15min",
     .help = "An outlet has not confirmed a kill for so long."},
    {.name = "no_page_by",
     .type = CONFIG_STRING,
     .offset = GROUP(no_page_text),
     .help = "A time of day, 06:30, by which something must have come; empty: none."},
    {.name = "page_after",
     .type = CONFIG_STRING,
     .offset = GROUP(page_after_text),
     .fallback = "00:00",
     .help = "From when on it counts; a later time of day is one of the evening before."},
    {.name = "page_days",
     .type = CONFIG_WORDS,
     .offset = GROUP(page_days),
     .fallback = "mon tue wed thu fri sat sun",
     .help = "The days of no_page_by."},
    {.name = "page_except",
     .type = CONFIG_WORDS,
     .offset = GROUP(page_except),
     .help = "Dates without a page, such as 2031-10-01."},
    {.name = "page_topics",
     .type = CONFIG_WORDS,
     .offset = GROUP(page_topics),
     .help =
         "Sections (economy) or topics (briefs/brief) in which something must have come; empty: "
         "anything will do."},
    {.name = "outlet_failing",
     .type = CONFIG_TIME,
     .offset = GROUP(outlet_failing_usec),
     .fallback = "30min",
     .help = "An outlet fails for so long."},
    {.name = "item_parked",
     .type = CONFIG_TIME,
     .offset = GROUP(item_parked_usec),
     .fallback = "0",
     .help = "An article is parked for so long."},
    {.name = "reader_lag",
     .type = CONFIG_UINT,
     .offset = GROUP(reader_lag),
     .min = 1,
     .fallback = "1000",
     .help = "A reader that lacks more entries than that is far behind."},
    {.name = "reader_behind",
     .type = CONFIG_TIME,
     .offset = GROUP(reader_behind_usec),
     .fallback = "10min",
     .help = "A reader is far behind for so long."},
    {.name = "readers",
     .type = CONFIG_WORDS,
     .offset = GROUP(readers),
     .help = "Names of readers that should always be there, as newswirectl status has them."},
    {.name = "reader_gone",
     .type = CONFIG_TIME,
     .offset = GROUP(reader_gone_usec),
     .fallback = "5min",
     .help = "One of them is not there for so long."},
    {.name = "unsigned",
     .type = CONFIG_TIME,
     .offset = GROUP(unsigned_usec),
     .fallback = "10min",
     .help = "Checkpoints can't be signed for so long."},
    {.name = "cannot_look",
     .type = CONFIG_TIME,
     .offset = GROUP(cannot_look_usec),
     .fallback = "10min",
     .help = "A ledger or a disk can't be looked at for so long."},
    {0},
};

/* ---- groups */

static void *new_group(struct arena *a, void *destination, const char *name) {
    struct alert_config *c = destination;
    struct group_config *g = arena_alloc(a, sizeof *g);
    if (g == NULL || config_section_defaults(a, group_keys, g) < 0 ||
        article_push(a, (void ***)&c->groups, &c->n_groups, g) < 0)
        return NULL;
    g->name = name;
    g->index = c->n_groups - 1;
    return g;
}

static const struct config_section watch_section = {
    .name = "watch", .keys = watch_keys, .help = "What is looked at."};
static const struct config_section group_section = {
    .name = "alert",
    .keys = group_keys,
    .help = "One section for each group of people: [alert \"duty\"].",
    .instance = new_group};

const struct config_section *const alert_sections[] = {&watch_section, &group_section, NULL};

/* ---- what the table can't check */

static bool read_kinds(const struct text_list *words, bool ret[static ALERT_KINDS]) {
    for (size_t i = 0; i < words->n; i++) {
        enum alert_kind kind = alert_kind_find(words->items[i]);
        if (kind == ALERT_KINDS)
            return false;
        ret[kind] = true;
    }
    return true;
}

static const char *check_kinds(struct group_config *g) {
    if (!read_kinds(&g->kinds, g->wants))
        return "kinds: there is none of that name";
    if (!read_kinds(&g->urgent, g->is_urgent))
        return "urgent: there is no kind of that name";
    for (size_t i = 0; g->kinds.n == 0 && i < ALERT_KINDS; i++)
        g->wants[i] = true;
    return NULL;
}

static const char *check_times(struct arena *a, struct group_config *g) {
    if (zone_load(a, g->timezone, &g->zone) < 0)
        return "timezone: the system has none of that name";
    if (!zone_read_window(g->quiet_text, &g->quiet))
        return "quiet: it should be like 22:00-06:30";
    if (!zone_read_minute(g->no_page_text, &g->no_page_minute))
        return "no_page_by: it should be a time of day like 06:30";
    if (!zone_read_minute(g->page_after_text, &g->page_after_minute) || g->page_after_minute < 0 ||
        g->page_after_minute == g->no_page_minute)
        return "page_after: it should be a time of day like 18:00, other than no_page_by";
    return NULL;
}

static const char *check_page(struct group_config *g) {
    for (size_t i = 0; i < g->page_days.n; i++) {
        size_t d = 0;
        while (d < 7 && strcasecmp(g->page_days.items[i], day_words[d]) != 0)
            d++;
        if (d == 7)
            return "page_days: mon, tue, wed, thu, fri, sat, sun";
        g->days[d] = true;
    }
    for (size_t i = 0; i < g->page_except.n; i++) {
        char date[sizeof "2031-04-09"];
        if (!timestamp_date(slice_of(g->page_except.items[i]), date) ||
            strcmp(date, g->page_except.items[i]) != 0)
            return "page_except: dates, such as 2031-10-01";
    }
    for (size_t i = 0; i < g->page_topics.n; i++)
        if (!topic_section_valid(slice_of(g->page_topics.items[i])) &&
            !topic_prefix_valid(slice_of(g->page_topics.items[i])))
            return "page_topics: a section or a topic, such as economy or briefs/brief";
    return NULL;
}

static bool address_valid(const char *address) {
    return strchr(address, '@') != NULL && strpbrk(address, "<> \r\n,") == NULL;
}

static const char *check_way(struct group_config *g) {
    bool mail = *g->mail_from != '\0' || g->mail_to.n > 0;
    g->is_mail = strncmp(g->url, "smtp://", 7) == 0 || strncmp(g->url, "smtps://", 8) == 0 ||
                 (*g->url == '\0' && mail);
    if ((*g->url == '\0') == (*g->url_secret == '\0'))
        return "url: it or url_secret must be given, and not both";
    if (*g->url != '\0' && !g->is_mail && strncmp(g->url, "https://", 8) != 0 &&
        strncmp(g->url, "http://", 7) != 0)
        return "url: it should begin with https://, http://, smtps:// or smtp://";
    if (strpbrk(g->url, "{\\") != NULL)
        return "url: { and \\ in it should be %7B and %5C";
    if (mail != g->is_mail)
        return "mail_from, mail_to: mail needs them, and a webhook has none";
    for (size_t i = 0; i < g->mail_to.n; i++)
        if (!address_valid(g->mail_to.items[i]))
            return "mail_to: addresses, apart by blanks";
    if (g->is_mail && (!address_valid(g->mail_from) || g->mail_to.n == 0))
        return "mail_from, mail_to: addresses, such as wire@example.org";
    if (g->is_mail && (*g->secret != '\0' || *g->token != '\0' || g->format != ALERT_JSON))
        return "format, secret, token: mail has none";
    if (g->format == ALERT_WECOM && *g->secret != '\0')
        return "secret: a robot of WeCom has none but its url";
    if (g->format != ALERT_JSON && *g->token != '\0')
        return "token: only format = json has one";
    return NULL;
}

static const char *check_group(struct arena *a, struct group_config *g) {
    const char *wrong =
        strlen(g->title) > ALERT_TITLE_MOST ? "title: it has more than 120 bytes" : check_kinds(g);
    if (wrong == NULL)
        wrong = check_times(a, g);
    if (wrong == NULL)
        wrong = check_page(g);
    return wrong == NULL ? check_way(g) : wrong;
}

static int set_name(struct arena *a, struct alert_config *c) {
    char host[LIMIT_NAME_BYTES + 1] = "";
    if (*c->watch.name != '\0')
        return 0;
    gethostname(host, sizeof host - 1);
    c->watch.name = arena_strndup(a, host, strlen(host));
    return c->watch.name == NULL ? -ENOMEM : 0;
}

int alert_config_load(struct arena *a, const char *path, struct alert_config **ret,
                      struct config_fault *f) {
    struct alert_config *c = arena_alloc(a, sizeof *c);
    if (c == NULL)
        return -ENOMEM;
    int r = config_defaults(a, alert_sections, c);
    if (r == 0)
        r = config_read(a, alert_sections, c, path, CONFIG_ONLY_KNOWN, f);
    if (r == 0)
        r = set_name(a, c);
    for (size_t i = 0; r == 0 && i < c->n_groups; i++) {
        const char *wrong = check_group(a, c->groups[i]);
        if (wrong == NULL)
            continue;
        *f = (struct config_fault){0};
        snprintf(f->file, sizeof f->file, "%s", path);
        snprintf(f->key, sizeof f->key, "[alert \"%.60s\"]", c->groups[i]->name);
        snprintf(f->reason, sizeof f->reason, "%s", wrong);
        r = -EINVAL;
    }
    if (r == 0 && c->n_groups == 0) {
        *f = (struct config_fault){.key = "[alert \"name\"]",
                                   .reason = "there is none: nobody would be told"};
        snprintf(f->file, sizeof f->file, "%s", path);
        r = -EINVAL;
    }
    if (r == 0)
        *ret = c;
    return r;
}

const struct group_config *alert_group(const struct alert_config *c, const char *name) {
    for (size_t i = 0; i < c->n_groups; i++)
        if (strcmp(c->groups[i]->name, name) == 0)
            return c->groups[i];
    return NULL;
}
