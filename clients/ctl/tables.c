/* Readers, topics and refused files, as tables. */
#include "clients/ctl/show.h"

#include "clients/tool/words.h"

#include <stdio.h>
#include <time.h>

enum { NAME_COLUMNS = 28 };

static int64_t since(const json_t *object, const char *key) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000 - ctl_number(object, key);
}

void print_readers(json_t *readers) {
    if (json_array_size(readers) == 0) {
        puts("no reader reports where it is");
        return;
    }
    printf("%s %9s  %-12s topics\n", words_cell("reader", NAME_COLUMNS), "behind", "heard of");
    for (size_t i = 0; i < json_array_size(readers); i++) {
        const json_t *reader = json_array_get(readers, i);
        const char *topics = ctl_text(reader, "topics");
        char heard[40];
        snprintf(heard, sizeof heard, "%s%s",
                 json_is_true(json_object_get(reader, "connected")) ? "" : "gone ",
                 words_span(since(reader, "seen_usec")));
        printf("%s %9lld  %-12s %s\n",
               words_cell(json_string_value(json_object_get(reader, "client")), NAME_COLUMNS),
               ctl_number(reader, "lag"), heard, *topics == '\0' ? "all" : topics);
    }
}

void print_topics(json_t *topics) {
    if (json_object_size(topics) == 0) {
        puts("no topic has an entry yet");
        return;
    }
    printf("%s %9s %9s %9s %9s\n", words_cell("topic", NAME_COLUMNS), "entries", "head", "1 min",
           "15 min");
    for (void *i = json_object_iter(topics); i != NULL; i = json_object_iter_next(topics, i)) {
        const json_t *topic = json_object_iter_value(i);
        printf("%s %9lld %9lld %9lld %9lld\n", words_cell(json_object_iter_key(i), NAME_COLUMNS),
               ctl_number(topic, "entries"), ctl_number(topic, "head"),
               ctl_number(topic, "last_minute"), ctl_number(topic, "last_15_minutes"));
    }
}

/* ---- refused files */

static void print_file(const json_t *file) {
    printf("%s  %s  %lld bytes\n", words_time(ctl_number(file, "refused_at_usec")),
           ctl_text(file, "name"), ctl_number(file, "bytes"));
}

/* Of one file: the lines that stand beside it. */
static void print_why(const json_t *file) {
    const char *line = json_string_value(json_object_get(file, "reason"));
    print_file(file);
    while (line != NULL && *line != '\0') {
        size_t n = 0;
        char text[2000];
        while (line[n] != '\0' && line[n] != '\n')
            n++;
        snprintf(text, sizeof text, "%.*s", (int)(n < sizeof text ? n : sizeof text - 1), line);
        printf("    %s\n", words_text(text));
        line += n + (line[n] == '\n');
    }
}

void print_rejected(json_t *rejected) {
    const json_t *files = json_object_get(rejected, "files");
    if (files == NULL) {
        print_why(rejected);
        return;
    }
    if (json_array_size(files) == 0)
        puts("the spool has refused nothing that is still there");
    for (size_t i = 0; i < json_array_size(files); i++) {
        print_file(json_array_get(files, i));
        printf("    %s\n", ctl_text(json_array_get(files, i), "reason"));
    }
    if (ctl_number(rejected, "more") > 0)
        printf("and %lld more\n", ctl_number(rejected, "more"));
}

void print_put_back(json_t *file) {
    printf("%s is in incoming again; before: %s\n", ctl_text(file, "name"),
           ctl_text(file, "reason"));
}
