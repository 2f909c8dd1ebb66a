/* What an outlet takes, and when: its filters and its times. */
#include "clients/forward/ledger.h"
#include "proto/topic.h"

#include <string.h>
#include <strings.h>

enum { URGENCY_UNSAID = 5 };

bool outlet_takes_topic(const struct outlet_config *o, const char *topic) {
    for (size_t i = 0; i < o->topics.n; i++)
        if (topic_matches(slice_of(o->topics.items[i]), slice_of(topic)))
            return true;
    return o->topics.n == 0;
}

static bool takes_kind(const struct outlet_config *o, const char *topic) {
    const char *slash = strrchr(topic, '/');
    for (size_t i = 0; slash != NULL && i < o->kinds.n; i++)
        if (strcmp(o->kinds.items[i], slash + 1) == 0)
            return true;
    return o->kinds.n == 0;
}

/* "zh" takes zh-Hans too. */
static bool takes_language(const struct outlet_config *o, const char *language) {
    for (size_t i = 0; i < o->languages.n; i++) {
        size_t len = strlen(o->languages.items[i]);
        if (strncasecmp(o->languages.items[i], language, len) == 0 &&
            (language[len] == '\0' || language[len] == '-'))
            return true;
    }
    return o->languages.n == 0;
}

static bool has_word(const Article *x, const char *word) {
    for (size_t i = 0; i < x->n_keywords; i++)
        if (strcasecmp(x->keywords[i], word) == 0)
            return true;
    if (strcasestr(x->headline, word) != NULL || strcasestr(x->subheadline, word) != NULL)
        return true;
    for (size_t i = 0; i < x->n_blocks; i++)
        if (strcasestr(x->blocks[i]->text, word) != NULL)
            return true;
    return false;
}

static bool takes_words(const struct outlet_config *o, const Article *x) {
    for (size_t i = 0; i < o->keywords.n; i++)
        if (has_word(x, o->keywords.items[i]))
            return true;
    return o->keywords.n == 0;
}

bool outlet_takes(const struct outlet_config *o, const char *topic, const Article *x) {
    uint32_t urgency = x->urgency == 0 ? URGENCY_UNSAID : x->urgency;
    return x->status == STATUS_USABLE && outlet_takes_topic(o, topic) && takes_kind(o, topic) &&
           takes_language(o, x->language) && urgency <= o->urgency && takes_words(o, x);
}

int64_t outlet_due(const struct outlet_config *o, int64_t now) {
    return o->batch_minute < 0 ? now : zone_next(o->zone, now, o->batch_minute);
}

bool outlet_is_open(const struct outlet_config *o, int64_t now, int64_t *ret_open) {
    if (o->window.from < 0 || zone_within(o->zone, &o->window, now))
        return true;
    *ret_open = zone_next(o->zone, now, o->window.from);
    return false;
}
