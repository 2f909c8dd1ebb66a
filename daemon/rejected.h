/*
 * Files that the spool refused, as the operator sees and handles them: the commands
 * rejected and put-back of the control socket.
 *
 * A file is named as the list shows it, which is UTF-8 whatever the folder has; what
 * could be two is refused. The folder is looked through by a task, since it may hang.
 */
#pragma once

#include "daemon/control.h"

/* The list, or with a NAME all that is known of one. Both take the call over. */
void rejected_look(struct control_call *call) __attribute__((nonnull));

/* Moves a file back to incoming/, where it is taken anew, and removes its reason. */
void rejected_put_back(struct control_call *call) __attribute__((nonnull));
