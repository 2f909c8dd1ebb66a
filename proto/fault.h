/*
 * What is wrong with some input, for the person who has to mend it: in English for the
 * journal and for programs, and in the language of translation.h for people.
 */
#pragma once

#include <stdarg.h>

struct fault {
    char field[64];   /* "blocks[3].text", "topic"; empty when it is about the whole */
    char reason[256]; /* a sentence without a full stop, in English */
    char local[256];  /* the same for people; empty when that is English too */
};

/* Says what is wrong; the reason is made like printf. Always returns -EINVAL. */
int fault_set(struct fault *f, const char *field, const char *format, ...)
    __attribute__((nonnull(1, 2, 3), format(printf, 3, 4)));
int fault_set_va(struct fault *f, const char *field, const char *format, va_list arguments)
    __attribute__((nonnull(1, 2, 3), format(printf, 3, 0)));

/* The same for a sentence that stands elsewhere, marked there with N_(). */
int fault_say(struct fault *f, const char *field, const char *sentence) __attribute__((nonnull));

/* Puts ": " and the cause behind what was set: in English, and as it is translated. */
void fault_add(struct fault *f, const char *cause, const char *local) __attribute__((nonnull));

/* fault_set, and the system's word for an error (an errno, of either sign) as the cause. */
int fault_set_error(struct fault *f, int error, const char *field, const char *format, ...)
    __attribute__((nonnull(1, 3, 4), format(printf, 4, 5)));

/* The reason for people. */
const char *fault_local(const struct fault *f) __attribute__((nonnull, returns_nonnull));

static inline void fault_clear(struct fault *f) {
    f->field[0] = f->reason[0] = f->local[0] = '\0';
}
