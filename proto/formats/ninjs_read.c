#include "proto/formats/markup.h"
#include "proto/formats/ninjs.h"
#include "proto/formats/ninjs_schema.h"
#include "proto/formats/timestamp.h"
#include "proto/rules.h"
#include "proto/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(Article, field)

const struct ninjs_alt_id ninjs_alt_ids[] = {
    {"publication", AT(publication)},
    {"pageDate", AT(page_date)},
    {"page", AT(page)},
    {"continuedOn", AT(continued_on)},
    {"continuedFrom", AT(continued_from)},
    {"movedTo", AT(moved_to)},
    {0},
};

struct reading {
    struct arena *arena;
    const json_t *item;
    unsigned families;
    Article *article;
    struct parsed *parsed;
    int error; /* -ENOMEM once memory ran out */
};

/* ---- what all of it needs */

/* The member that has one of two names: that of 3.x, and that of versions before. */
static const json_t *member(const json_t *object, const char *name, const char *before) {
    const json_t *value = json_object_get(object, name);
    return value != NULL || before == NULL ? value : json_object_get(object, before);
}

static const char *text_of(const json_t *object, const char *name, const char *before) {
    const char *text = json_string_value(member(object, name, before));
    return text == NULL ? "" : text;
}

/* Sets a field to some text as one line; an empty text changes nothing. */
static void set_line(struct reading *r, char **field, const char *text) {
    if (*text == '\0' || r->error != 0)
        return;
    char *line = json_line(r->arena, text);
    if (line == NULL)
        r->error = -ENOMEM;
    else
        *field = line;
}

static void push(struct reading *r, void ***array, size_t *n, void *element) {
    if (element == NULL || article_push(r->arena, array, n, element) < 0)
        r->error = -ENOMEM;
}

static void push_line(struct reading *r, char ***list, size_t *n, const char *text) {
    char *line = "";
    set_line(r, &line, text);
    if (*line != '\0')
        push(r, (void ***)list, n, line);
}

static bool is_markup(const char *type, const char *text) {
    return strstr(type, "html") != NULL || strstr(type, "xml") != NULL ||
           (*type == '\0' && *text == '<');
}

/* Sets a field to a headline or caption, which may be HTML. */
static void set_title(struct reading *r, char **field, const char *type, const char *text) {
    if (!is_markup(type, text)) {
        set_line(r, field, text);
        return;
    }
    char *line = markup_line(r->arena, slice_of(text));
    if (line == NULL)
        r->error = -ENOMEM;
    else if (*line != '\0')
        *field = line;
}

/* ---- texts with roles: headlines, bodies, descriptions */

/* One of them, wherever it stands: in an array of 2.x and 3.x, or as a property
 * headline_ROLE of 1.x, whose role ends in "html" or "xhtml" if it is such. */
struct worded {
    const char *role, *type, *text;
};

struct worded_walk {
    const json_t *item, *list;
    const char *prefix; /* of 1.x */
    size_t at;
    void *next;
};

static struct worded_walk walk_worded(const json_t *item, const char *list, const char *prefix) {
    return (struct worded_walk){.item = item,
                                .list = json_object_get(item, list),
                                .prefix = prefix,
                                .next = json_object_iter((json_t *)item)};
}

static bool next_worded(struct worded_walk *w, struct worded *ret) {
    if (w->list != NULL) {
        const json_t *value = json_array_get(w->list, w->at++);
        *ret = (struct worded){text_of(value, "role", NULL),
                               text_of(value, "contentType", "contenttype"),
                               text_of(value, "value", NULL)};
        return value != NULL;
    }
    for (size_t len = strlen(w->prefix); w->next != NULL;) {
        const char *name = json_object_iter_key(w->next);
        const char *text = json_string_value(json_object_iter_value(w->next));
        w->next = json_object_iter_next((json_t *)w->item, w->next);
        if (strncmp(name, w->prefix, len) != 0 || text == NULL ||
            (name[len] != '_' && name[len] != '\0'))
            continue;
        const char *role = name + len + (name[len] == '_');
        *ret = (struct worded){role, strstr(role, "html") != NULL ? "html" : "", text};
        return true;
    }
    return false;
}

