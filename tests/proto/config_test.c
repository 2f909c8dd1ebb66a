#include "proto/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct thing {
    const char *key;
    struct text_list labels;
    uint64_t size;
};

struct values {
    char *name;
    char *path;
    struct text_list endpoints;
    bool on;
    uint64_t count, bytes, time;
    int choice;
    struct thing *things[4];
    size_t n_things;
};

static const char *const colours[] = {"red", "green", NULL};

static const struct config_key main_keys[] = {
    {.name = "name",
     .type = CONFIG_STRING,
     .offset = offsetof(struct values, name),
     .help = "A name."},
    {.name = "path",
     .type = CONFIG_PATH,
     .offset = offsetof(struct values, path),
     .fallback = "/tmp"},
    {.name = "bind",
     .type = CONFIG_WORDS,
     .offset = offsetof(struct values, endpoints),
     .fallback = "tcp://127.0.0.1:1",
     .help = "Endpoints, apart by spaces."},
    {.name = "on", .type = CONFIG_BOOL, .offset = offsetof(struct values, on), .fallback = "yes"},
    {.name = "count",
     .type = CONFIG_UINT,
     .offset = offsetof(struct values, count),
     .min = 2,
     .max = 10,
     .fallback = "3"},
    {.name = "bytes",
     .type = CONFIG_BYTES,
     .offset = offsetof(struct values, bytes),
     .fallback = "64M"},
    {.name = "time",
     .type = CONFIG_TIME,
     .offset = offsetof(struct values, time),
     .fallback = "2s"},
    {.name = "choice",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct values, choice),
     .choices = colours,
     .fallback = "green"},
    {0},
};

static const struct config_key thing_keys[] = {
    {.name = "labels",
     .type = CONFIG_LIST,
     .offset = offsetof(struct thing, labels),
     .fallback = "时政简讯 | In brief"},
    {.name = "size",
     .type = CONFIG_BYTES,
     .offset = offsetof(struct thing, size),
     .fallback = "1K"},
    {0},
};

static void *new_thing(struct arena *a, void *destination, const char *instance) {
    struct values *v = destination;
    struct thing *t = arena_alloc(a, sizeof *t);
    if (t == NULL || v->n_things == 4 || config_section_defaults(a, thing_keys, t) < 0)
        return NULL;
    t->key = instance;
    return v->things[v->n_things++] = t;
}

static bool plain_name(const char *instance) {
    return strchr(instance, ' ') == NULL;
}

static const struct config_section main_section = {
    .name = "main", .keys = main_keys, .help = "The main section."};
static const struct config_section thing_section = {
    .name = "thing", .keys = thing_keys, .instance = new_thing, .instance_valid = plain_name};
static const struct config_section *const table[] = {&main_section, &thing_section, NULL};

static char folder[] = "/tmp/newswire-config-XXXXXX";
static char file[sizeof folder + 16];

