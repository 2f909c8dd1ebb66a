/*
 * newswire-forward: pushes chosen articles to other outlets, and can say of each
 * one what became of it.
 */
#include "clients/forward/commands.h"

#include <stdio.h>
#include <sysexits.h>

struct check_options {
    struct desk_options desk;
    bool sample;
};

static const struct options_row check_rows[] = {
    {"sample", OPTIONS_FLAG, offsetof(struct check_options, sample), NULL, NULL,
     "print a config with every key and its default"},
    DESK_CONFIG_ROW(struct check_options),
    {0},
};

static const struct options check_options = {
    .program = "newswire-forward check",
    .arguments = "",
    .summary = "Reads the config and says what is wrong with it, or nothing.",
    .rows = check_rows,
};

int forward_check(int argc, char **argv) {
    struct check_options o = {0};
    struct desk d = {0};
    int code = options_parse(&check_options, argc, argv, &o, NULL);
    if (code != OPTIONS_GO_ON)
        return code;
    if (o.sample)
        return config_write_sample(forward_sections, stdout) < 0 ? EX_IOERR : EX_OK;
    code = desk_configure(&d, &check_options, o.desk.config);
    if (code == EX_OK)
        printf("%zu outlets, no fault\n", d.config->n_outlets);
    desk_close(&d);
    return code;
}

static const struct command commands[] = {
    {"run", "", "follow the wire and push, until told to end", forward_run},
    {"check", "", "read the config and say what is wrong", forward_check},
    {"status", "[OUTLET]", "a line for each outlet", forward_status},
    {"why", "ITEM OUTLET", "what became of an article there", forward_why},
    {"kills", "", "who had to withdraw what, and did", forward_kills},
    {"retry", "[ITEM] OUTLET", "send again what is parked", forward_retry},
    {"park", "[ITEM] OUTLET", "put aside what waits", forward_park},
    {"send", "ITEM OUTLET", "send an article by hand", forward_send},
    {"test", "OUTLET", "send a marked test item", forward_test},
    {"receipt", "[OUTLET ITEM]", "note what an outlet used", forward_receipt},
    {"report", "", "a month in figures", forward_report},
    {"metrics", "", "how the outlets are, for programs", forward_metrics},
    {0},
};

int main(int argc, char **argv) {
    int code = command_run("newswire-forward",
                           "Pushes chosen articles from the wire to other outlets, and can say of "
                           "each one\nwhat became of it. An ITEM is a uri or a sequence number.",
                           commands, argc, argv);
    return fflush(stdout) == 0 || code != EX_OK ? code : EX_IOERR;
}
