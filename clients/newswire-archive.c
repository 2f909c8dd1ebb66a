/*
 * newswire-archive: keeps what is on the wire in one SQLite file, and finds it again.
 */
#include "clients/archive/commands.h"
#include "clients/tool/command.h"

static const struct command commands[] = {
    {"run", "[TOPIC...]", "follow the wire and keep all of it", archive_run},
    {"search", "QUERY", "find articles by their words", archive_search},
    {"show", "URI|SEQ", "show a story, its versions and their differences", archive_show},
    {"verify", "", "prove that nothing is missing or altered", archive_verify},
    {"stats", "", "how much there is, by section and day", archive_stats},
    {"export", "", "articles as files, or all entries as lines", archive_export},
    {"import", "FILE...", "entries back from an export", archive_import},
    {"feed", "", "a section as a web feed, kept current by run", archive_feed},
    {"metrics", "", "how it is, for programs", archive_metrics},
    {0},
};

int main(int argc, char **argv) {
    return command_run("newswire-archive",
                       "Keeps what is on the wire in one SQLite file, and finds it again.",
                       commands, argc, argv);
}