static void write_text(const char *path, const char *text) {
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

struct outcome {
    struct arena *arena;
    struct values values;
    int result;
    char fault[800];
};

static void read_text(struct outcome *o, const char *text, enum config_flags flags) {
    struct config_fault fault;
    *o = (struct outcome){.arena = arena_new(1 << 20)};
    write_text(file, text);
    assert_int_equal(config_defaults(o->arena, table, &o->values), 0);
    o->result = config_read(o->arena, table, &o->values, file, flags, &fault);
    config_fault_text(&fault, o->fault, sizeof o->fault);
}

static void defaults_hold(void **state) {
    (void)state;
    struct outcome o;
    read_text(&o, "", CONFIG_ONLY_KNOWN);
    assert_int_equal(o.result, 0);
    assert_string_equal(o.values.name, "");
    assert_string_equal(o.values.path, "/tmp");
    assert_int_equal(o.values.endpoints.n, 1);
    assert_true(o.values.on);
    assert_int_equal(o.values.count, 3);
    assert_int_equal(o.values.bytes, 64 << 20);
    assert_int_equal(o.values.time, 2000000);
    assert_int_equal(o.values.choice, 1);
    arena_free(o.arena);
}

static void every_type_is_read(void **state) {
    (void)state;
    struct outcome o;
    read_text(&o,
              "; a comment\n[main]\nname = 青禾 wire\npath=/var/x\nbind = a  b\n\tc\non = off\n"
              "count = 10\nbytes = 3 G\ntime = 5min\nchoice = RED\n"
              "[thing \"briefs\"]\nlabels = 简讯 | News in Brief |\n  要闻速览\n[thing \"bare\"]\n",
              CONFIG_ONLY_KNOWN);
    assert_string_equal(o.fault, ": ");
    assert_int_equal(o.result, 0);
    assert_string_equal(o.values.name, "青禾 wire");
    assert_int_equal(o.values.endpoints.n, 3);
    assert_string_equal(o.values.endpoints.items[2], "c");
    assert_false(o.values.on);
    assert_int_equal(o.values.count, 10);
    assert_true(o.values.bytes == 3ULL << 30);
    assert_int_equal(o.values.time, 300 * 1000000);
    assert_int_equal(o.values.choice, 0);
    assert_int_equal(o.values.n_things, 2);
    assert_string_equal(o.values.things[0]->key, "briefs");
    assert_int_equal(o.values.things[0]->labels.n, 3);
    assert_string_equal(o.values.things[0]->labels.items[1], "News in Brief");
    assert_string_equal(o.values.things[0]->labels.items[2], "要闻速览");
    assert_string_equal(o.values.things[1]->key, "bare");
    assert_int_equal(o.values.things[1]->labels.n, 2);
    assert_int_equal(o.values.things[1]->size, 1024);
    arena_free(o.arena);
}

static void faults_name_file_line_and_key(void **state) {
    (void)state;
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"[main]\nnmae = x\n", ":2: [main] nmae: there is no such key"},
        {"[mian]\n", ":1: [mian]: there is no such section"},
        {"[main]\n\ncount = 11\n", ":3: [main] count: '11' is above the greatest value"},
        {"[main]\ncount = 1\n", ":2: [main] count: '1' is below the least value"},
        {"[main]\ncount = -4\n", ":2: [main] count: '-4' is no number"},
        {"[main]\ntime = 3 weeks\n",
         ":2: [main] time: '3 weeks' wants a unit: us, ms, s, min, h or d"},
        {"[main]\nbytes = 99999999999T\n", ":2: [main] bytes: '99999999999T' is too large"},
        {"[main]\non = maybe\n", ":2: [main] on: 'maybe' is neither yes nor no"},
        {"[main]\nchoice = blue\n",
         ":2: [main] choice: 'blue' is none of the values that it can have"},
        {"[main]\npath = x/y\n", ":2: [main] path: 'x/y' is no absolute path"},
        {"name = x\n", ":1: name: stands before the first [section]"},
        {"[main]\nwhat is this\n", ":2: [main]: is neither [section] nor key = value"},
        {"[main \"x\"]\n", ":1: [main \"x\"]: this section takes no name in quotes"},
        {"[thing]\n", ":1: [thing]: this section wants a name in quotes, as in [thing \"name\"]"},
        {"[thing \"a b\"]\n", ":1: [thing \"a b\"]: the name in quotes can't be used"},
        {"[thing \"a]\n", ":1: [thing \"a]: a section is written [name] or [name \"instance\"]"},
        {"[main]\nname = \xff\xfe\n", ":2: [main] name: is not valid UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome o;
        char expected[800];
        read_text(&o, cases[i].text, CONFIG_ONLY_KNOWN);
        snprintf(expected, sizeof expected, "%s%s", file, cases[i].fault);
        assert_string_equal(o.fault, expected);
        assert_int_equal(o.result, -EINVAL);
        arena_free(o.arena);
    }
}

static void a_long_line_is_refused_not_cut(void **state) {
    (void)state;
    struct outcome o;
    char text[600] = "[main]\nname = ";
    memset(text + strlen(text), 'x', 400);
    read_text(&o, text, CONFIG_ONLY_KNOWN);
    assert_int_equal(o.result, -EINVAL);
    assert_non_null(strstr(o.fault, ":2: [main]: the line is longer than"));
    arena_free(o.arena);
}

