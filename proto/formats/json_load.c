#include "proto/formats/json_load.h"

#include "proto/translation.h"

#include <errno.h>

enum {
    /* A value takes jansson up to some 300 bytes; a feed of some hundred stories
     * has some ten thousand. */
    JSON_VALUES = 200000,
    JSON_DEPTH = 64,
};

static struct slice skip_start(struct slice s) {
    if (s.len >= 3 && memcmp(s.data, "\xef\xbb\xbf", 3) == 0)
        s = (struct slice){s.data + 3, s.len - 3};
    while (s.len > 0 && memchr(" \t\r\n", *s.data, 4) != NULL)
        s = (struct slice){s.data + 1, s.len - 1};
    return s;
}

/* Where the string ends that starts at from: behind its closing quote. */
static size_t string_end(struct slice s, size_t from) {
    for (size_t i = from;;) {
        const uint8_t *quote = memchr(s.data + i, '"', s.len - i);
        if (quote == NULL)
            return s.len;
        size_t end = (size_t)(quote - s.data), slashes = 0;
        while (end - slashes > i && s.data[end - slashes - 1] == '\\')
            slashes++;
        if (slashes % 2 == 0)
            return end + 1;
        i = end + 1;
    }
}

/* Counts what makes values, without regard to whether it is sound JSON. */
static const char *bound(struct slice s) {
    size_t values = 0, depth = 0;
    for (size_t i = 0; i < s.len;) {
        switch (s.data[i++]) {
        case '"': i = string_end(s, i); break;
        case '[':
        case '{':
            values++;
            if (++depth > JSON_DEPTH)
                return N_("its values are nested too deep");
            break;
        case ']':
        case '}': depth -= depth > 0; break;
        case ',': values++; break;
        default: break;
        }
        if (values > JSON_VALUES)
            return N_("it has too many values");
    }
    return NULL;
}

int json_load_object(struct slice bytes, json_t **ret, struct parse_fault *ret_fault) {
    json_error_t error;
    bool mark = bytes.len >= 3 && memcmp(bytes.data, "\xef\xbb\xbf", 3) == 0;
    struct slice s = {bytes.data + (mark ? 3 : 0), bytes.len - (mark ? 3 : 0)};
    *ret = NULL;
    *ret_fault = (struct parse_fault){0};
    const char *why = bound(s);
    if (why != NULL)
        return fault_say(&ret_fault->fault, "", why);
    json_t *value = json_loadb((const char *)s.data, s.len, JSON_REJECT_DUPLICATES, &error);
    if (value == NULL && json_error_code(&error) == json_error_out_of_memory)
        return -ENOMEM;
    if (value == NULL) {
        ret_fault->line = error.line > 0 ? (size_t)error.line : 0;
        fault_set(&ret_fault->fault, "", "is no well-formed JSON: %s", error.text);
        return -EINVAL;
    }
    if (!json_is_object(value)) {
        json_decref(value);
        return fault_set(&ret_fault->fault, "", "is no JSON object");
    }
    *ret = value;
    return 0;
}

bool json_begins_object(struct slice bytes) {
    struct slice s = skip_start(bytes);
    return s.len > 0 && *s.data == '{';
}

bool json_says_feed(struct slice bytes) {
    static const char address[] = "\"https://jsonfeed.org/version/", name[] = "\"version\"";
    const uint8_t *p =
        bytes.len == 0 ? NULL : memmem(bytes.data, bytes.len, address, sizeof address - 1);
    if (p == NULL || !json_begins_object(bytes))
        return false;
    while (p > bytes.data && memchr(" \t\r\n:", p[-1], 5) != NULL)
        p--;
    size_t len = sizeof name - 1;
    return (size_t)(p - bytes.data) > len && memcmp(p - len, name, len) == 0;
}

const char *json_member_string(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

char *json_line(struct arena *a, const char *text) {
    static const char spaces[] = " \t\r\n\v\f";
    text += strspn(text, spaces);
    char *line = arena_strndup(a, text, strlen(text)), *out = line;
    for (char *p = line; p != NULL && *p != '\0';) {
        size_t len = strcspn(p, spaces), gap = strspn(p + len, spaces);
        bool broken = gap > 0 && (strcspn(p + len, "\t\r\n\v\f") < gap);
        memmove(out, p, len + gap);
        out += len + gap;
        p += len + gap;
        if (broken || *p == '\0') {
            out -= gap;
            if (*p != '\0')
                *out++ = ' ';
        }
    }
    if (line != NULL)
        *out = '\0';
    return line;
}
