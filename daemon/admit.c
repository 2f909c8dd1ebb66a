#include "daemon/admit.h"

#include "proto/topic.h"

#include <errno.h>

/* The key of the section that the article goes to; NULL when it is refused. */
static const char *choose_section(const struct settings *settings, const Article *article,
                                  struct fault *f) {
    const struct rules_section *section = rules_section_choose(&settings->rules, article);
    if (section != NULL)
        return section->key;
    if (*article->section == '\0' || settings->intake.unknown_section == UNKNOWN_SECTION_DEFAULT)
        return settings->intake.default_section;
    fault_set(f, "section", "there is no section '%.64s' here", article->section);
    return NULL;
}

int admit(const struct settings *settings, struct arena *a, struct slice bytes,
          struct log_proposal *ret, struct fault *ret_fault) {
    Article *article;
    char topic[LIMIT_TOPIC_BYTES + 1];
    if (bytes.len > settings->intake.article_bytes)
        return fault_set(ret_fault, "", "the article has %zu bytes; %llu are the most", bytes.len,
                         (unsigned long long)settings->intake.article_bytes);
    int r = codec_unpack_article(a, bytes, &article, ret_fault);
    if (r < 0)
        return r;
    const char *section = choose_section(settings, article, ret_fault);
    if (section == NULL)
        return -EINVAL;
    if (topic_make(section, article->kind, topic) < 0)
        return fault_set(ret_fault, "section", "'%.64s' can't be a section's key", section);
    *ret = (struct log_proposal){
        .article = bytes,
        .uri = article->uri,
        .version = article->version,
        .topic = arena_strndup(a, topic, strlen(topic)),
        .canceled = article->status == STATUS_CANCELED,
        .hold_until_usec = article->embargoed_until,
    };
    codec_content_digest(article, ret->content_digest);
    return ret->topic == NULL ? -ENOMEM : 0;
}

void admit_count(struct admit_counts *counts, enum log_outcome outcome) {
    switch (outcome) {
    case LOG_ACCEPTED: counts->accepted++; break;
    case LOG_DUPLICATE: counts->duplicate++; break;
    case LOG_HELD: counts->held++; break;
    case LOG_REFUSED: counts->refused++; break;
    case LOG_UNAVAILABLE: counts->unavailable++; break;
    case LOG_RELEASED:
    case LOG_NOTICE_MADE:
    case LOG_APPROVED:
    case LOG_REJECTED:
    case LOG_ANSWERED: break;
    }
}
