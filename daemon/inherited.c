#include "daemon/inherited.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

enum { MOST = 32, TEXT_BYTES = 512 };

static const char *const purposes[] = {"feed", "replay", "submit", "control"};

static struct inherited table[MOST];
static size_t n_table;

const struct inherited *inherited_get(enum inherited_for what, size_t i) {
    for (size_t k = 0; k < n_table; k++)
        if (table[k].what == what && i-- == 0)
            return &table[k];
    return NULL;
}

/* ---- addresses */

static int address_of(int fd, char *ret, size_t size) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } a;
    socklen_t len = sizeof a;
    char host[INET6_ADDRSTRLEN];
    memset(&a, 0, sizeof a);
    if (getsockname(fd, &a.any, &len) < 0)
        return -errno;
    if (a.any.sa_family == AF_INET)
        snprintf(ret, size, "tcp://%s:%u", inet_ntop(AF_INET, &a.v4.sin_addr, host, sizeof host),
                 ntohs(a.v4.sin_port));
    else if (a.any.sa_family == AF_INET6)
        snprintf(ret, size, "tcp://[%s]:%u",
                 inet_ntop(AF_INET6, &a.v6.sin6_addr, host, sizeof host), ntohs(a.v6.sin6_port));
    else if (a.any.sa_family == AF_UNIX && a.local.sun_path[0] == '\0')
        snprintf(ret, size, "ipc://@%.107s", a.local.sun_path + 1);
    else if (a.any.sa_family == AF_UNIX)
        snprintf(ret, size, "ipc://%.108s", a.local.sun_path);
    else
        return -EAFNOSUPPORT;
    return 0;
}

/* Whether a host of the config means the address of a socket, both without port. */
static bool same_host(const char *configured, const char *own) {
    bool v6 = *own == '[';
    struct in6_addr a, b;
    char host[64];
    if (strcmp(configured, own) == 0)
        return true;
    if (strcmp(configured, "*") == 0)
        return strcmp(own, v6 ? "[::]" : "0.0.0.0") == 0;
    if (strcmp(configured, "localhost") == 0 || strcmp(configured, "lo") == 0)
        return strcmp(own, v6 ? "[::1]" : "127.0.0.1") == 0;
    if (!v6 || sscanf(configured, "[%63[^]]]", host) != 1 || inet_pton(AF_INET6, host, &a) != 1)
        return false;
    return sscanf(own, "[%63[^]]]", host) == 1 && inet_pton(AF_INET6, host, &b) == 1 &&
           memcmp(&a, &b, sizeof a) == 0;
}

/* Whether an endpoint of the config is the one that a socket has. */
static bool same_endpoint(const char *configured, const char *own) {
    char a[160], b[160];
    if (strcmp(configured, own) == 0)
        return true;
    if (strncmp(configured, "tcp://", 6) != 0 || strncmp(own, "tcp://", 6) != 0)
        return false;
    snprintf(a, sizeof a, "%s", configured + 6);
    snprintf(b, sizeof b, "%s", own + 6);
    char *port_a = strrchr(a, ':'), *port_b = strrchr(b, ':');
    if (port_a == NULL || port_b == NULL || strcmp(port_a, port_b) != 0)
        return false;
    *port_a = *port_b = '\0';
    return same_host(a, b);
}

/* ---- what they are for */

/* The endpoints of the config. The control socket's path is one, too, in *buffer. */
static struct text_list configured(const struct settings *s, enum inherited_for what, char **item,
                                   char buffer[static TEXT_BYTES]) {
    snprintf(buffer, TEXT_BYTES, "ipc://%s", s->control.path);
    *item = buffer;
    switch (what) {
    case INHERITED_FEED: return s->feed.bind;
    case INHERITED_REPLAY: return s->replay.bind;
    case INHERITED_SUBMIT: return s->submit.bind;
    default: return (struct text_list){.items = item, .n = 1};
    }
}

