/*
 * What the daemon says to people, in the language of the office: sentences are looked up by
 * the English one in a file of GNU gettext (daemon/po/zh_CN.po, made into newswired.mo).
 *
 * The file is read here and not by gettext(3): that one translates only when the locale
 * was generated on the machine, never in C.UTF-8, and then libc's own messages too, which
 * also stand in the journal. Tools choose no language and speak English.
 */
#pragma once

/* Marks a sentence for translation that is looked up elsewhere. */
#define N_(sentence) sentence

/* The sentence in the chosen language; itself when there is none. Any thread. */
const char *translated(const char *sentence)
    __attribute__((nonnull, returns_nonnull, format_arg(1)));

/* Chooses the language once, before there are threads: "zh_CN"; "" that of the environment
 * (LC_ALL, LC_MESSAGES, LANG). The file is looked for beside the program, in locale/, and in
 * ../share/locale. 0, also for English and for an environment that names none; -ENOENT
 * when there is no translation; -EBADMSG when the file is damaged. */
int translation_choose(const char *language) __attribute__((nonnull));

/* Takes the sentences of this file; NULL: English again. 0, -errno, -EBADMSG. */
int translation_load(const char *path);
