#include "daemon/audit.h"

#include "daemon/loop.h"
#include "proto/journal/journal.h"
#include "proto/text.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum {
    LINES = 8,           /* that are collected at a time */
    ARTICLES_MOST = 100, /* in one */
    WHO_BYTES = 300,
    FIRST_BYTES = LIMIT_URI_BYTES + LIMIT_TOPIC_BYTES + 80, /* how an article is named */
    REASON_BYTES = 512,
    SENTENCE_BYTES = WHO_BYTES + FIRST_BYTES + REASON_BYTES + 40,
    OWN_FIELDS = 2, /* run and number */
    HEAD_FIELDS = 11,
    ARTICLE_FIELDS = 5,
};

static const struct {
    const char *word; /* NEWSWIRE_AUDIT, and the verb of the sentence */
    enum journal_event event;
} kinds[] = {
    [AUDIT_STARTED] = {"started", JOURNAL_STARTED},
    [AUDIT_STOPPED] = {"stopped", JOURNAL_STOPPED},
    [AUDIT_RELOADED] = {"reloaded", JOURNAL_RELOADED},
    [AUDIT_SENT] = {"sent", JOURNAL_ARTICLE_SENT},
    [AUDIT_CORRECTED] = {"corrected", JOURNAL_ARTICLE_CORRECTED},
    [AUDIT_MOVED] = {"moved", JOURNAL_ARTICLE_MOVED},
    [AUDIT_KILLED] = {"killed", JOURNAL_ARTICLE_KILLED},
    [AUDIT_HELD] = {"held", JOURNAL_ARTICLE_HELD},
    [AUDIT_APPROVED] = {"approved", JOURNAL_ARTICLE_APPROVED},
    [AUDIT_RELEASED] = {"released", JOURNAL_ARTICLE_RELEASED},
    [AUDIT_REJECTED] = {"rejected", JOURNAL_ARTICLE_REJECTED},
};

/* Fields, each "NAME=value" and a NUL. */
struct fields {
    char *bytes;
    size_t len, room, n;
    bool failed; /* for want of memory */
};

/* A line that is collected: what has the same head goes into the same one. */
struct collected {
    enum audit_what what;
    struct fields head, articles;
    char who[WHO_BYTES], first[FIRST_BYTES], reason[REASON_BYTES];
    size_t n;
    uint64_t first_seq, last_seq;
};

static struct collected lines[LINES];
static size_t n_lines;
static int64_t run_usec; /* names the run; 0: nothing was noted yet */
static uint64_t number;
static sd_event_source *post;

/* ---- fields */

static void put_bytes(struct fields *f, const void *bytes, size_t len) {
    if (f->len + len > f->room) {
        size_t room = 2 * (f->len + len);
        char *grown = realloc(f->bytes, room);
        if (grown == NULL) {
            f->failed = true;
            return;
        }
        f->bytes = grown;
        f->room = room;
    }
    memcpy(f->bytes + f->len, bytes, len);
    f->len += len;
}

static void put_slice(struct fields *f, const char *name, struct slice value) {
    if (value.len == 0)
        return;
    put_bytes(f, name, strlen(name));
    put_bytes(f, "=", 1);
    put_bytes(f, value.data, value.len);
    put_bytes(f, "", 1);
    f->n++;
}

static void put_text(struct fields *f, const char *name, const char *value) {
    put_slice(f, name, slice_of(value == NULL ? "" : value));
}

static void put_number(struct fields *f, const char *name, uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    put_text(f, name, text);
}

static void put_head(struct fields *f, enum audit_what what, const char *who,
                     const struct audit_by *by, const struct audit_article *article,
                     const char *reason) {
    put_text(f, "NEWSWIRE_AUDIT", kinds[what].word);
    put_text(f, "NEWSWIRE_WHO", who);
    put_text(f, "NEWSWIRE_TRANSPORT", by->transport);
    put_text(f, "NEWSWIRE_CLIENT", by->client);
    put_text(f, "NEWSWIRE_KEY", by->key);
    put_text(f, "NEWSWIRE_USER", by->user);
    put_text(f, "NEWSWIRE_PERSON", by->person);
    put_text(f, "NEWSWIRE_FILE", by->file);
    put_text(f, "NEWSWIRE_REASON", reason);
    if (article != NULL) {
        put_slice(f, "NEWSWIRE_ORIGIN", article->origin);
        put_slice(f, "NEWSWIRE_FROM", article->from);
    }
}

