#include "daemon/journal.h"

#include "proto/codec.h"
#include "proto/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FIELDS = 16 };

static bool to_journal;
static int level = LOG_DEBUG; /* until the config is read */
static char last_error[512];
static long long last_error_usec;

/* $JOURNAL_STREAM names the device and inode of the stream that systemd gave;
 * if standard error is another file, somebody has redirected it (systemd.exec(5)). */
void journal_open(void) {
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    to_journal = stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
                 fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void journal_set_level(int priority) {
    level = priority;
}

static void send_to_journal(int priority, const char *const *fields, const char *text) {
    char message[1100], priority_field[16];
    struct iovec parts[MOST_FIELDS + 2];
    int n = 0;
    snprintf(message, sizeof message, "MESSAGE=%s", text);
    snprintf(priority_field, sizeof priority_field, "PRIORITY=%d", priority);
    parts[n++] = (struct iovec){message, strlen(message)};
    parts[n++] = (struct iovec){priority_field, strlen(priority_field)};
    for (size_t i = 0; fields != NULL && fields[i] != NULL && i < MOST_FIELDS; i++)
        parts[n++] = (struct iovec){(char *)fields[i], strlen(fields[i])};
    sd_journal_sendv(parts, n);
}

void journal(int priority, const char *const *fields, const char *format, ...) {
    char text[1024];
    va_list arguments;
    if (priority > level)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    /* What others sent can make no line of its own, and do nothing to a terminal. */
    char *harmless = text_harmless(slice_of(text));
    snprintf(text, sizeof text, "%s", harmless == NULL ? "out of memory" : harmless);
    free(harmless);
    if (priority <= LOG_WARNING) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        last_error_usec = now.tv_sec * 1000000LL + now.tv_nsec / 1000;
        snprintf(last_error, sizeof last_error, "%.500s", text);
        codec_mend_utf8(last_error);
    }
    if (to_journal)
        send_to_journal(priority, fields, text);
    else
        fprintf(stderr, "newswired: %s%s\n", priority <= LOG_ERR ? "error: " : "", text);
}

const char *journal_last_error(long long *ret_usec) {
    *ret_usec = last_error_usec;
    return last_error;
}
