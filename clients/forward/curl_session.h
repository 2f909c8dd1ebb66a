/*
 * What all transports by libcurl have in common: a handle that keeps its
 * connection, time limits, TLS that is verified, no private addresses, what the
 * server said, and what a fault of the network means.
 */
#pragma once

#include "clients/forward/secret.h"
#include "clients/forward/transport.h"

#include <curl/curl.h>

enum { ANSWER_MOST = 64 << 10 };

struct curl_session {
    const struct outlet_config *outlet;
    CURL *easy;
    struct secret *password, *private_key;
    char error[CURL_ERROR_SIZE];
    char answer[ANSWER_MOST + 1]; /* the body of the answer */
    size_t n_answer;
    char words[256]; /* the server's last line, of protocols that have lines */
    bool private_refused;
    struct slice unsent; /* of an upload */
};

/* Sets up what holds for every transfer of the outlet. 0; -errno with a sentence. */
int curl_session_open(struct curl_session *s, const struct outlet_config *o, char *error,
                      size_t error_size) __attribute__((nonnull, warn_unused_result));
void curl_session_close(struct curl_session *s) __attribute__((nonnull));

/* Runs the transfer. True when it came to an end with an answer; if not, the
 * verdict says why. body_bytes: what was to be sent, to tell whether all of it was. */
bool curl_session_run(struct curl_session *s, size_t body_bytes, struct verdict *ret)
    __attribute__((nonnull, warn_unused_result));

/* The bytes that an upload reads. */
void curl_session_upload(struct curl_session *s, struct slice bytes) __attribute__((nonnull));
