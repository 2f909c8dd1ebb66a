#include "clients/tail/exec.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], said[1024];

static int set_up(void **state) {
    (void)state;
    strcpy(folder, "/tmp/newswire-exec-XXXXXX");
    *said = '\0';
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void tell(void *userdata, enum journal_event event, const struct journal_subject *about,
                 const char *sentence) {
    (void)userdata;
    if (event != JOURNAL_TOOL_FAILED)
        assert_string_equal(about->uri, "urn:x:1");
    snprintf(said, sizeof said, "%s", sentence);
}

/* Runs a command, of which %s is the test's folder. */
static int run(const char *format, const char *text, uint64_t timeout_usec) {
    char command[1024], parked[128];
    snprintf(parked, sizeof parked, "%s/parked", folder);
    const char *mark = strstr(format, "%s");
    if (mark == NULL)
        snprintf(command, sizeof command, "%s", format);
    else
        snprintf(command, sizeof command, "%.*s%s%s", (int)(mark - format), format, folder,
                 mark + 2);
    struct exec x = {.command = command,
                     .parked = parked,
                     .timeout_usec = timeout_usec,
                     .first_wait_usec = 1000,
                     .most_wait_usec = 20000,
                     .tell = tell};
    struct entry e = {.epoch = 5,
                      .seq = 7,
                      .topic = slice_of("briefs/brief"),
                      .uri = slice_of("urn:x:1"),
                      .version = 2};
    struct exec_article a = {
        .entry = &e, .status = "usable", .text = slice_of(text), .json = slice_of("{\"a\":1}\n")};
    return exec_article(&x, &a);
}

static char *read_back(const char *name) {
    static char text[4096];
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return NULL;
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void it_gets_the_article_and_its_facts(void **state) {
    (void)state;
    assert_int_equal(run("cd %s && cat >in && env | grep -E "
                         "'^NEWSWIRE_(EPOCH|SEQ|STATUS|TOPIC|URI|VERSION)=' | sort >env",
                         "the text", 5000000),
                     EXEC_DONE);
    assert_string_equal(read_back("in"), "the text");
    assert_string_equal(read_back("env"),
                        "NEWSWIRE_EPOCH=5\nNEWSWIRE_SEQ=7\nNEWSWIRE_STATUS=usable\n"
                        "NEWSWIRE_TOPIC=briefs/brief\nNEWSWIRE_URI=urn:x:1\n"
                        "NEWSWIRE_VERSION=2\n");
    assert_string_equal(said, "");
}

static void what_it_leaves_unread_is_no_fault(void **state) {
    (void)state;
    char *large = malloc((4 << 20) + 1);
    memset(large, 'x', 4 << 20);
    large[4 << 20] = '\0';
    assert_int_equal(run("true", large, 5000000), EXEC_DONE);
    assert_int_equal(run("cat | wc -c >%s/n", large, 5000000), EXEC_DONE);
    assert_int_equal(atoi(read_back("n")), 4 << 20);
    free(large);
}

static void it_has_no_file_of_ours(void **state) {
    (void)state;
    int ours = open("/dev/null", O_RDONLY); /* and not closed by exec itself */
    assert_int_equal(run("cd %s && readlink /proc/$$/fd/* >fds; true", "", 5000000), EXEC_DONE);
    close(ours);
    int n = 0;
    for (char *line = strtok(read_back("fds"), "\n"); line != NULL; line = strtok(NULL, "\n"))
        n++;
    assert_true(n <= 4); /* 0, 1, 2, and what the shell itself has open */
}

static void a_failure_is_parked(void **state) {
    (void)state;
    assert_int_equal(run("exit 3", "", 5000000), EXEC_PARKED);
    assert_string_equal(read_back("parked/5-7.json"), "{\"a\":1}\n");
    assert_non_null(strstr(said, "entry 7, urn:x:1 version 2: the command ended with 3"));
    assert_int_equal(run("kill -9 $$", "", 5000000), EXEC_PARKED); /* over the one that is there */
    assert_non_null(strstr(said, "was ended by signal 9"));
    assert_int_equal(run("/no/such/program", "", 5000000), EXEC_PARKED);
    assert_non_null(strstr(said, "ended with 127"));
}

static void a_failure_for_now_is_tried_again(void **state) {
    (void)state;
    assert_int_equal(run("cd %s && echo x >>n && [ $(wc -l <n) -ge 4 ] || exit 75", "", 5000000),
                     EXEC_DONE);
    assert_string_equal(read_back("n"), "x\nx\nx\nx\n");
    assert_non_null(strstr(said, "ended with 75; it is tried again"));
    assert_null(read_back("parked/5-7.json"));
}

/* With what it started: the sleep would write a file later. */
static void one_that_hangs_is_ended_and_tried_again(void **state) {
    (void)state;
    assert_int_equal(
        run("cd %s && [ -e n ] && exit 0; echo x >n; (sleep 1; echo x >late) & wait", "", 200000),
        EXEC_DONE);
    assert_non_null(strstr(said, "took too long"));
    usleep(1200000);
    assert_null(read_back("late"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_gets_the_article_and_its_facts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_it_leaves_unread_is_no_fault, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_has_no_file_of_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_is_parked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_for_now_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_hangs_is_ended_and_tried_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