static bool is_main(const char *role) {
    static const char *const roles[] = {"", "main", "text", "html", "xhtml"};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(role, roles[i]) == 0)
            return true;
    return false;
}

static bool is_role(const char *role, const char *name) {
    size_t len = strlen(name); /* in 1.x a second one is name_2 */
    return strncmp(role, name, len) == 0 && (role[len] == '\0' || role[len] == '_');
}

static void read_headlines(struct reading *r) {
    struct worded_walk walk = walk_worded(r->item, "headlines", "headline");
    struct worded w;
    Article *article = r->article;
    char *other = "";
    while (next_worded(&walk, &w)) {
        char *line = "";
        set_title(r, &line, w.type, w.text);
        if (is_role(w.role, "kicker") && *line != '\0')
            push(r, (void ***)&article->kicker, &article->n_kicker, line);
        else if (is_role(w.role, "subhead") || strcmp(w.role, "subheadline") == 0)
            article->subheadline = line;
        else if (is_main(w.role) && *article->headline == '\0')
            article->headline = line;
        else if (*other == '\0')
            other = line;
    }
    if (*article->headline == '\0')
        article->headline = other;
}

static void read_body(struct reading *r, const struct worded *w) {
    int result = is_markup(w->type, w->text)
                     ? markup_read(r->arena, slice_of(w->text), r->article)
                     : markup_read_plain(r->arena, slice_of(w->text), r->article);
    if (result < 0)
        r->error = result;
}

/* Takes one of several bodies: the main one, and with its markup, if that is there. */
static void read_bodies(struct reading *r) {
    struct worded_walk walk = walk_worded(r->item, "bodies", "body");
    struct worded w, best = {0};
    int best_score = -1;
    while (next_worded(&walk, &w)) {
        int score = 2 * is_main(w.role) + is_markup(w.type, w.text);
        if (score > best_score && *w.text != '\0') {
            best = w;
            best_score = score;
        }
    }
    if (best_score >= 0)
        read_body(r, &best);
}

/* The caption of a picture; NULL: it has none. Another description stands in for it. */
static bool find_caption(const json_t *item, struct worded *ret) {
    struct worded_walk walk = walk_worded(item, "descriptions", "description");
    struct worded w;
    bool found = false;
    while (next_worded(&walk, &w)) {
        bool caption = is_role(w.role, "caption");
        if (*w.text != '\0' && (caption || (!found && !is_role(w.role, "creditline")))) {
            *ret = w;
            found = true;
        }
        if (caption)
            break;
    }
    return found;
}

/* A picture's caption is its text; of other items a description stands in for a
 * body that isn't there. */
static void read_descriptions(struct reading *r) {
    struct worded w;
    Article *article = r->article;
    bool photo = article->kind == KIND_PHOTO;
    if ((article->n_blocks > 0 && !photo) || !find_caption(r->item, &w))
        return;
    if (article->n_blocks > 0 && !is_role(w.role, "caption"))
        return;
    size_t before = article->n_blocks;
    read_body(r, &w);
    for (size_t i = before; i < article->n_blocks && photo; i++)
        article->blocks[i]->type = BLOCK_CAPTION;
}

/* ---- single values */

static void read_version(struct reading *r) {
    const char *text = text_of(r->item, "version", NULL);
    char *end;
    errno = 0;
    unsigned long version = strtoul(text, &end, 10);
    r->article->version = 1;
    if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && version > 0 &&
        version <= UINT32_MAX)
        r->article->version = (uint32_t)version;
    else if (*text != '\0')
        if (parsed_warn(r->arena, r->parsed,
                        "the version '%.60s' is no number from 1; it is taken as 1", text) < 0)
            r->error = -ENOMEM;
}

