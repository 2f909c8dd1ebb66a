#include "proto/formats/feed_write.h"

#include "proto/formats/json_put.h"
#include "proto/formats/markup.h"
#include "proto/formats/news_xml.h"
#include "proto/formats/timestamp.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { TITLE_CHARACTERS = 60, SUMMARY_CHARACTERS = 300 };

#define GENERATOR "newswire"

const struct feed_kind_info feed_kinds[FEED_KINDS] = {
    [FEED_ATOM] = {"atom", ".atom", "application/atom+xml"},
    [FEED_RSS] = {"rss", ".rss", "application/rss+xml"},
    [FEED_JSONFEED] = {"jsonfeed", ".json", "application/feed+json"},
};

int feed_kind_find(const char *name) {
    for (int i = 0; i < FEED_KINDS; i++)
        if (strcmp(feed_kinds[i].name, name) == 0)
            return i;
    return -EINVAL;
}

/* ---- an item's values */

static const char *item_id(struct arena *a, const Article *x) {
    static const char prefix[] = "urn:newswire:uri:";
    if (news_is_iri(x->uri))
        return x->uri;
    size_t len = strlen(x->uri);
    char *id = arena_alloc(a, sizeof prefix + 3 * len), *out = id;
    if (id == NULL)
        return NULL;
    out = stpcpy(out, prefix);
    for (const unsigned char *p = (const unsigned char *)x->uri; *p != '\0'; p++)
        if ((*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z') ||
            strchr("-._~", *p) != NULL)
            *out++ = (char)*p;
        else
            out += sprintf(out, "%%%02X", *p);
    return id;
}

/* At most so many characters of a text, with an ellipsis where it was cut. */
static const char *cut(struct arena *a, const char *text, size_t characters) {
    const char *end = text;
    for (; *end != '\0' && characters > 0; characters--)
        do
            end++;
        while ((*end & 0xc0) == 0x80);
    if (*end == '\0')
        return text;
    char *copy = arena_alloc(a, (size_t)(end - text) + sizeof "…");
    if (copy != NULL)
        stpcpy(mempcpy(copy, text, (size_t)(end - text)), "…");
    return copy;
}

static const char *first_text(const Article *x) {
    for (size_t i = 0; i < x->n_blocks; i++)
        if (*x->blocks[i]->text != '\0')
            return x->blocks[i]->text;
    return "";
}

static const char *item_title(struct arena *a, const Article *x) {
    if (*x->headline != '\0')
        return x->headline;
    const char *text = first_text(x);
    return *text == '\0' ? x->uri : cut(a, text, TITLE_CHARACTERS);
}

/* Kicker and subheadline are blocks before the body's, in both forms of the content. */
static int item_content(struct arena *a, const Article *x, struct slice *ret_html,
                        struct slice *ret_plain) {
    Article *lines = article_new(a);
    struct slice html = {0}, plain = {0};
    int r = lines == NULL ? -ENOMEM : 0;
    for (size_t i = 0; r == 0 && i < x->n_kicker; i++)
        r = article_add_block(a, lines, BLOCK_PARAGRAPH, x->kicker[i], strlen(x->kicker[i]));
    if (r == 0 && *x->subheadline != '\0')
        r = article_add_block(a, lines, BLOCK_PARAGRAPH, x->subheadline, strlen(x->subheadline));
    if (r == 0)
        r = markup_write(a, lines, &html);
    if (r == 0)
        r = markup_write_plain(a, lines, &plain);
    if (r == 0)
        r = markup_write(a, x, ret_html);
    if (r == 0)
        r = markup_write_plain(a, x, ret_plain);
    if (r < 0 || lines->n_blocks == 0)
        return r;
    struct slice parts[2][3] = {{html, slice_of(""), *ret_html},
                                {plain, slice_of("\n\n"), *ret_plain}};
    for (int i = 0; i < 2; i++) {
        size_t len = parts[i][0].len + parts[i][1].len + parts[i][2].len;
        uint8_t *joined = arena_alloc(a, len + 1), *out = joined;
        if (joined == NULL)
            return -ENOMEM;
        for (int k = 0; k < 3; k++)
            if (parts[i][k].len > 0)
                out = mempcpy(out, parts[i][k].data, parts[i][k].len);
        *(i == 0 ? ret_html : ret_plain) = (struct slice){joined, len};
    }
    return 0;
}

/* RFC 822 as RSS 2.0 wants it, with a year of four digits, in English everywhere. */
static const char *rfc822(int64_t usec, char text[static 64]) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t t = (time_t)(usec / 1000000);
    struct tm tm;
    gmtime_r(&t, &tm);
    snprintf(text, 64, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
             months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return text;
}

static bool is_enclosure(const Media *m) {
    return strncmp(m->href, "https://", 8) == 0 || strncmp(m->href, "http://", 7) == 0;
}

static const char *media_type(const Media *m) {
    return *m->media_type == '\0' ? "application/octet-stream" : m->media_type;
}

/* ---- Atom */

static void put_time(struct news_writing *w, const char *element, int64_t usec) {
    char text[TIMESTAMP_BYTES];
    timestamp_write(usec, text);
    news_put(w, element, text);
}

static void put_atom_link(struct news_writing *w, const char *rel, const char *type,
                          const char *href) {
    if (href == NULL)
        return;
    news_open(w, "link");
    news_put_attribute(w, "rel", rel);
    news_put_attribute(w, "type", type);
    news_put_attribute(w, "href", href);
    news_close(w);
}

static void put_atom_author(struct news_writing *w, const char *name) {
    news_open(w, "author");
    news_put(w, "name", name);
    news_close(w);
}

static void put_atom_category(struct news_writing *w, const char *term, const char *label) {
    if (*term == '\0')
        return;
    news_open(w, "category");
    news_put_attribute(w, "term", term);
    news_put_attribute(w, "label", label);
    news_close(w);
}

static void put_atom_enclosures(struct news_writing *w, const Article *x) {
    for (size_t i = 0; i < x->n_media; i++) {
        if (!is_enclosure(x->media[i]))
            continue;
        news_open(w, "link");
        news_put_attribute(w, "rel", "enclosure");
        news_put_attribute(w, "type", media_type(x->media[i]));
        if (x->media[i]->size_bytes > 0)
            news_put_number(w, "length", x->media[i]->size_bytes);
        news_put_attribute(w, "href", x->media[i]->href);
        news_close(w);
    }
}

static void put_atom_entry(struct news_writing *w, const struct feed_item *item, const char *id,
                           const char *title, const char *html) {
    const Article *x = item->article;
    news_open(w, "entry");
    if (news_is_language(x->language))
        news_put_attribute(w, "xml:lang", x->language);
    news_put(w, "id", id);
    news_put(w, "title", title);
    put_time(w, "published", item->published_usec);
    put_time(w, "updated", item->updated_usec);
    for (size_t i = 0; i < x->n_byline; i++)
        put_atom_author(w, x->byline[i]);
    put_atom_link(w, "alternate", "text/html", item->url);
    put_atom_category(w, x->section, x->section_label);
    for (size_t i = 0; i < x->n_keywords; i++)
        put_atom_category(w, x->keywords[i], "");
    put_atom_enclosures(w, x);
    news_put(w, "rights", x->rights);
    news_open(w, "content");
    news_put_attribute(w, "type", "html");
    news_put_text(w, html);
    news_close(w);
    news_close(w);
}

static void put_atom_head(struct news_writing *w, const struct feed_head *h) {
    news_put_attribute(w, "xmlns", "http://www.w3.org/2005/Atom");
    if (h->language != NULL && news_is_language(h->language))
        news_put_attribute(w, "xml:lang", h->language);
    news_put(w, "id", h->id);
    news_put(w, "title", h->title);
    news_put(w, "subtitle", h->description == NULL ? "" : h->description);
    put_time(w, "updated", h->updated_usec);
    put_atom_author(w, h->author);
    put_atom_link(w, "self", feed_kinds[FEED_ATOM].media_type, h->self_url);
    put_atom_link(w, "alternate", "text/html", h->home_url);
    news_put(w, "rights", h->rights == NULL ? "" : h->rights);
    news_put(w, "generator", GENERATOR);
}

/* ---- RSS */

static void put_rss_item(struct news_writing *w, const struct feed_item *item, const char *id,
                         const char *title, const char *html) {
    const Article *x = item->article;
    const char *summary = cut(w->arena, first_text(x), SUMMARY_CHARACTERS);
    char date[64], length[24];
    bool enclosed = false;
    news_open(w, "item");
    news_put(w, "title", title);
    news_put(w, "link", item->url == NULL ? "" : item->url);
    news_open(w, "guid");
    news_put_attribute(w, "isPermaLink", "false");
    news_put_text(w, id);
    news_close(w);
    news_put(w, "pubDate", rfc822(item->published_usec, date));
    for (size_t i = 0; i < x->n_byline; i++)
        news_put(w, "dc:creator", x->byline[i]);
    news_put(w, "category", x->section);
    for (size_t i = 0; i < x->n_keywords; i++)
        news_put(w, "category", x->keywords[i]);
    for (size_t i = 0; i < x->n_media && !enclosed; i++) {
        if (!is_enclosure(x->media[i]))
            continue;
        enclosed = true; /* one an item is what readers expect */
        news_open(w, "enclosure");
        news_put_attribute(w, "url", x->media[i]->href);
        snprintf(length, sizeof length, "%llu", (unsigned long long)x->media[i]->size_bytes);
        news_put_attribute(w, "length", length); /* also when it is 0 */
        news_put_attribute(w, "type", media_type(x->media[i]));
        news_close(w);
    }
    if (summary == NULL)
        w->error = -ENOMEM;
    else
        news_put(w, "description", summary);
    news_put(w, "content:encoded", html);
    news_close(w);
}

static void put_rss_head(struct news_writing *w, const struct feed_head *h) {
    char date[64];
    news_put_attribute(w, "version", "2.0");
    news_put_attribute(w, "xmlns:atom", "http://www.w3.org/2005/Atom");
    news_put_attribute(w, "xmlns:content", "http://purl.org/rss/1.0/modules/content/");
    news_put_attribute(w, "xmlns:dc", "http://purl.org/dc/elements/1.1/");
    news_open(w, "channel");
    news_put(w, "title", h->title);
    news_put(w, "link", h->home_url == NULL ? h->id : h->home_url);
    news_put(w, "description", h->description == NULL ? h->title : h->description);
    if (h->language != NULL && news_is_language(h->language))
        news_put(w, "language", h->language);
    news_put(w, "copyright", h->rights == NULL ? "" : h->rights);
    news_put(w, "lastBuildDate", rfc822(h->updated_usec, date));
    news_put(w, "generator", GENERATOR);
    if (h->self_url == NULL)
        return;
    news_open(w, "atom:link");
    news_put_attribute(w, "href", h->self_url);
    news_put_attribute(w, "rel", "self");
    news_put_attribute(w, "type", feed_kinds[FEED_RSS].media_type);
    news_close(w);
}

static int write_xml(FILE *out, struct arena *a, enum feed_kind kind, const struct feed_head *head,
                     const struct feed_item *items, size_t n) {
    struct news_writing w;
    int r = news_writing_begin(&w, a);
    if (r < 0)
        return r;
    news_open(&w, kind == FEED_ATOM ? "feed" : "rss");
    if (kind == FEED_ATOM)
        put_atom_head(&w, head);
    else
        put_rss_head(&w, head);
    for (size_t i = 0; i < n; i++) {
        const Article *x = items[i].article;
        const char *id = item_id(a, x), *title = item_title(a, x);
        struct slice html, plain;
        char *text = NULL;
        if (id != NULL && title != NULL && item_content(a, x, &html, &plain) == 0)
            text = arena_strndup(a, (const char *)html.data, html.len);
        if (text == NULL)
            w.error = -ENOMEM;
        else if (kind == FEED_ATOM)
            put_atom_entry(&w, &items[i], id, title, text);
        else
            put_rss_item(&w, &items[i], id, title, text);
    }
    if (kind == FEED_RSS)
        news_close(&w);
    news_close(&w);
    return news_writing_end(&w, out);
}

/* ---- JSON Feed */

static void put_authors(struct json_put *p, char *const *names, size_t n) {
    if (n == 0)
        return;
    json_put_open(p, "authors", '[');
    for (size_t i = 0; i < n; i++) {
        json_put_open(p, NULL, '{');
        json_put_string(p, "name", names[i]);
        json_put_close(p, '}');
    }
    json_put_close(p, ']');
}

static void put_attachments(struct json_put *p, const Article *x) {
    bool any = false;
    for (size_t i = 0; i < x->n_media; i++) {
        if (!is_enclosure(x->media[i]))
            continue;
        if (!any)
            json_put_open(p, "attachments", '[');
        any = true;
        json_put_open(p, NULL, '{');
        json_put_string(p, "url", x->media[i]->href);
        json_put_string(p, "mime_type", media_type(x->media[i]));
        json_put_number(p, "size_in_bytes", x->media[i]->size_bytes);
        json_put_close(p, '}');
    }
    if (any)
        json_put_close(p, ']');
}

static void put_json_time(struct json_put *p, const char *name, int64_t usec) {
    char text[TIMESTAMP_BYTES];
    timestamp_write(usec, text);
    json_put_string(p, name, text);
}

static void put_json_item(struct json_put *p, const struct feed_item *item) {
    const Article *x = item->article;
    const char *id = item_id(p->arena, x), *title = item_title(p->arena, x);
    struct slice html, plain;
    if (id == NULL || title == NULL || item_content(p->arena, x, &html, &plain) < 0) {
        p->failed = true;
        return;
    }
    json_put_open(p, NULL, '{');
    json_put_string(p, "id", id);
    json_put_some(p, "url", item->url == NULL ? "" : item->url);
    json_put_string(p, "title", title);
    json_put_slice(p, "content_html", html);
    json_put_slice(p, "content_text", plain);
    put_json_time(p, "date_published", item->published_usec);
    put_json_time(p, "date_modified", item->updated_usec);
    put_authors(p, x->byline, x->n_byline);
    if (*x->section != '\0' || x->n_keywords > 0) {
        json_put_open(p, "tags", '[');
        if (*x->section != '\0')
            json_put_string(p, NULL, x->section);
        for (size_t i = 0; i < x->n_keywords; i++)
            json_put_string(p, NULL, x->keywords[i]);
        json_put_close(p, ']');
    }
    json_put_some(p, "language", x->language);
    put_attachments(p, x);
    json_put_close(p, '}');
}

static int write_json(FILE *out, struct arena *a, const struct feed_head *h,
                      const struct feed_item *items, size_t n) {
    enum { FIRST_BYTES = 64 << 10 };
    struct json_put p;
    char *author = (char *)h->author;
    json_put_init(&p, a, FIRST_BYTES);
    json_put_open(&p, NULL, '{');
    json_put_string(&p, "version", "https://jsonfeed.org/version/1.1");
    json_put_string(&p, "title", h->title);
    json_put_some(&p, "home_page_url", h->home_url == NULL ? "" : h->home_url);
    json_put_some(&p, "feed_url", h->self_url == NULL ? "" : h->self_url);
    json_put_some(&p, "description", h->description == NULL ? "" : h->description);
    json_put_some(&p, "language", h->language == NULL ? "" : h->language);
    put_authors(&p, &author, 1);
    json_put_open(&p, "items", '[');
    for (size_t i = 0; i < n; i++)
        put_json_item(&p, &items[i]);
    json_put_close(&p, ']');
    json_put_close(&p, '}');
    if (p.failed)
        return -ENOMEM;
    return fwrite(p.data, 1, p.len, out) == p.len && fputc('\n', out) != EOF ? 0 : -EIO;
}

int feed_write(FILE *out, struct arena *a, enum feed_kind kind, const struct feed_head *head,
               const struct feed_item *items, size_t n) {
    return kind == FEED_JSONFEED ? write_json(out, a, head, items, n)
                                 : write_xml(out, a, kind, head, items, n);
}
