#include "daemon/settings.h"
#include "tests/proto/manual.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct outcome {
    struct arena *arena;
    struct settings settings;
    struct config_fault fault;
    int result;
};

static void read_text(struct outcome *o, const char *text) {
    char path[] = "/tmp/newswire-settings-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    *o = (struct outcome){.arena = arena_new(16 << 20)};
    o->result = settings_read(o->arena, path, &o->settings, &o->fault);
    unlink(path);
}

static void an_empty_config_is_enough(void **state) {
    (void)state;
    struct outcome o;
    read_text(&o, "");
    assert_int_equal(o.result, 0);
    assert_string_equal(o.settings.feed.bind.items[0], "tcp://127.0.0.1:5560");
    assert_true(o.settings.rules.n_sections > 1);
    assert_non_null(rules_section_find(&o.settings.rules, o.settings.intake.default_section));
    arena_free(o.arena);
}

static void configured_sections_replace_the_built_in_ones(void **state) {
    (void)state;
    struct outcome o;
    read_text(&o, "[section \"harbour\"]\n[section \"briefs\"]\n");
    assert_int_equal(o.result, 0);
    assert_int_equal(o.settings.rules.n_sections, 2);
    assert_string_equal(o.settings.intake.default_section, "harbour");
    arena_free(o.arena);
}

static void an_address_beyond_this_machine_is_refused(void **state) {
    (void)state;
    static const char *const beyond[] = {"tcp://0.0.0.0:1", "tcp://*:1",    "tcp://192.0.2.1:1",
                                         "tcp://[::]:1",    "tcp://eth0:1", "udp://127.0.0.1:1"};
    static const char *const here[] = {"tcp://127.0.0.1:1", "tcp://127.9.9.9:*", "tcp://[::1]:1",
                                       "ipc:///tmp/x", "tcp://localhost:1"};
    static const char *const sockets[] = {"feed", "replay", "submit"};
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        struct outcome o;
        char text[200];
        snprintf(text, sizeof text, "[%s]\nbind = tcp://127.0.0.1:1 %s\n", sockets[i % 3],
                 beyond[i]);
        read_text(&o, text);
        assert_int_equal(o.result, -EINVAL);
        assert_non_null(strstr(o.fault.key, sockets[i % 3]));
        assert_non_null(strstr(o.fault.reason, beyond[i]));
        arena_free(o.arena);
    }
    for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
        struct outcome o;
        char text[200];
        snprintf(text, sizeof text, "[feed]\nbind = %s\n", here[i]);
        read_text(&o, text);
        assert_int_equal(o.result, 0);
        arena_free(o.arena);
    }
}

static void a_default_section_must_be_there(void **state) {
    (void)state;
    struct outcome o;
    read_text(&o, "[intake]\ndefault_section = nowhere\n");
    assert_int_equal(o.result, -EINVAL);
    assert_string_equal(o.fault.key, "[intake] default_section");
    arena_free(o.arena);
}

/* Sections, clients, limits and the log level never want a restart: what does is an address,
 * a place, a key, and what a socket was made with. */
static void few_keys_want_a_restart(void **state) {
    (void)state;
    static const char *const fixed[] = {
        "[service] language",
        "[feed] bind",
        "[replay] bind",
        "[submit] bind",
        "[control] path",
        "[metrics] bind",
        "[spool] directory",
        "[spool] sign",
        "[log] directory",
        "[log] sign",
        "[security] secret_key",
        "[security] insecure",
        "[security] handshake_timeout",
    };
    size_t n = 0;
    for (const struct config_section *const *s = settings_tables; *s != NULL; s++)
        for (const struct config_key *k = (*s)->keys; k->name != NULL; k++) {
            char name[80];
            snprintf(name, sizeof name, "[%s] %s", (*s)->name, k->name);
            if (!k->fixed)
                continue;
            bool known = false;
            for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
                known = known || strcmp(name, fixed[i]) == 0;
            if (!known)
                fail_msg("%s wants a restart", name);
            n++;
        }
    assert_int_equal(n, sizeof fixed / sizeof *fixed);
}

/* The sample that is shipped is what the tables say. */
static void the_sample_is_made_from_the_tables(void **state) {
    (void)state;
    char *text = NULL, *file = calloc(1, 1 << 20);
    size_t size;
    FILE *out = open_memstream(&text, &size), *in = fopen("daemon/newswired.conf", "re");
    assert_non_null(in);
    assert_int_equal(config_write_sample(settings_tables, out), 0);
    fclose(out);
    assert_true(fread(file, 1, (1 << 20) - 1, in) > 0);
    fclose(in);
    assert_string_equal(file, text);
    free(text);
    free(file);
}

/* The manual says what the tables say. After a change of the tables, a run with
 * WRITE_MANUAL=FILE writes the list, to be put into the page. */
static void the_manual_lists_the_keys_of_the_tables(void **state) {
    (void)state;
    char *text = NULL, *page = calloc(1, 1 << 20);
    size_t size;
    FILE *out = open_memstream(&text, &size), *in = fopen("daemon/newswired.conf.5", "re");
    manual_write_keys(out, settings_tables, "KEY");
    fclose(out);
    if (getenv("WRITE_MANUAL") != NULL && (out = fopen(getenv("WRITE_MANUAL"), "we")) != NULL) {
        fputs(text, out);
        fclose(out);
    }
    assert_non_null(in);
    assert_true(fread(page, 1, (1 << 20) - 1, in) > 0);
    fclose(in);
    const char *first = strstr(page, ".Ss [service]"), *end = strstr(page, "\n.Sh FILES");
    assert_true(first != NULL && end != NULL);
    page[end + 1 - page] = '\0';
    assert_string_equal(first, text);
    free(text);
    free(page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_config_is_enough),
        cmocka_unit_test(configured_sections_replace_the_built_in_ones),
        cmocka_unit_test(an_address_beyond_this_machine_is_refused),
        cmocka_unit_test(a_default_section_must_be_there),
        cmocka_unit_test(few_keys_want_a_restart),
        cmocka_unit_test(the_sample_is_made_from_the_tables),
        cmocka_unit_test(the_manual_lists_the_keys_of_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
