#include "clients/forward/callback.h"

#include "clients/forward/receipt_link.h"
#include "clients/forward/receipts.h"
#include "proto/journal/journal.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

enum {
    FIELD_BYTES = 2048,
    POST_BUFFER_BYTES = 8 << 10,
    ARENA_BYTES = 1 << 20,
    CONNECTIONS = 64,
    PER_ADDRESS = 16,
    SECONDS = 10,
};

struct callback {
    struct MHD_Daemon *daemon;
    struct clerk *clerk;
    struct receipt_links *links;
};

/* One request. */
struct request {
    struct MHD_PostProcessor *processor;
    struct arena *arena;
    const char *outlet, *uri;
    char used[FIELD_BYTES], withdrawn[16], by[256];
    bool too_long;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status,
                              const char *text) {
    struct MHD_Response *r =
        MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);
    if (r == NULL)
        return MHD_NO;
    MHD_add_response_header(r, "Content-Type", "text/plain; charset=utf-8");
    MHD_add_response_header(r, "Cache-Control", "no-store");
    enum MHD_Result queued = MHD_queue_response(connection, status, r);
    MHD_destroy_response(r);
    return queued;
}

/* A field of the form, piece by piece. */
static enum MHD_Result take_field(void *userdata, enum MHD_ValueKind kind, const char *key,
                                  const char *filename, const char *type, const char *coding,
                                  const char *data, uint64_t offset, size_t size) {
    struct request *q = userdata;
    struct {
        const char *name;
        char *to;
        size_t room;
    } fields[] = {{"used", q->used, sizeof q->used},
                  {"withdrawn", q->withdrawn, sizeof q->withdrawn},
                  {"by", q->by, sizeof q->by}};
    (void)kind, (void)filename, (void)type, (void)coding;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(key, fields[i].name) == 0) {
            q->too_long = q->too_long || offset + size >= fields[i].room;
            if (!q->too_long && size > 0)
                memcpy(fields[i].to + offset, data, size);
        }
    return MHD_YES;
}

static int put_down(struct ledger *l, void *userdata) {
    const struct request *q = userdata;
    struct receipt t = {.outlet = q->outlet, .uri = q->uri};
    if (*q->withdrawn != '\0')
        t.withdrawn = q->by;
    else
        t.used = q->used;
    return receipt_put(l, &t);
}

static bool is_url(const char *text) {
    return (strncasecmp(text, "https://", 8) == 0 || strncasecmp(text, "http://", 7) == 0) &&
           strpbrk(text, " \t\r\n\"<>") == NULL;
}

static enum MHD_Result take_receipt(struct callback *c, struct MHD_Connection *connection,
                                    struct request *q) {
    codec_mend_utf8(q->used);
    codec_mend_utf8(q->by);
    if (q->too_long || (*q->withdrawn != '\0') == (*q->used != '\0'))
        return answer(connection, MHD_HTTP_BAD_REQUEST, "used=URL, or withdrawn=yes and by=NAME\n");
    if (*q->used != '\0' && !is_url(q->used))
        return answer(connection, MHD_HTTP_BAD_REQUEST, "used: it should be a url\n");
    if (*q->withdrawn != '\0' && *q->by == '\0')
        return answer(connection, MHD_HTTP_BAD_REQUEST, "by: who withdrew it?\n");
    int r = clerk_do(c->clerk, put_down, q);
    if (r == 0)
        return answer(connection, MHD_HTTP_OK, "It is noted, thank you.\n");
    return r == -ENOENT
               ? answer(connection, MHD_HTTP_NOT_FOUND, "It was never delivered.\n")
               : answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "It can't be noted now.\n");
}

