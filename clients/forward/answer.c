#include "clients/forward/answer.h"

#include "proto/codec.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes a step of the path off its front: .name or [number]. False when it is none. */
static bool take_step(const char **path, char *ret_name, size_t size, long *ret_index) {
    const char *p = *path;
    char *end;
    *ret_index = -1;
    if (*p == '[') {
        *ret_index = strtol(p + 1, &end, 10);
        *path = end + 1;
        return isdigit((unsigned char)p[1]) && *end == ']';
    }
    size_t len = *p == '.' ? strcspn(p + 1, ".[ =!") : 0;
    if (len == 0 || len >= size)
        return false;
    memcpy(ret_name, p + 1, len);
    ret_name[len] = '\0';
    *path = p + 1 + len;
    return true;
}

/* What stands at the path's front part, up to a blank or operator; *path is behind it. */
static bool follow_path(json_t *value, const char **path, json_t **ret) {
    char name[128];
    long index;
    if (**path != '$')
        return false;
    ++*path;
    while (**path == '.' || **path == '[') {
        if (!take_step(path, name, sizeof name, &index))
            return false;
        value = index >= 0 ? json_array_get(value, (size_t)index) : json_object_get(value, name);
    }
    *ret = value;
    return true;
}

bool answer_path_valid(const char *path) {
    json_t *value;
    return follow_path(NULL, &path, &value) && *path == '\0';
}

/* Splits "$.errcode == 0". *ret_wanted: a new reference. */
static bool read_test(json_t *answer, const char *test, json_t **ret_found, bool *ret_equal,
                      json_t **ret_wanted) {
    if (!follow_path(answer, &test, ret_found))
        return false;
    test += strspn(test, " ");
    if ((test[0] != '=' && test[0] != '!') || test[1] != '=')
        return false;
    *ret_equal = test[0] == '=';
    *ret_wanted = json_loads(test + 2, JSON_DECODE_ANY, NULL);
    return *ret_wanted != NULL;
}

bool answer_test_valid(const char *test) {
    json_t *found, *wanted = NULL;
    bool equal, valid = read_test(NULL, test, &found, &equal, &wanted);
    json_decref(wanted);
    return valid;
}

bool answer_passes(json_t *answer, const char *test) {
    json_t *found, *wanted = NULL;
    bool equal, same;
    if (!read_test(answer, test, &found, &equal, &wanted))
        return false;
    if (found == NULL)
        same = json_is_null(wanted);
    else if (json_is_number(found) && json_is_number(wanted))
        same = json_number_value(found) == json_number_value(wanted);
    else
        same = json_equal(found, wanted) == 1;
    json_decref(wanted);
    return same == equal;
}

bool answer_text(json_t *answer, const char *path, char *ret, size_t size) {
    json_t *found;
    if (!follow_path(answer, &path, &found) || found == NULL)
        return false;
    if (json_is_string(found)) {
        snprintf(ret, size, "%s", json_string_value(found));
        codec_mend_utf8(ret); /* it may be cut within a character */
    } else if (json_is_integer(found))
        snprintf(ret, size, "%lld", (long long)json_integer_value(found));
    else if (json_is_real(found))
        snprintf(ret, size, "%.17g", json_real_value(found));
    else
        return false;
    return true;
}
