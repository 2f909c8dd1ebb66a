/*
 * A daemon inside a test: a log in a folder of its own, the owners of sockets
 * that the test asks for, put together as main.c does it, and peers that talk
 * to them. The test turns the loop itself.
 *
 * Every wait is for an event; a test that waits for more than RIG_SECONDS in
 * all has failed.
 */
#pragma once

#include "tests/daemon/log/log_helper.h"

#include "daemon/control.h"
#include "daemon/loop.h"

#include <zmq.h>

enum { RIG_SECONDS = 10, RIG_SOCKETS = 80 };

enum rig_part { RIG_FEED = 1, RIG_REPLAY = 2, RIG_SUBMIT = 4, RIG_CONTROL = 8, RIG_ALL = 15 };

struct rig {
    struct log_fixture disk; /* folder, failing disk, clock; disk.log is the log */
    struct arena *arena;     /* settings, and whatever the test makes */
    struct settings settings;
    sd_event *event;
    sd_event_source *log_source;
    void *zmq;
    struct connections *connections;
    struct intake *intake;
    struct publish *publish;
    struct replay *replay;
    struct control *control;
    struct admit_counts counts;
    void *sockets[RIG_SOCKETS]; /* of peers */
    size_t n_sockets;
    size_t n_results; /* that the log has handed back */
    uint64_t deadline_usec;
    bool gate_closed;
};

/* A new folder and the settings: the defaults, any free ports, then the given
 * text of a config. disk.config may be changed before rig_open. */
void rig_setup(struct rig *r, const char *config);
void rig_open(struct rig *r, unsigned parts);
/* As the daemon stops; peers go first. */
void rig_close(struct rig *r);
void rig_teardown(struct rig *r);

/* Waits until the loop has something to do, or the socket (may be NULL) can be
 * read, or the time is over; gives the loop a turn. */
void rig_turn(struct rig *r, void *socket, int timeout_msec);

/* Turns until the condition holds. */
#define RIG_UNTIL(r, condition)                                                                    \
    do {                                                                                           \
        while (!(condition))                                                                       \
            rig_turn(r, NULL, 5);                                                                  \
    } while (0)

/* A peer. Closed by rig_close or rig_disconnect. */
void *rig_connect(struct rig *r, int type, const struct text_list *endpoints);
void rig_disconnect(struct rig *r, void *socket);

/* Sends one frame, with more to come or not. */
void rig_send_part(void *socket, struct slice bytes, bool more);
void rig_send(void *socket, struct slice bytes);

/* The next frame that the peer gets, in the arena. *ret_more may be NULL. */
struct slice rig_receive_part(struct rig *r, void *socket, bool *ret_more);
/* A message of one frame. */
struct slice rig_receive(struct rig *r, void *socket);
/* Whether there is a frame now, without waiting. */
bool rig_readable(void *socket);

/* Packed, in the arena. */
struct slice rig_pack(struct rig *r, const ProtobufCMessage *message);
/* Unpacked, in the arena; it must pass the codec's scan. */
void *rig_unpack(struct rig *r, const ProtobufCMessageDescriptor *descriptor, struct slice bytes);

/* A brief with that uri and section, a headline and nothing else. */
Article *rig_story(struct rig *r, const char *uri, const char *section);
struct slice rig_bytes(struct rig *r, const Article *article);

/* Puts an entry straight on the log, with so many bytes for its article, under
 * a uri of its own, and doesn't wait. */
void rig_append(struct rig *r, const char *topic, size_t article_bytes);
/* The same n times, and waits until all are durable and followed. */
void rig_fill(struct rig *r, const char *topic, size_t article_bytes, size_t n);

/* ---- a disk that waits */

/* From rig_open on: while the gate is closed nothing becomes durable. */
void rig_gate_close(struct rig *r);
void rig_gate_open(struct rig *r);
/* Whether the log waits before it. */
bool rig_gate_waits(void);
