/* The message catalogs explain every event, in both languages, by fields that it has. */
#include "proto/journal/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const catalogs[] = {"packaging/journal/newswire.catalog",
                                       "packaging/journal/newswire.zh_CN.catalog"};

static char *read_whole(const char *name) {
    static char text[1 << 18];
    FILE *f = fopen(name, "re");
    if (f == NULL)
        fail_msg("%s can't be opened", name);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    assert_in_range(n, 1, sizeof text - 2);
    text[n] = '\0';
    return text;
}

/* The entry of that id, malloc'd; NULL when there is none, or more than one. */
static char *entry_of(const char *catalog, const char *id) {
    char head[40];
    snprintf(head, sizeof head, "\n-- %s\n", id);
    const char *at = strstr(catalog, head);
    if (at == NULL || strstr(at + 1, head) != NULL)
        return NULL;
    at += strlen(head);
    const char *end = strstr(at, "\n-- ");
    return strndup(at, end == NULL ? strlen(at) : (size_t)(end - at));
}

static bool event_has(const struct journal_event_info *event, const char *name, size_t len) {
    for (size_t i = 0; journal_fields[i] != NULL; i++)
        if (strlen(journal_fields[i]) == len && memcmp(journal_fields[i], name, len) == 0)
            return (event->fields & 1U << i) != 0;
    return false;
}

static void check_fields(const char *catalog, const struct journal_event_info *event,
                         const char *text) {
    for (const char *at = text; (at = strchr(at, '@')) != NULL; at++) {
        size_t len = strcspn(++at, "@\n");
        if (at[len] != '@' || !event_has(event, at, len))
            fail_msg("%s: %s always has no %.*s", catalog, event->name, (int)len, at);
        at += len;
    }
}

static void check_entry(const char *catalog, const struct journal_event_info *event,
                        const char *text) {
    char *entry = entry_of(text, event->id);
    if (entry == NULL)
        fail_msg("%s has not one entry for %s (%s)", catalog, event->name, event->id);
    const char *body = strstr(entry, "\n\n");
    if (strncmp(entry, "Subject: ", 9) != 0 || strstr(entry, "\nDefined-By: newswire\n") == NULL ||
        strstr(entry, "\nSupport: man:") == NULL || body == NULL || strlen(body) < 20)
        fail_msg("%s: the entry of %s is not whole", catalog, event->name);
    check_fields(catalog, event, entry);
    free(entry);
}

static void every_event_is_explained(void **state) {
    (void)state;
    for (size_t c = 0; c < sizeof catalogs / sizeof *catalogs; c++) {
        const char *text = read_whole(catalogs[c]);
        for (int i = 0; i < JOURNAL_EVENTS_END; i++)
            check_entry(catalogs[c], &journal_events[i], text);
    }
}

static bool is_event(const char *id) {
    for (int i = 0; i < JOURNAL_EVENTS_END; i++)
        if (strncmp(journal_events[i].id, id, 32) == 0)
            return true;
    return false;
}

static void nothing_else_is_explained(void **state) {
    (void)state;
    for (size_t c = 0; c < sizeof catalogs / sizeof *catalogs; c++)
        for (const char *at = read_whole(catalogs[c]); (at = strstr(at, "\n-- ")) != NULL; at++)
            if (!is_event(at + 4))
                fail_msg("%s: no event has the id %.32s", catalogs[c], at + 4);
}

static void the_manual_lists_the_fields(void **state) {
    (void)state;
    const char *manual = read_whole("daemon/newswired.8");
    for (size_t i = 0; journal_fields[i] != NULL; i++)
        if (strstr(manual, journal_fields[i]) == NULL)
            fail_msg("newswired.8 has no %s", journal_fields[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_is_explained),
        cmocka_unit_test(nothing_else_is_explained),
        cmocka_unit_test(the_manual_lists_the_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