/* Whether there is a time that can't be read. */
static bool read_time(struct reading *r, const char *name, const char *before, int64_t *ret) {
    const char *text = text_of(r->item, name, before);
    if (*text == '\0' || timestamp_read_iso(slice_of(text), ret))
        return false;
    if (parsed_warn(r->arena, r->parsed, "%s: '%.60s' is no time", name, text) < 0)
        r->error = -ENOMEM;
    return true;
}

static void read_times(struct reading *r) {
    Article *article = r->article;
    int64_t created = 0, changed = 0;
    read_time(r, "firstCreated", "firstcreated", &created);
    read_time(r, "versionCreated", "versioncreated", &changed);
    article->created_at = created != 0 ? created : changed;
    if (read_time(r, "embargoedUntil", "embargoed", &article->embargoed_until)) {
        article->status = STATUS_WITHHELD;
        if (parsed_warn(r->arena, r->parsed,
                        "the article is withheld, since nobody can tell when its embargo ends") < 0)
            r->error = -ENOMEM;
    }
}

static void read_status(struct reading *r) {
    const char *text = text_of(r->item, "pubStatus", "pubstatus");
    for (int status = STATUS_USABLE; status <= STATUS_CANCELED; status++)
        if (strcmp(text, article_status_name(status)) == 0)
            r->article->status = (Newswire__V1__Status__Value)status;
}

static bool set_kind(struct reading *r, const char *word) {
    char small[16];
    size_t len = strlen(word);
    if (len == 0 || len >= sizeof small)
        return false;
    for (size_t i = 0; i <= len; i++)
        small[i] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] | 0x20 : word[i]);
    int kind = article_kind_from_name(small);
    if (kind > KIND_UNSPECIFIED)
        r->article->kind = (Newswire__V1__Kind__Value)kind;
    return kind > KIND_UNSPECIFIED;
}

static void read_kind(struct reading *r) {
    const json_t *genres = member(r->item, "genres", "genre");
    bool picture = strcmp(text_of(r->item, "type", NULL), "picture") == 0;
    r->article->kind = picture ? KIND_PHOTO : KIND_ARTICLE;
    for (size_t i = 0; i < json_array_size(genres); i++) {
        const json_t *genre = json_array_get(genres, i);
        if (set_kind(r, text_of(genre, "literal", "code")) ||
            set_kind(r, text_of(genre, "name", NULL)))
            return;
    }
    set_kind(r, text_of(r->item, "profile", NULL));
}

/* What may be used, and how; both when there are both. */
static void read_rights(struct reading *r) {
    const char *notice = text_of(r->item, "copyrightNotice", "copyrightnotice");
    const char *terms = text_of(r->item, "usageTerms", "usageterms");
    const char *holder = text_of(r->item, "copyrightHolder", "copyrightholder");
    size_t size = strlen(notice) + strlen(terms) + 2;
    char *both = arena_alloc(r->arena, size);
    if (both == NULL) {
        r->error = -ENOMEM;
        return;
    }
    bool two = *notice != '\0' && *terms != '\0';
    snprintf(both, size, "%s%s%s", notice, two ? " " : "", terms);
    set_line(r, &r->article->rights, *both != '\0' ? both : holder);
}

static void read_alt_ids(struct reading *r) {
    const json_t *ids = member(r->item, "altIds", "altids");
    for (const struct ninjs_alt_id *id = ninjs_alt_ids; id->role != NULL; id++) {
        char **field = (char **)((char *)r->article + id->offset);
        const char *text = json_is_object(ids) ? text_of(ids, id->role, NULL) : "";
        for (size_t i = 0; i < json_array_size(ids); i++)
            if (strcmp(text_of(json_array_get(ids, i), "role", NULL), id->role) == 0)
                text = text_of(json_array_get(ids, i), "value", NULL);
        set_line(r, field, text);
    }
    char date[sizeof "2031-04-09"];
    const char *page_date = r->article->page_date;
    if (*page_date != '\0' &&
        (strlen(page_date) != sizeof date - 1 || !timestamp_date(slice_of(page_date), date))) {
        if (parsed_warn(r->arena, r->parsed, "pageDate: '%.60s' is no date", page_date) < 0)
            r->error = -ENOMEM;
        r->article->page_date = "";
    }
}

