/* The manifest of a backup: what is written is read, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct arena *arena;

static int setup(void **state) {
    (void)state;
    arena = arena_new(1 << 20);
    return arena == NULL;
}

static int teardown(void **state) {
    (void)state;
    arena = arena_free(arena);
    return 0;
}

static char *text_of(const struct manifest *m) {
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    assert_int_equal(manifest_write(m, out), 0);
    assert_int_equal(fclose(out), 0);
    return text;
}

static char *two_files(void) {
    struct manifest_file files[] = {{.name = "view"}, {.name = "00000000000000000001.log"}};
    struct manifest m = {.epoch = UINT64_MAX,
                         .head = 5000,
                         .entries = 4998,
                         .bytes = 1834567,
                         .files = files,
                         .n = 2};
    for (size_t i = 0; i < MANIFEST_DIGEST_BYTES; i++)
        files[1].digest[i] = (uint8_t)(255 - i);
    return text_of(&m);
}

static void what_is_written_is_read(void **state) {
    (void)state;
    struct manifest m;
    struct fault f;
    char *text = two_files();
    assert_int_equal(manifest_read(arena, slice_of(text), &m, &f), 0);
    assert_true(m.epoch == UINT64_MAX);
    assert_int_equal(m.head, 5000);
    assert_int_equal(m.entries, 4998);
    assert_int_equal(m.bytes, 1834567);
    assert_int_equal(m.n, 2);
    assert_string_equal(m.files[1].name, "00000000000000000001.log");
    assert_int_equal(m.files[1].digest[3], 252);
    char *again = text_of(&m);
    assert_string_equal(text, again);
    free(again);
    free(text);
}

/* A text with a piece of it replaced is refused, for this reason. */
static void refused(const char *piece, const char *by, const char *why) {
    struct manifest m;
    struct fault f;
    char *text = two_files(), other[1000];
    char *at = strstr(text, piece);
    assert_non_null(at);
    snprintf(other, sizeof other, "%.*s%s%s", (int)(at - text), text, by, at + strlen(piece));
    assert_int_equal(manifest_read(arena, slice_of(other), &m, &f), -EBADMSG);
    if (strstr(f.reason, why) == NULL)
        fail_msg("'%s' is not in '%s'", why, f.reason);
    free(text);
}

static void what_is_none_is_refused(void **state) {
    (void)state;
    refused("# newswire backup, format 1", "# newswire backup, format 2", "use a newer newswired");
    refused("# newswire backup, format 1", "# something else", "damaged");
    refused("# files 2", "# files 3", "damaged");
    refused("# files 2", "# files 1", "damaged");
    refused("# files 2", "# files 99999999999", "damaged");
    refused("# head", "# heads", "damaged");
    refused("# entries 4998\n", "", "damaged");
    refused("fffe", "FFFE", "damaged");
    refused("fffe", "fff", "damaged");
    refused("  view", "  ../view", "damaged");
    refused("  view", "  /view", "damaged");
    refused("  view", "  .view", "damaged");
    refused("  view\n", "  view", "damaged");
    refused("  view", "  0123456789012345678901234567890123456789012345678901234567890", "damaged");
}

static void names(void **state) {
    (void)state;
    static const char *const good[] = {"view", "format", "1.identities",
                                       "00000000000000000001.log"};
    static const char *const bad[] = {"", ".", "..", ".view", "a/b", "/a", "A", "a b", "a\n"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(manifest_name_ok(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(manifest_name_ok(bad[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
