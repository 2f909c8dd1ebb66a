/*
 * newswire-alert: tells people, by mail or webhook, what is wrong with the wire.
 */
#include "clients/alert/commands.h"

#include <stdio.h>
#include <sysexits.h>

static const struct command commands[] = {
    {"run", "", "watch and tell, until told to end", alert_run},
    {"check", "", "look once and print what is wrong", alert_check},
    {"status", "[GROUP]", "what is open, what waits to be told", alert_status},
    {"test", "GROUP", "send a message that says it is a test", alert_test},
    {0},
};

int main(int argc, char **argv) {
    int code =
        command_run("newswire-alert",
                    "Tells people, by mail or webhook, what is wrong with the wire: a daemon "
                    "that\ndoes not answer, outlets that fail, a page that did not come.",
                    commands, argc, argv);
    return fflush(stdout) == 0 || code != EX_OK ? code : EX_IOERR;
}
