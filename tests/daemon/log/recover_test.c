/* What the log does when files are cut, flipped or gone, and when disks fail. */

#include "tests/daemon/log/log_helper.h"

#include "daemon/log/crc32c.h"
#include "daemon/log/format.h"
#include "daemon/log/segment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static struct log_fixture f;

static int setup(void **state) {
    (void)state;
    fixture_setup(&f);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    fixture_teardown(&f);
    return 0;
}

static struct kept_result put(int i) {
    char uri[32], text[64];
    snprintf(uri, sizeof uri, "u:%d", i);
    snprintf(text, sizeof text, "story %d", i);
    return fixture_put(&f,
                       (struct story){.uri = uri, .version = 1, .topic = "a/brief", .text = text});
}

/* Expects exactly these stories, in order. */
static void expect(const int *ids, size_t n_ids) {
    struct read_entry *e;
    size_t n;
    assert_int_equal(fixture_read(&f, NULL, 0, &e, &n), 0);
    assert_int_equal(n, n_ids);
    for (size_t i = 0; i < n; i++) {
        char uri[32];
        snprintf(uri, sizeof uri, "u:%d", ids[i]);
        assert_string_equal(e[i].uri, uri);
        assert_int_equal(e[i].prev_seq, i == 0 ? 0 : e[i - 1].seq);
    }
    free(e);
}

/* Two batches; the log as SIGKILL leaves it, without a view. Gives its bytes,
 * and where the second batch begins. */
static uint8_t *two_batches(char path[256], size_t *ret_len, size_t *ret_second) {
    assert_int_equal(fixture_open(&f), 0);
    put(1);
    assert_true(fixture_file(&f, ".log", 0, path));
    free(file_load(path, ret_second));
    put(2);
    fixture_crash(&f);
    return file_load(path, ret_len);
}

static void crc(void **state) {
    (void)state;
    uint8_t bytes[100];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283); /* RFC 3720's check value */
    for (size_t from = 0; from < 9; from++)
        for (size_t len = 0; len < 80; len++) {
            uint32_t whole = crc32c_portable(7, bytes + from, len);
            assert_int_equal(crc32c(7, bytes + from, len), whole);
            assert_int_equal(
                crc32c(crc32c(7, bytes + from, len / 3), bytes + from + len / 3, len - len / 3),
                whole);
        }
}

static void torn_at_every_byte(void **state) {
    (void)state;
    char path[256], torn[256];
    size_t len, second;
    uint8_t *bytes = two_batches(path, &len, &second);
    for (size_t cut = second; cut < len; cut++) {
        file_store(path, bytes, cut);
        assert_int_equal(fixture_open(&f), 0);
        assert_int_equal(f.notes.n, cut > second);
        expect((int[]){1}, 1);
        assert_int_equal(put(3).outcome, LOG_ACCEPTED);
        expect((int[]){1, 3}, 2);
        fixture_close(&f);
        assert_int_equal(fixture_file(&f, ".torn", 0, torn), cut > second);
        if (cut > second) {
            size_t kept;
            uint8_t *tail = file_load(torn, &kept);
            assert_int_equal(kept, cut - second);
            assert_memory_equal(tail, bytes + second, kept);
            free(tail);
            assert_int_equal(unlink(torn), 0);
        }
        assert_true(fixture_file(&f, "view", 0, torn));
        assert_int_equal(unlink(torn), 0);
        assert_true(!fixture_file(&f, ".identities", 0, torn) || unlink(torn) == 0);
    }
    free(bytes);
}

/* A flip in the last batch is a torn tail: nothing proves that it was durable. */
static void flipped_tail(void **state) {
    (void)state;
    char path[256];
    size_t len, second;
    uint8_t *bytes = two_batches(path, &len, &second);
    for (size_t i = second; i < len; i++) {
        bytes[i] ^= 0x10;
        file_store(path, bytes, len);
        bytes[i] ^= 0x10;
        assert_int_equal(fixture_open(&f), 0);
        expect((int[]){1}, 1);
        fixture_crash(&f);
    }
    free(bytes);
}

