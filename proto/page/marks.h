/*
 * The marks of a page: bylines, datelines, jump lines, labels. Each function
 * looks at a text's front or end, and splits it in two: what the mark says and
 * what remains. Nothing is copied, so nothing can be lost.
 */
#pragma once

#include "proto/page/text.h"
#include "proto/rules.h"

enum { MARKS_NAMES = 24 };

/* The people of a byline, as slices of the text; a letter-spaced name (李 禾)
 * is one slice. */
struct names {
    struct slice items[MARKS_NAMES];
    size_t n;
    bool role;     /* somebody is called 记者, By … */
    bool credit;   /* somebody took a picture: 摄, Photo: … */
    bool surnames; /* each name begins with a surname that the rules know */
};

/* Whether the whole text is names with their roles, and nothing else. */
bool marks_names(const struct rules_page *r, struct slice s, struct names *ret);

/* Whether a line is a byline and nothing else. */
bool marks_byline_line(const struct rules_page *r, struct slice s, struct slice *ret_names);

/* Takes a byline off the end of a paragraph; *s becomes what is before it. */
bool marks_byline_end(const struct rules_page *r, struct slice *s, struct slice *ret_names);

/* Takes a dateline off the front of a paragraph. */
bool marks_dateline(const struct rules_page *r, struct slice *s, struct slice *ret_dateline);

/* Takes names that stand behind a dateline, in brackets or by their roles. */
bool marks_dateline_names(const struct rules_page *r, struct slice *s, struct slice *ret_names);

/* Whether a line is a jump mark and nothing else; *ret_page is as printed. */
bool marks_jump_line(const struct text_list *words, struct slice s, struct slice *ret_page);

/* Takes a jump mark off the end, or off the front, of a paragraph. */
bool marks_jump_end(const struct text_list *words, struct slice *s, struct slice *ret_page);
bool marks_jump_front(const struct text_list *words, struct slice *s, struct slice *ret_page);

/* A line without the signs that decorate a label: 【】 ■ ◆ and a colon. */
struct slice marks_undecorated(const struct rules_page *r, struct slice s);

/* Takes a box's label with its colon off the front, or the whole line. */
bool marks_box(const struct rules_page *r, struct slice *s, struct slice *ret_label);

/* Whether the text begins with a number or sign of a crosshead: 一、 (一) ■. */
bool marks_numbered(const struct rules_page *r, struct slice s);

/* Splits ▲【place】title text. *ret_title may be empty. False when it is not so
 * written. */
bool marks_inline_title(const struct rules_page *r, struct slice s, struct slice *ret_place,
                        struct slice *ret_title, struct slice *ret_text);

/* Whether a paragraph is a photo's caption by its words. */
bool marks_photo(const struct rules_page *r, struct slice s);
