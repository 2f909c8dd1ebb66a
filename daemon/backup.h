/*
 * The command backup of the control socket: the log's files, kept as they are at one
 * moment for as long as newswirectl copies them.
 *
 *     begin                  {"id","directory","epoch","head","entries",
 *                             "files":[{"name","bytes"}]}
 *     keep ID                every so often: it is still copying
 *     end ID FOLDER REASON   the copy stands there; or there is none, for a reason
 *
 * The daemon writes nothing but links beside its log: where the copy goes, who may
 * read it, and how fast it is made is up to who asked.
 */
#pragma once

#include "daemon/control.h"

/* Takes the call over. */
void backup(struct control_call *call) __attribute__((nonnull));