static void flipped_below_durable(void **state) {
    (void)state;
    char path[256];
    size_t len, second;
    uint8_t *bytes = two_batches(path, &len, &second);
    for (size_t i = 0; i < second; i++) {
        bytes[i] ^= 0x10;
        file_store(path, bytes, len);
        bytes[i] ^= 0x10;
        int r = fixture_open(&f);
        assert_int_equal(r, -EBADMSG);
        assert_non_null(strstr(f.fault.reason, "00000000000000000001.log"));
        bool format = i >= 8 && i < 12; /* rather a format that isn't known */
        assert_non_null(strstr(f.fault.reason, format ? "format" : "offset"));
        f.arena = arena_free(f.arena);
    }
    file_store(path, bytes, len);
    assert_int_equal(fixture_open(&f), 0);
    expect((int[]){1, 2}, 2);
    free(bytes);
}

/* What the view covers was durable, too. */
static void cut_below_the_view(void **state) {
    (void)state;
    char path[256];
    size_t len;
    assert_int_equal(fixture_open(&f), 0);
    put(1);
    fixture_close(&f);
    assert_true(fixture_file(&f, ".log", 0, path));
    uint8_t *bytes = file_load(path, &len);
    file_store(path, bytes, len - 1);
    free(bytes);
    assert_int_equal(fixture_open(&f), -EBADMSG);
    assert_non_null(strstr(f.fault.reason, "cut short"));
}

static void reader_meets_damage(void **state) {
    (void)state;
    char path[256];
    struct read_entry *e;
    size_t len, n;
    assert_int_equal(fixture_open(&f), 0);
    for (int i = 1; i <= 3; i++)
        put(i);
    fixture_close(&f);
    assert_true(fixture_file(&f, ".log", 0, path));
    uint8_t *bytes = file_load(path, &len);
    bytes[len / 2] ^= 1;
    file_store(path, bytes, len);
    free(bytes);
    assert_int_equal(fixture_open(&f), 0); /* the view covers it, so it isn't read */
    assert_int_equal(fixture_read(&f, NULL, 0, &e, &n), -EBADMSG);
    assert_int_equal(n, 1);
    assert_non_null(strstr(f.fault.reason, "00000000000000000001.log is damaged at offset"));
    free(e);
}

static void many_segments(void) {
    f.config.segment_bytes = 1000;
    assert_int_equal(fixture_open(&f), 0);
    for (int i = 1; i <= 20; i++)
        put(i);
    assert_true(fixture_count(&f, ".log") > 4);
}

static void missing_segment(void **state) {
    (void)state;
    char path[256];
    many_segments();
    fixture_crash(&f);
    assert_true(fixture_file(&f, ".log", 2, path));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(fixture_open(&f), -EBADMSG);
    assert_non_null(strstr(f.fault.reason, "the segment before it is missing"));
}

static void missing_index(void **state) {
    (void)state;
    char path[256];
    int ids[20];
    many_segments();
    while (fixture_file(&f, ".index", 0, path))
        assert_int_equal(unlink(path), 0);
    for (int i = 0; i < 20; i++)
        ids[i] = i + 1;
    expect(ids, 20);
    struct read_entry *e;
    size_t n;
    assert_int_equal(fixture_read(&f, "a/", 13, &e, &n), 0);
    assert_int_equal(n, 7);
    free(e);
}

static void segment_just_made(void **state) {
    (void)state;
    char path[256];
    many_segments();
    fixture_crash(&f);
    snprintf(path, sizeof path, "%s/%020d.log", f.directory, 21);
    file_store(path, (const uint8_t *)"NWIRE", 5);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(f.notes.n, 1);
    assert_int_equal(put(21).outcome, LOG_ACCEPTED);
}

static void failed_sync(void **state) {
    (void)state;
    assert_int_equal(fixture_open(&f), 0);
    put(1);
    for (int crash = 0; crash < 2; crash++) {
        atomic_store(&fail_syncs, 1);
        struct kept_result lost = put(2 + crash * 2);
        assert_int_equal(lost.outcome, LOG_UNAVAILABLE);
        assert_int_equal(lost.seq, 0);
        struct kept_result next = put(3 + crash * 2);
        assert_int_equal(next.outcome, LOG_ACCEPTED);
        assert_int_equal(next.seq, 3 + crash * 2); /* the lost one's number is not given again */
        assert_int_equal(fixture_count(&f, ".log"), 2 + crash);
    }
    expect((int[]){1, 3, 5}, 3);
    fixture_crash(&f);
    assert_int_equal(fixture_open(&f), 0);
    expect((int[]){1, 3, 5}, 3);
    struct kept_result again = put(2);
    assert_int_equal(again.outcome, LOG_ACCEPTED);
    assert_int_equal(again.prev_seq, 5);
    put(4);
    expect((int[]){1, 3, 5, 2, 4}, 5);
}

