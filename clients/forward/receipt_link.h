/*
 * Links by which an outlet tells what it did with a story. A link is good for one
 * story and outlet and signed, so that nobody can make up another.
 */
#pragma once

#include "clients/forward/config.h"

struct receipt_links; /* NULL: no links are given out */

/* *ret is NULL when the config has no [receipts] url. 0, or -errno; what is wrong
 * with the secret has been said. */
int receipt_links_new(const struct forward_config *config, struct receipt_links **ret)
    __attribute__((nonnull, warn_unused_result));
struct receipt_links *receipt_links_free(struct receipt_links *links);

/* The link, in the arena; "" when there are none; NULL when out of memory. */
const char *receipt_link(const struct receipt_links *links, struct arena *a, const char *outlet,
                         const char *uri);

/* Reads the part of a link behind [receipts] url. Whether it is one of ours; the
 * outlet and uri are in the arena. */
bool receipt_link_read(const struct receipt_links *links, struct arena *a, const char *token,
                       const char **ret_outlet, const char **ret_uri)
    __attribute__((nonnull(2, 3)));
