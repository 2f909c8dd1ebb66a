#include "clients/ctl/show.h"

#include "clients/tool/words.h"

#include <stdio.h>
#include <time.h>

/* "until 2031-04-09 18:00, 1 of 2 approvals: Ann (desk)". */
static void print_waiting_for(const json_t *held) {
    const json_t *names = json_object_get(held, "approved_by");
    time_t until = (time_t)(ctl_number(held, "until_usec") / 1000000);
    char when[32] = "";
    struct tm tm;
    if (until > time(NULL))
        strftime(when, sizeof when, "%F %H:%M", localtime_r(&until, &tm));
    printf("%s%s", *when == '\0' ? "" : "until ", when);
    if (ctl_number(held, "approvals") > 0) {
        printf("%s%zu of %lld approvals", *when == '\0' ? "" : ", ", json_array_size(names),
               ctl_number(held, "approvals"));
        for (size_t i = 0; i < json_array_size(names); i++)
            printf("%s%s", i == 0 ? ": " : ", ",
                   words_text(json_string_value(json_array_get(names, i))));
    }
}

void print_held(json_t *list) {
    if (json_array_size(list) == 0)
        puts("nothing is held");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *held = json_array_get(list, i);
        printf("%6lld  %-16s ", ctl_number(held, "number"), ctl_text(held, "topic"));
        print_waiting_for(held);
        printf("\n        %s\n        %s", ctl_text(held, "headline"), ctl_text(held, "uri"));
        if (ctl_number(held, "version") > 1)
            printf("  version %lld", ctl_number(held, "version"));
        putchar('\n');
    }
}

void print_done(json_t *done) {
    printf("%s by %s: %s", ctl_text(done, "outcome"), ctl_text(done, "by"),
           ctl_text(done, "headline"));
    if (ctl_number(done, "seq") > 0)
        printf(", entry %lld", ctl_number(done, "seq"));
    if (ctl_number(done, "missing") > 0)
        printf(", %lld more needed", ctl_number(done, "missing"));
    putchar('\n');
}