static void put_article(struct fields *f, const struct audit_article *article) {
    char numbers[64];
    put_slice(f, "NEWSWIRE_URI", article->uri);
    put_slice(f, "NEWSWIRE_TOPIC", article->topic);
    put_number(f, "NEWSWIRE_VERSION", article->version);
    put_number(f, "NEWSWIRE_SEQ", article->seq);
    int n = snprintf(numbers, sizeof numbers, "NEWSWIRE_ARTICLE=%" PRIu64 " %" PRIu32 " ",
                     article->seq, article->version);
    put_bytes(f, numbers, (size_t)n);
    put_bytes(f, article->topic.len == 0 ? (const void *)"-" : article->topic.data,
              article->topic.len == 0 ? 1 : article->topic.len);
    put_bytes(f, " ", 1);
    if (article->uri.len > 0)
        put_bytes(f, article->uri.data, article->uri.len);
    put_bytes(f, "", 1);
    f->n++;
}

static size_t add_parts(struct iovec *parts, const struct fields *f) {
    size_t n = 0;
    for (char *at = f->bytes; n < f->n; at += strlen(at) + 1)
        parts[n++] = (struct iovec){at, strlen(at)};
    return n;
}

/* ---- sentences */

static bool given(const char *text) {
    return text != NULL && *text != '\0';
}

static void name_actor(const struct audit_by *by, char *ret, size_t size) {
    if (given(by->file))
        snprintf(ret, size, "file %s of %s", by->file, given(by->user) ? by->user : "somebody");
    else if (given(by->person))
        snprintf(ret, size, "%s", by->person);
    else if (given(by->user))
        snprintf(ret, size, "%s", by->user);
    else if (given(by->key) && given(by->client))
        snprintf(ret, size, "client %s", by->client);
    else if (given(by->client))
        snprintf(ret, size, "a client that calls itself %s", by->client);
    else
        snprintf(ret, size, given(by->transport) ? "somebody" : "newswired");
}

static void name_article(const struct audit_article *a, char *ret, size_t size) {
    int n = snprintf(ret, size, "%.*s", a->uri.len == 0 ? 10 : (int)a->uri.len,
                     a->uri.len == 0 ? "an article" : (const char *)a->uri.data);
    if (a->version > 0 && (size_t)n < size)
        n += snprintf(ret + n, size - (size_t)n, ", version %" PRIu32, a->version);
    if (a->topic.len > 0 && (size_t)n < size)
        n += snprintf(ret + n, size - (size_t)n, ", %.*s", (int)a->topic.len,
                      (const char *)a->topic.data);
    if (a->seq > 0 && (size_t)n < size)
        snprintf(ret + n, size - (size_t)n, ", entry %" PRIu64, a->seq);
}

static void say(const struct collected *c, char *ret, size_t size) {
    const char *colon = *c->reason == '\0' ? "" : ": ", *word = kinds[c->what].word;
    if (c->n == 0)
        snprintf(ret, size, "%s %s%s%s", c->who, word, colon, c->reason);
    else if (c->n == 1)
        snprintf(ret, size, "%s %s %s%s%s", c->who, word, c->first, colon, c->reason);
    else if (c->last_seq > 0)
        snprintf(ret, size, "%s %s %zu articles, entries %" PRIu64 " to %" PRIu64 "%s%s", c->who,
                 word, c->n, c->first_seq, c->last_seq, colon, c->reason);
    else
        snprintf(ret, size, "%s %s %zu articles%s%s", c->who, word, c->n, colon, c->reason);
}

/* ---- writing */

static void write_line(struct collected *c) {
    struct iovec parts[OWN_FIELDS + HEAD_FIELDS + ARTICLES_MOST * ARTICLE_FIELDS];
    struct fields own = {0};
    char sentence[SENTENCE_BYTES];
    say(c, sentence, sizeof sentence);
    char *harmless = text_harmless(slice_of(sentence));
    put_number(&own, "NEWSWIRE_AUDIT_RUN", (uint64_t)run_usec);
    put_number(&own, "NEWSWIRE_AUDIT_NUMBER", ++number);
    size_t n = 0; /* without memory the sentence is what there is, and the number is missing */
    if (harmless != NULL && !own.failed && !c->head.failed && !c->articles.failed) {
        n = add_parts(parts, &own);
        n += add_parts(parts + n, &c->head);
        n += add_parts(parts + n, &c->articles);
    }
    journal_write(kinds[c->what].event, harmless == NULL ? kinds[c->what].word : harmless, parts,
                  n);
    free(harmless);
    free(own.bytes);
    free(c->head.bytes);
    free(c->articles.bytes);
}

