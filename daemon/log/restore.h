/*
 * Putting a log back from a backup, while no daemon runs on it. It comes back as
 * another log, with an epoch of its own: what was put on the old one behind the
 * backup is not there, and its numbers will be given to other entries.
 *
 * The articles' bytes stay as they are. An entry's epoch is written over in place,
 * which takes as many bytes as the old one, and the record's checksum with it.
 */
#pragma once

#include "daemon/log/log.h"

struct log_restored {
    uint64_t epoch_before, epoch, head, entries, held;
    bool proven; /* a manifest said what has to be there */
};

/* Restores into config's directory, which must be empty or not there, or be what
 * an earlier restore left unfinished. `from` is what newswirectl backup made, or a
 * log's folder as it was copied; it is only read. All is checked, and durable,
 * before the folder passes for a log. 0; -EBUSY: a daemon has it; -EEXIST: a log
 * is there; -EBADMSG: the backup is damaged; other -errno; with *ret_fault. */
int log_restore(const struct log_config *config, const char *from, struct log_restored *ret,
                struct text_list *ret_notes, struct arena *notes_arena, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));
