#include "proto/formats/markup.h"
#include "proto/formats/ninjs_read.h"

#include <errno.h>
#include <string.h>

/* ---- texts as they are, and as markup */

static bool is_markup(const char *type, const char *text) {
    return strstr(type, "html") != NULL || strstr(type, "xml") != NULL ||
           (*type == '\0' && *text == '<');
}

/* Sets a field to a headline or caption, which may be HTML. */
void ninjs_set_title(struct ninjs_reading *r, char **field, const char *type, const char *text) {
    if (!is_markup(type, text)) {
        ninjs_set_line(r, field, text);
        return;
    }
    char *line = markup_line(r->arena, slice_of(text));
    if (line == NULL)
        r->error = -ENOMEM;
    else if (*line != '\0')
        *field = line;
}

/* ---- texts with roles: headlines, bodies, descriptions */

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

static bool next_worded(struct worded_walk *w, struct ninjs_worded *ret) {
    if (w->list != NULL) {
        const json_t *value = json_array_get(w->list, w->at++);
        *ret = (struct ninjs_worded){ninjs_text(value, "role", NULL),
                                     ninjs_text(value, "contentType", "contenttype"),
                                     ninjs_text(value, "value", NULL)};
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
        const char *type = strstr(role, "html") != NULL ? "html"
                           : strcmp(role, "text") == 0  ? "text/plain"
                                                        : "";
        *ret = (struct ninjs_worded){role, type, text};
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

static void read_headlines(struct ninjs_reading *r) {
    struct worded_walk walk = walk_worded(r->item, "headlines", "headline");
    struct ninjs_worded w;
    Article *article = r->article;
    char *other = "";
    while (next_worded(&walk, &w)) {
        char *line = "";
        ninjs_set_title(r, &line, w.type, w.text);
        if (is_role(w.role, "kicker") && *line != '\0')
            ninjs_push(r, (void ***)&article->kicker, &article->n_kicker, line);
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

static void read_body(struct ninjs_reading *r, const struct ninjs_worded *w) {
    int result = is_markup(w->type, w->text)
                     ? markup_read(r->arena, slice_of(w->text), r->article)
                     : markup_read_plain(r->arena, slice_of(w->text), r->article);
    if (result < 0)
        r->error = result;
}

/* Takes one of several bodies: the main one, and with its markup, if that is there. */
static void read_bodies(struct ninjs_reading *r) {
    struct worded_walk walk = walk_worded(r->item, "bodies", "body");
    struct ninjs_worded w, best = {0};
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

bool ninjs_description(const json_t *item, const char *role, bool or_other,
                       struct ninjs_worded *ret) {
    struct worded_walk walk = walk_worded(item, "descriptions", "description");
    struct ninjs_worded w;
    bool found = false;
    while (next_worded(&walk, &w)) {
        bool wanted = is_role(w.role, role);
        if (*w.text != '\0' && (wanted || (or_other && !found && !is_role(w.role, "creditline")))) {
            *ret = w;
            found = true;
        }
        if (wanted)
            break;
    }
    return found;
}

/* A picture's caption is its text; of other items a description stands in for a
 * body that isn't there. */
static void read_descriptions(struct ninjs_reading *r) {
    struct ninjs_worded w;
    Article *article = r->article;
    bool photo = article->kind == KIND_PHOTO;
    if ((article->n_blocks > 0 && !photo) || !ninjs_description(r->item, "caption", true, &w))
        return;
    if (article->n_blocks > 0 && !is_role(w.role, "caption"))
        return;
    size_t before = article->n_blocks;
    read_body(r, &w);
    for (size_t i = before; i < article->n_blocks && photo; i++)
        article->blocks[i]->type = BLOCK_CAPTION;
}

/* The body's own dateline goes before the place. */
void ninjs_read_texts(struct ninjs_reading *r) {
    Article *article = r->article;
    read_headlines(r);
    read_bodies(r);
    read_descriptions(r);
    if (*article->dateline == '\0')
        ninjs_set_line(r, &article->dateline, ninjs_text(r->item, "located", NULL));
    else
        ninjs_set_line(r, &article->dateline, article->dateline);
    if (*article->headline == '\0' && article->n_blocks > 0)
        ninjs_set_line(r, &article->headline, ninjs_text(r->item, "title", NULL));
}