void audit_flush(void) {
    for (size_t i = 0; i < n_lines; i++)
        write_line(&lines[i]);
    n_lines = 0;
}

static int turn_ended(sd_event_source *source, void *userdata) {
    (void)source;
    (void)userdata;
    audit_flush();
    return 0;
}

int audit_open(sd_event *event) {
    int r = sd_event_add_post(event, &post, turn_ended, NULL);
    return r < 0 ? r : 0;
}

void audit_close(void) {
    if (post != NULL)
        audit_note(AUDIT_STOPPED, &(struct audit_by){0}, NULL, NULL);
    audit_flush();
    post = sd_event_source_disable_unref(post);
}

/* ---- noting */

static struct collected *find(const struct fields *head) {
    for (size_t i = 0; i < n_lines; i++)
        if (lines[i].head.len == head->len &&
            memcmp(lines[i].head.bytes, head->bytes, head->len) == 0)
            return &lines[i];
    return NULL;
}

/* The line with that head, which is taken over, or a new one. */
static struct collected *collect(enum audit_what what, const char *who, const char *reason,
                                 struct fields head) {
    struct collected *c = head.failed ? NULL : find(&head);
    if (c != NULL && c->n < ARTICLES_MOST) {
        free(head.bytes);
        return c;
    }
    if (c != NULL || n_lines == LINES)
        audit_flush();
    c = &lines[n_lines++];
    *c = (struct collected){.what = what, .head = head};
    snprintf(c->who, sizeof c->who, "%s", who);
    snprintf(c->reason, sizeof c->reason, "%s", reason == NULL ? "" : reason);
    return c;
}

void audit_note(enum audit_what what, const struct audit_by *by,
                const struct audit_article *article, const char *reason) {
    struct fields head = {0};
    char who[WHO_BYTES];
    if (run_usec == 0)
        run_usec = loop_utc_usec();
    name_actor(by, who, sizeof who);
    put_head(&head, what, who, by, article, reason);
    struct collected *c = collect(what, who, reason, head);
    if (article == NULL) { /* each of these is one of its own */
        audit_flush();
        return;
    }
    if (c->n++ == 0) {
        name_article(article, c->first, sizeof c->first);
        c->first_seq = article->seq;
    }
    c->last_seq = article->seq;
    put_article(&c->articles, article);
}

static enum audit_what published(const struct log_result *r, bool canceled) {
    return canceled                ? AUDIT_KILLED
           : r->moved_from.len > 0 ? AUDIT_MOVED
           : r->replaces > 0       ? AUDIT_CORRECTED
                                   : AUDIT_SENT;
}

/* As the entry has it. */
static bool read_entry(const struct log_result *r, struct audit_article *ret) {
    struct wire_field f;
    struct slice bytes = r->entry;
    struct entry e;
    if (bytes.len == 0 || !wire_get_field(&bytes, &f) || entry_decode(f.bytes, &e) < 0)
        return false;
    *ret = (struct audit_article){.uri = e.uri,
                                  .topic = e.topic,
                                  .origin = e.origin,
                                  .from = r->moved_from,
                                  .version = e.version,
                                  .seq = e.seq};
    return true;
}

void audit_decided(const struct audit_by *by, const struct audit_article *article, bool canceled,
                   const struct log_result *result) {
    struct audit_article a = *article;
    if (a.topic.len == 0)
        a.topic = result->topic;
    switch (result->outcome) {
    case LOG_ACCEPTED:
        if (read_entry(result, &a))
            audit_note(published(result, canceled), by, &a, NULL);
        break;
    case LOG_HELD: audit_note(AUDIT_HELD, by, &a, NULL); break;
    default: break;
    }
}

void audit_followed(const struct log_result *result) {
    struct audit_article a;
    if (result->outcome == LOG_RELEASED && read_entry(result, &a))
        audit_note(AUDIT_RELEASED, &(struct audit_by){0}, &a, "its time had come");
}

void audit_user(uid_t uid, char ret[static AUDIT_USER_BYTES]) {
    char buffer[4096];
    struct passwd account, *found = NULL;
    snprintf(ret, AUDIT_USER_BYTES, "uid %u", (unsigned)uid);
    if (getpwuid_r(uid, &account, buffer, sizeof buffer, &found) == 0 && found != NULL)
        snprintf(ret, AUDIT_USER_BYTES, "%s", found->pw_name);
    codec_mend_utf8(ret);
}
