#include "proto/formats/ninjs_schema.h"

#include <errno.h>
#include <string.h>

struct check {
    char path[256]; /* of the property that is looked at */
    unsigned families;
    struct fault *fault;
};

static int check_object(struct check *c, const json_t *object, const struct shape *shape);

/* Adds to the path and returns its length before, for leave. */
static size_t enter(struct check *c, const char *name, size_t index) {
    size_t before = strlen(c->path), room = sizeof c->path - before;
    if (name != NULL)
        snprintf(c->path + before, room, "%s%s", before == 0 ? "" : ".", name);
    else
        snprintf(c->path + before, room, "[%zu]", index);
    return before;
}

static void leave(struct check *c, size_t before) {
    c->path[before] = '\0';
}

__attribute__((format(printf, 2, 3))) static int refuse(struct check *c, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fault_set_va(c->fault, c->path, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

static bool is_named(const struct property *p, const char *name) {
    size_t len = strcspn(p->name, "*");
    if (p->name[len] == '\0')
        return strcmp(p->name, name) == 0;
    const char c = strncmp(p->name, name, len) == 0 ? name[len] : '\0';
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

static bool has_word(const char *words, const char *word) {
    size_t len = strlen(word);
    for (const char *p = words; *p != '\0'; p += strcspn(p, "|") + 1)
        if (len > 0 && strncmp(p, word, len) == 0 && p[len] == '|')
            return true;
    return false;
}

/* Whether a text fits a pattern as far as it goes: d is a digit. */
static size_t match(const char *text, const char *pattern) {
    size_t n = 0;
    while (pattern[n] != '\0' && text[n] != '\0' &&
           (pattern[n] == 'd' ? text[n] >= '0' && text[n] <= '9' : text[n] == pattern[n]))
        n++;
    return n;
}

/* A year, or more of a date and time; a zone at the end. */
static bool is_cut_date(const char *text) {
    size_t n = match(text, "dddd-dd-ddTdd:dd:dd");
    if (n < sizeof "dddd-dd-ddTdd:dd:dd" - 1)
        return text[n] == '\0' && (n == 4 || n == 7 || n == 10);
    text += n;
    if (*text == '.' && strspn(text + 1, "0123456789") > 0)
        text += 1 + strspn(text + 1, "0123456789");
    return *text == '\0' || strcmp(text, "Z") == 0 ||
           ((*text == '+' || *text == '-') && match(text + 1, "dd:dd") == 5 && text[6] == '\0');
}

static bool is_of_type(const struct property *p, const json_t *value) {
    switch (p->type) {
    case TEXT:
    case WORD:
    case DATE: return json_is_string(value);
    case NUMBER:
    case INTEGER: return json_is_number(value);
    case OBJECT:
    case MAP: return json_is_object(value);
    case LIST: return json_is_array(value);
    }
    return false;
}

static int refuse_type(struct check *c, enum property_type type) {
    switch (type) {
    case NUMBER:
    case INTEGER: return refuse(c, "is no number");
    case OBJECT:
    case MAP: return refuse(c, "is no object");
    case LIST: return refuse(c, "is no array");
    default: return refuse(c, "is no string");
    }
}

static int check_number(struct check *c, const struct property *p, const json_t *value) {
    double number = json_number_value(value);
    bool whole = number > -1e15 && number < 1e15 && number == (double)(int64_t)number;
    if (p->type == INTEGER && !whole)
        return refuse(c, "is no whole number");
    if (p->most == 0 || (number >= p->least && number <= p->most))
        return 0;
    return refuse(c, "is not from %d to %d", p->least, p->most);
}

static int check_list(struct check *c, const struct property *p, const json_t *value) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < json_array_size(value); i++) {
        const json_t *element = json_array_get(value, i);
        size_t before = enter(c, NULL, i);
        if (p->shape != NULL)
            r = check_object(c, element, p->shape);
        else if (!json_is_string(element))
            r = refuse(c, "is no string");
        leave(c, before);
    }
    return r;
}

static int check_map(struct check *c, const struct property *p, const json_t *value) {
    const char *name;
    json_t *member;
    int r = 0;
    json_object_foreach((json_t *)value, name, member) {
        size_t before = enter(c, name, 0);
        r = check_object(c, member, p->shape);
        leave(c, before);
        if (r < 0)
            return r;
    }
    return r;
}

static int check_value(struct check *c, const struct property *p, const json_t *value) {
    switch (p->type) {
    case WORD:
        if (has_word(p->words, json_string_value(value)))
            return 0;
        return refuse(c, "'%.40s' is none of %.*s", json_string_value(value),
                      (int)strlen(p->words) - 1, p->words);
    case DATE: return is_cut_date(json_string_value(value)) ? 0 : refuse(c, "is no date");
    case NUMBER:
    case INTEGER: return check_number(c, p, value);
    case OBJECT: return check_object(c, value, p->shape);
    case MAP: return check_map(c, p, value);
    case LIST: return check_list(c, p, value);
    default: return 0;
    }
}

/* Finds what the tables say of a property: of those of its name one that has the
 * value's type and a family that is still possible. */
static const struct property *find(struct check *c, const struct property *table, const char *name,
                                   const json_t *value, const struct property **ret_near) {
    for (const struct property *p = table; p->name != NULL; p++) {
        if (*p->name != *name || !is_named(p, name))
            continue;
        if ((p->families & c->families) != 0 && is_of_type(p, value))
            return p;
        if (*ret_near == NULL || (p->families & c->families) != 0)
            *ret_near = p;
    }
    return NULL;
}

static int check_member(struct check *c, const struct shape *shape, const char *name,
                        const json_t *value) {
    const struct property *near = NULL, *p = find(c, shape->properties, name, value, &near);
    if (p == NULL && shape->also != NULL)
        p = find(c, shape->also, name, value, &near);
    if (p != NULL) {
        c->families &= p->families;
        return check_value(c, p, value);
    }
    if (near == NULL)
        return shape->open ? 0 : refuse(c, "is no property of ninjs in this place");
    return (near->families & c->families) == 0
               ? refuse(c, "is of another version of ninjs than the properties before it")
               : refuse_type(c, near->type);
}

static bool has_one(const json_t *object, const char *const pair[2]) {
    return pair[0] != NULL &&
           (json_object_get(object, pair[0]) != NULL) != (json_object_get(object, pair[1]) != NULL);
}

static int check_either(struct check *c, const json_t *object, const struct shape *shape) {
    if (shape->either[0] == NULL || has_one(object, shape->either) ||
        has_one(object, shape->either + 2))
        return 0;
    return refuse(c, "has not exactly one of %s and %s", shape->either[0], shape->either[1]);
}

static int check_object(struct check *c, const json_t *object, const struct shape *shape) {
    const char *name;
    json_t *value;
    int r = 0;
    if (!json_is_object(object))
        return refuse(c, "is no object");
    json_object_foreach((json_t *)object, name, value) {
        size_t before = enter(c, name, 0);
        r = check_member(c, shape, name, value);
        leave(c, before);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < 2 && shape->required[i] != NULL; i++)
        if (json_object_get(object, shape->required[i]) == NULL) {
            enter(c, shape->required[i], 0);
            return refuse(c, "is missing");
        }
    return check_either(c, object, shape);
}

int ninjs_check(const json_t *value, struct fault *ret_fault) {
    struct check c = {.families = NINJS_1 | NINJS_2 | NINJS_3, .fault = ret_fault};
    return check_object(&c, value, &ninjs_item);
}
