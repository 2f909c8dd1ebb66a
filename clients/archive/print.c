#include "clients/archive/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { DEFAULT_COLUMNS = 80 };

struct text_style print_style(void) {
    struct winsize size;
    struct text_style style = {.columns = DEFAULT_COLUMNS};
    if (!isatty(STDOUT_FILENO))
        return style;
    style.colour = getenv("NO_COLOR") == NULL;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        style.columns = size.ws_col;
    return style;
}

static void print_piece(const char *text, size_t len) {
    char *clean = text_harmless((struct slice){(const uint8_t *)text, len});
    fputs(clean == NULL ? "" : clean, stdout);
    free(clean);
}

void print_marked(const char *text, const struct snippet_match *matches, size_t n, bool colour) {
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        print_piece(text + at, matches[i].start - at);
        fputs(colour ? "\033[1m" : "[", stdout);
        print_piece(text + matches[i].start, matches[i].len);
        fputs(colour ? "\033[0m" : "]", stdout);
        at = matches[i].start + matches[i].len;
    }
    print_piece(text + at, strlen(text + at));
}

const char *print_time(int64_t usec, char buffer[static PRINT_TIME_BYTES]) {
    time_t t = (time_t)(usec / 1000000);
    struct tm tm;
    if (localtime_r(&t, &tm) == NULL ||
        strftime(buffer, PRINT_TIME_BYTES, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        *buffer = '\0';
    return buffer;
}

void print_index_lag(struct archive *a, const char *program) {
    int64_t behind = 0;
    if (archive_index_lag(a, &behind) == 0 && behind > 0)
        fprintf(stderr, "%s: the newest %lld entries are not indexed yet; 'run' does it\n", program,
                (long long)behind);
}

static int read_time(const struct options *options, const char *name, const char *text,
                     int64_t now_usec, int64_t *ret_usec) {
    *ret_usec = 0;
    if (text == NULL || options_time(text, now_usec, ret_usec) == 0)
        return OPTIONS_GO_ON;
    return options_fault(options, "--%s: '%s' is no time", name, text);
}

int print_read_times(const struct options *options, const char *since, const char *until,
                     int64_t *ret_since_usec, int64_t *ret_until_usec) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_usec = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    int code = read_time(options, "since", since, now_usec, ret_since_usec);
    return code != OPTIONS_GO_ON ? code
                                 : read_time(options, "until", until, now_usec, ret_until_usec);
}
