/*
 * What the parts of intake share: its state, and requests that wait for their answers.
 *
 * intake.c owns the socket and its turns; requests.c takes a request apart; answers.c
 * hears of the log's decisions and answers when the last one is there.
 */
#pragma once

#include "daemon/intake/intake.h"

#include "daemon/loop.h"
#include "daemon/meters.h"
#include "daemon/socket.h"

#include <zmq.h>

struct request;

/* An article that waits for the log's decision. */
struct item {
    struct admit_waiter waiter; /* first: the log's cookie points here */
    struct request *request;
    enum log_outcome outcome;
    uint64_t seq;
    uint32_t version;
    bool canceled;
    char *uri;
    char topic[LIMIT_TOPIC_BYTES + 1];
    struct fault *fault; /* NULL when there is none */
};

/* A uri that the sender asks about, or the start of uris of which it wants what is held. */
struct question {
    struct admit_waiter waiter; /* first: the log's cookie points here */
    struct request *request;
    bool held;
    char *uri;
    enum log_outcome outcome;
    struct log_story story; /* its topics stand in what follows */
    char topic[LIMIT_TOPIC_BYTES + 1], held_topic[LIMIT_TOPIC_BYTES + 1];
};

struct request {
    struct intake *intake;
    struct socket_peer peer;
    char key[KEY_TEXT_BYTES]; /* of its client; "" without CURVE */
    uint64_t id;
    char client[LIMIT_KEY_BYTES + 1]; /* its name; without CURVE as it calls itself */
    size_t n, n_questions, undecided;
    struct question *questions;
    ProtobufCBinaryData *held; /* articles, malloc'd */
    size_t n_held, held_bytes;
    bool too_much; /* is held to be told */
    struct item items[];
};

struct intake {
    const struct settings *settings;
    struct connections *connections;
    struct meters *meters;
    struct log *log;
    struct admit_counts *counts;
    void *socket;
    struct loop_socket *watch;
    struct text_list bound;
    struct arena *endpoints_arena;

    /* What one turn has taken and the log not yet. */
    struct arena *arena;
    zmq_msg_t *messages;
    size_t n_messages, bytes;
    struct log_proposal *proposals;
    size_t n_proposals, room_proposals;
    struct question **questions;
    size_t n_questions, room_questions;

    size_t waiting;
    bool stopped;
    bool full; /* the log's queue is full: no turn until it moves */
};

/* ---- requests.c */

/* Whose key that is; NULL: somebody who is no client any more. */
const struct client *intake_client(const struct intake *in, const char *key)
    __attribute__((nonnull));

/* Takes a SubmitRequest: its articles and questions wait for the end of the turn. */
void intake_take_request(struct intake *in, const struct socket_peer *peer, const char *key,
                         struct slice body) __attribute__((nonnull));

/* ---- answers.c */

/* Refuses a request as a whole with a code of Error. client and key: who is refused; ""
 * when that isn't known. */
void intake_refuse(struct intake *in, const struct socket_peer *peer, uint64_t id, int code,
                   const char *client, const char *key, const struct fault *fault)
    __attribute__((nonnull));

/* Why an article is refused; a copy. */
void intake_set_fault(struct item *item, const struct fault *fault) __attribute__((nonnull));
void intake_log_refusal(const struct item *item) __attribute__((nonnull));

/* The log's decision on an item, and its answer to a question, which the waiter stands in. */
void intake_decided(struct admit_waiter *waiter, const struct log_result *result)
    __attribute__((nonnull));
void intake_answered(struct admit_waiter *waiter, const struct log_result *result)
    __attribute__((nonnull));

/* Answers a request of which nothing is undecided any more, and frees it. */
void intake_answer(struct request *r) __attribute__((nonnull));
