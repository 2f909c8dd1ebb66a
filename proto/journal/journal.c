/* CODE_FILE and CODE_LINE would be this file's, always. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "proto/journal/journal.h"

#include "proto/codec.h"
#include "proto/text.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_BYTES = 1024, VALUE_BYTES = 2048, HEAD_FIELDS = 4, FIELDS_MOST = 1024 };

/* ---- tables */

enum field_type { TEXT, NUMBER64, NUMBER32 };

#define FIELDS(ROW)                                                                                \
    ROW(URI, uri, TEXT)                                                                            \
    ROW(TOPIC, topic, TEXT)                                                                        \
    ROW(SECTION, section, TEXT)                                                                    \
    ROW(SEQ, seq, NUMBER64)                                                                        \
    ROW(EPOCH, epoch, NUMBER64)                                                                    \
    ROW(VERSION, version, NUMBER32)                                                                \
    ROW(CLIENT, client, TEXT)                                                                      \
    ROW(ADDRESS, address, TEXT)                                                                    \
    ROW(KEY, key, TEXT)                                                                            \
    ROW(PERSON, person, TEXT)                                                                      \
    ROW(OUTLET, outlet, TEXT)                                                                      \
    ROW(FILE, file, TEXT)                                                                          \
    ROW(FIELD, field, TEXT)                                                                        \
    ROW(REASON, reason, TEXT)

enum field {
#define NAME(name, member, type) FIELD_##name,
    FIELDS(NAME)
#undef NAME
        N_FIELDS
};

const char *const journal_fields[] = {
#define NAME(name, member, type) "NEWSWIRE_" #name,
    FIELDS(NAME)
#undef NAME
        NULL,
};

static const struct {
    enum field_type type;
    size_t offset;
} members[] = {
#define MEMBER(name, member, type) {type, offsetof(struct journal_subject, member)},
    FIELDS(MEMBER)
#undef MEMBER
};

const struct journal_event_info journal_events[] = {
#define F(field)                         (1U << FIELD_##field)
#define INFO_OF(name, level, id, fields) {#name, id, LOG_##level, fields},
    JOURNAL_EVENTS(INFO_OF)
#undef INFO_OF
#undef F
};

/* ---- where lines go */

static struct {
    const char *program;
    bool to_journal;
    atomic_int level;
    pthread_mutex_t mutex; /* for what follows */
    char last_error[512];
    long long last_error_usec;
} state = {.level = LOG_DEBUG, .mutex = PTHREAD_MUTEX_INITIALIZER};

/* $JOURNAL_STREAM names the device and inode of the stream that systemd gave;
 * if standard error is another file, somebody has redirected it (systemd.exec(5)). */
