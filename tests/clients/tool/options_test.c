#include "clients/tool/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct values {
    bool flag;
    const char *name;
    struct options_uint count;
    int colour;
};

static const char *const colours[] = {"red", "green", NULL};

static const struct options_row rows[] = {
    {"flag", OPTIONS_FLAG, offsetof(struct values, flag), NULL, NULL, "a flag"},
    {"name", OPTIONS_STRING, offsetof(struct values, name), "NAME", NULL, "a name"},
    {"count", OPTIONS_UINT, offsetof(struct values, count), "N", NULL, "a number"},
    {"colour", OPTIONS_CHOICE, offsetof(struct values, colour), "NAME", colours, "red or green"},
    {"hidden", OPTIONS_FLAG, offsetof(struct values, flag), NULL, NULL, NULL},
    {0},
};

static struct options options = {
    .program = "tester", .arguments = "FILE...", .summary = "Tests.", .rows = rows};

/* Runs with stdout and stderr in files; what was said is left in out and err. */
static char out[4096], err[4096];

static void read_back(FILE *f, int fd, int saved, char *text) {
    fflush(f);
    rewind(f);
    dup2(saved, fd);
    close(saved);
    text[0] = '\0';
    FILE *again = f;
    size_t n = fread(text, 1, 4095, again);
    text[n] = '\0';
    fclose(f);
}

static int run(struct values *v, int *first, const char *const *arguments) {
    char *argv[16] = {"/usr/bin/tester"};
    int argc = 1;
    for (; arguments[argc - 1] != NULL; argc++)
        argv[argc] = (char *)arguments[argc - 1];
    FILE *o = tmpfile(), *e = tmpfile();
    fflush(stdout);
    int saved_out = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO);
    dup2(fileno(o), STDOUT_FILENO);
    dup2(fileno(e), STDERR_FILENO);
    int code = options_parse(&options, argc, argv, v, first);
    fflush(stdout);
    read_back(o, STDOUT_FILENO, saved_out, out);
    read_back(e, STDERR_FILENO, saved_err, err);
    return code;
}

#define RUN(v, first, ...) run(v, first, (const char *const[]){__VA_ARGS__, NULL})

static void each_type_is_filled(void **state) {
    (void)state;
    struct values v = {.colour = 1};
    int first;
    assert_int_equal(
        RUN(&v, &first, "--flag", "--name", "x y", "--count=7", "--colour", "red", "one", "two"),
        OPTIONS_GO_ON);
    assert_true(v.flag && v.count.given);
    assert_string_equal(v.name, "x y");
    assert_int_equal(v.count.value, 7);
    assert_int_equal(v.colour, 0);
    assert_int_equal(first, 7);
    assert_int_equal(RUN(&v, &first, "--colour", "green"), OPTIONS_GO_ON);
    assert_int_equal(v.colour, 1);
    /* What isn't given stays as it was; options may stand behind arguments. */
    v = (struct values){.colour = 1};
    assert_int_equal(RUN(&v, &first, "one", "--flag"), OPTIONS_GO_ON);
    assert_true(v.flag && !v.count.given && v.colour == 1);
    assert_int_equal(first, 2);
    v = (struct values){0};
    assert_int_equal(RUN(&v, &first, "--", "--flag"), OPTIONS_GO_ON);
    assert_false(v.flag);
    assert_int_equal(first, 2);
}

