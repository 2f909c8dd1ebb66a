/*
 * The rules by which text is read: sections, printed labels, markers, dateline
 * words, file-name patterns. All of it is data from config, with defaults that
 * cover the conventions of Chinese and English papers.
 */
#pragma once

#include "proto/config.h"

struct rules_section {
    const char *key;
    struct text_list titles;   /* printed titles; the first is shown to people */
    struct text_list labels;   /* lines on a page that open this section */
    struct text_list keywords; /* an article that has one of them in its headline or text */
};

struct rules_page {
    /* One member per kind of mark; see the table in rules.c for each. */
    struct text_list brief_labels; /* labels under which each short title starts a brief */
    struct text_list photo_labels;
    struct text_list column_labels;   /* starts of a kicker that is a column's name: 聚焦… */
    struct text_list dateline_words;  /* endings of a dateline: 讯, 电 */
    struct text_list byline_markers;  /* □ ■ */
    struct text_list byline_roles;    /* 本报记者, 记者, 通讯员, By, … */
    struct text_list photo_roles;     /* 摄, 摄影 */
    struct text_list photo_openings;  /* 图为, 上图为, … */
    struct text_list bullets;         /* ■ ◆ ▲ ● before a crosshead or brief */
    struct text_list box_labels;      /* 编者按, 相关链接, 记者手记, … */
    struct text_list reviewer_labels; /* 初审, 复审, 终审, 责任编辑, … */
    struct text_list furniture_words; /* 导读, … */
    struct text_list jump_to;         /* 下转, Continued on */
    struct text_list jump_from;       /* 上接, Continued from */
    struct text_list kicker_endings;  /* —— */
    uint64_t title_columns;           /* a title's greatest width in terminal columns */
    uint64_t crosshead_columns;
    char *file_name_pattern; /* how a file's name gives publication, date, page */
    char *publication;       /* when neither header, folio nor name tells */
    char *language;          /* likewise */
};

struct rules {
    struct rules_page page;
    struct rules_section *
        *sections; /* in the order of config; the built-in ones when it has none */
    size_t n_sections;
};

/* The tables, for config_read; rules_sections fills a struct rules at offset 0. */
extern const struct config_section rules_table_page;
extern const struct config_section rules_table_section;

/* The built-in rules, in the arena. 0 or -ENOMEM. */
int rules_defaults(struct arena *a, struct rules *ret) __attribute__((nonnull, warn_unused_result));

/* The section that has this key, printed title or label; NULL when there is none. */
const struct rules_section *rules_section_find(const struct rules *r, const char *name)
    __attribute__((nonnull));

/* The section that an article belongs to: its own `section` (key or title);
 * else by its printed label; else by the first section one of whose keywords it
 * has; NULL when nothing of that says, or its `section` is not known. */
const struct rules_section *rules_section_choose(const struct rules *r, const Article *article)
    __attribute__((nonnull));