void journal_open(const char *program) {
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    state.program = program;
    state.to_journal = stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
                       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void journal_set_level(int priority) {
    state.level = priority;
}

int journal_level(void) {
    return state.level;
}

/* ---- fields */

/* A line of the native protocol: "NAME=value". */
struct line {
    char text[VALUE_BYTES];
};

static struct iovec put(struct line *line, const char *name, const char *value) {
    int n = snprintf(line->text, sizeof line->text, "%s=%s", name, value);
    size_t len = (size_t)n < sizeof line->text ? (size_t)n : sizeof line->text - 1;
    return (struct iovec){line->text, len};
}

/* The value of a field; "" when the subject has none. */
static const char *value_of(const struct journal_subject *about, size_t field, char buffer[24]) {
    const char *member = (const char *)about + members[field].offset;
    if (members[field].type == TEXT)
        return *(const char *const *)member == NULL ? "" : *(const char *const *)member;
    uint64_t number =
        members[field].type == NUMBER64 ? *(const uint64_t *)member : *(const uint32_t *)member;
    snprintf(buffer, 24, "%" PRIu64, number);
    return number == 0 ? "" : buffer;
}

/* What every line has. */
static void put_head(const struct journal_event_info *event, const char *text,
                     struct line lines[static HEAD_FIELDS],
                     struct iovec parts[static HEAD_FIELDS]) {
    char buffer[24];
    snprintf(buffer, sizeof buffer, "%d", event->priority);
    parts[0] = put(&lines[0], "MESSAGE", text);
    parts[1] = put(&lines[1], "PRIORITY", buffer);
    parts[2] = put(&lines[2], "MESSAGE_ID", event->id);
    parts[3] = put(&lines[3], "NEWSWIRE_EVENT", event->name);
}

static int send_to_journal(const struct journal_event_info *event,
                           const struct journal_subject *about, const char *text) {
    static const struct journal_subject nothing;
    struct line lines[N_FIELDS + HEAD_FIELDS];
    struct iovec parts[N_FIELDS + HEAD_FIELDS];
    char buffer[24];
    int n = HEAD_FIELDS;
    put_head(event, text, lines, parts);
    for (size_t i = 0; i < N_FIELDS; i++) {
        const char *value = value_of(about == NULL ? &nothing : about, i, buffer);
        if (*value == '\0' && (event->fields & 1U << i) != 0)
            value = "-";
        if (*value != '\0')
            parts[n] = put(&lines[n], journal_fields[i], value), n++;
    }
    return sd_journal_sendv(parts, n);
}

/* ---- lines */

static void note_error(const char *text) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    pthread_mutex_lock(&state.mutex);
    state.last_error_usec = now.tv_sec * 1000000LL + now.tv_nsec / 1000;
    snprintf(state.last_error, sizeof state.last_error, "%.500s", text);
    codec_mend_utf8(state.last_error);
    pthread_mutex_unlock(&state.mutex);
}

static void print(const struct journal_event_info *e, const char *text) {
    fprintf(stderr, "%s: %s%s\n",
            state.program == NULL ? program_invocation_short_name : state.program,
            e->priority <= LOG_ERR ? "error: " : "", text);
}

void journal_va(enum journal_event event, const struct journal_subject *about, const char *format,
                va_list arguments) {
    const struct journal_event_info *e = &journal_events[event];
    char text[TEXT_BYTES];
    if (e->priority > state.level)
        return;
    vsnprintf(text, sizeof text, format, arguments);
    /* What others sent can make no line of its own, and do nothing to a terminal. */
    char *harmless = text_harmless(slice_of(text));
    snprintf(text, sizeof text, "%s", harmless == NULL ? "out of memory" : harmless);
    free(harmless);
    if (e->priority <= LOG_WARNING)
        note_error(text);
    if (!state.to_journal || send_to_journal(e, about, text) < 0)
        print(e, text);
}

void journal(enum journal_event event, const struct journal_subject *about, const char *format,
             ...) {
    va_list arguments;
    va_start(arguments, format);
    journal_va(event, about, format, arguments);
    va_end(arguments);
}

void journal_write(enum journal_event event, const char *text, const struct iovec *fields,
                   size_t n) {
    const struct journal_event_info *e = &journal_events[event];
    struct line lines[HEAD_FIELDS];
    struct iovec parts[HEAD_FIELDS + FIELDS_MOST];
    if (e->priority <= LOG_WARNING)
        note_error(text);
    put_head(e, text, lines, parts);
    n = n < FIELDS_MOST ? n : FIELDS_MOST;
    memcpy(parts + HEAD_FIELDS, fields, n * sizeof *fields);
    bool sent = state.to_journal && sd_journal_sendv(parts, HEAD_FIELDS + (int)n) >= 0;
    if (!sent && e->priority <= state.level)
        print(e, text);
}

void journal_last_error(char *buffer, size_t size, long long *ret_usec) {
    pthread_mutex_lock(&state.mutex);
    snprintf(buffer, size, "%s", state.last_error);
    *ret_usec = state.last_error_usec;
    pthread_mutex_unlock(&state.mutex);
}
