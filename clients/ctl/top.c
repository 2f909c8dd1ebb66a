/*
 * newswirectl top: the daemon on a screen that stays current.
 *
 * Plain sequences that every terminal of today knows (ECMA-48, and the alternate
 * screen of xterm). Whatever ends it, the terminal is as it was.
 */
#include "clients/ctl/ctl.h"
#include "clients/tool/control.h"
#include "clients/tool/words.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { INTERVAL_SECONDS = 2, LINES_MOST = 400, COUNT_COLUMNS = 9 };

struct top_options {
    struct ctl_options ctl;
    struct options_uint interval;
};

struct top {
    char path[CTL_PATH_BYTES];
    json_t *status; /* NULL: nobody answers, see reason */
    char reason[CONTROL_REASON_BYTES];
    int rows, columns, row; /* row: the next one that is drawn */
};

/* ---- the terminal */

static struct termios before;
static volatile sig_atomic_t resized, stopped, ended;

static const char enter_text[] = "\033[?1049h\033[?25l"; /* alternate screen, no cursor */
static const char leave_text[] = "\033[?25h\033[?1049l";

static void put(const char *text) {
    (void)!write(STDOUT_FILENO, text, strlen(text));
}

static void leave_screen(void) {
    put(leave_text);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

static void enter_screen(void) {
    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    put(enter_text);
}

static void on_signal(int number) {
    if (number == SIGWINCH)
        resized = 1;
    else if (number == SIGTSTP)
        stopped = 1;
    else
        ended = number;
}

/* All are blocked but while it waits, so that none comes between. */
static void catch_signals(sigset_t *ret_waiting) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sigaction(numbers[i], &action, NULL);
        sigaddset(&set, numbers[i]);
    }
    sigprocmask(SIG_BLOCK, &set, ret_waiting);
}

/* Ctrl-Z: the shell gets its terminal, and later gives it back. */
static void stop(void) {
    stopped = 0;
    leave_screen();
    raise(SIGSTOP);
    enter_screen();
}

/* ---- drawing */

static void measure(struct top *t) {
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
    t->rows = known ? size.ws_row : 24;
    t->columns = known ? size.ws_col : 80;
}

/* A line, cut at the right edge; what is below the screen is left out. */
__attribute__((format(printf, 3, 4))) static void line(struct top *t, const char *style,
                                                       const char *format, ...) {
    char text[2 * WORDS_COLUMNS];
    va_list arguments;
    if (t->row >= t->rows)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("\033[%d;1H%s%s\033[0m\033[K", ++t->row, style, words_cell(text, t->columns));
}

static const char plain[] = "", bold[] = "\033[1m", alarm_style[] = "\033[1;31m",
                  heading[] = "\033[7m";

static void draw_head(struct top *t) {
    const json_t *s = t->status, *health = json_object_get(s, "health");
    const json_t *troubles = json_object_get(health, "troubles");
    long long up = ctl_number(s, "uptime_sec");
    time_t now = time(NULL);
    char clock[16];
    struct tm tm;
    strftime(clock, sizeof clock, "%T", localtime_r(&now, &tm));
    line(t, bold, "newswired %s  %s  up %s  %s", ctl_text(s, "version"), clock,
         words_span(up * 1000000), ctl_text(health, "state"));
    for (size_t i = 0; i < json_array_size(troubles); i++)
        line(t, alarm_style, "%s: %s", ctl_text(json_array_get(troubles, i), "of"),
             ctl_text(json_array_get(troubles, i), "text"));
    line(t, plain, "log      head %lld, %lld entries, %.1f MB, %lld held", ctl_number(s, "head"),
         ctl_number(s, "entries"), (double)ctl_number(s, "bytes") / (1 << 20),
         ctl_number(s, "waiting_for_release"));
}

