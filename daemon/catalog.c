#include "daemon/catalog.h"

#include "proto/topic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- heads */

static int add_head(struct arena *a, Newswire__V1__ReplayReply *reply, const char *topic,
                    uint64_t seq) {
    Newswire__V1__TopicHead *h = arena_alloc(a, sizeof *h);
    if (h == NULL)
        return -ENOMEM;
    newswire__v1__topic_head__init(h);
    h->topic = arena_strndup(a, topic, strlen(topic));
    h->head = seq;
    return h->topic == NULL ? -ENOMEM
                            : article_push(a, (void ***)&reply->heads, &reply->n_heads, h);
}

static bool has_head(const struct log_head *heads, size_t n, const char *topic) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(heads[i].topic, topic) == 0)
            return true;
    return false;
}

/* Topics that config names and that have no entry yet: head 0. */
static int add_empty_heads(const struct rules *rules, struct arena *a,
                           Newswire__V1__ReplayReply *reply, const struct slice *prefixes,
                           size_t n_prefixes, const struct log_head *heads, size_t n) {
    for (size_t i = 0; i < rules->n_sections; i++)
        for (int kind = KIND_ARTICLE; article_kind_name(kind) != NULL; kind++) {
            char topic[LIMIT_TOPIC_BYTES + 1];
            bool wanted = n_prefixes == 0;
            if (topic_make(rules->sections[i]->key, kind, topic) < 0 || has_head(heads, n, topic))
                continue;
            for (size_t k = 0; k < n_prefixes && !wanted; k++)
                wanted = topic_matches(prefixes[k], slice_of(topic));
            if (wanted && add_head(a, reply, topic, 0) < 0)
                return -ENOMEM;
        }
    return 0;
}

int catalog_heads(const struct rules *rules, struct log *log, struct arena *a,
                  const Newswire__V1__HeadsRequest *request, Newswire__V1__ReplayReply *ret) {
    struct log_head *heads = NULL;
    size_t n = 0, n_prefixes = request->n_topics;
    struct slice *prefixes = arena_alloc(a, (n_prefixes + 1) * sizeof *prefixes);
    if (prefixes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < n_prefixes; i++)
        prefixes[i] = slice_of(request->topics[i]);
    int r = log_heads(log, prefixes, n_prefixes, &heads, &n, &ret->head, &ret->newest_topic);
    for (size_t i = 0; i < n && r == 0; i++)
        r = add_head(a, ret, heads[i].topic, heads[i].head);
    if (r == 0)
        r = add_empty_heads(rules, a, ret, prefixes, n_prefixes, heads, n);
    free(heads);
    return r;
}

/* ---- sections */

/* "en: Politics briefs": a language of letters, digits and dashes before a colon. */
static void split_name(const char *name, struct slice *ret_language, const char **ret_title) {
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    bool tagged = len >= 2 && name[len] == ':';
    *ret_language = (struct slice){(const uint8_t *)name, tagged ? len : 0};
    *ret_title = tagged ? name + len + 1 + strspn(name + len + 1, " ") : name;
}

static int add_titles(struct arena *a, const struct text_list *names, Newswire__V1__Section *s) {
    for (size_t i = 0; i < names->n; i++) {
        Newswire__V1__SectionTitle *t = arena_alloc(a, sizeof *t);
        struct slice language;
        const char *title;
        if (t == NULL)
            return -ENOMEM;
        newswire__v1__section_title__init(t);
        split_name(names->items[i], &language, &title);
        t->language = arena_strndup(a, (const char *)language.data, language.len);
        t->title = (char *)title;
        if (t->language == NULL || article_push(a, (void ***)&s->titles, &s->n_titles, t) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int add_section(struct arena *a, const struct rules_section *from,
                       Newswire__V1__ReplayReply *reply) {
    Newswire__V1__Section *s = arena_alloc(a, sizeof *s);
    char topic[LIMIT_TOPIC_BYTES + 1];
    if (s == NULL)
        return -ENOMEM;
    newswire__v1__section__init(s);
    s->key = (char *)from->key;
    s->labels = from->labels.items;
    s->n_labels = from->labels.n;
    s->media_topics = from->media_topics.items;
    s->n_media_topics = from->media_topics.n;
    s->gbt20093 = from->gbt20093.items;
    s->n_gbt20093 = from->gbt20093.n;
    s->approvals = from->approvals;
    for (int kind = KIND_ARTICLE; article_kind_name(kind) != NULL; kind++)
        if (topic_make(from->key, kind, topic) < 0 ||
            article_push_string(a, &s->topics, &s->n_topics, topic, strlen(topic)) < 0)
            return -ENOMEM;
    int r = add_titles(a, from->names.n > 0 ? &from->names : &from->titles, s);
    return r < 0 ? r : article_push(a, (void ***)&reply->sections, &reply->n_sections, s);
}

/* A right to read or send to a section is one to know of it. */
static bool may_know(const struct client *c, const char *key) {
    char prefix[LIMIT_KEY_BYTES + 2];
    snprintf(prefix, sizeof prefix, "%.*s/", LIMIT_KEY_BYTES, key);
    return trust_may_read(c, slice_of(prefix)) || trust_may_send(c, slice_of(key));
}

int catalog_sections(const struct rules *rules, const struct client *client, struct arena *a,
                     Newswire__V1__ReplayReply *ret) {
    int r = 0;
    for (size_t i = 0; i < rules->n_sections && r == 0; i++)
        if (may_know(client, rules->sections[i]->key))
            r = add_section(a, rules->sections[i], ret);
    return r;
}

/* ---- rights */

/* Sections as rights name them, with an end to each; an empty one for all. */
static int add_rights(struct arena *a, bool all, const struct text_list *sections, const char *end,
                      char ***ret, size_t *ret_n) {
    char name[LIMIT_KEY_BYTES + 2];
    if (all)
        return article_push_string(a, ret, ret_n, "", 0);
    for (size_t i = 0; i < sections->n; i++) {
        int len = snprintf(name, sizeof name, "%.*s%s", LIMIT_KEY_BYTES, sections->items[i], end);
        if (article_push_string(a, ret, ret_n, name, (size_t)len) < 0)
            return -ENOMEM;
    }
    return 0;
}

int catalog_rights(const struct client *client, struct arena *a, Newswire__V1__ReplayReply *ret) {
    Newswire__V1__Rights *rights = arena_alloc(a, sizeof *rights);
    if (rights == NULL)
        return -ENOMEM;
    newswire__v1__rights__init(rights);
    if (client != &trust_anybody)
        rights->client = (char *)client->name;
    rights->relay = client->relay;
    ret->rights = rights;
    int r = add_rights(a, client->reads_all, &client->read, "/", &rights->read, &rights->n_read);
    return r < 0 ? r
                 : add_rights(a, client->sends_all, &client->send, "", &rights->send,
                              &rights->n_send);
}
