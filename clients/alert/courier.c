#include "clients/alert/courier.h"

#include "clients/forward/transport.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ARENA_BYTES = 1 << 20 };

/* ---- webhooks */

/* Whom a robot calls: in urgent messages only. */
static json_t *mobiles(const struct group_config *g, const char *all) {
    json_t *array = json_array();
    for (size_t i = 0; i < g->mention.n; i++)
        if (strcmp(g->mention.items[i], "all") != 0)
            json_array_append_new(array, json_string(g->mention.items[i]));
        else if (all != NULL)
            json_array_append_new(array, json_string(all));
    return array;
}

static bool mentions_all(const struct group_config *g) {
    for (size_t i = 0; i < g->mention.n; i++)
        if (strcmp(g->mention.items[i], "all") == 0)
            return true;
    return false;
}

/* developer.work.weixin.qq.com/document/path/91770, "text". */
static json_t *wecom(const struct group_config *g, const struct message *m, const char *content) {
    json_t *text = json_pack("{s:s}", "content", content);
    if (m->urgent && g->mention.n > 0)
        json_object_set_new(text, "mentioned_mobile_list", mobiles(g, "@all"));
    return json_pack("{s:s,s:o}", "msgtype", "text", "text", text);
}

/* open.dingtalk.com, "Custom robots", text messages. */
static json_t *dingtalk(const struct group_config *g, const struct message *m,
                        const char *content) {
    json_t *object = json_pack("{s:s,s:{s:s}}", "msgtype", "text", "text", "content", content);
    if (m->urgent && g->mention.n > 0)
        json_object_set_new(
            object, "at",
            json_pack("{s:o,s:b}", "atMobiles", mobiles(g, NULL), "isAtAll", mentions_all(g)));
    return object;
}

char *courier_body(const struct group_config *g, const struct message *m) {
    char *content, *body;
    if (g->format == ALERT_JSON)
        return strdup(m->json);
    if (asprintf(&content, "%s\n%s", m->title, m->text) < 0)
        return NULL;
    json_t *object = g->format == ALERT_WECOM ? wecom(g, m, content) : dingtalk(g, m, content);
    body = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    free(content);
    return body;
}

/* Base64's '+', '/' and '=' mean something else in a query. */
static void escape(const char *text, char *ret) {
    for (; *text != '\0'; text++)
        if (strchr("+/=", *text) == NULL)
            *ret++ = *text;
        else
            ret += sprintf(ret, "%%%02X", (unsigned char)*text);
    *ret = '\0';
}

char *courier_sign(const char *url, const struct secret *secret, int64_t now_msec) {
    crypto_auth_hmacsha256_state state;
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    char time_text[32], base64[64], sign[3 * sizeof base64], *signed_url;
    struct slice key = secret_bytes(secret);
    int n = snprintf(time_text, sizeof time_text, "%lld\n", (long long)now_msec);
    crypto_auth_hmacsha256_init(&state, key.data, key.len);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)time_text, (size_t)n);
    crypto_auth_hmacsha256_update(&state, key.data, key.len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof state);
    sodium_bin2base64(base64, sizeof base64, mac, sizeof mac, sodium_base64_VARIANT_ORIGINAL);
    escape(base64, sign);
    if (asprintf(&signed_url, "%s%ctimestamp=%lld&sign=%s", url,
                 strchr(url, '?') == NULL ? '?' : '&', (long long)now_msec, sign) < 0)
        return NULL;
    return signed_url;
}

/* ---- on the way */

/* The group as an outlet, for the forwarder's transports. Its url is set later. */
static int make_outlet(struct arena *a, const struct group_config *g, struct outlet_config *o) {
    int r = outlet_config_defaults(a, o);
    if (r < 0)
        return r;
    o->name = g->name;
    o->here = "";
    o->format = "text";
    o->user = g->user;
    o->password = g->password;
    o->token = g->token;
    o->ca_file = g->ca_file;
    o->proxy = g->proxy;
    o->mail_from = g->mail_from;
    o->mail_to = g->mail_to;
    o->starttls = g->starttls;
    o->private_addresses = true; /* the url is the operator's own */
    o->timeout_usec = g->timeout_usec;
    o->connect_timeout_usec = g->timeout_usec;
    if (g->format != ALERT_JSON)
        o->success = "$.errcode == 0"; /* both robots answer 200 whatever they think of it */
    return 0;
}

/* The whole url: it and what signs it may be secrets. */
static int find_url(const struct group_config *g, struct outlet_config *o, char **ret_url,
                    char *error, size_t size) {
    struct secret *url = NULL, *key = NULL;
    int r = secret_load(g->url_secret, &url, error, size);
    if (r == 0 && g->format == ALERT_DINGTALK)
        r = secret_load(g->secret, &key, error, size);
    const char *plain = url == NULL ? g->url : secret_text(url);
    if (r == 0) {
        *ret_url =
            key == NULL ? strdup(plain) : courier_sign(plain, key, (int64_t)time(NULL) * 1000);
        r = *ret_url == NULL ? -ENOMEM : 0;
    }
    if (g->format == ALERT_JSON && *g->secret != '\0')
        o->signing_secrets = (struct text_list){.items = (char **)&g->secret, .n = 1};
    secret_free(url);
    secret_free(key);
    return r;
}

static int deliver(const struct group_config *g, const struct outlet_config *o,
                   const struct parcel *p, char *error, size_t size, uint64_t *ret_wait) {
    const struct transport *t = transport_find(o->url);
    struct verdict v = {0};
    void *session = NULL;
    bool fits = t == (g->is_mail ? &transport_mail : &transport_http);
    const char *wrong = fits ? t->check(o) : "url: it is of another protocol";
    if (wrong != NULL) {
        snprintf(error, size, "%s", wrong);
        return -EINVAL;
    }
    int r = t->open(o, &session, error, size);
    if (r < 0)
        return r;
    t->send(session, p, &v);
    t->close(session);
    snprintf(error, size, "%s", v.text);
    *ret_wait = v.not_before_usec;
    return v.outcome == VERDICT_DELIVERED ? 0 : v.outcome == VERDICT_RETRY ? -EIO : -EBADMSG;
}

int courier_send(const struct group_config *g, const struct message *m,
                 char error[static MESSAGE_ERROR_BYTES], uint64_t *ret_wait) {
    struct arena *a = arena_new(ARENA_BYTES);
    struct outlet_config o = {0};
    char *body = g->is_mail ? strdup(m->text) : courier_body(g, m), *url = NULL;
    int r = a == NULL || body == NULL ? -ENOMEM : make_outlet(a, g, &o);
    *ret_wait = 0;
    snprintf(error, MESSAGE_ERROR_BYTES, "out of memory");
    if (r == 0)
        r = find_url(g, &o, &url, error, MESSAGE_ERROR_BYTES);
    if (r == 0) {
        o.url = url;
        struct parcel p = {
            .message_id = m->id,
            .uri = "",
            .remote_id = "",
            .receipt = "",
            .filename = "",
            .subject = m->title,
            .text = m->text,
            .media_type = g->is_mail ? "text/plain; charset=UTF-8" : "application/json",
            .body = slice_of(body),
            .urgent = m->urgent,
        };
        r = deliver(g, &o, &p, error, MESSAGE_ERROR_BYTES, ret_wait);
    }
    if (url != NULL)
        sodium_memzero(url, strlen(url));
    free(url);
    free(body);
    arena_free(a);
    return r;
}
