/*
 * Articles that are held back, as the operator sees and handles them: the
 * commands held, release, approve and reject of the control socket.
 *
 * An ITEM names one by its uri, by the number that the list shows, or by a piece
 * of its headline; what could be two is refused. Who did what is in the audit.
 */
#pragma once

#include "daemon/control.h"

/* Each takes the call over: it is answered when the log has said what came of it. */
void held_list(struct control_call *call) __attribute__((nonnull));
void held_release(struct control_call *call) __attribute__((nonnull));
void held_approve(struct control_call *call) __attribute__((nonnull));
void held_reject(struct control_call *call) __attribute__((nonnull));