/* ---- subjects and people */

/* 1.x has a scheme and a code in it; together they are the uri, unless the
 * scheme has no separator at its end to join them by. */
static void read_scheme(struct reading *r, const json_t *value, Subject *subject) {
    const char *scheme = text_of(value, "scheme", NULL), *code = text_of(value, "code", NULL);
    size_t len = strlen(scheme);
    if (len == 0)
        return;
    bool joins = strchr("/#:=", scheme[len - 1]) != NULL;
    size_t size = len + strlen(code) + 1;
    char *uri = arena_alloc(r->arena, size);
    if (uri == NULL) {
        r->error = -ENOMEM;
        return;
    }
    snprintf(uri, size, "%s%s", scheme, joins ? code : "");
    set_line(r, &subject->uri, uri);
}

static void read_subject(struct reading *r, const json_t *value) {
    Article *article = r->article;
    Subject *subject = arena_alloc(r->arena, sizeof *subject);
    if (subject == NULL) {
        r->error = -ENOMEM;
        return;
    }
    newswire__v1__subject__init(subject);
    set_line(r, &subject->uri, text_of(value, "uri", NULL));
    set_line(r, &subject->code, text_of(value, "literal", "code"));
    set_line(r, &subject->name, text_of(value, "name", NULL));
    read_scheme(r, value, subject);
    size_t len = strlen(NINJS_SECTION_URI);
    bool bare = *subject->uri == '\0' && *subject->code == '\0';
    if (strncmp(subject->uri, NINJS_SECTION_URI, len) == 0) {
        article->section = subject->uri + len;
        article->section_label = subject->name;
    } else if (bare && strcmp(text_of(value, "rel", NULL), "keyword") == 0) {
        push_line(r, &article->keywords, &article->n_keywords, subject->name);
    } else if (!bare || *subject->name != '\0') {
        push(r, (void ***)&article->subjects, &article->n_subjects, subject);
    }
}

static void read_people(struct reading *r) {
    const json_t *people = member(r->item, "people", "person");
    Article *article = r->article;
    for (size_t i = 0; i < json_array_size(people); i++) {
        const json_t *person = json_array_get(people, i);
        const char *rel = text_of(person, "rel", NULL), *name = text_of(person, "name", NULL);
        if (strcmp(rel, "author") == 0)
            push_line(r, &article->byline, &article->n_byline, name);
        else if (strcmp(rel, "reviewer") == 0)
            push_line(r, &article->reviewers, &article->n_reviewers, name);
    }
    if (article->n_byline == 0)
        push_line(r, &article->byline, &article->n_byline, text_of(r->item, "by", "byline"));
}

/* ---- associations */

static uint64_t number_of(const json_t *object, const char *name, const char *before,
                          uint64_t most) {
    double number = json_number_value(member(object, name, before));
    return number > 0 && number <= (double)most ? (uint64_t)number : 0;
}

/* The rendition of the most pixels or bytes; NULL when there is none with an address. */
static const json_t *best_rendition(const json_t *item) {
    const json_t *renditions = json_object_get(item, "renditions"), *best = NULL;
    double best_size = -1;
    void *next = json_object_iter((json_t *)renditions);
    for (size_t i = 0; next != NULL || i < json_array_size(renditions); i++) {
        const json_t *one =
            next != NULL ? json_object_iter_value(next) : json_array_get(renditions, i);
        next = next == NULL ? NULL : json_object_iter_next((json_t *)renditions, next);
        double size = (double)number_of(one, "width", NULL, UINT32_MAX) * 1e6 +
                      (double)number_of(one, "sizeInBytes", "sizeinbytes", INT64_MAX) / 1e6;
        if (size > best_size && *text_of(one, "href", NULL) != '\0') {
            best = one;
            best_size = size;
        }
    }
    return best;
}