static void draw_counts(struct top *t) {
    const json_t *submit = json_object_get(t->status, "submit"),
                 *spool = json_object_get(t->status, "spool"),
                 *replay = json_object_get(t->status, "replay"),
                 *security = json_object_get(t->status, "security");
    line(t, plain, "articles %lld accepted, %lld duplicate, %lld refused, %lld malformed",
         ctl_number(submit, "accepted"), ctl_number(submit, "duplicate"),
         ctl_number(submit, "refused"), ctl_number(submit, "malformed"));
    if (json_is_object(spool))
        line(t, plain, "spool    %lld accepted, %lld rejected, %lld waiting",
             ctl_number(spool, "accepted"), ctl_number(spool, "rejected"),
             ctl_number(spool, "waiting"));
    line(t, plain, "replay   %lld running, %lld entries; connections refused %lld",
         ctl_number(replay, "running"), ctl_number(replay, "entries"),
         ctl_number(security, "refused") + ctl_number(security, "banned"));
}

static int64_t ago(const json_t *object, const char *key) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000 - ctl_number(object, key);
}

/* A name as wide as the numbers behind it leave room for. */
static int name_columns(const struct top *t, int numbers) {
    int left = t->columns - numbers * (COUNT_COLUMNS + 1);
    return left > 30 ? 30 : left < 8 ? 8 : left;
}

static void draw_readers(struct top *t) {
    const json_t *readers = json_object_get(t->status, "readers");
    int wide = name_columns(t, 2);
    line(t, heading, "%s %*s %*s topics", words_cell("READER", wide), COUNT_COLUMNS, "behind",
         COUNT_COLUMNS, "heard of");
    for (size_t i = 0; i < json_array_size(readers); i++) {
        const json_t *reader = json_array_get(readers, i);
        const char *topics = ctl_text(reader, "topics");
        bool here = json_is_true(json_object_get(reader, "connected"));
        line(t, here ? plain : alarm_style, "%s %*lld %*s %s",
             words_cell(json_string_value(json_object_get(reader, "client")), wide), COUNT_COLUMNS,
             ctl_number(reader, "lag"), COUNT_COLUMNS, words_span(ago(reader, "seen_usec")),
             *topics == '\0' ? "all" : topics);
    }
}

struct ranked {
    const char *name;
    const json_t *topic;
};

/* What is busy comes first. */
static int busiest_first(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    long long more =
        ctl_number(y->topic, "last_15_minutes") - ctl_number(x->topic, "last_15_minutes");
    if (more != 0)
        return more > 0 ? 1 : -1;
    more = ctl_number(y->topic, "head") - ctl_number(x->topic, "head");
    return more > 0 ? 1 : more < 0 ? -1 : 0;
}

static void draw_topics(struct top *t) {
    json_t *topics = json_object_get(t->status, "topics");
    struct ranked ranked[LINES_MOST] = {{0}};
    size_t n = 0;
    int wide = name_columns(t, 4);
    for (void *i = json_object_iter(topics); i != NULL && n < LINES_MOST;
         i = json_object_iter_next(topics, i))
        ranked[n++] = (struct ranked){json_object_iter_key(i), json_object_iter_value(i)};
    qsort(ranked, n, sizeof *ranked, busiest_first);
    line(t, heading, "%s %*s %*s %*s %*s", words_cell("TOPIC", wide), COUNT_COLUMNS, "1 min",
         COUNT_COLUMNS, "15 min", COUNT_COLUMNS, "entries", COUNT_COLUMNS, "head");
    for (size_t i = 0; i < n; i++)
        line(t, plain, "%s %*lld %*lld %*lld %*lld", words_cell(ranked[i].name, wide),
             COUNT_COLUMNS, ctl_number(ranked[i].topic, "last_minute"), COUNT_COLUMNS,
             ctl_number(ranked[i].topic, "last_15_minutes"), COUNT_COLUMNS,
             ctl_number(ranked[i].topic, "entries"), COUNT_COLUMNS,
             ctl_number(ranked[i].topic, "head"));
}

