/*
 * Dates and page numbers as newspapers print them, and what a file's name says.
 */
#pragma once

#include "proto/page/text.h"

enum { DATE_SIZE = sizeof "2031-04-09" };

/* Finds the first full date of the text (2031年4月9日, 二〇三一年四月九日,
 * 2031-04-09, 2031/4/9, 2031.4.9, 9 April 2031, April 9, 2031) and writes it as
 * RFC 3339's full-date. *ret_at is where it stands. */
bool dates_find(struct slice s, const struct text_list *months, struct slice *ret_at,
                char ret_date[static DATE_SIZE]);

/* Finds a page's number (第2版, 第二版, A2版, Page 2); *ret_at is the whole mark,
 * *ret_number its number as printed. */
bool dates_find_page(struct slice s, const struct text_list *page_words, struct slice *ret_at,
                     struct slice *ret_number);

struct dates_name {
    struct slice publication, page; /* empty when the name doesn't tell */
    char date[DATE_SIZE];
};

/* Reads a file's name by a pattern such as {publication}-{date}-{page}. */
bool dates_match_name(const char *pattern, const char *name, struct dates_name *ret);

/* A Chinese or Arabic number of at most three digits: 12, 十二, 二; -1 when it is none. */
int dates_number(struct slice s);