static void read_digest(struct reading *r, const json_t *item, Media *media) {
    const json_t *ids = member(item, "altIds", "altids");
    set_line(r, &media->digest, json_is_object(ids) ? text_of(ids, "digest", NULL) : "");
    for (size_t i = 0; i < json_array_size(ids); i++)
        if (strcmp(text_of(json_array_get(ids, i), "role", NULL), "digest") == 0)
            set_line(r, &media->digest, text_of(json_array_get(ids, i), "value", NULL));
}

static void read_credit(struct reading *r, const json_t *item, Media *media) {
    struct worded_walk walk = walk_worded(item, "descriptions", "description");
    struct worded w;
    while (next_worded(&walk, &w))
        if (is_role(w.role, "creditline"))
            set_title(r, &media->credit, w.type, w.text);
    set_line(r, &media->credit, text_of(item, "by", "byline"));
}

/* Makes a picture of an association, or of the item itself when it is one; without
 * an address it is none. */
static void read_media(struct reading *r, const json_t *item, const char *address) {
    const json_t *rendition = best_rendition(item);
    Media *media = arena_alloc(r->arena, sizeof *media);
    struct worded w;
    if (media == NULL) {
        r->error = -ENOMEM;
        return;
    }
    newswire__v1__media__init(media);
    const char *href = text_of(rendition, "href", NULL);
    set_line(r, &media->href, *href != '\0' ? href : address);
    if (*media->href == '\0')
        return;
    set_line(r, &media->media_type,
             json_is_string(json_object_get(rendition, "mimetype"))
                 ? text_of(rendition, "mimetype", NULL)
                 : text_of(rendition, "contentType", "contenttype"));
    media->width = (uint32_t)number_of(rendition, "width", NULL, UINT32_MAX);
    media->height = (uint32_t)number_of(rendition, "height", NULL, UINT32_MAX);
    media->size_bytes = number_of(rendition, "sizeInBytes", "sizeinbytes", 1ULL << 53);
    if (item != r->item && find_caption(item, &w))
        set_title(r, &media->caption, w.type, w.text);
    if (item != r->item)
        read_credit(r, item, media);
    read_digest(r, item, media);
    push(r, (void ***)&r->article->media, &r->article->n_media, media);
}

static bool is_media(const json_t *item) {
    static const char *const types[] = {"picture", "graphic", "video", "audio"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(text_of(item, "type", NULL), types[i]) == 0)
            return true;
    return false;
}

/* Whether it names the article that this one takes the place of; an older version
 * of this very article is none. */
static bool is_replaced(const struct reading *r, const json_t *item, const char *name) {
    const char *uri = text_of(item, "uri", NULL);
    size_t len = strlen(r->article->uri);
    bool own = strncmp(uri, r->article->uri, len) == 0 && (uri[len] == '\0' || uri[len] == '#');
    return strcmp(name, NINJS_REPLACES) == 0 ||
           (strcmp(text_of(item, "rel", NULL), "previousVersion") == 0 && !own);
}

static void read_association(struct reading *r, const json_t *item, const char *name) {
    if (is_replaced(r, item, name))
        set_line(r, &r->article->replaces, text_of(item, "uri", NULL));
    else if (is_media(item))
        read_media(r, item, text_of(item, "uri", NULL));
}

static void read_associations(struct reading *r) {
    const json_t *all = json_object_get(r->item, "associations");
    const char *name;
    json_t *item;
    json_object_foreach((json_t *)all, name, item) read_association(r, item, name);
    for (size_t i = 0; i < json_array_size(all); i++)
        read_association(r, json_array_get(all, i), text_of(json_array_get(all, i), "name", NULL));
    read_media(r, r->item, "");
}

/* ---- the whole */