static void draw(struct top *t) {
    measure(t);
    t->row = 0;
    t->rows--; /* the last one is the keys' */
    if (t->status == NULL) {
        line(t, alarm_style, "%s", t->reason);
        line(t, plain, "newswirectl doctor says what to do");
    } else {
        draw_head(t);
        draw_counts(t);
        draw_readers(t);
        draw_topics(t);
    }
    if (t->row < t->rows) /* below what was drawn */
        printf("\033[%d;1H\033[J", t->row + 1);
    t->row = t->rows++;
    line(t, bold, "q: end   space: now");
    fflush(stdout);
}

/* ---- going on */

static void look(struct top *t) {
    json_decref(t->status);
    t->status = NULL;
    if (control_ask(t->path, "status", NULL, 0, &t->status, t->reason, sizeof t->reason) != EX_OK)
        t->status = NULL;
}

/* Until it is time to look again. Whether to go on. */
static bool wait_for(struct top *t, const sigset_t *waiting, unsigned seconds) {
    struct timespec now, until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    for (;;) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        char key = 0;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t left =
            (until.tv_sec - now.tv_sec) * INT64_C(1000000000) + until.tv_nsec - now.tv_nsec;
        struct timespec timeout = {left / 1000000000, left % 1000000000};
        if (left <= 0)
            return true;
        int r = ppoll(&input, 1, &timeout, waiting);
        if (stopped)
            stop();
        if (ended)
            return false;
        if (r < 0 && errno == EINTR) {
            draw(t); /* it may have another size now */
            continue;
        }
        if (r > 0 && read(STDIN_FILENO, &key, 1) != 1)
            return false; /* the terminal is gone */
        if (key == 'q' || key == 'Q' || key == 3)
            return false;
        if (r > 0)
            return true;
    }
}

static void show(struct top *t, unsigned seconds) {
    sigset_t waiting;
    catch_signals(&waiting);
    enter_screen();
    do {
        look(t);
        draw(t);
    } while (wait_for(t, &waiting, seconds));
    leave_screen();
    json_decref(t->status);
}

static const struct options_row rows[] = {
    {"interval", OPTIONS_UINT, offsetof(struct top_options, interval), "SECONDS", NULL,
     "how often it looks; default 2"},
    CTL_CONTROL_ROW(struct top_options),
    CTL_CONFIG_ROW(struct top_options),
    CTL_JSON_ROW(struct top_options),
    {0},
};

static const struct options options = {
    .program = "newswirectl top",
    .arguments = "",
    .summary = "The daemon on a screen that stays current: readers, and topics with the busiest\n"
               "first. q ends it. With --json, or where there is no terminal: the status, once.",
    .rows = rows,
};

/* For programs, and where nothing can be drawn. */
static int show_once(const struct ctl_options *o) {
    char *argv[] = {"status", (char *)(o->json ? "--json" : "--control"), NULL, NULL, NULL};
    char path[CTL_PATH_BYTES];
    int code = ctl_path(o, path);
    argv[o->json ? 2 : 1] = "--control";
    argv[o->json ? 3 : 2] = path;
    return code != EX_OK ? code : ctl_show(o->json ? 4 : 3, argv);
}

int ctl_top(int argc, char **argv) {
    struct top_options o = {.interval.value = INTERVAL_SECONDS};
    struct top t = {0};
    int code = options_parse(&options, argc, argv, &o, NULL);
    if (code != OPTIONS_GO_ON)
        return code;
    if (o.interval.value < 1 || o.interval.value > 3600)
        return options_fault(&options, "--interval: 1 to 3600 seconds");
    if (o.ctl.json || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
        tcgetattr(STDIN_FILENO, &before) < 0)
        return show_once(&o.ctl);
    code = ctl_path(&o.ctl, t.path);
    if (code != EX_OK)
        return code;
    show(&t, (unsigned)o.interval.value);
    return EX_OK;
}
