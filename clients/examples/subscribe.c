/*
 * Follows a news wire: prints each article of the wanted topics, in order, none lost.
 *
 *     cc -o subscribe subscribe.c $(pkg-config --cflags --libs newswire)
 *     ./subscribe CURSOR_FILE [TOPIC...]         TOPIC: a prefix, such as briefs/
 *
 * NEWSWIRE_SERVER names the daemon's host, NEWSWIRE_KEY the file with this client's
 * keys. The library does the join, the gaps, the cursor and the reconnects. What an
 * entry is worth is decided in take(); an article's fields come out of entry->article
 * by what protoc-c makes of newswire.proto.
 */
#include <newswire.h>
#include <stdio.h>
#include <stdlib.h>

enum { ENTRIES_A_SAVE = 1000 };

static void print_bytes(struct newswire_bytes bytes, char behind) {
    fwrite(bytes.data, 1, bytes.len, stdout);
    putchar(behind);
}

/* Your work. It must be done, or safely stored, when this returns 0: the cursor
 * moves on after it. */
static int take(const struct newswire_entry *entry) {
    if (entry->article.len == 0)
        return 0; /* the story was withdrawn since; its text is not served any more */
    printf("%llu\t", (unsigned long long)entry->seq);
    print_bytes(entry->topic, '\t');
    print_bytes(entry->uri, '\t');
    printf("%u\t%zu bytes\n", entry->version, entry->article.len);
    return fflush(stdout);
}

/* Saves the cursor when nothing waits any more, or enough has been done. */
static int follow(struct newswire_reader *reader) {
    struct newswire_event event;
    unsigned unsaved = 0;
    for (;;) {
        int r = newswire_reader_next(reader, unsaved > 0 ? 0 : -1, &event);
        if (r < 0)
            return EXIT_FAILURE;
        if (unsaved > 0 && (r == 0 || unsaved >= ENTRIES_A_SAVE)) {
            if (newswire_reader_save(reader) < 0)
                return EXIT_FAILURE;
            unsaved = 0;
        }
        if (r == 0)
            continue;
        switch (event.type) {
        case NEWSWIRE_ENTRY:
            if (take(&event.entry) != 0)
                return EXIT_FAILURE;
            unsaved++;
            break;
        case NEWSWIRE_LOSS:
            fprintf(stderr, "lost: entries of %.*s after %llu up to %llu are kept no more\n",
                    (int)event.topic.len, (const char *)event.topic.data,
                    (unsigned long long)event.after, (unsigned long long)event.upto);
            break;
        case NEWSWIRE_EPOCH:
            fputs("the log is another one: all of it follows; know what you have by uri and "
                  "version\n",
                  stderr);
            break;
        case NEWSWIRE_ERROR: fprintf(stderr, "subscribe: %s\n", event.message); return EXIT_FAILURE;
        default: break; /* caught up, connected, disconnected: nothing to do */
        }
    }
}

static const char *endpoint(const char *variable, int port, char *buffer, size_t size) {
    const char *given = getenv(variable), *host = getenv("NEWSWIRE_SERVER");
    snprintf(buffer, size, "tcp://%s:%d", host == NULL ? "127.0.0.1" : host, port);
    return given == NULL ? buffer : given;
}

int main(int argc, char **argv) {
    char feed[300], replay[300], error[300] = "";
    struct newswire_reader *reader;
    if (argc < 2) {
        fputs("usage: subscribe CURSOR_FILE [TOPIC...]\n", stderr);
        return EXIT_FAILURE;
    }
    struct newswire_reader_options options = {
        .feed = endpoint("NEWSWIRE_FEED", 5560, feed, sizeof feed),
        .replay = endpoint("NEWSWIRE_REPLAY", 5561, replay, sizeof replay),
        .topics = (const char *const *)argv + 2,
        .n_topics = (size_t)argc - 2,
        .cursor_file = argv[1],
        .key_file = getenv("NEWSWIRE_KEY"),
    };
    if (newswire_reader_new(&options, &reader, error, sizeof error) < 0) {
        fprintf(stderr, "subscribe: %s\n", error);
        return EXIT_FAILURE;
    }
    int code = follow(reader);
    newswire_reader_free(reader);
    return code;
}
