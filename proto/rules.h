/*
 * The rules by which text is read: sections, printed labels, markers, dateline
 * words, file-name patterns. All of it is data from config, with defaults that
 * cover the conventions of Chinese and English papers; rules.c says of each
 * what it is for.
 *
 * Words are compared without white space, so that a letter-spaced 简 讯 is
 * 简讯, and without regard to the case of Latin letters.
 */
#pragma once

#include "proto/config.h"

/* What a section wants of its articles' signatures. */
enum rules_signature { SIGNATURE_IGNORE, SIGNATURE_VERIFY, SIGNATURE_REQUIRE };

struct rules_section {
    const char *key;
    struct text_list titles;       /* printed titles; the first is shown to people */
    struct text_list labels;       /* lines on a page that open this section */
    struct text_list keywords;     /* an article that has one of them in its headline or text */
    struct text_list names;        /* its name in several languages: "en: Politics briefs" */
    struct text_list media_topics; /* IPTC codes: "medtop:11000000" or "11000000" */
    struct text_list gbt20093;     /* codes of GB/T 20093 */
    char *release;                 /* "immediately", "approve:2" */
    uint32_t approvals;            /* the daemon's reading of it */
    int signature;                 /* enum rules_signature */
};

enum rules_unplaced { RULES_UNPLACED_TAKE, RULES_UNPLACED_HOLD };

struct rules_page {
    struct text_list brief_labels;
    struct text_list brief_label_endings;
    struct text_list photo_labels;
    struct text_list column_labels;
    struct text_list dateline_words;
    struct text_list dateline_starts;
    struct text_list dateline_dashes;
    struct text_list byline_markers;
    struct text_list byline_roles;
    struct text_list byline_titles;
    struct text_list byline_joins;
    struct text_list byline_tails;
    struct text_list surnames;
    struct text_list photo_roles;
    struct text_list photo_openings;
    struct text_list caption_endings;
    struct text_list caption_remarks;
    struct text_list figure_marks;
    struct text_list bullets;
    struct text_list numerals;
    struct text_list box_labels;
    struct text_list reviewer_labels;
    struct text_list furniture_words;
    struct text_list folio_words;
    struct text_list jump_to;
    struct text_list jump_from;
    struct text_list kicker_endings;
    struct text_list subheadline_openings;
    struct text_list list_openings;
    struct text_list place_endings;
    struct text_list title_hanging;
    struct text_list title_continuing;
    struct text_list title_opening;
    struct text_list weekdays;
    struct text_list months;
    struct text_list paper_endings;
    struct text_list page_words;
    uint64_t title_columns;     /* terminal columns: an ideograph takes two */
    uint64_t crosshead_columns; /* likewise */
    uint64_t label_columns;     /* likewise */
    int unplaced;               /* enum rules_unplaced */
    char *file_name_pattern;
    char *publication;
    char *language;
};

struct rules {
    struct rules_page page;
    struct rules_section **sections; /* in the order of config; else the built-in ones */
    size_t n_sections;
    bool sections_configured; /* they come from config */
};

/* The tables, for config_read; both fill a struct rules that stands at the
 * destination's start and that rules_defaults has filled before. */
extern const struct config_section rules_table_page;
extern const struct config_section rules_table_section;

/* The built-in rules, in the arena. 0 or -ENOMEM. */
int rules_defaults(struct arena *a, struct rules *ret) __attribute__((nonnull, warn_unused_result));

/* The section that has this key, printed title or label; NULL when there is none. */
const struct rules_section *rules_section_find(const struct rules *r, const char *name)
    __attribute__((nonnull));

/* The section that an article belongs to: its own `section` (key or title);
 * else by its printed label, whole or by its ending (柳溪简讯 ends with 简讯);
 * else by its subjects' codes (IPTC Media Topics, GB/T 20093);
 * else by the first section one of whose keywords it has; NULL when nothing of
 * that says, or its `section` is not known. */
const struct rules_section *rules_section_choose(const struct rules *r, const Article *article)
    __attribute__((nonnull));

/* Whether articles of this page should wait for a person: config says so, and
 * more than stray punctuation of it is in no article. */
bool rules_wants_review(const struct rules *r, const struct parsed *parsed)
    __attribute__((nonnull));

/* Whether the text is that word, white space and case aside. */
bool rules_word_equal(const char *word, struct slice text) __attribute__((nonnull));
