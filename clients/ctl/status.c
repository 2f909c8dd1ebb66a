#include "clients/ctl/show.h"

#include "clients/tool/words.h"

#include <stdio.h>

static void print_endpoints(const json_t *status, const char *name) {
    const json_t *bind = json_object_get(json_object_get(status, name), "bind");
    printf("%-10s", name);
    for (size_t i = 0; i < json_array_size(bind); i++)
        printf(" %s", json_string_value(json_array_get(bind, i)));
    putchar('\n');
}

static void print_spool(const json_t *spool) {
    if (!json_is_object(spool))
        return;
    printf("spool      %s: %lld files accepted, %lld rejected, %lld waiting\n",
           ctl_text(spool, "directory"), ctl_number(spool, "accepted"),
           ctl_number(spool, "rejected"), ctl_number(spool, "waiting"));
    if (*ctl_text(spool, "trouble") != '\0')
        printf("           trouble: %s\n", ctl_text(spool, "trouble"));
}

static void list_readers(const json_t *readers) {
    printf("readers    %zu\n", json_array_size(readers));
    for (size_t i = 0; i < json_array_size(readers); i++) {
        const json_t *reader = json_array_get(readers, i);
        const char *topics = ctl_text(reader, "topics");
        printf("  %-24s %8lld behind  %s\n", ctl_text(reader, "client"), ctl_number(reader, "lag"),
               *topics == '\0' ? "all topics" : topics);
    }
}

static void list_topics(json_t *topics) {
    printf("topics     %zu\n", json_object_size(topics));
    for (void *i = json_object_iter(topics); i != NULL; i = json_object_iter_next(topics, i)) {
        const json_t *topic = json_object_iter_value(i);
        printf("  %-24s %8lld entries, head %lld\n", json_object_iter_key(i),
               ctl_number(topic, "entries"), ctl_number(topic, "head"));
    }
}

static void print_last_error(const json_t *error) {
    if (json_is_object(error))
        printf("last error %s  %s\n", words_time(ctl_number(error, "time_usec")),
               ctl_text(error, "text"));
}

static void print_security(const json_t *s) {
    if (json_is_true(json_object_get(s, "insecure")))
        puts("security   INSECURE: whoever can connect may read and send everything");
    else if (!json_is_true(json_object_get(s, "curve")))
        puts("security   none: this machine only");
    else
        printf("security   %lld clients; %lld connections refused, %lld cut, %lld unfinished; key "
               "%s\n",
               ctl_number(s, "clients"), ctl_number(s, "refused") + ctl_number(s, "banned"),
               ctl_number(s, "cut"), ctl_number(s, "unfinished"), ctl_text(s, "public_key"));
}

static void print_health(const json_t *health) {
    const json_t *troubles = json_object_get(health, "troubles");
    for (size_t i = 0; i < json_array_size(troubles); i++)
        printf("%-10s %s\n", ctl_text(health, "state"),
               ctl_text(json_array_get(troubles, i), "text"));
}

void print_status(json_t *status) {
    const json_t *submit = json_object_get(status, "submit");
    long long up = ctl_number(status, "uptime_sec");
    bool taking = json_is_true(json_object_get(status, "taking"));
    printf("newswired  %s, up %lld d %02lld:%02lld:%02lld, %s\n", ctl_text(status, "version"),
           up / 86400, up / 3600 % 24, up / 60 % 60, up % 60,
           taking ? "taking articles in" : "taking nothing in");
    print_health(json_object_get(status, "health"));
    printf("log        epoch %lld, first %lld, head %lld, %lld entries, %lld bytes, %lld held\n",
           ctl_number(status, "epoch"), ctl_number(status, "first"), ctl_number(status, "head"),
           ctl_number(status, "entries"), ctl_number(status, "bytes"),
           ctl_number(status, "waiting_for_release"));
    print_endpoints(status, "feed");
    print_endpoints(status, "replay");
    print_endpoints(status, "submit");
    print_security(json_object_get(status, "security"));
    print_spool(json_object_get(status, "spool"));
    printf("articles   %lld accepted, %lld duplicate, %lld held, %lld refused, %lld malformed\n",
           ctl_number(submit, "accepted"), ctl_number(submit, "duplicate"),
           ctl_number(submit, "held"), ctl_number(submit, "refused"),
           ctl_number(submit, "malformed"));
    list_readers(json_object_get(status, "readers"));
    list_topics(json_object_get(status, "topics"));
    print_last_error(json_object_get(status, "last_error"));
}
