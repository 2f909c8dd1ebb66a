#include "clients/ctl/ctl.h"

#include "clients/tool/words.h"

#include <stdio.h>

long long ctl_number(const json_t *object, const char *key) {
    return (long long)json_integer_value(json_object_get(object, key));
}

const char *ctl_text(const json_t *object, const char *key) {
    return words_text(json_string_value(json_object_get(object, key)));
}

void ctl_print_json(const json_t *value, size_t flags) {
    json_dumpf(value, stdout, flags | JSON_ENCODE_ANY);
    putchar('\n');
}
