#include "clients/submit/submit.h"
#include "proto/topic.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>

/* What the daemon knows of the uri. EX_OK, or an exit code with the reason said. */
static int ask_story(struct submit *s, const char *uri, struct newswire_story *ret) {
    int r = newswire_submitter_story(s->submitter, uri, ret);
    if (r == -EMSGSIZE) {
        submit_say("newswire-submit: the uri is too long");
        return EX_USAGE;
    }
    if (r < 0) {
        submit_goes_on(s, r);
        return EX_UNAVAILABLE;
    }
    if (ret->killed) {
        submit_say("newswire-submit: %s was killed (entry %llu); a new story needs a new uri", uri,
                   (unsigned long long)ret->seq);
        return EX_DATAERR;
    }
    if (ret->version + ret->held_version == 0 && !s->force) {
        submit_say("newswire-submit: no story %s is known there; --force sends it all the same",
                   uri);
        return EX_DATAERR;
    }
    return EX_OK;
}

/* Makes the article the next version of a story, where the story is unless it says
 * otherwise itself. */
static int make_version(struct arena *a, const char *uri, const struct newswire_story *story,
                        const char *note, Article *article) {
    const char *topic = story->held_version > 0 ? story->held_topic : story->topic;
    struct slice section = topic_section(slice_of(topic));
    uint32_t newest = story->held_version > story->version ? story->held_version : story->version;
    article->uri = arena_strndup(a, uri, strlen(uri));
    article->version = newest + 1;
    if (*topic != '\0')
        article->kind = (Newswire__V1__Kind__Value)topic_kind(slice_of(topic));
    if (*topic != '\0' && *article->section == '\0')
        article->section = arena_strndup(a, (const char *)section.data, section.len);
    if (note != NULL)
        article->note_to_editors = arena_strndup(a, note, strlen(note));
    return article->uri == NULL || article->section == NULL || article->note_to_editors == NULL
               ? -ENOMEM
               : 0;
}

/* Whether there is a point in going on. */
bool submit_version(struct submit *s, struct arena *a, const char *path, const char *uri,
                    Article *article) {
    struct newswire_story story;
    struct fault fault = {0};
    int code = ask_story(s, uri, &story);
    if (code != EX_OK) {
        submit_worse(s, code);
        return code != EX_UNAVAILABLE;
    }
    if (make_version(a, uri, &story, s->note, article) < 0)
        exit(EX_OSERR);
    if (codec_check_article(article, &fault) < 0) {
        submit_say("newswire-submit: %s: %s", fault.field, fault.reason);
        submit_worse(s, EX_DATAERR);
        return true;
    }
    return submit_send(s, a, path, article);
}

bool submit_kill(struct submit *s, struct arena *a, const char *path, const char *uri) {
    struct timespec now;
    Article *article = article_new(a);
    clock_gettime(CLOCK_REALTIME, &now);
    if (article == NULL)
        exit(EX_OSERR);
    article->kind = KIND_ARTICLE;
    article->status = STATUS_CANCELED;
    article->section = (char *)(s->section == NULL ? "" : s->section);
    article->urgency = 1;
    article->created_at = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    return submit_version(s, a, path, uri, article);
}

bool submit_correction(struct submit *s, struct arena *a, const char *path, struct parsed *parsed) {
    if (parsed->n_articles == 1)
        return submit_version(s, a, path, s->correct, parsed->articles[0]);
    submit_say("%s: it holds %zu articles, and a correction is one", path, parsed->n_articles);
    submit_worse(s, EX_DATAERR);
    return true;
}