/* What the failed batch left behind the durable end isn't looked at. */
static void leftovers(void **state) {
    (void)state;
    char path[256];
    size_t len;
    assert_int_equal(fixture_open(&f), 0);
    put(1);
    atomic_store(&fail_syncs, 1);
    put(2);
    put(3);
    fixture_crash(&f);
    assert_true(fixture_file(&f, ".log", 0, path));
    uint8_t *bytes = file_load(path, &len);
    bytes = realloc(bytes, len + 100);
    memset(bytes + len, 0xaa, 100);
    file_store(path, bytes, len + 100);
    free(bytes);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(f.notes.n, 0);
    expect((int[]){1, 3}, 2);
}

/* No new segment can be made either, for a while. */
static void failing_for_long(void **state) {
    (void)state;
    struct log_bounds b;
    assert_int_equal(fixture_open(&f), 0);
    put(1);
    atomic_store(&fail_syncs, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(put(10 + i).outcome, LOG_UNAVAILABLE);
        log_bounds(f.log, &b);
        assert_false(b.taking);
        expect((int[]){1}, 1);
    }
    assert_int_equal(put(2).outcome, LOG_ACCEPTED);
    log_bounds(f.log, &b);
    assert_true(b.taking);
    assert_true(fixture_count(&f, ".log") <= 2);
    fixture_crash(&f);
    assert_int_equal(fixture_open(&f), 0);
    expect((int[]){1, 2}, 2);
}

static struct kept_result put_until_taken(int i) {
    for (int tries = 0; tries < 100; tries++) {
        struct kept_result r = put(i);
        if (r.outcome != LOG_UNAVAILABLE)
            return r;
        usleep(10000);
    }
    fail_msg("intake doesn't resume");
    return (struct kept_result){0};
}

static void full_disk(void **state) {
    (void)state;
    struct log_bounds b;
    assert_int_equal(fixture_open(&f), 0);
    put(1);
    atomic_store(&fail_writes, 1);
    struct kept_result r = put(2);
    assert_int_equal(r.outcome, LOG_UNAVAILABLE);
    assert_non_null(strstr(r.fault.reason, "disk is full"));
    log_bounds(f.log, &b);
    assert_false(b.taking);
    assert_non_null(strstr(b.trouble, "disk is full"));
    assert_int_equal(put(1).outcome, LOG_DUPLICATE);
    expect((int[]){1}, 1);
    for (int i = 0; i < 300 && !b.taking; i++, usleep(10000)) /* without anything asked of it */
        log_bounds(f.log, &b);
    assert_true(b.taking);
    assert_int_equal(put(3).outcome, LOG_ACCEPTED);
    assert_int_equal(fixture_count(&f, ".log"), 1); /* no sync failed, so the file is good */
    fixture_crash(&f);
    assert_int_equal(fixture_open(&f), 0);
    expect((int[]){1, 3}, 2);
}

static void low_water(void **state) {
    (void)state;
    f.config.free_bytes = 10 << 20;
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(put(1).outcome, LOG_ACCEPTED);
    atomic_store(&free_left, 9 << 20);
    usleep(60000);
    struct kept_result r = put(2);
    assert_int_equal(r.outcome, LOG_UNAVAILABLE);
    assert_non_null(strstr(r.fault.reason, "disk is full"));
    atomic_store(&free_left, 0);
    assert_int_equal(put_until_taken(2).outcome, LOG_ACCEPTED);
}

