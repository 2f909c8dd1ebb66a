/*
 * The article as the generated protobuf struct, and the little that makes it
 * pleasant to build: short names, and appending to repeated fields.
 *
 * A type with a capital letter is a generated one. An article that a parser or
 * the codec made lives in an arena, all of it, and goes with it.
 */
#pragma once

#include "proto/arena.h"
#include "proto/newswire.pb-c.h"

typedef Newswire__V1__Article Article;
typedef Newswire__V1__Block Block;
typedef Newswire__V1__Subject Subject;
typedef Newswire__V1__Media Media;

/* Macros, so that the compiler sees the generated enums. */
#define KIND_UNSPECIFIED  NEWSWIRE__V1__KIND__VALUE__unspecified
#define KIND_ARTICLE      NEWSWIRE__V1__KIND__VALUE__article
#define KIND_BRIEF        NEWSWIRE__V1__KIND__VALUE__brief
#define KIND_PHOTO        NEWSWIRE__V1__KIND__VALUE__photo
#define STATUS_USABLE     NEWSWIRE__V1__STATUS__VALUE__usable
#define STATUS_WITHHELD   NEWSWIRE__V1__STATUS__VALUE__withheld
#define STATUS_CANCELED   NEWSWIRE__V1__STATUS__VALUE__canceled
#define BLOCK_UNSPECIFIED NEWSWIRE__V1__BLOCK_TYPE__VALUE__unspecified
#define BLOCK_PARAGRAPH   NEWSWIRE__V1__BLOCK_TYPE__VALUE__paragraph
#define BLOCK_CROSSHEAD   NEWSWIRE__V1__BLOCK_TYPE__VALUE__crosshead
#define BLOCK_CAPTION     NEWSWIRE__V1__BLOCK_TYPE__VALUE__caption
#define BLOCK_QUOTE       NEWSWIRE__V1__BLOCK_TYPE__VALUE__quote
#define BLOCK_LIST_ITEM   NEWSWIRE__V1__BLOCK_TYPE__VALUE__list_item

/* An empty article. NULL past the arena's limit. */
Article *article_new(struct arena *a) __attribute__((nonnull, warn_unused_result));

/* Appends a copy of the text (len bytes) as a block. 0 or -ENOMEM. */
int article_add_block(struct arena *a, Article *article, int block_type, const char *text,
                      size_t len) __attribute__((nonnull, warn_unused_result));

/* Appends an element to a repeated field: article_push(a, (void ***)&x->byline,
 * &x->n_byline, name). The element is kept as it is. 0 or -ENOMEM. */
int article_push(struct arena *a, void ***array, size_t *n, void *element)
    __attribute__((nonnull, warn_unused_result));

/* The same for a string, which is copied into the arena. */
int article_push_string(struct arena *a, char ***array, size_t *n, const char *s, size_t len)
    __attribute__((nonnull, warn_unused_result));

/* Takes text and media off an article that withdraws its story: they are what must
 * not go out again. */
void article_strip_kill(Article *article) __attribute__((nonnull));

/* The word for a value, as in JSON: "brief", "canceled", "crosshead". NULL for
 * a value that has none. */
const char *article_kind_name(int kind);
const char *article_status_name(int status);
const char *article_block_type_name(int block_type);

/* The value for a word; -EINVAL for a word that has none. */
int article_kind_from_name(const char *name) __attribute__((nonnull));
