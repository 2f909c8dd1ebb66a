/* SMTP: an article is a mail, with its text and, if wanted, its format as a file. */
#include "clients/forward/curl_session.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct mail {
    struct curl_session curl;
    struct curl_slist *to;
};

enum { WORD_MOST = 45 }; /* bytes in one encoded word */

static const char *const schemes[] = {"smtps", "smtp", NULL};

static bool address_valid(const char *address) {
    return strchr(address, '@') != NULL && strpbrk(address, "<> \r\n,") == NULL;
}

static const char *check(const struct outlet_config *o) {
    if (!address_valid(o->mail_from))
        return "mail_from: an address, such as wire@example.org";
    if (o->mail_to.n == 0)
        return "mail_to: whom does it go to?";
    for (size_t i = 0; i < o->mail_to.n; i++)
        if (!address_valid(o->mail_to.items[i]))
            return "mail_to: addresses, apart by blanks";
    return NULL;
}

static void close_mail(void *session) {
    struct mail *m = session;
    if (m == NULL)
        return;
    curl_session_close(&m->curl);
    curl_slist_free_all(m->to);
    free(m);
}

static bool add_line(struct curl_slist **list, const char *line) {
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

static int open_mail(const struct outlet_config *o, void **ret, char *error, size_t size) {
    struct mail *m = calloc(1, sizeof *m);
    if (m == NULL)
        return -ENOMEM;
    int r = curl_session_open(&m->curl, o, error, size);
    for (size_t i = 0; r == 0 && i < o->mail_to.n; i++)
        r = add_line(&m->to, o->mail_to.items[i]) ? 0 : -ENOMEM;
    if (r < 0) {
        close_mail(m);
        return r;
    }
    curl_easy_setopt(m->curl.easy, CURLOPT_URL, o->url);
    curl_easy_setopt(m->curl.easy, CURLOPT_MAIL_FROM, o->mail_from);
    curl_easy_setopt(m->curl.easy, CURLOPT_MAIL_RCPT, m->to);
    *ret = m;
    return 0;
}

/* ---- headers */

/* A header whose text may be in any script: RFC 2047, section 2. */
static void write_header(FILE *out, const char *name, const char *text) {
    bool plain = strlen(text) < 900;
    for (const char *s = text; *s != '\0'; s++)
        plain = plain && *s >= ' ' && *s < 0x7f;
    fprintf(out, "%s: ", name);
    if (plain) {
        fputs(text, out);
        return;
    }
    for (bool first = true; *text != '\0'; first = false) {
        char word[80];
        size_t n = codec_fit_utf8(text, WORD_MOST);
        sodium_bin2base64(word, sizeof word, (const uint8_t *)text, n,
                          sodium_base64_VARIANT_ORIGINAL);
        fprintf(out, "%s=?UTF-8?B?%s?=", first ? "" : "\r\n ", word);
        text += n;
    }
}

__attribute__((format(printf, 3, 4))) static bool add_header(struct curl_slist **list,
                                                             const char *name, const char *format,
                                                             ...) {
    char value[8192], *line = NULL;
    size_t len;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    FILE *f = open_memstream(&line, &len);
    if (f == NULL)
        return false;
    write_header(f, name, value);
    bool good = fclose(f) == 0 && add_line(list, line);
    free(line);
    return good;
}

static bool add_article(struct curl_slist **list, const struct parcel *p) {
    return add_header(list, "X-Newswire-Action", "%s", parcel_action_name(p->action)) &&
           add_header(list, "X-Newswire-Uri", "%s", p->uri) &&
           add_header(list, "X-Newswire-Version", "%u", p->version) &&
           (*p->receipt == '\0' || add_header(list, "X-Newswire-Receipt", "%s", p->receipt));
}

static bool add_headers(const struct outlet_config *o, const struct parcel *p,
                        struct curl_slist **list) {
    char date[64], to[4096] = "";
    time_t now = time(NULL);
    struct tm tm;
    const char *host = strrchr(o->mail_from, '@') + 1;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&now, &tm));
    for (size_t i = 0, n = 0; i < o->mail_to.n && n < sizeof to; i++)
        n += (size_t)snprintf(to + n, sizeof to - n, "%s%s", i == 0 ? "" : ", ",
                              o->mail_to.items[i]);
    return add_header(list, "Date", "%s", date) && add_header(list, "From", "%s", o->mail_from) &&
           add_header(list, "To", "%s", to) && add_header(list, "Subject", "%s", p->subject) &&
           add_header(list, "Message-ID", "<%s@%s>", p->message_id, host) &&
           ((p->action != PARCEL_KILL && !p->urgent) || add_header(list, "Importance", "high")) &&
           (*p->uri == '\0' ? add_header(list, "Auto-Submitted", "auto-generated") /* RFC 3834 */
                            : add_article(list, p));
}