static void read_section(struct reading *r, const struct rules *rules, const char *chosen) {
    Article *article = r->article;
    if (chosen != NULL)
        set_line(r, &article->section, chosen);
    const struct rules_section *known =
        *article->section == '\0' ? NULL : rules_section_find(rules, article->section);
    if (known != NULL)
        set_line(r, &article->section, known->key);
}

static void read_lines(struct reading *r) {
    Article *article = r->article;
    const json_t *sources = member(r->item, "infoSources", "infosources");
    if (sources == NULL)
        sources = json_object_get(r->item, "infosource");
    article->uri = arena_strndup(r->arena, text_of(r->item, "uri", NULL),
                                 strlen(text_of(r->item, "uri", NULL)));
    const char *note = text_of(r->item, "edNote", "ednote");
    article->note_to_editors = arena_strndup(r->arena, note, strlen(note));
    if (article->uri == NULL || article->note_to_editors == NULL)
        r->error = -ENOMEM;
    set_line(r, &article->language, text_of(r->item, "language", NULL));
    set_line(r, &article->source, text_of(json_array_get(sources, 0), "name", NULL));
    article->urgency = (uint32_t)number_of(r->item, "urgency", NULL, 9);
}

/* The body's own dateline goes before the place. */
static void read_text(struct reading *r) {
    Article *article = r->article;
    read_headlines(r);
    read_bodies(r);
    read_descriptions(r);
    if (*article->dateline == '\0')
        set_line(r, &article->dateline, text_of(r->item, "located", NULL));
    else
        set_line(r, &article->dateline, article->dateline);
    if (*article->headline == '\0' && article->n_blocks > 0)
        set_line(r, &article->headline, text_of(r->item, "title", NULL));
}

static int check_article_type(const struct reading *r, struct fault *fault) {
    static const char *const others[] = {"event", "planning", "component"};
    const Article *article = r->article;
    const char *type = text_of(r->item, "type", NULL);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(type, others[i]) == 0)
            return fault_set(fault, "type", "is '%s', which is no article of its own", type);
    if (article->status != STATUS_CANCELED && *article->headline == '\0' && article->n_blocks == 0)
        return fault_set(fault, "headlines", "the item carries no text, neither headline nor body");
    return 0;
}

static int read_item(struct reading *r, const struct rules *rules,
                     const struct parse_input *input) {
    char digest[SOURCE_DIGEST_SIZE];
    const json_t *subjects = member(r->item, "subjects", "subject");
    r->article = article_new(r->arena);
    if (r->article == NULL)
        return -ENOMEM;
    read_lines(r);
    read_version(r);
    read_status(r);
    read_times(r);
    read_kind(r);
    read_rights(r);
    read_text(r);
    for (size_t i = 0; i < json_array_size(subjects); i++)
        read_subject(r, json_array_get(subjects, i));
    read_people(r);
    read_alt_ids(r);
    read_associations(r);
    read_section(r, rules, input->section);
    source_digest(input->bytes, digest);
    set_line(r, &r->article->source_digest, digest);
    return r->error;
}

bool ninjs_recognise(const struct parse_input *input) {
    return json_begins_object(input->bytes) && !json_says_feed(input->bytes);
}

int ninjs_parse(struct arena *a, const struct rules *rules, const struct parse_input *input,
                struct parsed *ret, struct parse_fault *ret_fault) {
    _cleanup_json_ json_t *item = NULL;
    int result = json_load_object(input->bytes, &item, ret_fault);
    struct reading r = {.arena = a, .item = item, .parsed = ret};
    if (result == 0)
        result = ninjs_check(item, &r.families, &ret_fault->fault);
    if (result == 0)
        result = read_item(&r, rules, input);
    if (result == 0)
        result = check_article_type(&r, &ret_fault->fault);
    if (result == 0)
        result = codec_check_article(r.article, &ret_fault->fault);
    return result < 0 ? result
                      : article_push(a, (void ***)&ret->articles, &ret->n_articles, r.article);
}
