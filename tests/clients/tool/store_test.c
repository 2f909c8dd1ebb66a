#include "clients/tool/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[128];

static const char *const first_steps[] = {
    "CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)", NULL};
static const char *const second_steps[] = {
    "CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    "ALTER TABLE word ADD COLUMN len INTEGER; UPDATE word SET len = length(text)", NULL};
static const char *const bad_steps[] = {
    "CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    "CREATE TABLE other (id INTEGER); CREATE TABLE word (id INTEGER)", NULL};
static const struct store_schema first = {77, first_steps, "dictionary"},
                                 second = {77, second_steps, "dictionary"},
                                 bad = {77, bad_steps, "dictionary"},
                                 foreign = {78, first_steps, "archive"};

static int set_up(void **state) {
    (void)state;
    strcpy(folder, "/tmp/newswire-store-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/deeper/file.db", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void add_word(struct store *s, const char *word) {
    sqlite3_stmt *insert = store_prepare(s, "INSERT INTO word (text) VALUES (?)");
    assert_non_null(insert);
    store_bind_string(insert, 1, word);
    assert_int_equal(store_run(s, insert), 0);
}

static void makes_the_file_and_its_folder(void **state) {
    (void)state;
    struct store s;
    assert_int_equal(store_open(&s, path, &first, STORE_CREATE), 0);
    add_word(&s, "wire");
    store_close(&s);
    assert_int_equal(store_open(&s, path, &first, STORE_READ), 0);
    sqlite3_stmt *all = store_prepare(&s, "SELECT text FROM word");
    assert_int_equal(store_step(&s, all), 1);
    assert_string_equal(store_column_string(all, 0), "wire");
    assert_int_equal(store_step(&s, all), 0);
    store_close(&s);
}

static void brings_an_older_file_up(void **state) {
    (void)state;
    struct store s;
    assert_int_equal(store_open(&s, path, &first, STORE_CREATE), 0);
    add_word(&s, "wire");
    store_close(&s);
    assert_int_equal(store_open(&s, path, &second, STORE_READ), -EINVAL);
    assert_non_null(strstr(s.trouble, "older"));
    store_close(&s);
    assert_int_equal(store_open(&s, path, &second, STORE_WRITE), 0);
    sqlite3_stmt *len = store_prepare(&s, "SELECT len FROM word");
    assert_int_equal(store_step(&s, len), 1);
    assert_int_equal(sqlite3_column_int(len, 0), 4);
    store_close(&s);
    assert_int_equal(store_open(&s, path, &first, STORE_WRITE), -EINVAL);
    assert_non_null(strstr(s.trouble, "newer"));
    store_close(&s);
}

static void a_step_that_fails_changes_nothing(void **state) {
    (void)state;
    struct store s;
    assert_int_equal(store_open(&s, path, &first, STORE_CREATE), 0);
    store_close(&s);
    assert_int_equal(store_open(&s, path, &bad, STORE_WRITE), -EIO);
    store_close(&s);
    assert_int_equal(store_open(&s, path, &first, STORE_WRITE), 0);
    assert_null(store_prepare(&s, "SELECT * FROM other"));
    assert_non_null(strstr(s.trouble, "other"));
    store_close(&s);
}

static void leaves_the_files_of_others_alone(void **state) {
    (void)state;
    struct store s;
    assert_int_equal(store_open(&s, path, &first, STORE_CREATE), 0);
    store_close(&s);
    assert_int_equal(store_open(&s, path, &foreign, STORE_CREATE), -EINVAL);
    assert_non_null(strstr(s.trouble, "no archive"));
    store_close(&s);
    snprintf(path, sizeof path, "%s/none.db", folder);
    assert_int_equal(store_open(&s, path, &first, STORE_WRITE), -ENOENT);
    assert_non_null(strstr(s.trouble, "none.db"));
    store_close(&s);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 200; i++)
        fputs("this is no database, as one sees\n", f);
    fclose(f);
    assert_int_equal(store_open(&s, path, &first, STORE_CREATE), -EIO);
    store_close(&s);
}

static void others_read_while_one_writes(void **state) {
    (void)state;
    struct store writer, reader;
    assert_int_equal(store_open(&writer, path, &first, STORE_CREATE), 0);
    add_word(&writer, "old");
    assert_int_equal(store_open(&reader, path, &first, STORE_READ), 0);
    assert_int_equal(store_exec(&writer, "BEGIN IMMEDIATE"), 0);
    add_word(&writer, "new");
    sqlite3_stmt *count = store_prepare(&reader, "SELECT count(*) FROM word");
    assert_int_equal(store_step(&reader, count), 1);
    assert_int_equal(sqlite3_column_int(count, 0), 1);
    assert_int_equal(store_step(&reader, count), 0);
    assert_int_equal(store_exec(&writer, "COMMIT"), 0);
    assert_int_equal(store_step(&reader, count), 1);
    assert_int_equal(sqlite3_column_int(count, 0), 2);
    store_close(&reader);
    store_close(&writer);
}

static void an_error_names_statement_and_cause(void **state) {
    (void)state;
    struct store s;
    assert_int_equal(store_open(&s, path, &first, STORE_CREATE), 0);
    add_word(&s, "once");
    sqlite3_stmt *insert = store_prepare(&s, "INSERT INTO word (text) VALUES ('once')");
    assert_int_equal(store_run(&s, insert), -EIO);
    assert_non_null(strstr(s.trouble, "UNIQUE"));
    assert_non_null(strstr(s.trouble, "INSERT INTO word"));
    store_close(&s);
}

/* FTS5 keeps statements of its own on the connection, and ends them itself. */
static void a_virtual_table_outlives_no_store(void **state) {
    (void)state;
    static const char *const steps[] = {"CREATE VIRTUAL TABLE text USING fts5 (body)", NULL};
    static const struct store_schema schema = {79, steps, "index"};
    struct store s;
    assert_int_equal(store_open(&s, path, &schema, STORE_CREATE), 0);
    sqlite3_stmt *add = store_prepare(&s, "INSERT INTO text (body) VALUES ('wire')");
    assert_int_equal(store_run(&s, add), 0);
    sqlite3_stmt *find = store_prepare(&s, "SELECT rowid FROM text WHERE text MATCH 'wire'");
    assert_int_equal(store_step(&s, find), 1);
    store_finalize(&s, find);
    store_close(&s);
    assert_int_equal(store_open(&s, path, &schema, STORE_READ), 0);
    store_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_virtual_table_outlives_no_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(makes_the_file_and_its_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(brings_an_older_file_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_step_that_fails_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_the_files_of_others_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_read_while_one_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_error_names_statement_and_cause, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
