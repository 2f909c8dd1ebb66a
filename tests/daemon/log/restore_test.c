/* Snapshots of a log that goes on, restoring from them and from copies, and what the
 * formats of the files say to older and newer versions. */
#include "tests/daemon/log/log_helper.h"

#include "daemon/log/format.h"
#include "daemon/log/restore.h"
#include "proto/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STORIES = 300 };

static struct log_fixture f; /* the log that is backed up */
static struct log_fixture g; /* where it is restored */
static char backup[80];

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    assert_int_equal(system(line), 0);
}

static int setup(void **state) {
    (void)state;
    fixture_setup(&f);
    fixture_setup(&g);
    f.config.segment_bytes = 8 << 10;
    f.config.checkpoint_entries = 40;
    snprintf(backup, sizeof backup, "%s.backup", f.directory);
    shell("rmdir %s && mkdir %s", g.directory, backup);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    fixture_teardown(&f);
    fixture_teardown(&g);
    shell("rm -rf %s", backup);
    return 0;
}

static void put(int i) {
    char uri[32], text[64], topic[16];
    snprintf(uri, sizeof uri, "u:%d", i);
    snprintf(text, sizeof text, "story %d", i);
    snprintf(topic, sizeof topic, "%c/brief", 'a' + i % 3);
    fixture_put(&f, (struct story){.uri = uri, .version = 1, .topic = topic, .text = text});
}

static void put_many(int from, int n) {
    for (int i = from; i < from + n; i++)
        put(i);
}

static void hold(const char *uri) {
    struct story s = {.uri = uri,
                      .version = 1,
                      .topic = "a/brief",
                      .text = uri,
                      .hold_until_usec = test_clock + INT64_C(3600000000)};
    assert_int_equal(fixture_put(&f, s).outcome, LOG_HELD);
}

/* ---- what newswirectl does */

static void copy_file(const char *from, uint64_t bytes, const char *to, uint8_t *ret_digest) {
    struct sha256_ctx sha;
    size_t len;
    uint8_t *all = file_load(from, &len);
    assert_true(len >= bytes);
    file_store(to, all, bytes);
    sha256_init(&sha);
    sha256_update(&sha, bytes, all);
    sha256_digest(&sha, MANIFEST_DIGEST_BYTES, ret_digest);
    free(all);
}

static void copy_snapshot(const struct log_snapshot *s) {
    struct manifest m = {.epoch = s->epoch, .head = s->head, .entries = s->entries, .n = s->n};
    char from[256], to[256];
    m.files = calloc(s->n, sizeof *m.files);
    for (size_t i = 0; i < s->n; i++) {
        snprintf(from, sizeof from, "%.150s/%s", s->directory, s->files[i].name);
        snprintf(to, sizeof to, "%s/%s", backup, s->files[i].name);
        memcpy(m.files[i].name, s->files[i].name, sizeof m.files[i].name);
        assert_true(manifest_name_ok(m.files[i].name));
        copy_file(from, s->files[i].bytes, to, m.files[i].digest);
        m.bytes += s->files[i].bytes;
    }
    snprintf(to, sizeof to, "%s/%s", backup, MANIFEST_FILE);
    FILE *out = fopen(to, "w");
    assert_non_null(out);
    assert_int_equal(manifest_write(&m, out), 0);
    assert_int_equal(fclose(out), 0);
    free(m.files);
}

static struct kept_result snapshot(void) {
    return fixture_ask(&f, LOG_ASK_SNAPSHOT, 0, "");
}

/* Restores into g; the result of log_restore. */
static int restore(const char *from, struct log_restored *ret) {
    struct arena *a = arena_new(1 << 20);
    g.notes = (struct text_list){0};
    int r = log_restore(&g.config, from, ret, &g.notes, a, &g.fault);
    assert_true(r == 0 || g.fault.reason[0] != '\0');
    arena_free(a);
    return r;
}

static void restored(const char *from, struct log_restored *ret) {
    int r = restore(from, ret);
    if (r < 0)
        fail_msg("%s", g.fault.reason);
    assert_int_equal(fixture_open(&g), 0);
}

