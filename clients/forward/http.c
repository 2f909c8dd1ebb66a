/* HTTP and HTTPS: an article is the body of a request. */
#include "clients/forward/answer.h"
#include "clients/forward/curl_session.h"
#include "clients/forward/signing.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { SECRETS_MOST = 2, DAY_SECONDS = 86400 };

struct http {
    struct curl_session curl;
    struct secret *signing[SECRETS_MOST], *superdesk, *token;
    struct curl_slist *headers; /* of the request that is being made */
    bool out_of_memory;
};

static const char *const schemes[] = {"https", "http", NULL};

static bool is_header(const char *line, const char *name) {
    size_t len = strlen(name);
    return strncasecmp(line, name, len) == 0 && line[len] == ':';
}

static const char *check_headers(const struct outlet_config *o) {
    for (size_t i = 0; i < o->headers.n; i++) {
        if (strchr(o->headers.items[i], ':') == NULL)
            return "headers: each should be like Name: value";
        if (is_header(o->headers.items[i], "Authorization"))
            return "headers: Authorization is made of token, or of user and password";
    }
    return NULL;
}

static bool has_remote_id(const char *template) {
    return strstr(template, "{remote_id}") != NULL;
}

static const char *check(const struct outlet_config *o) {
    if (o->signing_secrets.n > SECRETS_MOST)
        return "signing_secrets: two at most";
    if (*o->success != '\0' && !answer_test_valid(o->success))
        return "success: it should be like $.errcode == 0";
    if (*o->retry_on != '\0' && !answer_test_valid(o->retry_on))
        return "retry_on: it should be like $.errcode == 45009";
    if (*o->remote_id != '\0' && !answer_path_valid(o->remote_id))
        return "remote_id: it should be like $.data.id";
    const char *const others[] = {o->url_correct, o->url_kill};
    for (size_t i = 0; i < 2; i++)
        if (*others[i] != '\0' && transport_find(others[i]) != &transport_http)
            return "url_correct, url_kill: they should begin with https:// or http://";
    const char *wrong = check_headers(o);
    if (wrong != NULL)
        return wrong;
    if (has_remote_id(o->url))
        return "url: a new article has no {remote_id} yet; see url_correct and url_kill";
    if (*o->remote_id == '\0' && (has_remote_id(o->url_correct) || has_remote_id(o->url_kill)))
        return "url_correct, url_kill: for {remote_id} there has to be remote_id";
    return o->batch_minute >= 0 && *o->remote_id != '\0' ? "remote_id: a batch has none" : NULL;
}

static void close_http(void *session) {
    struct http *h = session;
    if (h == NULL)
        return;
    curl_session_close(&h->curl);
    for (size_t i = 0; i < SECRETS_MOST; i++)
        secret_free(h->signing[i]);
    secret_free(h->superdesk);
    secret_free(h->token);
    free(h);
}

static int open_http(const struct outlet_config *o, void **ret, char *error, size_t size) {
    struct http *h = calloc(1, sizeof *h);
    if (h == NULL)
        return -ENOMEM;
    int r = curl_session_open(&h->curl, o, error, size);
    for (size_t i = 0; r == 0 && i < o->signing_secrets.n; i++)
        r = secret_load(o->signing_secrets.items[i], &h->signing[i], error, size);
    if (r == 0)
        r = secret_load(o->superdesk_secret, &h->superdesk, error, size);
    if (r == 0)
        r = secret_load(o->token, &h->token, error, size);
    if (r < 0) {
        close_http(h);
        return r;
    }
    CURL *e = h->curl.easy;
    curl_easy_setopt(e, CURLOPT_USERAGENT, "newswire/" NEWSWIRE_VERSION);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, (long)o->redirects);
    curl_easy_setopt(e, CURLOPT_MAXREDIRS, 3L);
    curl_easy_setopt(e, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, NULL); /* an answer's words are its body */
    curl_easy_setopt(e, CURLOPT_HEADERDATA, NULL);
    if (h->token != NULL) { /* it is kept from other hosts by libcurl */
        curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(e, CURLOPT_XOAUTH2_BEARER, secret_text(h->token));
    } else if (*o->user != '\0') {
        curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    }
    *ret = h;
    return 0;
}

