#include "daemon/admit.h"

#include "daemon/loop.h"
#include "proto/topic.h"

#include <errno.h>

/* The section that the article goes to; NULL when it is refused. */
static const struct rules_section *choose_section(const struct settings *settings,
                                                  const Article *article, struct fault *f) {
    const struct rules_section *section = rules_section_choose(&settings->rules, article);
    if (section != NULL)
        return section;
    if (*article->section == '\0' || settings->intake.unknown_section == UNKNOWN_SECTION_DEFAULT)
        return rules_section_find(&settings->rules, settings->intake.default_section);
    fault_set(f, "section", "there is no section '%.64s' here", article->section);
    return NULL;
}

/* A kill travels to where the killed text went: it must not carry it again. */
static int check_kill(const Article *article, struct fault *f) {
    if (article->status == STATUS_CANCELED && (article->n_blocks > 0 || article->n_media > 0))
        return fault_set(f, article->n_blocks > 0 ? "blocks" : "media",
                         "a kill carries no text and no media");
    return 0;
}

int admit(const struct settings *settings, struct arena *a, struct slice bytes,
          struct slice signature, struct log_proposal *ret, struct fault *ret_fault) {
    Article *article;
    char topic[LIMIT_TOPIC_BYTES + 1];
    const char *origin;
    if (bytes.len > settings->intake.article_bytes)
        return fault_set(ret_fault, "", "the article has %zu bytes; %llu are the most", bytes.len,
                         (unsigned long long)settings->intake.article_bytes);
    int r = codec_unpack_article(a, bytes, &article, ret_fault);
    if (r < 0)
        return r;
    const struct rules_section *section = choose_section(settings, article, ret_fault);
    if (section == NULL || check_kill(article, ret_fault) < 0 ||
        origins_judge(settings, section, signature, bytes, loop_utc_usec(), &origin, ret_fault) < 0)
        return -EINVAL;
    if (topic_make(section->key, article->kind, topic) < 0)
        return fault_set(ret_fault, "section", "'%.64s' can't be a section's key", section->key);
    *ret = (struct log_proposal){
        .article = bytes,
        .uri = article->uri,
        .version = article->version,
        .topic = arena_strndup(a, topic, strlen(topic)),
        .canceled = article->status == STATUS_CANCELED,
        .forced = settings->intake.unknown_original == UNKNOWN_ORIGINAL_TAKE &&
                  article->status != STATUS_CANCELED,
        .urgency = article->urgency,
        .hold_until_usec = article->embargoed_until,
        .approvals = section->approvals,
        .signature = signature,
        .origin = origin,
    };
    codec_content_digest(article, ret->content_digest);
    return ret->topic == NULL ? -ENOMEM : 0;
}

const char *admit_outcome_word(enum log_outcome outcome) {
    switch (outcome) {
    case LOG_ACCEPTED: return "accepted";
    case LOG_DUPLICATE: return "duplicate";
    case LOG_HELD: return "held";
    case LOG_REFUSED: return "refused";
    case LOG_RELEASED: return "released";
    default: return "unavailable";
    }
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
