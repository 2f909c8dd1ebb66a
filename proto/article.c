#include "proto/article.h"

#include <errno.h>
#include <string.h>

Article *article_new(struct arena *a) {
    Article *article = arena_alloc(a, sizeof *article);
    if (article != NULL)
        newswire__v1__article__init(article);
    return article;
}

int article_push(struct arena *a, void ***array, size_t *n, void *element) {
    /* The array doubles each time that its length is a power of two. */
    if ((*n & (*n - 1)) == 0) {
        void **grown = arena_alloc(a, (*n == 0 ? 1 : *n * 2) * sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        if (*n > 0)
            memcpy(grown, *array, *n * sizeof *grown);
        *array = grown;
    }
    (*array)[(*n)++] = element;
    return 0;
}

int article_push_string(struct arena *a, char ***array, size_t *n, const char *s, size_t len) {
    char *copy = arena_strndup(a, s, len);
    return copy == NULL ? -ENOMEM : article_push(a, (void ***)array, n, copy);
}

int article_add_block(struct arena *a, Article *article, int block_type, const char *text,
                      size_t len) {
    Block *block = arena_alloc(a, sizeof *block);
    if (block == NULL)
        return -ENOMEM;
    newswire__v1__block__init(block);
    block->type = (Newswire__V1__BlockType__Value)block_type;
    block->text = arena_strndup(a, text, len);
    if (block->text == NULL)
        return -ENOMEM;
    return article_push(a, (void ***)&article->blocks, &article->n_blocks, block);
}

static const char *enum_name(const ProtobufCEnumDescriptor *descriptor, int value) {
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(descriptor, value);
    return v == NULL ? NULL : v->name;
}

void article_strip_kill(Article *article) {
    if (article->status == STATUS_CANCELED)
        article->n_blocks = article->n_media = 0;
}

const char *article_kind_name(int kind) {
    return enum_name(&newswire__v1__kind__value__descriptor, kind);
}

const char *article_status_name(int status) {
    return enum_name(&newswire__v1__status__value__descriptor, status);
}

const char *article_block_type_name(int block_type) {
    return enum_name(&newswire__v1__block_type__value__descriptor, block_type);
}

int article_kind_from_name(const char *name) {
    const ProtobufCEnumValue *v =
        protobuf_c_enum_descriptor_get_value_by_name(&newswire__v1__kind__value__descriptor, name);
    return v == NULL ? -EINVAL : v->value;
}
