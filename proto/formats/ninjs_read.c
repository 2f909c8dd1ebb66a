#include "proto/formats/ninjs_read.h"
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

/* ---- what all of it needs */

/* The member that has one of two names: that of 3.x, and that of versions before. */
const json_t *ninjs_member(const json_t *object, const char *name, const char *before) {
    const json_t *value = json_object_get(object, name);
    return value != NULL || before == NULL ? value : json_object_get(object, before);
}

const char *ninjs_text(const json_t *object, const char *name, const char *before) {
    const char *text = json_string_value(ninjs_member(object, name, before));
    return text == NULL ? "" : text;
}

/* Sets a field to some text as one line; an empty text changes nothing. */
void ninjs_set_line(struct ninjs_reading *r, char **field, const char *text) {
    if (*text == '\0' || r->error != 0)
        return;
    char *line = json_line(r->arena, text);
    if (line == NULL)
        r->error = -ENOMEM;
    else
        *field = line;
}

void ninjs_push(struct ninjs_reading *r, void ***array, size_t *n, void *element) {
    if (element == NULL || article_push(r->arena, array, n, element) < 0)
        r->error = -ENOMEM;
}

void ninjs_push_line(struct ninjs_reading *r, char ***list, size_t *n, const char *text) {
    char *line = "";
    ninjs_set_line(r, &line, text);
    if (*line != '\0')
        ninjs_push(r, (void ***)list, n, line);
}

uint64_t ninjs_number(const json_t *object, const char *name, const char *before, uint64_t most) {
    double number = json_number_value(ninjs_member(object, name, before));
    return number > 0 && number <= (double)most ? (uint64_t)number : 0;
}

/* ---- single values */

