#include "daemon/metrics_server.h"

#include "daemon/metrics.h"
#include "proto/metrics.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECTIONS = 16, SECONDS = 10, MEMORY_BYTES = 16 << 10, BACKLOG = 16 };

struct metrics_server {
    struct control_subject subject;
    struct MHD_Daemon *http;
    sd_event_source *io, *timer;
    char address[256];
    char *path; /* of a Unix socket that is ours; "" else; in address */
};

/* ---- answering */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status,
                              struct MHD_Response *r, const char *type) {
    if (r == NULL)
        return MHD_NO;
    MHD_add_response_header(r, "Content-Type", type);
    enum MHD_Result queued = MHD_queue_response(connection, status, r);
    MHD_destroy_response(r);
    return queued;
}

static enum MHD_Result say(struct MHD_Connection *connection, unsigned status, const char *text) {
    return answer(
        connection, status,
        MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT),
        "text/plain; charset=utf-8");
}

static enum MHD_Result take_request(void *userdata, struct MHD_Connection *connection,
                                    const char *url, const char *method, const char *version,
                                    const char *data, size_t *size, void **state) {
    struct metrics_server *m = userdata;
    size_t len;
    (void)version, (void)data;
    if (*state == NULL) { /* its headers alone */
        *state = m;
        return MHD_YES;
    }
    if (*size > 0) { /* a body, which nobody wants */
        *size = 0;
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET only\n");
    if (strcmp(url, "/metrics") != 0)
        return say(connection, MHD_HTTP_NOT_FOUND, "They are at /metrics.\n");
    char *text = metrics_text(&m->subject, &len);
    if (text == NULL)
        return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
    return answer(connection, MHD_HTTP_OK,
                  MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE),
                  METRICS_CONTENT_TYPE);
}

/* ---- in the loop */

/* Does what can be done now, and comes back when a connection's time is over. */
static void run(struct metrics_server *m) {
    MHD_UNSIGNED_LONG_LONG msec;
    MHD_run(m->http);
    bool wanted = MHD_get_timeout(m->http, &msec) == MHD_YES;
    if (wanted)
        sd_event_source_set_time_relative(m->timer, (uint64_t)msec * 1000);
    sd_event_source_set_enabled(m->timer, wanted ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
    (void)source, (void)fd, (void)revents;
    run(userdata);
    return 0;
}

static int timed(sd_event_source *source, uint64_t usec, void *userdata) {
    (void)source, (void)usec;
    run(userdata);
    return 0;
}

/* ---- listening */

static int listen_on(const struct sockaddr *address, socklen_t len) {
    int yes = 1, fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if ((address->sa_family == AF_UNIX ||
         setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0) &&
        bind(fd, address, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

/* A socket that a daemon left which was killed: nobody answers there. */
static void remove_stale(const struct sockaddr_un *address) {
    struct stat st;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
        connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno == ECONNREFUSED)
        unlink(address->sun_path);
    if (fd >= 0)
        close(fd);
}

static int listen_unix(struct metrics_server *m, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    remove_stale(&address);
    mode_t before = umask(0117); /* the daemon's user and group */
    int fd = listen_on((const struct sockaddr *)&address, sizeof address);
    umask(before);
    if (fd >= 0)
        m->path = m->address + strlen("ipc://");
    return fd;
}

/* "127.0.0.1:5563", "[::1]:5563"; port * is any that is free. */
static int listen_tcp(struct metrics_server *m, const char *where) {
    struct addrinfo hints = {.ai_flags = AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM},
                    *found = NULL;
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    char host[128], port[16];
    const char *colon = strrchr(where, ':');
    if (colon == NULL)
        return -EINVAL;
    bool v6 = *where == '[' && colon > where + 1 && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(colon - where) - 2 * v6, where + v6);
    if (getaddrinfo(host, strcmp(colon + 1, "*") == 0 ? "0" : colon + 1, &hints, &found) != 0)
        return -EINVAL;
    int fd = listen_on(found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    if (fd >= 0 && getsockname(fd, (struct sockaddr *)&bound, &len) == 0 &&
        getnameinfo((struct sockaddr *)&bound, len, NULL, 0, port, sizeof port, NI_NUMERICSERV) ==
            0)
        snprintf(m->address, sizeof m->address, "tcp://%.*s:%s", (int)(colon - where), where, port);
    return fd;
}

static int listen_at(struct metrics_server *m, const char *bind) {
    snprintf(m->address, sizeof m->address, "%s", bind);
    if (strncmp(bind, "ipc://", 6) == 0)
        return listen_unix(m, bind + 6);
    return strncmp(bind, "tcp://", 6) == 0 ? listen_tcp(m, bind + 6) : -EINVAL;
}

/* MHD has the descriptor from here on, if it starts. */
static int start(struct metrics_server *m, sd_event *event, int fd) {
    m->http =
        MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, take_request, m, MHD_OPTION_LISTEN_SOCKET,
                         fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SECONDS,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES, MHD_OPTION_END);
    if (m->http == NULL) {
        close(fd);
        return -ENOMEM;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(m->http, MHD_DAEMON_INFO_EPOLL_FD);
    int r = info == NULL ? -EOPNOTSUPP
                         : sd_event_add_io(event, &m->io, info->epoll_fd, EPOLLIN, readable, m);
    if (r >= 0)
        r = sd_event_add_time_relative(event, &m->timer, CLOCK_MONOTONIC, 0, 0, timed, m);
    return r < 0 ? r : 0;
}

int metrics_server_open(sd_event *event, const struct control_subject *subject,
                        struct metrics_server **ret, struct fault *ret_fault) {
    const char *bind = subject->settings->metrics.bind;
    *ret = NULL;
    if (*bind == '\0')
        return 0;
    struct metrics_server *m = calloc(1, sizeof *m);
    if (m == NULL)
        return -ENOMEM;
    m->subject = *subject;
    int r = listen_at(m, bind);
    if (r >= 0)
        r = start(m, event, r);
    if (r < 0) {
        fault_set_error(ret_fault, r, "[metrics] bind", "can't be bound to %.128s", bind);
        metrics_server_close(m);
        return r;
    }
    *ret = m;
    return 0;
}

const char *metrics_server_address(const struct metrics_server *m) {
    return m == NULL ? "" : m->address;
}

void metrics_server_reload(struct metrics_server *m, const struct settings *settings) {
    if (m != NULL)
        m->subject.settings = settings;
}

struct metrics_server *metrics_server_close(struct metrics_server *m) {
    if (m == NULL)
        return NULL;
    sd_event_source_disable_unref(m->io);
    sd_event_source_disable_unref(m->timer);
    if (m->http != NULL)
        MHD_stop_daemon(m->http);
    if (m->path != NULL)
        unlink(m->path);
    free(m);
    return NULL;
}