/* ---- the request */

__attribute__((format(printf, 2, 3))) static void add_header(struct http *h, const char *format,
                                                             ...) {
    char line[5120];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    struct curl_slist *longer = curl_slist_append(h->headers, line);
    h->out_of_memory = h->out_of_memory || longer == NULL;
    h->headers = longer == NULL ? h->headers : longer;
}

static int add_signatures(struct http *h, const struct parcel *p, struct slice body) {
    char signature[SIGNATURE_BYTES], all[SECRETS_MOST * SIGNATURE_BYTES] = "";
    int64_t now = (int64_t)time(NULL);
    add_header(h, "webhook-id: %s", p->message_id);
    add_header(h, "webhook-timestamp: %lld", (long long)now);
    for (size_t i = 0; i < SECRETS_MOST && h->signing[i] != NULL; i++) {
        int r = signing_webhook(h->signing[i], p->message_id, now, body, signature);
        if (r < 0)
            return r;
        strcat(strcat(all, i == 0 ? "" : " "), signature);
    }
    if (*all != '\0')
        add_header(h, "webhook-signature: %s", all);
    if (h->superdesk != NULL) {
        signing_superdesk(h->superdesk, body, signature);
        add_header(h, "x-superdesk-signature: %s", signature);
    }
    return 0;
}

/* A uri may hold what no header can: it is escaped as in a url. */
static void add_article(struct http *h, const struct parcel *p) {
    char *uri = curl_easy_escape(h->curl.easy, p->uri, 0);
    add_header(h, "X-Newswire-Action: %s", parcel_action_name(p->action));
    add_header(h, "X-Newswire-Uri: %s", uri == NULL ? "" : uri);
    add_header(h, "X-Newswire-Version: %u", p->version);
    if (*p->receipt != '\0')
        add_header(h, "X-Newswire-Receipt: %s", p->receipt);
    curl_free(uri);
}

static void add_facts(struct http *h, const struct parcel *p) {
    const struct outlet_config *o = h->curl.outlet;
    add_header(h, "Content-Type: %s", p->media_type);
    add_header(h, "Expect:");
    if (*p->uri != '\0')
        add_article(h, p);
    for (size_t i = 0; i < o->headers.n; i++)
        add_header(h, "%s", o->headers.items[i]);
}

static const char *choose(const char *special, const char *usual) {
    return *special == '\0' ? usual : special;
}

static const char *method_of(const struct outlet_config *o, enum parcel_action action) {
    return action == PARCEL_KILL      ? choose(o->method_kill, o->method)
           : action == PARCEL_CORRECT ? choose(o->method_correct, o->method)
                                      : o->method;
}

static const char *url_template(const struct outlet_config *o, enum parcel_action action) {
    return action == PARCEL_KILL      ? choose(o->url_kill, o->url)
           : action == PARCEL_CORRECT ? choose(o->url_correct, o->url)
                                      : o->url;
}

static char *url_of(const char *template, const struct parcel *p) {
    char *url = NULL;
    size_t len;
    FILE *f = open_memstream(&url, &len);
    if (f == NULL)
        return NULL;
    template_write(f, template, &p->values, TEMPLATE_URL);
    return fclose(f) == 0 ? url : NULL;
}

/* ---- the answer */

/* A line of what the server said. */
static const char *words(struct http *h) {
    size_t blank = strspn(h->curl.answer, " \t\r\n");
    h->curl.answer[blank + 300 < h->curl.n_answer ? blank + 300 : h->curl.n_answer] = '\0';
    return h->curl.answer + blank;
}

/* Of a 2xx. 204 has no body that could say more. */
static void judge_success(struct http *h, const struct parcel *p, json_t *answer, long status,
                          struct verdict *v) {
    const struct outlet_config *o = h->curl.outlet;
    char remote_id[sizeof v->remote_id] = "";
    bool must_say = *o->success != '\0' && status != 204;
    if (must_say && (answer == NULL || !answer_passes(answer, o->success))) {
        verdict_set(v, VERDICT_PARKED, "%ld, but its answer is no success: %s", status, words(h));
        return;
    }
    if (*o->remote_id != '\0')
        answer_text(answer, o->remote_id, remote_id, sizeof remote_id);
    verdict_set(v, VERDICT_DELIVERED, "%ld %s", status, words(h));
    v->confirmed = p->action == PARCEL_KILL && !o->kill_needs_receipt;
    snprintf(v->remote_id, sizeof v->remote_id, "%s", remote_id);
}

