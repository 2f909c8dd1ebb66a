#include "proto/formats/feed.h"

#include "proto/formats/feed_item.h"
#include "proto/formats/json_load.h"
#include "proto/formats/markup.h"
#include "proto/formats/timestamp.h"
#include "proto/formats/xml.h"
#include "proto/rules.h"
#include "proto/source.h"

#include <errno.h>
#include <string.h>

/* ---- values */

void feed_line(struct feed *f, char **field, const char *text) {
    if (text == NULL || *text == '\0' || f->error != 0)
        return;
    char *line = json_line(f->arena, text);
    if (line == NULL)
        f->error = -ENOMEM;
    else if (*line != '\0')
        *field = line;
}

void feed_html_line(struct feed *f, char **field, const char *html) {
    if (html == NULL || f->error != 0)
        return;
    char *line = markup_line(f->arena, slice_of(html));
    if (line == NULL)
        f->error = -ENOMEM;
    else if (*line != '\0')
        *field = line;
}

static void push(struct feed *f, void ***list, size_t *n, void *element) {
    if (f->error == 0)
        f->error = article_push(f->arena, list, n, element);
}

void feed_push_line(struct feed *f, char ***list, size_t *n, const char *text) {
    char *line = "";
    feed_line(f, &line, text);
    if (*line != '\0')
        push(f, (void ***)list, n, line);
}

void feed_body(struct feed *f, struct feed_item *item, const char *text, bool html) {
    if (f->error == 0)
        f->error = html ? markup_read(f->arena, slice_of(text), item->article)
                        : markup_read_plain(f->arena, slice_of(text), item->article);
}

void feed_time(struct feed *f, struct feed_item *item, const char *text) {
    if (text == NULL || *text == '\0' || item->article->created_at != 0 || f->error != 0)
        return;
    int64_t *created = &item->article->created_at;
    if (!timestamp_read_rfc822(slice_of(text), created) &&
        !timestamp_read_iso(slice_of(text), created))
        f->error = parsed_warn(f->arena, f->parsed, "%s: '%.60s' is no time", item->place, text);
}

/* A subject's uri: its scheme and term, if the scheme ends so that they join. */
static void set_subject_uri(struct feed *f, Subject *subject, const char *scheme,
                            const char *term) {
    bool joins = strchr("/#:=", scheme[strlen(scheme) - 1]) != NULL;
    size_t size = strlen(scheme) + strlen(term) + 1;
    char *uri = arena_alloc(f->arena, size);
    if (uri == NULL) {
        f->error = -ENOMEM;
        return;
    }
    snprintf(uri, size, "%s%s", scheme, joins ? term : "");
    feed_line(f, &subject->uri, uri);
}

void feed_category(struct feed *f, struct feed_item *item, const char *scheme, const char *term,
                   const char *label) {
    Article *article = item->article;
    const char *name = *label != '\0' ? label : term;
    if (strchr(scheme, ':') == NULL || *term == '\0') {
        feed_push_line(f, &article->keywords, &article->n_keywords, name);
        return;
    }
    Subject *subject = arena_alloc(f->arena, sizeof *subject);
    if (subject == NULL) {
        f->error = -ENOMEM;
        return;
    }
    newswire__v1__subject__init(subject);
    set_subject_uri(f, subject, scheme, term);
    feed_line(f, &subject->code, term);
    feed_line(f, &subject->name, name);
    push(f, (void ***)&article->subjects, &article->n_subjects, subject);
}

void feed_media(struct feed *f, struct feed_item *item, const char *href, const char *media_type,
                uint64_t size_bytes) {
    Media *media = arena_alloc(f->arena, sizeof *media);
    if (*href == '\0')
        return;
    if (media == NULL) {
        f->error = -ENOMEM;
        return;
    }
    newswire__v1__media__init(media);
    feed_line(f, &media->href, href);
    feed_line(f, &media->media_type, media_type);
    media->size_bytes = size_bytes;
    push(f, (void ***)&item->article->media, &item->article->n_media, media);
}

/* ---- items */

