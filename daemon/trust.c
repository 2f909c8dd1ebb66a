#include "daemon/trust.h"

#include "daemon/settings.h"
#include "proto/topic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT(field) offsetof(struct client, field)

static const char everything[] = "*";

const struct client trust_anybody = {
    .name = "local", .relay = true, .reads_all = true, .sends_all = true, .replays = UINT64_MAX};

/* ---- the table */

static const struct config_key client_keys[] = {
    {.name = "public_key",
     .type = CONFIG_WORDS,
     .offset = CLIENT(public_key),
     .help = "Its CURVE keys in Z85, or files NAME.pub of newswirectl keygen. Several while keys "
             "are changed."},
    {.name = "read",
     .type = CONFIG_WORDS,
     .offset = CLIENT(read),
     .help = "Sections that it may read, or * for all."},
    {.name = "send",
     .type = CONFIG_WORDS,
     .offset = CLIENT(send),
     .help = "Sections that it may send to, or * for all. A story of another section it can "
             "neither correct nor withdraw."},
    {.name = "relay",
     .type = CONFIG_BOOL,
     .offset = CLIENT(relay),
     .fallback = "no",
     .help = "Whether it may send articles that came through other daemons (newswire-forward)."},
    {.name = "replays",
     .type = CONFIG_UINT,
     .offset = CLIENT(replays),
     .min = 1,
     .max = 10000,
     .fallback = "8",
     .help = "Replays that it may have running at the same time."},
    {.name = "requests_per_second",
     .type = CONFIG_UINT,
     .offset = CLIENT(requests_per_second),
     .fallback = "2000",
     .help = "Requests of it that are taken on submit, and on replay; one more is told to wait. 0: "
             "any number, here and below."},
    {.name = "articles_per_second",
     .type = CONFIG_UINT,
     .offset = CLIENT(articles_per_second),
     .fallback = "1000",
     .help = "Articles that it may send."},
    {.name = "bytes_per_second",
     .type = CONFIG_BYTES,
     .offset = CLIENT(bytes_per_second),
     .fallback = "8M",
     .help = "Bytes that it may send."},
    {0},
};

static void *client_instance(struct arena *a, void *destination, const char *instance) {
    struct settings *s = destination;
    struct client *c = arena_alloc(a, sizeof *c);
    if (c == NULL || config_section_defaults(a, client_keys, c) < 0 ||
        article_push(a, (void ***)&s->clients, &s->n_clients, c) < 0)
        return NULL;
    c->name = instance;
    return c;
}

static bool client_valid(const char *instance) {
    return topic_section_valid(slice_of(instance));
}

const struct config_section trust_table_client = {
    .name = "client",
    .help = "Somebody who may connect, by a CURVE key. What is not allowed here is denied.",
    .keys = client_keys,
    .instance = client_instance,
    .instance_valid = client_valid,
};

/* ---- checking */

static int check_sections(const struct text_list *list, struct fault *f) {
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i], everything) != 0 &&
            !topic_section_valid(slice_of(list->items[i])))
            return fault_set(f, "", "'%.100s' is no section's key, and not *", list->items[i]);
    return 0;
}

static bool has_everything(const struct text_list *list) {
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i], everything) == 0)
            return true;
    return false;
}

static int read_keys(struct arena *a, const struct settings *s, struct client *c, struct fault *f) {
    c->keys = arena_alloc(a, c->public_key.n * sizeof *c->keys + 1);
    if (c->keys == NULL)
        return -ENOMEM;
    if (c->public_key.n == 0)
        return fault_set(f, "", "it has no key, so nobody could be it");
    for (size_t i = 0; i < c->public_key.n; i++) {
        uint8_t key[KEY_BYTES];
        char text[KEY_TEXT_BYTES];
        if (key_public_read(KEY_CURVE, c->public_key.items[i], key, f) < 0)
            return -EINVAL;
        const struct client *other = trust_client(s, key_public_text(KEY_CURVE, key, text));
        if (other != NULL)
            return fault_set(f, "", "client \"%s\" has the same key", other->name);
        memcpy(c->keys[c->n_keys++], text, sizeof text);
    }
    return 0;
}