static void judge_retry(struct http *h, bool asked, long status, struct verdict *v) {
    curl_off_t retry_after = 0;
    curl_easy_getinfo(h->curl.easy, CURLINFO_RETRY_AFTER, &retry_after);
    verdict_set(v, VERDICT_RETRY, "%ld%s %s", status,
                asked ? ", and its answer asks for a later try:" : "", words(h));
    v->not_before_usec =
        (uint64_t)(retry_after > DAY_SECONDS ? DAY_SECONDS : retry_after) * 1000000;
    v->about_outlet = status == 429 || status == 503;
}

static void judge(struct http *h, const struct parcel *p, const char *method, struct verdict *v) {
    const struct outlet_config *o = h->curl.outlet;
    long status = 0;
    curl_easy_getinfo(h->curl.easy, CURLINFO_RESPONSE_CODE, &status);
    json_t *answer = json_loadb(h->curl.answer, h->curl.n_answer, JSON_DECODE_ANY, NULL);
    bool deleted = p->action == PARCEL_KILL && strcmp(method, "DELETE") == 0;
    bool asked = answer != NULL && *o->retry_on != '\0' && answer_passes(answer, o->retry_on);
    if (asked)
        judge_retry(h, true, status, v);
    else if (status / 100 == 2)
        judge_success(h, p, answer, status, v);
    else if (deleted && (status == 404 || status == 410)) {
        verdict_set(v, VERDICT_DELIVERED, "%ld: it isn't there", status);
        v->confirmed = !o->kill_needs_receipt;
    } else if (status == 410)
        verdict_set(v, VERDICT_DISABLED, "410: the outlet wants nothing any more: %s", words(h));
    else if (status == 408 || status == 425 || status == 429 || status / 100 == 5)
        judge_retry(h, false, status, v);
    else if (status / 100 == 3)
        verdict_set(v, VERDICT_PARKED, "%ld: redirects are not followed", status);
    else
        verdict_set(v, VERDICT_PARKED, "%ld %s", status, words(h));
    v->status = (int)status;
    json_decref(answer);
}

/* What it said stands in logs and in the ledger. */
static void black_out(const struct http *h, char *text) {
    const struct secret *const secrets[] = {h->signing[0], h->signing[1], h->superdesk, h->token,
                                            h->curl.password};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        secret_black_out(secrets[i], text);
}

static void send_http(void *session, const struct parcel *p, struct verdict *v) {
    struct http *h = session;
    CURL *e = h->curl.easy;
    const char *method = method_of(h->curl.outlet, p->action),
               *template = url_template(h->curl.outlet, p->action);
    if (has_remote_id(template) && *p->remote_id == '\0') { /* DELETE /articles/ would be bad */
        verdict_set(v, VERDICT_PARKED,
                    "the outlet has told no name of its own for the story, and "
                    "the url for a %s wants it",
                    parcel_action_name(p->action));
        return;
    }
    bool bare = strcmp(method, "DELETE") == 0 || strcmp(method, "GET") == 0;
    struct slice body = bare ? slice_of("") : p->body;
    char *url = url_of(template, p);
    h->headers = NULL;
    h->out_of_memory = url == NULL;
    add_facts(h, p);
    int r = add_signatures(h, p, body);
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->headers);
    if (bare) {
        curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    } else {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, (const char *)body.data);
    }
    if (r < 0)
        verdict_set(v, VERDICT_RETRY, "signing_secrets: no base64 behind whsec_");
    else if (h->out_of_memory)
        verdict_set(v, VERDICT_RETRY, "out of memory");
    else if (curl_session_run(&h->curl, body.len, v))
        judge(h, p, method, v);
    if (r < 0)
        v->about_outlet = true;
    black_out(h, v->text);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(h->headers);
    free(url);
}

const struct transport transport_http = {schemes, check, open_http, send_http, close_http};