static void faults_name_the_option(void **state) {
    (void)state;
    static const struct {
        const char *arguments[3], *words;
    } faults[] = {
        {{"--count", "many"}, "--count: 'many' is no number"},
        {{"--count", "-1"}, "--count: '-1'"},
        {{"--count", "7x"}, "--count: '7x'"},
        {{"--count", ""}, "--count: ''"},
        {{"--count", "99999999999999999999999"}, "--count"},
        {{"--colour", "blue"}, "--colour: 'blue' is none of: red, green\n"},
        {{"--nothing"}, "tester: unrecognized option '--nothing'\nTry 'tester --help'.\n"},
        {{"--name"}, "name"},
        {{"--flag=yes"}, "flag"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct values v = {0};
        int first;
        assert_int_equal(run(&v, &first, faults[i].arguments), EX_USAGE);
        assert_string_equal(out, "");
        assert_int_equal(strncmp(err, "tester: ", 8), 0);
        if (strstr(err, faults[i].words) == NULL)
            fail_msg("'%s' is not said: %s", faults[i].words, err);
    }
}

static void arguments_that_nobody_wants_are_faults(void **state) {
    (void)state;
    struct values v = {0};
    options.arguments = "";
    assert_int_equal(RUN(&v, NULL, "--flag"), OPTIONS_GO_ON);
    assert_int_equal(RUN(&v, NULL, "--flag", "more"), EX_USAGE);
    assert_string_equal(err, "tester: 'more' is too much\nTry 'tester --help'.\n");
    options.arguments = "FILE...";
}

static void help_and_version_go_to_stdout(void **state) {
    (void)state;
    struct values v = {0};
    int first;
    assert_int_equal(RUN(&v, &first, "--help"), EX_OK);
    assert_string_equal(err, "");
    assert_non_null(strstr(out, "usage: tester [OPTION...] FILE...\n"));
    assert_non_null(strstr(out, "  --count N           a number\n"));
    assert_null(strstr(out, "hidden"));
    assert_int_equal(RUN(&v, &first, "--version"), EX_OK);
    assert_string_equal(out, "tester " NEWSWIRE_VERSION "\n");
}

static void the_daemon_is_where_it_is_said_to_be(void **state) {
    (void)state;
    char buffer[OPTIONS_ENDPOINT_BYTES], long_name[600];
    unsetenv("NEWSWIRE_SERVER");
    assert_string_equal(options_endpoint(NULL, NULL, 5562, buffer), "tcp://127.0.0.1:5562");
    setenv("NEWSWIRE_SERVER", "wire.example", 1);
    assert_string_equal(options_endpoint(NULL, NULL, 5562, buffer), "tcp://wire.example:5562");
    assert_string_equal(options_endpoint(NULL, "other", 5562, buffer), "tcp://other:5562");
    assert_string_equal(options_endpoint("ipc:///x", "other", 5562, buffer), "ipc:///x");
    assert_string_equal(options_endpoint(NULL, "::1", 5562, buffer), "tcp://[::1]:5562");
    assert_string_equal(options_endpoint(NULL, "[::1]", 5562, buffer), "tcp://[::1]:5562");
    unsetenv("NEWSWIRE_SERVER");
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_null(options_endpoint(NULL, long_name, 5562, buffer));
}

/* 2031-04-09 07:30 in Shanghai. */
static const int64_t now_usec = 1933457400 * INT64_C(1000000);

static void times_as_people_write_them(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t sec;
    } times[] = {
        {"2031-04-08T23:30:00Z", 1933457400},
        {"2031-04-09T07:30:00+08:00", 1933457400},
        {"2031-04-09t07:30:00.25+08:00", 1933457400},
        {"2031-04-08 19:30:00-04:00", 1933457400},
        {"2031-04-09 07:30", 1933457400},
        {"2031-04-09", 1933430400},
        {"today", 1933430400},
        {"yesterday", 1933344000},
        {"90s", 1933457310},
        {"5m", 1933457100},
        {"2h", 1933450200},
        {"3 d ago", 1933198200},
        {"1w", 1932852600},
    };
    static const char *const none[] = {"",           "now",
                                       "2031-13-01", "2031-02-30",
                                       "2h30",       "2031-04-09x",
                                       "5",          "-2h",
                                       "2y",         "2031-04-09T07:30:00+25:00"};
    int64_t usec;
    setenv("TZ", "Asia/Shanghai", 1);
    tzset();
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        if (options_time(times[i].text, now_usec, &usec) < 0 || usec != times[i].sec * 1000000)
            fail_msg("'%s' is %lld", times[i].text, (long long)(usec / 1000000));
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (options_time(none[i], now_usec, &usec) != -EINVAL)
            fail_msg("'%s' is a time", none[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_is_filled),
        cmocka_unit_test(faults_name_the_option),
        cmocka_unit_test(arguments_that_nobody_wants_are_faults),
        cmocka_unit_test(help_and_version_go_to_stdout),
        cmocka_unit_test(the_daemon_is_where_it_is_said_to_be),
        cmocka_unit_test(times_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