static void other_sections_can_be_passed_over(void **state) {
    (void)state;
    struct outcome o;
    read_text(&o, "[other]\nx = y\n[other \"z\"]\n[main]\ncount = 4\n", CONFIG_OTHER_SECTIONS);
    assert_int_equal(o.result, 0);
    assert_int_equal(o.values.count, 4);
    arena_free(o.arena);
    read_text(&o, "[other]\nx = y\n[main]\ncuont = 4\n", CONFIG_OTHER_SECTIONS);
    assert_int_equal(o.result, -EINVAL);
    arena_free(o.arena);
}

static void drop_ins_come_later_in_name_order(void **state) {
    (void)state;
    char path[sizeof folder + 32];
    snprintf(path, sizeof path, "%s/conf.d", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/conf.d/20-b.conf", folder);
    write_text(path, "[main]\nname = b\n[thing \"x\"]\nsize = 7K\n");
    snprintf(path, sizeof path, "%s/conf.d/10-a.conf", folder);
    write_text(path, "[main]\nname = a\ncount = 5\n");
    snprintf(path, sizeof path, "%s/conf.d/30-c.conf~", folder);
    write_text(path, "nonsense");
    struct outcome o;
    read_text(&o, "[main]\nname = z\n[thing \"x\"]\nlabels = one\n", CONFIG_ONLY_KNOWN);
    assert_int_equal(o.result, 0);
    assert_string_equal(o.values.name, "b");
    assert_int_equal(o.values.count, 5);
    assert_int_equal(o.values.n_things, 1);
    assert_int_equal(o.values.things[0]->labels.n, 1);
    assert_int_equal(o.values.things[0]->size, 7 << 10);
    arena_free(o.arena);
    snprintf(path, sizeof path, "%s/conf.d/20-b.conf", folder);
    write_text(path, "[main]\nname = b\noops = 1\n");
    read_text(&o, "", CONFIG_ONLY_KNOWN);
    assert_non_null(strstr(o.fault, "conf.d/20-b.conf:3: [main] oops"));
    arena_free(o.arena);
}

static void a_missing_file_is_named(void **state) {
    (void)state;
    struct arena *a = arena_new(1 << 20);
    struct values v = {0};
    struct config_fault fault;
    char text[800];
    assert_int_equal(config_read(a, table, &v, "/nonexistent/n.conf", 0, &fault), -ENOENT);
    assert_string_equal(config_fault_text(&fault, text, sizeof text),
                        "/nonexistent/n.conf: can't be opened: No such file or directory");
    arena_free(a);
}

/* The sample, with its comment marks before keys taken away, gives the defaults. */
static void the_sample_holds_the_defaults(void **state) {
    (void)state;
    char *text = NULL, plain[4096];
    size_t size = 0, n = 0;
    FILE *f = open_memstream(&text, &size);
    assert_int_equal(config_write_sample(table, f), 0);
    fclose(f);
    for (size_t i = 0; i < size; i++)
        if (text[i] != '#' || text[i + 1] == ' ')
            plain[n++] = text[i];
    plain[n] = '\0';
    assert_non_null(strstr(text, "# Endpoints, apart by spaces.\n#bind = tcp://127.0.0.1:1\n"));
    struct outcome o;
    read_text(&o, plain, CONFIG_ONLY_KNOWN);
    assert_string_equal(o.fault, ": ");
    assert_int_equal(o.values.bytes, 64 << 20);
    assert_int_equal(o.values.n_things, 1);
    assert_string_equal(o.values.things[0]->labels.items[0], "时政简讯");
    arena_free(o.arena);
    free(text);
}

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(file, sizeof file, "%s/n.conf", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold),
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(faults_name_file_line_and_key),
        cmocka_unit_test(a_long_line_is_refused_not_cut),
        cmocka_unit_test(other_sections_can_be_passed_over),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(the_sample_holds_the_defaults),
        cmocka_unit_test(drop_ins_come_later_in_name_order),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
