#include "proto/formats/json_put.h"

#include <stdio.h>

void json_put_init(struct json_put *p, struct arena *a, size_t size) {
    *p = (struct json_put){.arena = a, .size = size, .data = arena_alloc(a, size)};
    p->failed = p->data == NULL;
}

/* Makes room for n more bytes. */
static bool reserve(struct json_put *p, size_t n) {
    if (p->failed || p->size - p->len >= n)
        return !p->failed;
    size_t size = (p->len + n) * 2;
    char *grown = arena_alloc(p->arena, size);
    if (grown == NULL) {
        p->failed = true;
        return false;
    }
    memcpy(grown, p->data, p->len);
    p->data = grown;
    p->size = size;
    return true;
}

static void put(struct json_put *p, const char *bytes, size_t len) {
    if (!reserve(p, len))
        return;
    memcpy(p->data + p->len, bytes, len);
    p->len += len;
}

/* What can't stand in a string as it is. */
static const uint8_t special[256] = {[0 ... 31] = 1, ['"'] = 1, ['\\'] = 1, [0x7f] = 1};

static void put_escape(struct json_put *p, uint8_t c) {
    char escape[sizeof "\\u0000"];
    if (c == '"' || c == '\\')
        snprintf(escape, sizeof escape, "\\%c", c);
    else if (c == '\n')
        snprintf(escape, sizeof escape, "\\n");
    else
        snprintf(escape, sizeof escape, "\\u%04x", c);
    put(p, escape, strlen(escape));
}

static void put_escaped(struct json_put *p, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        size_t start = i;
        while (i < text.len && !special[text.data[i]])
            i++;
        put(p, (const char *)text.data + start, i - start);
        if (i < text.len)
            put_escape(p, text.data[i]);
    }
}

static void put_name(struct json_put *p, const char *name) {
    char last = p->len == 0 ? '{' : p->data[p->len - 1];
    if (!p->failed && last != '{' && last != '[')
        put(p, ",", 1);
    if (name == NULL)
        return;
    size_t len = strlen(name);
    if (!reserve(p, len + 3))
        return;
    char *out = p->data + p->len;
    *out++ = '"';
    for (size_t i = 0; i < len; i++)
        *out++ = (char)(p->small && name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
    *out++ = '"';
    *out++ = ':';
    p->len += len + 3;
}

void json_put_open(struct json_put *p, const char *name, char bracket) {
    put_name(p, name);
    put(p, &bracket, 1);
}

void json_put_close(struct json_put *p, char bracket) {
    put(p, &bracket, 1);
}

void json_put_slice(struct json_put *p, const char *name, struct slice text) {
    put_name(p, name);
    put(p, "\"", 1);
    put_escaped(p, text);
    put(p, "\"", 1);
}

void json_put_string(struct json_put *p, const char *name, const char *text) {
    json_put_slice(p, name, slice_of(text));
}

void json_put_some(struct json_put *p, const char *name, const char *text) {
    if (*text != '\0')
        json_put_string(p, name, text);
}

void json_put_number(struct json_put *p, const char *name, uint64_t number) {
    char digits[24];
    if (number == 0)
        return;
    put_name(p, name);
    put(p, digits, (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)number));
}
