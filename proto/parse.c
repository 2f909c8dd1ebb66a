#include "proto/parse.h"

#include "proto/formats/feed.h"
#include "proto/formats/newsml.h"
#include "proto/formats/ninjs.h"
#include "proto/formats/nitf.h"
#include "proto/formats/story.h"
#include "proto/page/page.h"
#include "proto/translation.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* In the order in which they are asked; a page is what nothing else is. */
const struct parse_format parse_formats[] = {
    {"feed", feed_recognise, feed_parse},
    {"ninjs", ninjs_recognise, ninjs_parse},
    {"newsml-g2", newsml_recognise, newsml_parse},
    {"nitf", nitf_recognise, nitf_parse},
    {"story", story_recognise, story_parse},
    {"page", page_recognise, page_parse},
    {0},
};

const struct parse_format *parse_format_find(const char *name) {
    for (const struct parse_format *f = parse_formats; f->name != NULL; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static const struct parse_format *recognise(const struct parse_input *input) {
    for (const struct parse_format *f = parse_formats; f->name != NULL; f++)
        if (f->recognise(input))
            return f;
    return NULL;
}

/* XML and JSON that no format above has taken are no page: all of their tags and
 * names would be taken for text. NULL, or what it is. */
static const char *foreign(struct slice s) {
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    if (s.len >= 3 && memcmp(s.data, mark, 3) == 0)
        s = (struct slice){s.data + 3, s.len - 3};
    while (s.len > 0 && memchr(" \t\r\n", s.data[0], 4) != NULL)
        s = (struct slice){s.data + 1, s.len - 1};
    if (s.len < 2)
        return NULL;
    uint8_t next = s.data[1];
    bool letter = (next | 0x20) >= 'a' && (next | 0x20) <= 'z';
    if (s.data[0] == '<' && (next == '?' || next == '!' || letter) &&
        (memmem(s.data, s.len, "</", 2) != NULL || memmem(s.data, s.len, "/>", 2) != NULL))
        return "XML or HTML";
    size_t gap = 1;
    while (gap < s.len && memchr(" \t\r\n", s.data[gap], 4) != NULL)
        gap++;
    return s.data[0] == '[' && gap < s.len && memchr("{[\"", s.data[gap], 3) != NULL ? "JSON"
                                                                                     : NULL;
}

static bool is_blank(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (memchr(" \t\r\n\f\v", s.data[i], 6) == NULL)
            return false;
    return true;
}

int parse(struct arena *a, const struct rules *rules, const char *format,
          const struct parse_input *input, struct parsed *ret, struct parse_fault *ret_fault) {
    *ret = (struct parsed){0};
    *ret_fault = (struct parse_fault){0};
    if (input->bytes.len > LIMIT_FILE_BYTES)
        return fault_set(&ret_fault->fault, "", "too large: %zu bytes; %d are the most",
                         input->bytes.len, LIMIT_FILE_BYTES);
    if (is_blank(input->bytes))
        return fault_set(&ret_fault->fault, "", "is empty");
    bool named = format != NULL && strcmp(format, "auto") != 0;
    const struct parse_format *f = named ? parse_format_find(format) : recognise(input);
    if (f == NULL)
        return fault_set(&ret_fault->fault, "", "there is no format '%s'", named ? format : "auto");
    const char *what = named || f->parse != page_parse ? NULL : foreign(input->bytes);
    if (what != NULL)
        return fault_set(&ret_fault->fault, "",
                         "it is %s, but of no format that is known here; --format page or story "
                         "reads it as text",
                         what);
    return f->parse(a, rules, input, ret, ret_fault);
}

/* ---- lists of words */

int text_list_add(struct arena *a, struct text_list *list, const char *word, size_t len) {
    int r = article_push_string(a, &list->items, &list->n, word, len);
    if (r < 0 || len == 0)
        return r;
    struct slice s = {(const uint8_t *)word, len};
    unsigned first = text_list_first_place(s), last = text_list_last_place(s);
    list->first[first / 64] |= (uint64_t)1 << first % 64;
    list->last[last / 64] |= (uint64_t)1 << last % 64;
    list->n_noted++;
    return 0;
}

/* ---- warnings */

static int push_text(struct arena *a, struct text_list *list, char *text) {
    codec_mend_utf8(text);
    return article_push_string(a, &list->items, &list->n, text, strlen(text));
}

__attribute__((format(printf, 3, 0))) static int add_text(struct arena *a, struct text_list *list,
                                                          const char *format, va_list arguments) {
    char text[320];
    vsnprintf(text, sizeof text, format, arguments);
    return push_text(a, list, text);
}

int parsed_warn_fault(struct arena *a, struct parsed *parsed, const char *place,
                      const struct fault *f) {
    struct fault whole;
    char text[sizeof *f + sizeof whole];
    fault_set(&whole, "", "%s is left out", place);
    snprintf(text, sizeof text, "%s: %s %s", whole.reason, f->field, f->reason);
    int r = push_text(a, &parsed->warnings, text);
    snprintf(text, sizeof text, "%s%s%s %s", fault_local(&whole), translated(": "), f->field,
             fault_local(f));
    return r < 0 ? r : push_text(a, &parsed->local, text);
}

int parsed_warn_va(struct arena *a, struct parsed *parsed, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int r = add_text(a, &parsed->warnings, format, arguments);
    if (r == 0)
        r = add_text(a, &parsed->local, translated(format), again);
    va_end(again);
    return r;
}

int parsed_warn(struct arena *a, struct parsed *parsed, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int r = parsed_warn_va(a, parsed, format, arguments);
    va_end(arguments);
    return r;
}