static void read_version(struct ninjs_reading *r) {
    const char *text = ninjs_text(r->item, "version", NULL);
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
static bool read_time(struct ninjs_reading *r, const char *name, const char *before, int64_t *ret) {
    const char *text = ninjs_text(r->item, name, before);
    if (*text == '\0' || timestamp_read_iso(slice_of(text), ret))
        return false;
    if (parsed_warn(r->arena, r->parsed, "%s: '%.60s' is no time", name, text) < 0)
        r->error = -ENOMEM;
    return true;
}

static void read_times(struct ninjs_reading *r) {
    Article *article = r->article;
    int64_t created = 0, changed = 0;
    read_time(r, "firstCreated", "firstcreated", &created);
    read_time(r, "versionCreated", "versioncreated", &changed);
    article->created_at = created != 0 ? created : changed;
    if (read_time(r, "embargoedUntil", "embargoed", &article->embargoed_until) &&
        article->status != STATUS_CANCELED) { /* a kill never waits */
        article->status = STATUS_WITHHELD;
        if (parsed_warn(r->arena, r->parsed,
                        "the article is withheld, since nobody can tell when its embargo ends") < 0)
            r->error = -ENOMEM;
    }
}

static void read_status(struct ninjs_reading *r) {
    const char *text = ninjs_text(r->item, "pubStatus", "pubstatus");
    for (int status = STATUS_USABLE; status <= STATUS_CANCELED; status++)
        if (strcmp(text, article_status_name(status)) == 0)
            r->article->status = (Newswire__V1__Status__Value)status;
}

static bool set_kind(struct ninjs_reading *r, const char *word) {
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

static void read_kind(struct ninjs_reading *r) {
    const json_t *genres = ninjs_member(r->item, "genres", "genre");
    bool picture = strcmp(ninjs_text(r->item, "type", NULL), "picture") == 0;
    r->article->kind = picture ? KIND_PHOTO : KIND_ARTICLE;
    for (size_t i = 0; i < json_array_size(genres); i++) {
        const json_t *genre = json_array_get(genres, i);
        if (set_kind(r, ninjs_text(genre, "literal", "code")) ||
            set_kind(r, ninjs_text(genre, "name", NULL)))
            return;
    }
    set_kind(r, ninjs_text(r->item, "profile", NULL));
}

/* What may be used, and how; both when there are both. */
static void read_rights(struct ninjs_reading *r) {
    const char *notice = ninjs_text(r->item, "copyrightNotice", "copyrightnotice");
    const char *terms = ninjs_text(r->item, "usageTerms", "usageterms");
    const char *holder = ninjs_text(r->item, "copyrightHolder", "copyrightholder");
    size_t size = strlen(notice) + strlen(terms) + 2;
    char *both = arena_alloc(r->arena, size);
    if (both == NULL) {
        r->error = -ENOMEM;
        return;
    }
    bool two = *notice != '\0' && *terms != '\0';
    snprintf(both, size, "%s%s%s", notice, two ? " " : "", terms);
    ninjs_set_line(r, &r->article->rights, *both != '\0' ? both : holder);
}

static void read_alt_ids(struct ninjs_reading *r) {
    const json_t *ids = ninjs_member(r->item, "altIds", "altids");
    for (const struct ninjs_alt_id *id = ninjs_alt_ids; id->role != NULL; id++) {
        char **field = (char **)((char *)r->article + id->offset);
        const char *text = json_is_object(ids) ? ninjs_text(ids, id->role, NULL) : "";
        for (size_t i = 0; i < json_array_size(ids); i++)
            if (strcmp(ninjs_text(json_array_get(ids, i), "role", NULL), id->role) == 0)
                text = ninjs_text(json_array_get(ids, i), "value", NULL);
        ninjs_set_line(r, field, text);
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

/* ---- the whole */

static void read_section(struct ninjs_reading *r, const struct rules *rules, const char *chosen) {
    Article *article = r->article;
    if (chosen != NULL)
        ninjs_set_line(r, &article->section, chosen);
    const struct rules_section *known =
        *article->section == '\0' ? NULL : rules_section_find(rules, article->section);
    if (known != NULL)
        ninjs_set_line(r, &article->section, known->key);
}

static void read_lines(struct ninjs_reading *r) {
    Article *article = r->article;
    const json_t *sources = ninjs_member(r->item, "infoSources", "infosources");
    if (sources == NULL)
        sources = json_object_get(r->item, "infosource");
    article->uri = arena_strndup(r->arena, ninjs_text(r->item, "uri", NULL),
                                 strlen(ninjs_text(r->item, "uri", NULL)));
    const char *note = ninjs_text(r->item, "edNote", "ednote");
    article->note_to_editors = arena_strndup(r->arena, note, strlen(note));
    if (article->uri == NULL || article->note_to_editors == NULL)
        r->error = -ENOMEM;
    ninjs_set_line(r, &article->language, ninjs_text(r->item, "language", NULL));
    ninjs_set_line(r, &article->source, ninjs_text(json_array_get(sources, 0), "name", NULL));
    article->urgency = (uint32_t)ninjs_number(r->item, "urgency", NULL, 9);
}

static int check_article_type(const struct ninjs_reading *r, struct fault *fault) {
    static const char *const others[] = {"event", "planning", "component"};
    const Article *article = r->article;
    const char *type = ninjs_text(r->item, "type", NULL);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(type, others[i]) == 0)
            return fault_set(fault, "type", "is '%s', which is no article of its own", type);
    if (article->status != STATUS_CANCELED && *article->headline == '\0' && article->n_blocks == 0)
        return fault_set(fault, "headlines", "the item carries no text, neither headline nor body");
    return 0;
}

static int read_item(struct ninjs_reading *r, const struct rules *rules,
                     const struct parse_input *input) {
    char digest[SOURCE_DIGEST_SIZE];
    r->article = article_new(r->arena);
    if (r->article == NULL)
        return -ENOMEM;
    read_lines(r);
    read_version(r);
    read_status(r);
    read_times(r);
    read_kind(r);
    read_rights(r);
    ninjs_read_texts(r);
    ninjs_read_subjects(r);
    ninjs_read_people(r);
    read_alt_ids(r);
    ninjs_read_associations(r);
    read_section(r, rules, input->section);
    source_digest(input->bytes, digest);
    ninjs_set_line(r, &r->article->source_digest, digest);
    return r->error;
}

bool ninjs_recognise(const struct parse_input *input) {
    return json_begins_object(input->bytes) && !json_says_feed(input->bytes);
}

int ninjs_parse(struct arena *a, const struct rules *rules, const struct parse_input *input,
                struct parsed *ret, struct parse_fault *ret_fault) {
    _cleanup_json_ json_t *item = NULL;
    int result = json_load_object(input->bytes, &item, ret_fault);
    struct ninjs_reading r = {.arena = a, .item = item, .parsed = ret};
    if (result == 0)
        result = ninjs_check(item, &ret_fault->fault);
    if (result == 0)
        result = read_item(&r, rules, input);
    if (result == 0)
        result = check_article_type(&r, &ret_fault->fault);
    if (result == 0)
        result = codec_check_article(r.article, &ret_fault->fault);
    return result < 0 ? result
                      : article_push(a, (void ***)&ret->articles, &ret->n_articles, r.article);
}
