#include "clients/tool/received.h"

static struct slice slice_from(struct newswire_bytes b) {
    return (struct slice){b.data, b.len};
}

struct entry received_entry(const struct newswire_entry *e) {
    struct entry entry = {.epoch = e->epoch,
                          .seq = e->seq,
                          .prev_seq = e->prev_seq,
                          .topic = slice_from(e->topic),
                          .stored_at_usec = e->stored_at_usec,
                          .uri = slice_from(e->uri),
                          .version = e->version,
                          .content_digest = slice_from(e->content_digest),
                          .replaces = e->replaces,
                          .n_path = e->n_path,
                          .n_approved_by = e->n_approved_by,
                          .signature = slice_from(e->signature),
                          .origin = slice_from(e->origin),
                          .article_digest = slice_from(e->article_digest),
                          .article = slice_from(e->article)};
    for (size_t i = 0; i < e->n_path; i++)
        entry.path[i] = slice_from(e->path[i]);
    for (size_t i = 0; i < e->n_approved_by; i++)
        entry.approved_by[i] = slice_from(e->approved_by[i]);
    return entry;
}

int received_article(struct arena *a, const struct entry *e, Article **ret,
                     struct fault *ret_fault) {
    ProtobufCMessage *message = NULL;
    int r = e->article.len == 0 ? 0
                                : codec_unpack(&newswire__v1__article__descriptor, a, e->article,
                                               &message, ret_fault);
    if (r == 0)
        *ret = (Article *)message;
    return r;
}