static void real_full_disk(void **state) {
    (void)state;
    if (mount("none", f.directory, "tmpfs", 0, "size=1m") < 0)
        skip();
    char *text = malloc(10001);
    int n = 0;
    memset(text, 'x', 10000);
    text[10000] = 0;
    assert_int_equal(fixture_open(&f), 0);
    struct kept_result r;
    do {
        char uri[32];
        snprintf(uri, sizeof uri, "big:%d", n++);
        r = fixture_put(&f,
                        (struct story){.uri = uri, .version = 1, .topic = "a/brief", .text = text});
    } while (r.outcome == LOG_ACCEPTED);
    assert_int_equal(r.outcome, LOG_UNAVAILABLE);
    assert_non_null(strstr(r.fault.reason, "disk is full"));
    assert_true(n > 50);
    free(text);
    for (int i = 0; i < 3; i++) {
        struct read_entry *e;
        size_t read;
        assert_int_equal(fixture_read(&f, NULL, 0, &e, &read), 0);
        assert_int_equal(read, n - 1);
        free(e);
        fixture_close(&f);
        if (i == 1)
            assert_int_equal(mount("none", f.directory, NULL, MS_REMOUNT, "size=2m"), 0);
        assert_int_equal(fixture_open(&f), 0);
    }
    assert_int_equal(put_until_taken(1).outcome, LOG_ACCEPTED);
    fixture_close(&f);
    assert_int_equal(umount(f.directory), 0);
}

static void writes_in_pieces(void **state) {
    (void)state;
    atomic_store(&short_writes, true);
    assert_int_equal(fixture_open(&f), 0);
    put(1);
    put(2);
    fixture_crash(&f);
    assert_int_equal(fixture_open(&f), 0);
    expect((int[]){1, 2}, 2);
}

static void newer_format(void **state) {
    (void)state;
    char path[256];
    size_t len;
    assert_int_equal(fixture_open(&f), 0);
    put(1);
    fixture_crash(&f);
    assert_true(fixture_file(&f, ".log", 0, path));
    uint8_t *bytes = file_load(path, &len);
    bytes[8] = FORMAT_SEGMENT + 1;
    file_store(path, bytes, len);
    free(bytes);
    assert_int_equal(fixture_open(&f), -EBADMSG);
    assert_non_null(strstr(f.fault.reason, "use a newer newswired"));
}

/* An article that holds the bytes of a batch header can't make a torn tail
 * look like damage: it doesn't know the salt. */
static void forged_batch(void **state) {
    (void)state;
    char path[256];
    size_t len, second;
    uint8_t *bytes = two_batches(path, &len, &second);
    struct segment_header other = {.salt = 0};
    size_t at = second + 60;
    struct segment_batch forged;
    segment_seal_batch(&other, &forged, at, sizeof forged, 0);
    memcpy(bytes + at, &forged, sizeof forged);
    file_store(path, bytes, len);
    free(bytes);
    assert_int_equal(fixture_open(&f), 0);
    expect((int[]){1}, 1);
}

static void epoch_stays(void **state) {
    (void)state;
    struct log_bounds a, b;
    assert_int_equal(fixture_open(&f), 0);
    log_bounds(f.log, &a);
    assert_int_equal(a.epoch, atomic_load(&test_clock));
    assert_int_equal(a.first, 1);
    assert_int_equal(a.head, 0);
    put(1);
    atomic_fetch_add(&test_clock, 1000);
    fixture_close(&f);
    assert_int_equal(fixture_open(&f), 0);
    log_bounds(f.log, &b);
    assert_int_equal(a.epoch, b.epoch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc),
        cmocka_unit_test_setup_teardown(torn_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(flipped_tail, setup, teardown),
        cmocka_unit_test_setup_teardown(flipped_below_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_below_the_view, setup, teardown),
        cmocka_unit_test_setup_teardown(reader_meets_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_segment, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_index, setup, teardown),
        cmocka_unit_test_setup_teardown(segment_just_made, setup, teardown),
        cmocka_unit_test_setup_teardown(failed_sync, setup, teardown),
        cmocka_unit_test_setup_teardown(leftovers, setup, teardown),
        cmocka_unit_test_setup_teardown(failing_for_long, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(low_water, setup, teardown),
        cmocka_unit_test_setup_teardown(real_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(writes_in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(newer_format, setup, teardown),
        cmocka_unit_test_setup_teardown(forged_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(epoch_stays, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
