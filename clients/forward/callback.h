/*
 * Where outlets tell by HTTP what they did with an article: each got a link that
 * is signed for it. GET shows what the link is for, POST with used=URL, or
 * withdrawn=yes and by=NAME, writes it down. A web server with TLS stands before it.
 */
#pragma once

#include "clients/forward/clerk.h"

struct callback;

/* Begins to listen, if the config says where; else *ret is NULL. EX_OK, or a code
 * with the reason said. */
int callback_start(const struct forward_config *config, struct clerk *clerk, struct callback **ret)
    __attribute__((nonnull, warn_unused_result));

/* Takes NULL. */
void callback_stop(struct callback *c);