static bool is_configured(const struct settings *s, enum inherited_for what, const char *endpoint) {
    char buffer[TEXT_BYTES], *item;
    struct text_list list = configured(s, what, &item, buffer);
    for (size_t i = 0; i < list.n; i++)
        if (same_endpoint(list.items[i], endpoint))
            return true;
    return false;
}

static enum inherited_for purpose_of(const struct settings *s, const char *name,
                                     const char *endpoint) {
    enum inherited_for what;
    for (what = INHERITED_FEED; what < INHERITED_NONE; what++)
        if (strcmp(purposes[what], name) == 0)
            return what;
    for (what = INHERITED_FEED; what < INHERITED_NONE; what++)
        if (is_configured(s, what, endpoint))
            break;
    return what;
}

/* Whether it can be used for that. 0 or -EINVAL with *f. */
static int check(const struct settings *s, const struct inherited *socket, const char *where,
                 struct fault *f) {
    bool local = strncmp(socket->endpoint, "ipc://", 6) == 0;
    if (socket->what == INHERITED_NONE)
        return fault_set(f, where,
                         "%.100s is no address of the config; say by FileDescriptorName= feed, "
                         "replay, submit or control what it is for",
                         socket->endpoint);
    if (socket->what == INHERITED_CONTROL && !local)
        return fault_set(f, where,
                         "%.100s is no Unix socket, and for the operator there is no other",
                         socket->endpoint);
    if (!settings_may_bind(s, socket->endpoint))
        return fault_set(f, where,
                         "%.100s is beyond this machine, and without [security] secret_key "
                         "nothing is encrypted or authorised",
                         socket->endpoint);
    return 0;
}

static int take(const struct settings *s, int fd, const char *name, struct fault *f) {
    struct inherited *socket = &table[n_table];
    char where[sizeof f->field];
    snprintf(where, sizeof where, "descriptor %d (%.30s)", fd, name);
    if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
        return fault_set(f, where, "it is no stream socket that listens");
    int flags = fcntl(fd, F_GETFL);
    int r = address_of(fd, socket->endpoint, sizeof socket->endpoint);
    if (r < 0 || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return fault_set_error(f, r < 0 ? r : errno, where, "its address can't be used");
    socket->fd = fd;
    socket->what = purpose_of(s, name, socket->endpoint);
    r = check(s, socket, where, f);
    n_table += r == 0;
    return r;
}

/* ---- where the config says otherwise */

static int note_differences(const struct settings *s, struct arena *a, struct text_list *notes) {
    for (enum inherited_for what = INHERITED_FEED; what < INHERITED_NONE; what++) {
        char buffer[TEXT_BYTES], *item, text[TEXT_BYTES * 2];
        struct text_list list = configured(s, what, &item, buffer);
        const struct inherited *first = inherited_get(what, 0), *socket = first;
        for (size_t i = 0; first != NULL && i < list.n; i++) {
            for (size_t k = 0; (socket = inherited_get(what, k)) != NULL; k++)
                if (same_endpoint(list.items[i], socket->endpoint))
                    break;
            if (socket != NULL)
                continue;
            snprintf(text, sizeof text,
                     "%s listens at %s, which systemd holds, and not at %.200s of the config",
                     purposes[what], first->endpoint, list.items[i]);
            if (article_push_string(a, &notes->items, &notes->n, text, strlen(text)) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

int inherited_load(const struct settings *settings, struct arena *a, struct text_list *ret_notes,
                   struct fault *ret_fault) {
    char **names = NULL;
    int n = sd_listen_fds_with_names(1, &names), r = n < 0 ? n : 0;
    if (n > MOST)
        r = fault_set(ret_fault, "systemd", "it hands over %d sockets; %d are enough", n, MOST);
    for (int i = 0; r == 0 && i < n; i++)
        r = take(settings, SD_LISTEN_FDS_START + i, names[i], ret_fault);
    for (int i = 0; names != NULL && i < n; i++)
        free(names[i]);
    free(names);
    return r == 0 ? note_differences(settings, a, ret_notes) : r;
}