/* g has what f has up to a number, all of it under another epoch. */
static void expect_same(uint64_t upto, uint64_t epoch) {
    struct read_entry *a, *b;
    size_t n, m;
    assert_int_equal(fixture_read(&f, NULL, 0, &a, &n), 0);
    assert_int_equal(fixture_read(&g, NULL, 0, &b, &m), 0);
    while (n > 0 && a[n - 1].seq > upto)
        n--;
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(b[i].epoch, epoch);
        assert_int_not_equal(a[i].epoch, epoch);
        assert_int_equal(a[i].seq, b[i].seq);
        assert_int_equal(a[i].prev_seq, b[i].prev_seq);
        assert_int_equal(a[i].replaces, b[i].replaces);
        assert_int_equal(a[i].version, b[i].version);
        assert_string_equal(a[i].uri, b[i].uri);
        assert_string_equal(a[i].topic, b[i].topic);
        assert_string_equal(a[i].text, b[i].text);
    }
    free(a);
    free(b);
}

/* ---- snapshots */

static void of_a_log_that_goes_on(void **state) {
    (void)state;
    struct log_restored done;
    assert_int_equal(fixture_open(&f), 0);
    put_many(0, STORIES);
    hold("held:1");
    fixture_put(&f,
                (struct story){
                    .uri = "u:7", .version = 2, .topic = "b/brief", .canceled = true, .text = ""});
    struct kept_result s = snapshot();
    assert_int_equal(s.outcome, LOG_ANSWERED);
    assert_true(s.snapshot.n > 10);
    put_many(STORIES, 200);
    copy_snapshot(&s.snapshot);
    test_clock += 1000000;
    restored(backup, &done);
    assert_true(done.proven);
    assert_int_equal(done.head, s.snapshot.head);
    assert_int_equal(done.entries, STORIES + 1);
    assert_int_equal(done.held, 1);
    assert_int_equal(done.epoch, test_clock);
    expect_same(done.head, done.epoch);
    /* What was known is known. */
    struct story again = {.uri = "u:1", .version = 1, .topic = "b/brief", .text = "story 1"};
    assert_int_equal(fixture_put(&g, again).outcome, LOG_DUPLICATE);
    struct kept_result r = fixture_ask(&g, LOG_ASK_RELEASE, 0, "");
    assert_int_equal(r.outcome, LOG_REFUSED);
    r = fixture_ask(&g, LOG_ASK_HELD, 0, "");
    assert_int_equal(r.n_held, 1);
    r = fixture_ask(&g, LOG_ASK_RELEASE, r.held[0], "");
    assert_int_equal(r.outcome, LOG_RELEASED);
    assert_true(r.seq > done.head);
    /* And it stays a log. */
    fixture_close(&g);
    assert_int_equal(fixture_open(&g), 0);
    struct read_entry *e;
    size_t n;
    assert_int_equal(fixture_read(&g, NULL, done.head, &e, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(e[0].epoch, done.epoch);
    assert_string_equal(e[0].uri, "held:1");
    free(e);
}

static void outlives_retention_and_checkpoints(void **state) {
    (void)state;
    struct log_restored done;
    char first[256];
    f.config.retain_bytes = 64 << 10;
    assert_int_equal(fixture_open(&f), 0);
    put_many(0, STORIES);
    struct kept_result s = snapshot();
    assert_true(fixture_file(&f, ".log", 0, first));
    struct log_bounds b;
    for (int i = STORIES; access(first, F_OK) == 0 || b.first <= s.snapshot.head; i++) {
        put(i);
        log_bounds(f.log, &b);
    }
    copy_snapshot(&s.snapshot);
    restored(backup, &done);
    log_bounds(g.log, &b);
    assert_int_equal(b.head, s.snapshot.head);
    assert_int_equal(b.entries, s.snapshot.entries);
    struct read_entry *e;
    size_t n;
    assert_int_equal(fixture_read(&g, NULL, 0, &e, &n), 0);
    assert_int_equal(n, b.entries);
    free(e);
}

static bool has_snapshot(void) {
    char path[128];
    snprintf(path, sizeof path, "%s/backup", f.directory);
    return access(path, F_OK) == 0;
}

static void one_at_a_time(void **state) {
    (void)state;
    assert_int_equal(fixture_open(&f), 0);
    put_many(0, 100);
    struct kept_result s = snapshot();
    assert_true(has_snapshot());
    assert_int_equal(snapshot().outcome, LOG_REFUSED);
    assert_int_equal(fixture_ask(&f, LOG_ASK_SNAPSHOT_KEEP, s.snapshot.id, "").outcome,
                     LOG_ANSWERED);
    assert_int_equal(fixture_ask(&f, LOG_ASK_SNAPSHOT_END, s.snapshot.id + 1, "").outcome,
                     LOG_REFUSED);
    assert_true(has_snapshot());
    assert_int_equal(fixture_ask(&f, LOG_ASK_SNAPSHOT_END, s.snapshot.id, "").outcome,
                     LOG_ANSWERED);
    assert_false(has_snapshot());
    assert_int_equal(fixture_ask(&f, LOG_ASK_SNAPSHOT_KEEP, s.snapshot.id, "").outcome,
                     LOG_REFUSED);
    /* One that nobody ended is gone after a start. */
    assert_int_equal(snapshot().outcome, LOG_ANSWERED);
    fixture_crash(&f);
    assert_true(has_snapshot());
    assert_int_equal(fixture_open(&f), 0);
    assert_false(has_snapshot());
    assert_int_equal(snapshot().outcome, LOG_ANSWERED);
}

/* ---- restoring */

static void make_backup(void) {
    assert_int_equal(fixture_open(&f), 0);
    put_many(0, STORIES);
    fixture_close(&f); /* with the view written down */
    assert_int_equal(fixture_open(&f), 0);
    struct kept_result s = snapshot();
    copy_snapshot(&s.snapshot);
    assert_int_equal(fixture_ask(&f, LOG_ASK_SNAPSHOT_END, s.snapshot.id, "").outcome,
                     LOG_ANSWERED);
}

/* A file of the backup that ends so. */
static void backup_file(const char *ending, char ret[256]) {
    struct log_fixture in;
    memcpy(in.directory, f.directory, sizeof in.directory);
    snprintf(in.directory, sizeof in.directory, "%.63s", backup);
    assert_true(fixture_file(&in, ending, 0, ret));
}

static void expect_refused(const char *words) {
    char path[128];
    struct log_restored done;
    assert_int_equal(restore(backup, &done), -EBADMSG);
    if (strstr(g.fault.reason, words) == NULL)
        fail_msg("'%s' is not in '%s'", words, g.fault.reason);
    /* What is there by now doesn't pass for a log. */
    snprintf(path, sizeof path, "%s/" FORMAT_FILE, g.directory);
    if (access(path, F_OK) == 0) {
        assert_int_equal(fixture_open(&g), -EBADMSG);
        assert_non_null(strstr(g.fault.reason, "not whole"));
        g.arena = arena_free(g.arena);
    }
}

static void a_damaged_backup(void **state) {
    (void)state;
    static const char *const endings[] = {".log", ".index", ".identities", "view"};
    struct log_restored done;
    char path[256];
    size_t len;
    make_backup();
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        backup_file(endings[i], path);
        uint8_t *bytes = file_load(path, &len);
        bytes[len / 2] ^= 1;
        file_store(path, bytes, len);
        expect_refused("SHA-256 differs");
        bytes[len / 2] ^= 1;
        file_store(path, bytes, len - 1);
        expect_refused("SHA-256 differs");
        file_store(path, bytes, len);
        free(bytes);
    }
    /* With all as it was it goes, over what the others have left. */
    restored(backup, &done);
    expect_same(done.head, done.epoch);
}

static void a_manifest_cut_anywhere(void **state) {
    (void)state;
    char path[256];
    size_t len;
    make_backup();
    backup_file(MANIFEST_FILE, path);
    uint8_t *bytes = file_load(path, &len);
    for (size_t cut = 0; cut < len; cut += cut < 200 ? 1 : 97) {
        file_store(path, bytes, cut);
        expect_refused("manifest is damaged");
    }
    free(bytes);
}

static void a_missing_file(void **state) {
    (void)state;
    struct log_restored done;
    char path[256];
    make_backup();
    backup_file(".identities", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(restore(backup, &done), -ENOENT);
    assert_non_null(strstr(g.fault.reason, ".identities"));
}

static void where_something_is(void **state) {
    (void)state;
    struct log_restored done;
    char path[256];
    make_backup();
    restored(backup, &done);
    assert_int_equal(restore(backup, &done), -EBUSY);
    fixture_close(&g);
    assert_int_equal(restore(backup, &done), -EEXIST);
    assert_non_null(strstr(g.fault.reason, "is not empty"));
    assert_int_equal(fixture_open(&g), 0);
    expect_same(done.head, done.epoch);
    fixture_close(&g);
    shell("rm -rf %s && mkdir %s", g.directory, g.directory);
    snprintf(path, sizeof path, "%s/notes.txt", g.directory);
    file_store(path, (const uint8_t *)"x", 1);
    assert_int_equal(restore(backup, &done), -EEXIST);
    assert_int_equal(access(path, F_OK), 0);
}

/* Clocks that are wrong: the epoch is another one all the same, and as long. */
static void whatever_the_clock_says(void **state) {
    (void)state;
    static const int64_t clocks[][2] = {{1000000, 1000000},
                                        {30000000, INT64_C(1500000000000000)},
                                        {INT64_C(1500000000000000), 30000000}};
    struct log_restored done;
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        atomic_store(&test_clock, clocks[i][0]);
        assert_int_equal(fixture_open(&f), 0);
        put_many(0, 20);
        fixture_close(&f);
        atomic_store(&test_clock, clocks[i][1]);
        restored(f.directory, &done);
        assert_true(done.epoch > done.epoch_before);
        assert_int_equal(fixture_open(&f), 0);
        expect_same(done.head, done.epoch);
        fixture_close(&f);
        fixture_close(&g);
        shell("rm -rf %s %s", f.directory, g.directory);
    }
}

/* ---- copies */

/* What the file system tells of a file's birth is what a copy is known by. */
static void want_births(void) {
    struct statx st;
    if (statx(AT_FDCWD, f.directory, 0, STATX_BTIME, &st) < 0 || !(st.stx_mask & STATX_BTIME))
        skip();
}

static void a_copied_folder(void **state) {
    (void)state;
    struct log_restored done;
    struct log_bounds before, after;
    want_births();
    assert_int_equal(fixture_open(&f), 0);
    put_many(0, 50);
    log_bounds(f.log, &before);
    fixture_close(&f);
    shell("cp -a %s %s.away", f.directory, f.directory);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(f.notes.n, 0); /* where it was written */
    fixture_close(&f);
    shell("rm -rf %s && mv %s.away %s", f.directory, f.directory, f.directory);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(f.notes.n, 1);
    assert_non_null(strstr(f.notes.items[0], "is a copy"));
    assert_non_null(strstr(f.notes.items[0], "newswired --restore"));
    fixture_close(&f);
    /* It is said once; and moved within its file system, it is no copy. */
    shell("mv %s %s.away", f.directory, f.directory);
    shell("mv %s.away %s", f.directory, f.directory);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(f.notes.n, 0);
    log_bounds(f.log, &after);
    assert_int_equal(after.epoch, before.epoch);
    fixture_close(&f);
    /* Restored from, it is another log. */
    restored(f.directory, &done);
    assert_false(done.proven);
    assert_int_equal(done.epoch_before, before.epoch);
    assert_int_equal(fixture_open(&f), 0);
    expect_same(done.head, done.epoch);
}

/* As it lies there after a crash, with half a batch at its end. */
static void a_copy_with_a_torn_end(void **state) {
    (void)state;
    struct log_restored done;
    char path[256];
    size_t len;
    f.config.segment_bytes = 1 << 20;
    assert_int_equal(fixture_open(&f), 0);
    put_many(0, 20);
    fixture_crash(&f);
    assert_true(fixture_file(&f, ".log", 0, path));
    uint8_t *bytes = file_load(path, &len);
    file_store(path, bytes, len - 3);
    restored(f.directory, &done);
    assert_int_equal(done.entries, 19);
    assert_int_equal(fixture_count(&g, ".torn"), 1);
    file_store(path, bytes, len);
    free(bytes);
}

/* ---- formats */

/* The version in the header of a file, and whether its log opens then. */
static void with_format(const char *ending, uint8_t format, int result, const char *words) {
    char path[256];
    size_t len;
    assert_true(fixture_file(&f, ending, 0, path));
    uint8_t *bytes = file_load(path, &len), before = bytes[8];
    bytes[8] = format;
    file_store(path, bytes, len);
    assert_int_equal(fixture_open(&f), result);
    if (result < 0 && strstr(f.fault.reason, words) == NULL)
        fail_msg("'%s' is not in '%s'", words, f.fault.reason);
    if (result < 0)
        f.arena = arena_free(f.arena);
    bytes[8] = before;
    if (result < 0)
        file_store(path, bytes, len);
    free(bytes);
}

static void close_with(int n) {
    assert_int_equal(fixture_open(&f), 0);
    put_many(0, n);
    fixture_close(&f);
}

static void newer_formats(void **state) {
    (void)state;
    static const char text[] = "newswire log, format 2\nnumbers in words\n";
    struct log_restored done;
    char path[256];
    close_with(STORIES);
    with_format(".log", FORMAT_SEGMENT + 1, -EBADMSG, "use a newer newswired");
    with_format("view", FORMAT_VIEW + 1, -EBADMSG, "use a newer newswired");
    with_format(".identities", FORMAT_RUN + 1, -EBADMSG, "use a newer newswired");
    /* An index can be done without. */
    with_format(".index", FORMAT_INDEX + 1, 0, "");
    struct read_entry *e;
    size_t n;
    assert_int_equal(fixture_read(&f, "a/brief", 0, &e, &n), 0);
    assert_int_equal(n, STORIES / 3);
    free(e);
    fixture_close(&f);
    /* The log as a whole. Whoever can't read it changes nothing in it. */
    snprintf(path, sizeof path, "%s/" FORMAT_FILE, f.directory);
    file_store(path, (const uint8_t *)text, strlen(text));
    assert_int_equal(fixture_open(&f), -EBADMSG);
    assert_non_null(strstr(f.fault.reason, "has format 2, but this version knows formats up to 1"));
    f.arena = arena_free(f.arena);
    assert_int_equal(restore(f.directory, &done), -EBADMSG);
    assert_non_null(strstr(g.fault.reason, "use a newer newswired"));
    size_t len;
    uint8_t *bytes = file_load(path, &len);
    assert_memory_equal(bytes, text, len);
    free(bytes);
}

static void an_older_view_is_made_anew(void **state) {
    (void)state;
    struct log_bounds before, after;
    assert_int_equal(fixture_open(&f), 0);
    put_many(0, STORIES);
    fixture_put(&f,
                (struct story){
                    .uri = "u:7", .version = 2, .topic = "b/brief", .canceled = true, .text = ""});
    hold("held:1");
    log_bounds(f.log, &before);
    fixture_close(&f);
    with_format("view", FORMAT_VIEW - 1, 0, "");
    assert_non_null(strstr(f.notes.items[0], "older format"));
    log_bounds(f.log, &after);
    assert_int_equal(before.head, after.head);
    assert_int_equal(before.epoch, after.epoch);
    assert_int_equal(after.held, 1);
    struct story again = {.uri = "u:1", .version = 1, .topic = "b/brief", .text = "story 1"};
    assert_int_equal(fixture_put(&f, again).outcome, LOG_DUPLICATE);
    struct read_entry *e;
    size_t n;
    assert_int_equal(fixture_read(&f, NULL, 0, &e, &n), 0);
    assert_int_equal(n, STORIES + 1);
    assert_string_equal(e[7].uri, "u:7");
    assert_string_equal(e[7].text, ""); /* killed, and still is */
    free(e);
    /* It is written anew, too. */
    put(STORIES);
    fixture_close(&f);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(f.notes.n, 0);
}

static void an_older_view_of_segments_that_are_gone(void **state) {
    (void)state;
    f.config.retain_bytes = 32 << 10;
    close_with(STORIES);
    with_format("view", FORMAT_VIEW - 1, -EBADMSG,
                "is of an older format, and the segments before");
    assert_int_equal(fixture_open(&f), 0);
}

/* A log of the time before there was the file. */
static void a_folder_without_the_file(void **state) {
    (void)state;
    char path[256];
    close_with(50);
    snprintf(path, sizeof path, "%s/" FORMAT_FILE, f.directory);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(access(path, F_OK), 0);
    fixture_close(&f);
    file_store(path, (const uint8_t *)"what", 4);
    assert_int_equal(fixture_open(&f), -EBADMSG);
    assert_non_null(strstr(f.fault.reason, "is damaged"));
    f.arena = arena_free(f.arena);
    /* Nor do segments go away unnoticed. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(fixture_open(&f), 0);
    fixture_close(&f);
    shell("rm %s/*.log %s/view", f.directory, f.directory);
    assert_int_equal(fixture_open(&f), -EBADMSG);
    assert_non_null(strstr(f.fault.reason, "no segments"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_a_log_that_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(outlives_retention_and_checkpoints, setup, teardown),
        cmocka_unit_test_setup_teardown(one_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_backup, setup, teardown),
        cmocka_unit_test_setup_teardown(a_manifest_cut_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_file, setup, teardown),
        cmocka_unit_test_setup_teardown(where_something_is, setup, teardown),
        cmocka_unit_test_setup_teardown(whatever_the_clock_says, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copied_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_with_a_torn_end, setup, teardown),
        cmocka_unit_test_setup_teardown(newer_formats, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_view_is_made_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_view_of_segments_that_are_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_without_the_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
