/*
 * Transports: the ways to an outlet. One is found by the scheme of its url.
 *
 * A session belongs to one thread of one outlet, keeps its connection between
 * parcels, and may block for as long as the outlet's timeouts allow.
 */
#pragma once

#include "clients/forward/parcel.h"

enum verdict_outcome {
    VERDICT_DELIVERED, /* it has it */
    VERDICT_RETRY,     /* it comes again later, under the same id */
    VERDICT_PARKED,    /* it never will as it is: a person has to look */
    VERDICT_DISABLED,  /* the outlet wants nothing any more */
};

struct verdict {
    enum verdict_outcome outcome;
    bool maybe_received;      /* of a retry: the whole of it was sent, and no answer came */
    bool about_outlet;        /* of a retry: it is the outlet, not this article */
    bool confirmed;           /* of a kill that was delivered: withdrawn there */
    uint64_t not_before_usec; /* of a retry: it asked for so long a wait; 0: it did not */
    int status;               /* as its protocol has it; 0: none */
    char text[320];           /* the server's own words, or what went wrong, for a person */
    char remote_id[160];      /* the outlet's name for the story; "": it told none */
};

/* Fills a verdict; the text is made like printf and mended to be UTF-8 on a line. */
void verdict_set(struct verdict *v, enum verdict_outcome outcome, const char *format, ...)
    __attribute__((nonnull, format(printf, 3, 4)));

struct transport {
    const char *const *schemes; /* ended by NULL */
    /* NULL, or what is missing in the outlet's config. */
    const char *(*check)(const struct outlet_config *o);
    /* A session, which reads the secrets. 0; -errno with a sentence in error. */
    int (*open)(const struct outlet_config *o, void **ret, char *error, size_t error_size);
    void (*send)(void *session, const struct parcel *p, struct verdict *ret);
    void (*close)(void *session); /* takes NULL */
};

extern const struct transport transport_http, transport_mail, transport_upload, transport_directory,
    transport_newswire;

/* The transport of a url's scheme; NULL when there is none. */
const struct transport *transport_find(const char *url) __attribute__((nonnull));
