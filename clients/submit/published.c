#include "clients/submit/published.h"

#include "clients/lib/link.h"
#include "proto/codec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TURN_MSEC = 200, SCRATCH_BYTES = 64 << 20 };

static bool is_of_page(const Article *x, const Article *page) {
    return strcmp(x->publication, page->publication) == 0 &&
           strcmp(x->page_date, page->page_date) == 0 && strcmp(x->page, page->page) == 0;
}

static size_t find(const struct published *p, struct newswire_bytes uri) {
    size_t i = 0;
    while (i < p->n && (strlen(p->articles[i]->uri) != uri.len ||
                        memcmp(p->articles[i]->uri, uri.data, uri.len) != 0))
        i++;
    return i;
}

static int withdraw(struct arena *a, const struct newswire_entry *e, struct published *p) {
    return article_push_string(a, &p->withdrawn, &p->n_withdrawn, (const char *)e->uri.data,
                               e->uri.len);
}

/* A version of a story, in the order of the log: takes the place of an earlier one,
 * or withdraws it. */
static int take(struct arena *a, struct arena *scratch, const struct newswire_entry *e,
                const Article *page, struct published *p) {
    ProtobufCMessage *message;
    struct fault fault;
    struct slice bytes = {e->article.data, e->article.len};
    size_t at = find(p, e->uri);
    arena_reset(scratch);
    if (bytes.len == 0)
        return withdraw(a, e, p);
    if (codec_unpack(&newswire__v1__article__descriptor, scratch, bytes, &message, &fault) < 0)
        return 0;
    const Article *seen = (const Article *)message;
    if (at < p->n && seen->version < p->articles[at]->version)
        return 0;
    if (*seen->moved_to != '\0')
        return 0; /* it goes on elsewhere, and comes from there */
    if (seen->status == STATUS_CANCELED) {
        if (at < p->n)
            memmove(p->articles + at, p->articles + at + 1, (--p->n - at) * sizeof *p->articles);
        return withdraw(a, e, p);
    }
    /* A later version need not say of which page it was. */
    if (at == p->n && !is_of_page(seen, page))
        return 0;
    int r = codec_unpack(&newswire__v1__article__descriptor, a, bytes, &message, &fault);
    if (r < 0)
        return r;
    if (at == p->n)
        return article_push(a, (void ***)&p->articles, &p->n, message);
    p->articles[at] = (Article *)message;
    return 0;
}

int published_add_held(struct arena *a, const Article *page, const void *article, size_t len,
                       struct published *p) {
    ProtobufCMessage *message;
    struct fault fault;
    int r = codec_unpack(&newswire__v1__article__descriptor, a, (struct slice){article, len},
                         &message, &fault);
    if (r < 0)
        return r == -ENOMEM ? r : 0;
    Article *held = (Article *)message;
    size_t at = find(p, (struct newswire_bytes){(const uint8_t *)held->uri, strlen(held->uri)});
    if (at < p->n)
        p->articles[at] = held;
    else if (is_of_page(held, page))
        return article_push(a, (void ***)&p->articles, &p->n, held);
    return 0;
}

int published_read(struct arena *a, const struct newswire_reader_options *options,
                   const Article *page, uint64_t patience_usec, struct published *ret, char *error,
                   size_t error_size) {
    struct newswire_reader *reader = NULL;
    struct newswire_event event;
    struct arena *scratch = arena_new(SCRATCH_BYTES);
    uint64_t heard = link_now_usec();
    *ret = (struct published){0};
    int r = scratch == NULL ? -ENOMEM : newswire_reader_new(options, &reader, error, error_size);
    while (r >= 0) {
        r = newswire_reader_next(reader, TURN_MSEC, &event);
        if (r > 0)
            heard = link_now_usec();
        else if (r == 0 && link_now_usec() - heard >= patience_usec)
            r = -ETIMEDOUT;
        if (r <= 0)
            continue;
        if (event.type == NEWSWIRE_CAUGHT_UP)
            break;
        if (event.type == NEWSWIRE_ENTRY)
            r = take(a, scratch, &event.entry, page, ret);
        if (event.type == NEWSWIRE_ERROR && event.final) {
            snprintf(error, error_size, "%s", event.message);
            r = -EPROTO;
        }
    }
    if (r < 0 && r != -EINVAL && r != -EPROTO)
        snprintf(error, error_size, "%s", strerror(-r));
    newswire_reader_free(reader);
    arena_free(scratch);
    return r < 0 ? r : 0;
}
