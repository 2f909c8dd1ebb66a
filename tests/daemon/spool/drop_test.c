/* One file on its way through the spool, without a log: what becomes of its
 * articles is decided here. */
#include "daemon/spool/drop.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct spool_folder {
    char path[64];
    struct drop_folders folders;
    struct arena *arena;
    struct settings settings;
};

static int open_folder(const struct spool_folder *s, const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", s->path, name);
    mkdir(path, 0700);
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int setup(void **state) {
    struct spool_folder *s = calloc(1, sizeof *s);
    struct config_fault fault;
    strcpy(s->path, "/tmp/newswire-drop-XXXXXX");
    assert_non_null(mkdtemp(s->path));
    s->folders = (struct drop_folders){open_folder(s, "incoming"), open_folder(s, "accepted"),
                                       open_folder(s, "rejected")};
    s->arena = arena_new(16 << 20);
    assert_int_equal(settings_read(s->arena, NULL, &s->settings, &fault), 0);
    *state = s;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int teardown(void **state) {
    struct spool_folder *s = *state;
    close(s->folders.incoming);
    close(s->folders.accepted);
    close(s->folders.rejected);
    arena_free(s->arena);
    nftw(s->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(s);
    return 0;
}

static void put(const struct spool_folder *s, const char *name, const char *text) {
    int fd = openat(s->folders.incoming, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static bool is_there(int folder, const char *name) {
    return faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void get(int folder, const char *name, char *text, size_t size) {
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n = read(fd, text, size - 1);
    assert_true(n >= 0);
    text[n] = '\0';
    close(fd);
}

/* Takes a file whose proposals all get this outcome. */
static enum drop_state take(const struct spool_folder *s, const char *name,
                            enum log_outcome outcome) {
    struct drop *d = drop_new(&s->settings, &s->folders, NULL, name);
    assert_non_null(d);
    drop_read(d);
    if (d->state == DROP_PROPOSED)
        for (size_t i = 0; i < d->n_proposals; i++) {
            struct drop_item *item = d->proposals[i].cookie;
            item->outcome = outcome;
            item->seq = i + 1;
            if (outcome == LOG_REFUSED || outcome == LOG_UNAVAILABLE)
                fault_set(&item->fault, "version", "it is as the test wants it");
        }
    if (d->state == DROP_PROPOSED || d->state == DROP_REFUSED)
        drop_finish(d);
    enum drop_state state = d->state;
    drop_free(d);
    return state;
}

static const char story[] = "Headline: A bridge\nSection: news\n\nIt stands.\n";

static void an_accepted_file_moves_whole(void **state) {
    const struct spool_folder *s = *state;
    char text[256];
    put(s, "a.txt", story);
    assert_int_equal(take(s, "a.txt", LOG_ACCEPTED), DROP_ACCEPTED);
    assert_false(is_there(s->folders.incoming, "a.txt"));
    get(s->folders.accepted, "a.txt", text, sizeof text);
    assert_string_equal(text, story);
    put(s, "a.txt", story);
    assert_int_equal(take(s, "a.txt", LOG_DUPLICATE), DROP_ACCEPTED);
    assert_true(is_there(s->folders.accepted, "a.2.txt"));
}

static void names_that_are_taken_get_a_number(void **state) {
    const struct spool_folder *s = *state;
    static const struct {
        const char *name, *second, *third;
    } names[] = {
        {"page.txt", "page.2.txt", "page.3.txt"},
        {"page", "page.2", "page.3"},
        {"a.b.c", "a.b.2.c", "a.b.3.c"},
        {"第一版.txt", "第一版.2.txt", "第一版.3.txt"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (int k = 0; k < 3; k++) {
            put(s, names[i].name, story);
            assert_int_equal(take(s, names[i].name, LOG_ACCEPTED), DROP_ACCEPTED);
        }
        assert_true(is_there(s->folders.accepted, names[i].second));
        assert_true(is_there(s->folders.accepted, names[i].third));
    }
}

static void a_refused_file_has_its_reason_beside_it(void **state) {
    const struct spool_folder *s = *state;
    char text[1024];
    put(s, "bad.txt", "Headline: X\nHeadlien: Y\n\nText.\n");
    assert_int_equal(take(s, "bad.txt", LOG_ACCEPTED), DROP_REJECTED);
    get(s->folders.rejected, "bad.txt.reason", text, sizeof text);
    assert_non_null(strstr(text, "line 2"));
    assert_non_null(strstr(text, "Headlien"));
    /* What the log refuses, too. */
    put(s, "old.txt", story);
    assert_int_equal(take(s, "old.txt", LOG_REFUSED), DROP_REJECTED);
    get(s->folders.rejected, "old.txt.reason", text, sizeof text);
    assert_non_null(strstr(text, "refused: A bridge: version: it is as the test wants it"));
    /* And a reason of that name is not replaced. */
    put(s, "old.txt", story);
    assert_int_equal(take(s, "old.txt", LOG_REFUSED), DROP_REJECTED);
    assert_true(is_there(s->folders.rejected, "old.2.txt"));
    assert_true(is_there(s->folders.rejected, "old.2.txt.reason"));
}

static void the_longest_name_has_a_reason_too(void **state) {
    const struct spool_folder *s = *state;
    char name[NAME_MAX + 1];
    memset(name, 'n', sizeof name);
    strcpy(name + NAME_MAX - 4, ".txt");
    for (int k = 0; k < 2; k++) {
        put(s, name, "");
        assert_int_equal(take(s, name, LOG_ACCEPTED), DROP_REJECTED);
        assert_false(is_there(s->folders.incoming, name));
    }
}

static void what_is_no_file_is_refused(void **state) {
    const struct spool_folder *s = *state;
    char text[512];
    assert_int_equal(mkdirat(s->folders.incoming, "folder", 0700), 0);
    put(s, "target.txt", story);
    assert_int_equal(take(s, "target.txt", LOG_ACCEPTED), DROP_ACCEPTED);
    assert_int_equal(symlinkat("../accepted/target.txt", s->folders.incoming, "link"), 0);
    assert_int_equal(mkfifoat(s->folders.incoming, "pipe", 0600), 0);
    static const char *const names[] = {"folder", "link", "pipe"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(take(s, names[i], LOG_ACCEPTED), DROP_REJECTED);
        snprintf(text, sizeof text, "%s.reason", names[i]);
        assert_true(is_there(s->folders.rejected, text));
        assert_true(is_there(s->folders.rejected, names[i]));
    }
}

static void what_can_not_be_taken_now_stays(void **state) {
    const struct spool_folder *s = *state;
    assert_int_equal(take(s, "never.txt", LOG_ACCEPTED), DROP_GONE);
    put(s, "later.txt", story);
    assert_int_equal(take(s, "later.txt", LOG_UNAVAILABLE), DROP_UNAVAILABLE);
    assert_true(is_there(s->folders.incoming, "later.txt"));
    assert_int_equal(take(s, "later.txt", LOG_ACCEPTED), DROP_ACCEPTED);
}

static void a_file_that_is_written_to_is_waited_for(void **state) {
    const struct spool_folder *s = *state;
    put(s, "slow.txt", story);
    int writer = openat(s->folders.incoming, "slow.txt", O_WRONLY | O_APPEND | O_CLOEXEC);
    int probe = openat(s->folders.incoming, "slow.txt", O_RDONLY | O_CLOEXEC);
    bool leases = fcntl(probe, F_SETLEASE, F_RDLCK) < 0 && errno == EAGAIN;
    close(probe);
    if (!leases) {
        close(writer);
        print_message("# skip: this file system has no leases\n");
        skip();
    }
    assert_int_equal(take(s, "slow.txt", LOG_ACCEPTED), DROP_BUSY);
    close(writer);
    assert_int_equal(take(s, "slow.txt", LOG_ACCEPTED), DROP_ACCEPTED);
}

static void a_page_with_a_refused_article_says_what_became_of_each(void **state) {
    const struct spool_folder *s = *state;
    char *text = calloc(1, 64 << 10), reason[4096];
    /* The second is larger than an article may be here. */
    ((struct spool_folder *)s)->settings.intake.article_bytes = 2048;
    strcpy(text, "Publication: Hartwell Gazette\nDate: 2031-04-09\nPage: 2\n\nBRIEFS\n\n"
                 "Library opens on Sundays\n\nHARTWELL - The library opens.\n\n"
                 "A very long notice\n\nHARTWELL - It goes on");
    for (int i = 0; i < 900; i++)
        strcat(text, " and on");
    put(s, "page.txt", text);
    assert_int_equal(take(s, "page.txt", LOG_ACCEPTED), DROP_REJECTED);
    get(s->folders.rejected, "page.txt.reason", reason, sizeof reason);
    assert_non_null(strstr(reason, "accepted as 1 on "));
    assert_non_null(strstr(reason, "Library opens on Sundays"));
    assert_non_null(strstr(reason, "refused: A very long notice: "));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_accepted_file_moves_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(names_that_are_taken_get_a_number, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_file_has_its_reason_beside_it, setup, teardown),
        cmocka_unit_test_setup_teardown(the_longest_name_has_a_reason_too, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_can_not_be_taken_now_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_written_to_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_page_with_a_refused_article_says_what_became_of_each,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
