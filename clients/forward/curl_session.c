#include "clients/forward/curl_session.h"

#include "clients/tool/follow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- addresses */

struct network {
    uint32_t address, mask;
};

#define NET(a, b, c, d, bits)                                                                      \
    { (uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d), ~0U << (32 - (bits)) }

/* Not for the world at large; IANA IPv4 Special-Purpose Address Registry. */
static const struct network private_networks[] = {
    NET(0, 0, 0, 0, 8),    NET(10, 0, 0, 0, 8),     NET(100, 64, 0, 0, 10),
    NET(127, 0, 0, 0, 8),  NET(169, 254, 0, 0, 16), NET(172, 16, 0, 0, 12),
    NET(192, 0, 0, 0, 24), NET(192, 168, 0, 0, 16), NET(198, 18, 0, 0, 15),
    NET(224, 0, 0, 0, 4),  NET(240, 0, 0, 0, 4),
};

static bool is_private_v4(uint32_t address) {
    for (size_t i = 0; i < sizeof private_networks / sizeof *private_networks; i++)
        if ((address & private_networks[i].mask) == private_networks[i].address)
            return true;
    return false;
}

/* Also of IPv4 in IPv6 (::ffff:a.b.c.d, ::a.b.c.d, 64:ff9b::a.b.c.d, 2002:abcd::). */
static bool is_private_v6(const struct in6_addr *a) {
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    static const uint8_t zeros[12] = {0};
    uint32_t last, second;
    memcpy(&last, a->s6_addr + 12, 4);
    memcpy(&second, a->s6_addr + 2, 4);
    if (IN6_IS_ADDR_V4MAPPED(a) || memcmp(a->s6_addr, nat64, 12) == 0 ||
        memcmp(a->s6_addr, zeros, 12) == 0)
        return is_private_v4(ntohl(last));
    if (a->s6_addr[0] == 0x20 && a->s6_addr[1] == 0x02)
        return is_private_v4(ntohl(second));
    return (a->s6_addr[0] & 0xe0) != 0x20; /* 2000::/3 is what is given out */
}

static bool is_private(const struct sockaddr *a) {
    if (a->sa_family == AF_INET)
        return is_private_v4(ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr));
    if (a->sa_family == AF_INET6)
        return is_private_v6(&((const struct sockaddr_in6 *)a)->sin6_addr);
    return true;
}

/* Each address that is really connected to, redirects and FTP's data connections too. */
static curl_socket_t open_socket(void *userdata, curlsocktype purpose,
                                 struct curl_sockaddr *address) {
    struct curl_session *s = userdata;
    (void)purpose;
    if (!s->outlet->private_addresses && *s->outlet->proxy == '\0' && is_private(&address->addr)) {
        s->private_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- what comes and goes */

static size_t take_answer(char *data, size_t size, size_t n, void *userdata) {
    struct curl_session *s = userdata;
    size_t len = size * n, room = ANSWER_MOST - s->n_answer;
    memcpy(s->answer + s->n_answer, data, len < room ? len : room);
    s->n_answer += len < room ? len : room;
    s->answer[s->n_answer] = '\0';
    return len; /* a longer answer is read, and what is more of it forgotten */
}

static size_t take_line(char *data, size_t size, size_t n, void *userdata) {
    struct curl_session *s = userdata;
    size_t len = size * n;
    bool refused = *s->words == '4' || *s->words == '5'; /* what follows is a farewell */
    if (len > 2 && !refused)
        snprintf(s->words, sizeof s->words, "%.*s", (int)(len < 250 ? len : 250), data);
    return len;
}

static size_t give_bytes(char *data, size_t size, size_t n, void *userdata) {
    struct curl_session *s = userdata;
    size_t len = size * n < s->unsent.len ? size * n : s->unsent.len;
    if (len > 0)
        memcpy(data, s->unsent.data, len);
    s->unsent.data += len;
    s->unsent.len -= len;
    return len;
}

void curl_session_upload(struct curl_session *s, struct slice bytes) {
    s->unsent = bytes;
    curl_easy_setopt(s->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(s->easy, CURLOPT_READFUNCTION, give_bytes);
    curl_easy_setopt(s->easy, CURLOPT_READDATA, s);
    curl_easy_setopt(s->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)bytes.len);
}

/* Cuts a transfer off when the program is to end. */
static int look_whether_to_end(void *userdata, curl_off_t a, curl_off_t b, curl_off_t c,
                               curl_off_t d) {
    (void)userdata, (void)a, (void)b, (void)c, (void)d;
    return follow_stop != 0;
}

/* ---- opening */

static void set_limits(struct curl_session *s) {
    const struct outlet_config *o = s->outlet;
    CURL *e = s->easy;
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https,smtp,smtps,ftp,ftps,sftp");
    curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)(o->connect_timeout_usec / 1000));
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(o->timeout_usec / 1000));
    curl_easy_setopt(e, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(o->timeout_usec / 1000000 + 1));
    curl_easy_setopt(e, CURLOPT_PROXY, o->proxy); /* "": none, whatever the environment says */
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
}

