/* The daemon's sentences in Chinese: build/MODE/locale has the file that is installed. */
#include "proto/translation.h"

#include "proto/parse.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char chinese[PATH_MAX];

static int find_chinese(void **state) {
    (void)state;
    ssize_t n = readlink("/proc/self/exe", chinese, sizeof chinese - 64);
    if (n < 0)
        return -1;
    chinese[n] = '\0';
    char *tests = strstr(chinese, "/tests/");
    if (tests == NULL)
        return -1;
    strcpy(tests, "/locale/zh_CN/LC_MESSAGES/newswired.mo");
    return 0;
}

static int in_english(void **state) {
    (void)state;
    return translation_load(NULL);
}

static int in_chinese(void **state) {
    (void)state;
    return translation_load(chinese);
}

static void english_is_as_it_stands(void **state) {
    (void)state;
    static const char sentence[] = "is missing";
    struct fault f;
    assert_ptr_equal(translated(sentence), sentence);
    assert_int_equal(fault_set(&f, "uri", "has %zu bytes; %zu are the most", (size_t)7, (size_t)5),
                     -EINVAL);
    assert_string_equal(f.reason, "has 7 bytes; 5 are the most");
    assert_string_equal(f.local, "");
    assert_string_equal(fault_local(&f), f.reason);
}

static void a_fault_is_said_in_both(void **state) {
    (void)state;
    struct fault f;
    fault_set(&f, "uri", "has %zu bytes; %zu are the most", (size_t)7, (size_t)5);
    assert_string_equal(f.field, "uri");
    assert_string_equal(f.reason, "has 7 bytes; 5 are the most");
    assert_string_equal(fault_local(&f), "长 7 字节；最多 5 字节");
    fault_say(&f, "", "it has too many values");
    assert_string_equal(f.reason, "it has too many values");
    assert_string_equal(fault_local(&f), "值过多");
    fault_set_error(&f, -ENOSPC, "", "the log in %s can't be written (%s)", "/x", "write");
    assert_string_equal(f.reason,
                        "the log in /x can't be written (write): No space left on device");
    assert_string_equal(fault_local(&f), "/x 中的日志无法写入（write）：磁盘空间已满");
}

static void places_may_change(void **state) {
    (void)state;
    struct fault f;
    fault_set(&f, "",
              "the backup ends in entry %llu of epoch %llu, but its manifest says %llu of %llu",
              1ULL, 2ULL, 3ULL, 4ULL);
    assert_string_equal(fault_local(&f),
                        "备份到 epoch 2 的第 1 号条目为止，而清单写的是 epoch 4 的第 3 号");
}

static void what_has_no_translation(void **state) {
    (void)state;
    struct fault f;
    fault_set(&f, "", "no such sentence, %d", 5);
    assert_string_equal(fault_local(&f), "no such sentence, 5");
    assert_string_equal(translated(""), "");
}

/* A long sentence is cut between two characters. */
static void a_long_sentence_stays_utf8(void **state) {
    (void)state;
    char section[256];
    struct fault f;
    for (size_t shift = 0; shift < 3; shift++) {
        memset(section, 'x', sizeof section);
        section[shift] = '\0';
        for (size_t i = 0; i < 21; i++)
            strcat(section, "栏");
        fault_set(&f, "", "there is no section '%.64s' here", section);
        fault_add(&f,
                  "a cause that is long, a cause that is long, a cause that is long, a cause "
                  "that is long, a cause that is long, a cause that is long",
                  "很长的原因，很长的原因，很长的原因，很长的原因，很长的原因，很长的原因，"
                  "很长的原因，很长的原因，很长的原因");
        char copy[sizeof f.local];
        strcpy(copy, f.local);
        codec_mend_utf8(copy);
        assert_string_equal(copy, f.local);
        assert_non_null(strstr(f.local, "这里没有栏目"));
    }
}