/* Begins a request: the link must be one of ours before anything else is read. */
static enum MHD_Result begin(struct callback *c, struct MHD_Connection *connection, const char *url,
                             const char *method, struct request **ret) {
    struct request *q = calloc(1, sizeof *q);
    const char *slash = strrchr(url, '/');
    if (q == NULL || (q->arena = arena_new(ARENA_BYTES)) == NULL) {
        free(q);
        return MHD_NO;
    }
    *ret = q;
    if (slash == NULL || !receipt_link_read(c->links, q->arena, slash + 1, &q->outlet, &q->uri))
        return answer(connection, MHD_HTTP_NOT_FOUND, "There is no such link.\n");
    if (strcmp(method, "POST") == 0)
        q->processor = MHD_create_post_processor(connection, POST_BUFFER_BYTES, take_field, q);
    return MHD_YES;
}

static enum MHD_Result show(struct MHD_Connection *connection, const struct request *q) {
    char text[2 * LIMIT_URI_BYTES];
    snprintf(
        text, sizeof text,
        "Article %s, for %s.\nPOST used=URL when it is published, withdrawn=yes and by=NAME when "
        "it is taken down.\n",
        q->uri, q->outlet);
    return answer(connection, MHD_HTTP_OK, text);
}

static enum MHD_Result take_request(void *userdata, struct MHD_Connection *connection,
                                    const char *url, const char *method, const char *version,
                                    const char *data, size_t *size, void **state) {
    struct callback *c = userdata;
    struct request *q = *state;
    (void)version;
    if (q == NULL)
        return begin(c, connection, url, method, (struct request **)state);
    if (strcmp(method, "GET") == 0)
        return show(connection, q);
    if (q->processor == NULL)
        return answer(connection, MHD_HTTP_BAD_REQUEST, "POST a form, or GET.\n");
    if (*size == 0)
        return take_receipt(c, connection, q);
    q->too_long = MHD_post_process(q->processor, data, *size) != MHD_YES || q->too_long;
    *size = 0;
    return MHD_YES;
}

static void end_request(void *userdata, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode how) {
    struct request *q = *state;
    (void)userdata, (void)connection, (void)how;
    if (q == NULL)
        return;
    if (q->processor != NULL)
        MHD_destroy_post_processor(q->processor);
    arena_free(q->arena);
    free(q);
}

/* "127.0.0.1:5570", "[::1]:5570". */
static struct addrinfo *resolve(const char *listen) {
    char host[256];
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM},
                    *found = NULL;
    const char *colon = strrchr(listen, ':');
    if (colon == NULL)
        return NULL;
    bool v6 = *listen == '[' && colon > listen + 1 && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(colon - listen) - 2 * v6, listen + v6);
    return getaddrinfo(host, colon + 1, &hints, &found) == 0 ? found : NULL;
}

int callback_start(const struct forward_config *config, struct clerk *clerk,
                   struct callback **ret) {
    const char *listen = config->receipts.listen;
    *ret = NULL;
    if (*listen == '\0')
        return EX_OK;
    struct addrinfo *address = resolve(listen);
    struct callback *c = calloc(1, sizeof *c);
    if (address != NULL && c != NULL && receipt_links_new(config, &c->links) == 0) {
        c->clerk = clerk;
        c->daemon = MHD_start_daemon(
            MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO |
                (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0),
            0, NULL, NULL, take_request, c, MHD_OPTION_SOCK_ADDR, address->ai_addr,
            MHD_OPTION_NOTIFY_COMPLETED, end_request, NULL, MHD_OPTION_CONNECTION_LIMIT,
            (unsigned)CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)PER_ADDRESS,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SECONDS, MHD_OPTION_END);
    }
    if (address != NULL)
        freeaddrinfo(address);
    if (c != NULL && c->daemon != NULL) {
        *ret = c;
        return EX_OK;
    }
    journal(JOURNAL_TOOL_FAILED, &(struct journal_subject){.address = listen},
            "[receipts] listen = %s: %s", listen,
            address == NULL ? "it should be like 127.0.0.1:5570" : strerror(errno));
    callback_stop(c);
    return EX_UNAVAILABLE;
}

void callback_stop(struct callback *c) {
    if (c == NULL)
        return;
    if (c->daemon != NULL)
        MHD_stop_daemon(c->daemon);
    receipt_links_free(c->links);
    free(c);
}