static void set_callbacks(struct curl_session *s) {
    CURL *e = s->easy;
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, s);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_line);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, s);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, look_whether_to_end);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, s->error);
}

static void set_trust(struct curl_session *s) {
    const struct outlet_config *o = s->outlet;
    if (*o->ca_file != '\0')
        curl_easy_setopt(s->easy, CURLOPT_CAINFO, o->ca_file);
    if (*o->user != '\0')
        curl_easy_setopt(s->easy, CURLOPT_USERNAME, o->user);
    if (s->password != NULL)
        curl_easy_setopt(s->easy, CURLOPT_PASSWORD, secret_text(s->password));
    if (strncmp(o->url, "smtp:", 5) == 0 || strncmp(o->url, "ftp:", 4) == 0)
        curl_easy_setopt(s->easy, CURLOPT_USE_SSL,
                         (long)(o->starttls == STARTTLS_REQUIRED     ? CURLUSESSL_ALL
                                : o->starttls == STARTTLS_IF_OFFERED ? CURLUSESSL_TRY
                                                                     : CURLUSESSL_NONE));
}

int curl_session_open(struct curl_session *s, const struct outlet_config *o, char *error,
                      size_t size) {
    s->outlet = o;
    int r = secret_load(o->password, &s->password, error, size);
    if (r == 0)
        r = secret_load(o->private_key, &s->private_key, error, size);
    if (r < 0)
        return r;
    s->easy = curl_easy_init();
    if (s->easy == NULL)
        return -ENOMEM;
    set_limits(s);
    set_callbacks(s);
    set_trust(s);
    return 0;
}

void curl_session_close(struct curl_session *s) {
    if (s->easy != NULL)
        curl_easy_cleanup(s->easy);
    s->password = secret_free(s->password);
    s->private_key = secret_free(s->private_key);
}

/* ---- running */

static bool is_fault_of_config(CURLcode code) {
    return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
           code == CURLE_NOT_BUILT_IN;
}

static bool never_connected(CURLcode code) {
    return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
           code == CURLE_COULDNT_CONNECT || code == CURLE_SSL_CONNECT_ERROR ||
           code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_USE_SSL_FAILED ||
           code == CURLE_LOGIN_DENIED;
}

bool curl_session_run(struct curl_session *s, size_t body_bytes, struct verdict *v) {
    curl_off_t sent = 0;
    long request = 0;
    s->n_answer = 0;
    s->answer[0] = s->words[0] = s->error[0] = '\0';
    s->private_refused = false;
    CURLcode code = curl_easy_perform(s->easy);
    if (code == CURLE_OK)
        return true;
    curl_easy_getinfo(s->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    curl_easy_getinfo(s->easy, CURLINFO_REQUEST_SIZE, &request);
    bool refused = *s->words == '4' || *s->words == '5';
    const char *why = refused ? s->words : *s->error != '\0' ? s->error : curl_easy_strerror(code);
    if (s->private_refused)
        verdict_set(v, VERDICT_RETRY,
                    "it is at a private address, which private_addresses = yes would allow");
    else if (is_fault_of_config(code))
        verdict_set(v, VERDICT_PARKED, "%s", why);
    else
        verdict_set(v, VERDICT_RETRY, "%s",
                    follow_stop != 0 ? "cut off, as the program ends" : why);
    v->about_outlet = v->outcome == VERDICT_RETRY;
    v->maybe_received = v->about_outlet && !s->private_refused && !never_connected(code) &&
                        (size_t)sent >= body_bytes && (sent > 0 || request > 0);
    return false;
}
