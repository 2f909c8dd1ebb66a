#include "proto/text.h"

#include "proto/codec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unictype.h>
#include <unilbrk.h>
#include <unistr.h>

enum { INDENT = 2, COLUMNS_LEAST = 20, COLUMNS_ENDLESS = 1 << 30 };

static const char bold[] = "\033[1m", dim[] = "\033[2m", plain[] = "\033[0m";
static const char red[] = "\033[1;37;41m",
                  yellow[] = "\033[1;30;43m"; /* white on red, black on yellow */

/* ---- harmless text */

static bool turns_direction(ucs4_t c) {
    switch (uc_bidi_category(c)) {
    case UC_BIDI_LRE:
    case UC_BIDI_LRO:
    case UC_BIDI_RLE:
    case UC_BIDI_RLO:
    case UC_BIDI_PDF: return true;
    default: return c >= 0x2066 && c <= 0x2069; /* isolates, which older tables lack */
    }
}

/* With line breaks kept (as LF) or not. */
static char *harmless(struct slice text, bool keep_lines, size_t *ret_len) {
    uint8_t *copy = malloc(text.len * 3 + 1); /* U+FFFD has 3 bytes, a bad byte 1 */
    size_t len = 0;
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < text.len;) {
        ucs4_t c;
        int n = u8_mbtouc(&c, text.data + i, text.len - i);
        i += (size_t)n;
        if (c == '\n' && keep_lines)
            ;
        else if (c == '\n' || c == '\t' || c == '\r' || c == 0x2028 || c == 0x2029)
            c = ' ';
        else if (uc_is_general_category(c, UC_CONTROL) || turns_direction(c))
            c = 0xfffd;
        len += (size_t)u8_uctomb(copy + len, c, 6);
    }
    copy[len] = '\0';
    *ret_len = len;
    return (char *)copy;
}

char *text_harmless(struct slice text) {
    size_t len;
    return harmless(text, false, &len);
}

/* ---- lines */

struct view {
    FILE *out;
    int columns;
    bool colour;
    int error;
};

static void put_indent(struct view *v, int indent) {
    fprintf(v->out, "%*s", indent, "");
}

/* Writes what the breaks make of it; spaces before a break are left out. */
static void put_broken(struct view *v, const char *text, size_t len, const char *breaks, int indent,
                       const char *style) {
    size_t begin = 0;
    for (size_t i = 0; i <= len; i++) {
        bool forced = i < len && breaks[i] == UC_BREAK_MANDATORY;
        if (i < len && breaks[i] != UC_BREAK_POSSIBLE && !forced)
            continue;
        size_t end = i;
        while (end > begin && (text[end - 1] == ' ' || text[end - 1] == '\n'))
            end--;
        if (end > begin) {
            put_indent(v, indent);
            fprintf(v->out, "%s%.*s%s\n", style, (int)(end - begin), text + begin,
                    *style == '\0' ? "" : plain);
        }
        begin = i;
    }
}

/* A piece of text, wrapped. */
static void put_text(struct view *v, const char *text, int indent, const char *style) {
    size_t len;
    char *clean = harmless(slice_of(text), true, &len);
    char *breaks = clean == NULL ? NULL : malloc(len + 1);
    if (breaks == NULL) {
        v->error = -ENOMEM;
    } else {
        u8_width_linebreaks((const uint8_t *)clean, len, v->columns - indent, 0, 0, NULL, "UTF-8",
                            breaks);
        put_broken(v, clean, len, breaks, indent, v->colour ? style : "");
    }
    free(breaks);
    free(clean);
}

static void put_joined(struct view *v, const char *before, char *const *items, size_t n) {
    size_t size = strlen(before) + 1;
    for (size_t i = 0; i < n; i++)
        size += strlen(items[i]) + 2;
    char *line = n == 0 ? NULL : malloc(size);
    if (line == NULL) {
        v->error = n == 0 ? v->error : -ENOMEM;
        return;
    }
    char *to = stpcpy(line, before);
    for (size_t i = 0; i < n; i++)
        to = stpcpy(stpcpy(to, i == 0 ? "" : ", "), items[i]);
    put_text(v, line, INDENT, "");
    free(line);
}

/* ---- an entry */

static void put_title(struct view *v, const struct entry *e, const Article *a) {
    char when[32] = "", *topic = text_harmless(e->topic);
    time_t t = (time_t)(e->stored_at_usec / 1000000);
    struct tm tm;
    if (localtime_r(&t, &tm) != NULL)
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    if (topic == NULL)
        v->error = -ENOMEM;
    fprintf(v->out, "%s%s", v->colour ? dim : "", topic == NULL ? "" : topic);
    if (e->seq != 0) /* else it is on no log */
        fprintf(v->out, "  #%llu  %s", (unsigned long long)e->seq, when);
    fputs(v->colour ? plain : "", v->out);
    free(topic);
    if (a != NULL && a->status == STATUS_WITHHELD)
        fputs("  (withheld)", v->out);
    fputc('\n', v->out);
}