static void warnings_are_in_both(void **state) {
    (void)state;
    struct arena *a = arena_new(1 << 20);
    struct parsed parsed = {0};
    struct fault f;
    assert_non_null(a);
    assert_int_equal(parsed_warn(a, &parsed, "line %u: this text belongs to no article", 3U), 0);
    fault_set(&f, "uri", "is missing");
    assert_int_equal(parsed_warn_fault(a, &parsed, "item 2", &f), 0);
    assert_int_equal(parsed.warnings.n, 2);
    assert_int_equal(parsed.local.n, 2);
    assert_string_equal(parsed.warnings.items[0], "line 3: this text belongs to no article");
    assert_string_equal(parsed.local.items[0], "第 3 行：这段文字不属于任何稿件");
    assert_string_equal(parsed.warnings.items[1], "item 2 is left out: uri is missing");
    assert_string_equal(parsed.local.items[1], "item 2 已略去：uri 缺少");
    arena_free(a);
}

/* ---- files */

static char *bytes;
static size_t n_bytes;
static char copy_path[64];

static void write_copy(size_t n) {
    FILE *f = fopen(copy_path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static int read_file(void **state) {
    FILE *f = fopen(chinese, "re");
    bytes = malloc(1 << 20);
    n_bytes = f == NULL || bytes == NULL ? 0 : fread(bytes, 1, 1 << 20, f);
    if (f != NULL)
        fclose(f);
    strcpy(copy_path, "/tmp/newswire-mo-XXXXXX");
    int fd = mkstemp(copy_path);
    if (fd >= 0)
        close(fd);
    return fd < 0 || n_bytes == 0 ? -1 : in_chinese(state);
}

static int forget_file(void **state) {
    free(bytes);
    unlink(copy_path);
    return in_english(state);
}

static void a_file_that_is_cut_is_not_taken(void **state) {
    (void)state;
    for (size_t n = 0; n < n_bytes; n += n < 64 ? 1 : 997) {
        write_copy(n);
        assert_int_equal(translation_load(copy_path), -EBADMSG);
        assert_string_equal(translated("is missing"), "缺少"); /* what was there stays */
    }
    write_copy(n_bytes);
    assert_int_equal(translation_load(copy_path), 0);
    assert_int_equal(translation_load("/nonexistent/x.mo"), -ENOENT);
}

/* Every number of the header and the tables, one after the other, is far too large. */
static void a_file_that_lies_is_safe(void **state) {
    (void)state;
    uint32_t n;
    memcpy(&n, bytes + 8, sizeof n);
    for (size_t at = 0; at < 28 + 16 * (size_t)n; at += 4) {
        char before[4];
        memcpy(before, bytes + at, 4);
        memset(bytes + at, 0xf1, 4);
        write_copy(n_bytes);
        if (translation_load(copy_path) == 0)
            assert_non_null(translated("is missing"));
        memcpy(bytes + at, before, 4);
    }
}

/* ---- which language */

static void english_is_chosen(void **state) {
    (void)state;
    assert_int_equal(translation_choose("en"), 0);
    assert_string_equal(translated("is missing"), "is missing");
    assert_int_equal(translation_choose("en_GB.UTF-8"), 0);
    assert_int_equal(translation_choose("C"), 0);
}

static void a_language_that_is_not_there(void **state) {
    (void)state;
    assert_int_equal(translation_choose("tlh"), -ENOENT);
    assert_int_equal(translation_choose("../../../etc"), -ENOENT);
    setenv("LC_ALL", "tlh_QO.UTF-8", 1);
    assert_int_equal(translation_choose(""), 0);
    unsetenv("LC_ALL");
}

#define ENGLISH(f) cmocka_unit_test_setup_teardown(f, in_english, in_english)
#define CHINESE(f) cmocka_unit_test_setup_teardown(f, in_chinese, in_english)
#define OF_FILE(f) cmocka_unit_test_setup_teardown(f, read_file, forget_file)

int main(void) {
    const struct CMUnitTest tests[] = {
        ENGLISH(english_is_as_it_stands),
        CHINESE(a_fault_is_said_in_both),
        CHINESE(places_may_change),
        CHINESE(what_has_no_translation),
        CHINESE(a_long_sentence_stays_utf8),
        CHINESE(warnings_are_in_both),
        OF_FILE(a_file_that_is_cut_is_not_taken),
        OF_FILE(a_file_that_lies_is_safe),
        CHINESE(english_is_chosen),
        ENGLISH(a_language_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, find_chinese, NULL);
}
