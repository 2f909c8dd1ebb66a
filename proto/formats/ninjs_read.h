/*
 * What the parts of ninjs_parse share: the item, the article that it becomes, and how
 * values are taken from the one to the other.
 *
 * Running out of memory is kept in `error`; what is done after that has no effect.
 */
#pragma once

#include "proto/formats/json_load.h"
#include "proto/formats/ninjs.h"

struct ninjs_reading {
    struct arena *arena;
    const json_t *item;
    Article *article;
    struct parsed *parsed;
    int error; /* -ENOMEM once memory ran out */
};

/* The member that has one of two names: that of 3.x, and that of versions before
 * (NULL: the same). NULL when there is none. */
const json_t *ninjs_member(const json_t *object, const char *name, const char *before)
    __attribute__((nonnull(2)));

/* The same for a string, "" when there is none, and for a number that is above 0 and
 * at most so much, 0 when there is none. */
const char *ninjs_text(const json_t *object, const char *name, const char *before)
    __attribute__((nonnull(2)));
uint64_t ninjs_number(const json_t *object, const char *name, const char *before, uint64_t most)
    __attribute__((nonnull(2)));

/* Sets a field to some text as one line; an empty text changes nothing. */
void ninjs_set_line(struct ninjs_reading *r, char **field, const char *text)
    __attribute__((nonnull));

/* The same for a text that is HTML if its type says so or it looks like it. */
void ninjs_set_title(struct ninjs_reading *r, char **field, const char *type, const char *text)
    __attribute__((nonnull));

/* Adds to a repeated field. */
void ninjs_push(struct ninjs_reading *r, void ***array, size_t *n, void *element)
    __attribute__((nonnull(1, 2, 3)));
void ninjs_push_line(struct ninjs_reading *r, char ***list, size_t *n, const char *text)
    __attribute__((nonnull));

/* A headline, body or description, wherever it stands: in an array of 2.x and 3.x, or as
 * a property headline_ROLE of 1.x, whose role ends in "html" if it is such. */
struct ninjs_worded {
    const char *role, *type, *text;
};

/* The description of that role, or else (when another will do) the first that is no
 * credit. Whether there is one. */
bool ninjs_description(const json_t *item, const char *role, bool or_other,
                       struct ninjs_worded *ret) __attribute__((nonnull));

/* Headlines, body, dateline; the kind is known. */
void ninjs_read_texts(struct ninjs_reading *r) __attribute__((nonnull));

/* Subjects, keywords and the section; byline and reviewers; media and what is replaced. */
void ninjs_read_subjects(struct ninjs_reading *r) __attribute__((nonnull));
void ninjs_read_people(struct ninjs_reading *r) __attribute__((nonnull));
void ninjs_read_associations(struct ninjs_reading *r) __attribute__((nonnull));