/* A line that nobody misses, whatever the terminal can show. */
__attribute__((format(printf, 3, 4))) static void put_alarm(struct view *v, const char *style,
                                                            const char *format, ...) {
    char text[LIMIT_URI_BYTES + LIMIT_TOPIC_BYTES + 256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    codec_mend_utf8(text);
    put_text(v, text, INDENT, style);
}

/* What a person must do about an entry that is more than a first version. */
static void put_alarms(struct view *v, const struct entry *e, const Article *a) {
    int uri_len = (int)e->uri.len;
    const char *uri = uri_len == 0 ? "" : (const char *)e->uri.data;
    if (a == NULL) {
        put_alarm(v, red,
                  "*** KILLED *** version %u of this story was withdrawn later; its text is not "
                  "served",
                  (unsigned)e->version);
        put_alarm(v, "", "(%.*s)", uri_len, uri);
    } else if (a->status == STATUS_CANCELED && *a->moved_to != '\0') {
        put_alarm(v, red, "*** MOVED *** this story goes on as %s and is no longer valid here",
                  a->moved_to);
        put_alarm(v, "", "(#%llu, %.*s)", (unsigned long long)e->replaces, uri_len, uri);
    } else if (a->status == STATUS_CANCELED) {
        put_alarm(v, red, "*** KILL *** do not use this story; remove it where it was used");
        if (e->replaces != 0)
            put_alarm(v, "", "(withdraws #%llu, %.*s)", (unsigned long long)e->replaces, uri_len,
                      uri);
        else
            put_alarm(v, "", "(%.*s)", uri_len, uri);
    } else if (e->replaces != 0) {
        put_alarm(v, yellow, "*** CORRECTION *** version %u takes the place of #%llu",
                  (unsigned)e->version, (unsigned long long)e->replaces);
    }
    for (size_t i = 0; i < e->n_approved_by; i++)
        put_alarm(v, dim, "Approved by %.*s", (int)e->approved_by[i].len,
                  (const char *)e->approved_by[i].data);
}

static void put_block(struct view *v, const Block *b) {
    enum { DEEPER = 4 };
    switch (b->type) {
    case BLOCK_CROSSHEAD: put_text(v, b->text, INDENT, bold); break;
    case BLOCK_QUOTE:
    case BLOCK_LIST_ITEM: put_text(v, b->text, DEEPER, ""); break;
    case BLOCK_CAPTION: put_text(v, b->text, INDENT, dim); break;
    default: put_text(v, b->text, INDENT, ""); break;
    }
}

/* Where it stood in print. */
static void put_source(struct view *v, const Article *a) {
    char *parts[3];
    size_t n = 0;
    if (*a->publication != '\0')
        parts[n++] = a->publication;
    if (*a->page_date != '\0')
        parts[n++] = a->page_date;
    if (*a->page != '\0')
        parts[n++] = a->page;
    put_joined(v, "", parts, n);
}

static void put_article(struct view *v, const Article *a) {
    for (size_t i = 0; i < a->n_kicker; i++)
        put_text(v, a->kicker[i], INDENT, "");
    put_text(v, a->headline, INDENT, bold);
    put_text(v, a->subheadline, INDENT, "");
    put_joined(v, "", a->byline, a->n_byline);
    put_source(v, a);
    put_text(v, a->dateline, INDENT, "");
    if (*a->note_to_editors != '\0')
        put_joined(v, "Note to editors: ", (char *const *)&a->note_to_editors, 1);
    for (size_t i = 0; i < a->n_blocks; i++) {
        fputc('\n', v->out);
        put_block(v, a->blocks[i]);
    }
    for (size_t i = 0; i < a->n_media; i++)
        put_joined(v, "Media: ", &a->media[i]->href, 1);
}

int text_entry(FILE *out, const struct entry *e, const Article *article,
               const struct text_style *style) {
    struct view v = {.out = out, .columns = COLUMNS_ENDLESS, .colour = style->colour};
    if (style->columns > 0)
        v.columns = style->columns < COLUMNS_LEAST ? COLUMNS_LEAST : style->columns;
    put_title(&v, e, article);
    put_alarms(&v, e, article);
    if (article != NULL)
        put_article(&v, article);
    fputc('\n', out);
    return v.error < 0 ? v.error : ferror(out) ? -EIO : 0;
}