bool feed_item_begin(struct feed *f, struct feed_item *ret, size_t line) {
    *ret = (struct feed_item){.id = "", .link = "", .article = article_new(f->arena)};
    f->n_items++;
    snprintf(ret->place, sizeof ret->place, line > 0 ? "item %zu (line %zu)" : "item %zu",
             f->n_items, line);
    if (ret->article == NULL)
        f->error = -ENOMEM;
    return f->error == 0;
}

/* A copy of an address without white space and control characters: each is %XX. */
static char *sound_uri(struct feed *f, const char *text) {
    char *line = "", *uri, *out;
    feed_line(f, &line, text);
    uri = out = arena_alloc(f->arena, strlen(line) * 3 + 1);
    for (; uri != NULL && *line != '\0'; line++)
        if ((unsigned char)*line <= ' ' || *line == 0x7f)
            out += sprintf(out, "%%%02X", (unsigned)(unsigned char)*line);
        else
            *out++ = *line;
    return uri;
}

static void identify(struct feed *f, struct feed_item *item, struct slice source_text) {
    struct source source;
    Article *article = item->article;
    char digest[SOURCE_DIGEST_SIZE], digits[SOURCE_URI_DIGITS + 1], made[64];
    source_init(&source, NULL, 0);
    source_update(&source, source_text);
    source_final(&source, digest, digits);
    feed_line(f, &article->source_digest, digest);
    snprintf(made, sizeof made, "urn:newswire:feed:%s", digits);
    article->uri = sound_uri(f, item->id);
    if (article->uri != NULL && *article->uri == '\0')
        article->uri = sound_uri(f, item->link);
    if (article->uri != NULL && *article->uri == '\0')
        article->uri = sound_uri(f, made);
    if (article->uri == NULL)
        f->error = -ENOMEM;
}

/* What the item leaves to the feed to say. */
static void inherit(struct feed *f, Article *article) {
    article->version = 1;
    article->kind = KIND_ARTICLE;
    if (*article->source == '\0')
        article->source = f->title;
    if (*article->language == '\0')
        article->language = f->language;
    if (*article->rights == '\0')
        article->rights = f->rights;
    if (article->n_byline == 0) {
        article->byline = f->authors;
        article->n_byline = f->n_authors;
    }
    feed_line(f, &article->section, f->section);
    const struct rules_section *known =
        *article->section == '\0' ? NULL : rules_section_find(f->rules, article->section);
    if (known != NULL)
        feed_line(f, &article->section, known->key);
}

void feed_item_end(struct feed *f, struct feed_item *item, struct slice source) {
    struct fault fault = {0};
    Article *article = item->article;
    if (f->error != 0)
        return;
    if (*article->headline == '\0' && article->n_blocks == 0) {
        f->error = parsed_warn(f->arena, f->parsed, "%s has neither title nor text; it is left out",
                               item->place);
        return;
    }
    identify(f, item, source);
    inherit(f, article);
    if (f->error != 0)
        return;
    if (codec_check_article(article, &fault) < 0)
        f->error = parsed_warn_fault(f->arena, f->parsed, item->place, &fault);
    else
        push(f, (void ***)&f->parsed->articles, &f->parsed->n_articles, article);
}

/* ---- the whole */

bool feed_recognise(const struct parse_input *input) {
    static const char *const roots[] = {"rss", "RDF", "feed", "entry", NULL};
    return json_says_feed(input->bytes) || xml_root_is(input->bytes, roots);
}

int feed_parse(struct arena *a, const struct rules *rules, const struct parse_input *input,
               struct parsed *ret, struct parse_fault *ret_fault) {
    struct feed f = {.arena = a,
                     .rules = rules,
                     .section = input->section,
                     .parsed = ret,
                     .title = "",
                     .language = "",
                     .rights = ""};
    int r = json_begins_object(input->bytes) ? feed_read_json(&f, input->bytes, ret_fault)
                                             : feed_read_xml(&f, input->bytes, ret_fault);
    if (r < 0)
        return r;
    if (f.n_items == 0)
        return fault_set(&ret_fault->fault, "", "the feed has no items");
    if (ret->n_articles == 0) {
        fault_set(&ret_fault->fault, "", "the feed has no items with a title or text");
        fault_add(&ret_fault->fault, ret->warnings.items[0], ret->local.items[0]);
        return -EINVAL;
    }
    return 0;
}