/* ---- the mail */

static bool add_part(curl_mime *mime, struct slice bytes, const char *type, const char *filename) {
    curl_mimepart *part = curl_mime_addpart(mime);
    return part != NULL && curl_mime_data(part, (const char *)bytes.data, bytes.len) == CURLE_OK &&
           curl_mime_type(part, type) == CURLE_OK &&
           curl_mime_encoder(part, "base64") == CURLE_OK &&
           (filename == NULL || curl_mime_filename(part, filename) == CURLE_OK);
}

/* The text is in the outlet's charset when that is its format, else in UTF-8. */
static curl_mime *make_mime(struct mail *m, const struct parcel *p) {
    const struct outlet_config *o = m->curl.outlet;
    bool is_text = strcmp(o->format, "text") == 0;
    curl_mime *mime = curl_mime_init(m->curl.easy);
    bool good = mime != NULL &&
                add_part(mime, is_text ? p->body : slice_of(p->text),
                         is_text ? p->media_type : "text/plain; charset=UTF-8", NULL) &&
                (!o->attach || add_part(mime, p->body, p->media_type, p->filename));
    if (good)
        return mime;
    curl_mime_free(mime);
    return NULL;
}

/* 4yz of RFC 5321 is for now, 5yz for good. */
static void judge_refusal(struct mail *m, struct verdict *v) {
    long code = 0;
    curl_easy_getinfo(m->curl.easy, CURLINFO_RESPONSE_CODE, &code);
    if (code / 100 != 5 || v->outcome != VERDICT_RETRY || v->maybe_received)
        return;
    bool login = code == 530 || code == 534 || code == 535 || code == 538;
    verdict_set(v, login ? VERDICT_RETRY : VERDICT_PARKED, "%s", m->curl.words);
    v->about_outlet = login;
    v->status = (int)code;
}

static void send_mail(void *session, const struct parcel *p, struct verdict *v) {
    struct mail *m = session;
    struct curl_slist *headers = NULL;
    curl_mime *mime = make_mime(m, p);
    if (mime == NULL || !add_headers(m->curl.outlet, p, &headers)) {
        verdict_set(v, VERDICT_RETRY, "out of memory");
    } else {
        curl_easy_setopt(m->curl.easy, CURLOPT_MIMEPOST, mime);
        curl_easy_setopt(m->curl.easy, CURLOPT_HTTPHEADER, headers);
        if (curl_session_run(&m->curl, p->body.len, v))
            verdict_set(v, VERDICT_DELIVERED, "%s", m->curl.words);
        else
            judge_refusal(m, v);
        curl_easy_setopt(m->curl.easy, CURLOPT_MIMEPOST, NULL);
        curl_easy_setopt(m->curl.easy, CURLOPT_HTTPHEADER, NULL);
    }
    curl_mime_free(mime);
    curl_slist_free_all(headers);
}

const struct transport transport_mail = {schemes, check, open_mail, send_mail, close_mail};
