/*
 * newswirectl: all that an operator asks of a newswired.
 */
#include "clients/ctl/ctl.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const struct command commands[] = {
    {"status", "", "log, topics, readers, counts", ctl_show},
    {"top", "", "the same on a screen that stays current", ctl_top},
    {"readers", "", "who reads, and how far each is behind", ctl_show},
    {"topics", "", "the topics, and how much comes on each", ctl_show},
    {"sections", "", "the sections, and the topics to subscribe to", ctl_show},
    {"since", "TIME", "which topics have entries from that time on", ctl_show},
    {"held", "", "articles that wait for their time or for a person", ctl_show},
    {"release", "ITEM", "let a held article go now", ctl_show},
    {"approve", "ITEM", "--as NAME: one of the approvals it waits for", ctl_show},
    {"reject", "ITEM", "take a held article away", ctl_show},
    {"rejected", "[NAME]", "files that the spool refused; why it did one", ctl_show},
    {"put-back", "NAME", "drop a refused file anew", ctl_show},
    {"metrics", "", "how it is, for programs: OpenMetrics", ctl_show},
    {"log-level", "[LEVEL]", "how much the journal tells, until a reload", ctl_show},
    {"doctor", "", "look at all that it needs, and say what to do", ctl_doctor},
    {"reload", "", "read the config again", ctl_show},
    {"audit", "", "who sent, corrected, killed, released, reloaded", ctl_audit},
    {"backup", "FOLDER", "copy the log while the daemon runs", ctl_backup},
    {"keygen", "NAME", "make the keys NAME.secret and NAME.pub", ctl_keygen},
    {0},
};

/* Options that nearly every command has may come before it: they are put behind it. */
static void command_first(int argc, char **argv) {
    int at = 1;
    while (at < argc && (strcmp(argv[at], "--control") == 0 || strcmp(argv[at], "--config") == 0))
        at += 2;
    if (at >= argc || at == 1)
        return;
    char *name = argv[at];
    memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof *argv);
    argv[1] = name;
}

int main(int argc, char **argv) {
    command_first(argc, argv);
    int code = command_run("newswirectl", "Asks and tells a newswired what an operator wants.",
                           commands, argc, argv);
    return fflush(stdout) == 0 || code != EX_OK ? code : EX_IOERR;
}