/* Returns r with the key's name in ret. */
static int at(const struct client *c, const char *key, int r, char *ret, size_t size) {
    if (r < 0)
        snprintf(ret, size, "[client \"%.64s\"] %s", c->name, key);
    return r;
}

int trust_check(struct arena *a, const struct settings *s, char *ret_key, size_t key_size,
                struct fault *ret_fault) {
    int r = 0;
    for (size_t i = 0; i < s->n_clients && r == 0; i++) {
        struct client *c = s->clients[i];
        c->reads_all = has_everything(&c->read);
        c->sends_all = has_everything(&c->send);
        r = at(c, "read", check_sections(&c->read, ret_fault), ret_key, key_size);
        if (r == 0)
            r = at(c, "send", check_sections(&c->send, ret_fault), ret_key, key_size);
        if (r == 0)
            r = at(c, "public_key", read_keys(a, s, c, ret_fault), ret_key, key_size);
    }
    return r;
}

/* ---- rights */

const struct client *trust_client(const struct settings *s, const char *key) {
    for (size_t i = 0; i < s->n_clients; i++)
        for (size_t k = 0; k < s->clients[i]->n_keys; k++)
            if (strcmp(s->clients[i]->keys[k], key) == 0)
                return s->clients[i];
    return NULL;
}

static bool names(const struct text_list *list, struct slice section) {
    for (size_t i = 0; i < list->n; i++)
        if (slice_equal(slice_of(list->items[i]), section))
            return true;
    return false;
}

bool trust_may_read(const struct client *c, struct slice prefix) {
    if (c == NULL || c->reads_all)
        return c != NULL;
    /* Without its slash a prefix may cover another section, whose key is longer. */
    const uint8_t *slash = prefix.len == 0 ? NULL : memchr(prefix.data, '/', prefix.len);
    return slash != NULL &&
           names(&c->read, (struct slice){prefix.data, (size_t)(slash - prefix.data)});
}

bool trust_may_send(const struct client *c, struct slice section) {
    return c != NULL && (c->sends_all || names(&c->send, section));
}

static bool same_list(const struct text_list *a, const struct text_list *b) {
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = strcmp(a->items[i], b->items[i]) == 0;
    return same;
}

bool trust_same(const struct client *before, const struct client *now) {
    return before != NULL && now != NULL && strcmp(before->name, now->name) == 0 &&
           before->reads_all == now->reads_all && before->sends_all == now->sends_all &&
           before->relay == now->relay && same_list(&before->read, &now->read) &&
           same_list(&before->send, &now->send);
}

static const struct client *named(const struct settings *s, const char *name) {
    for (size_t i = 0; i < s->n_clients; i++)
        if (strcmp(s->clients[i]->name, name) == 0)
            return s->clients[i];
    return NULL;
}

static bool same_keys(const struct client *a, const struct client *b) {
    return a->n_keys == b->n_keys && memcmp(a->keys, b->keys, a->n_keys * sizeof *a->keys) == 0;
}

/* Lists clients of s that other doesn't have, or, of both, that have changed. */
static size_t list(const struct settings *s, const struct settings *other, bool both,
                   const char *word, char *ret, size_t size, size_t used) {
    size_t n = 0;
    for (size_t i = 0; i < s->n_clients && used < size; i++) {
        const struct client *c = s->clients[i], *same = named(other, c->name);
        if (both ? same == NULL || (trust_same(same, c) && same_keys(same, c)) : same != NULL)
            continue;
        const char *before = n++ > 0 ? ", " : used > 0 ? "; " : "clients ";
        used += (size_t)snprintf(ret + used, size - used, "%s%s%s%s", before, n == 1 ? word : "",
                                 n == 1 ? ": " : "", c->name);
    }
    return used;
}

void trust_changes(const struct settings *before, const struct settings *now, char *ret,
                   size_t size) {
    size_t used = list(now, before, false, "added", ret, size, 0);
    used = list(now, before, true, "changed", ret, size, used);
    used = list(before, now, false, "removed", ret, size, used);
    if (used == 0)
        snprintf(ret, size, "the clients are the same");
}
