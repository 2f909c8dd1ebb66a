/*
 * Limits of the wire, together, each with its unit and reason.
 *
 * These bound what any program takes from a peer or a file. A daemon's config
 * may set lower ones, never higher.
 */
#pragma once

enum {
    /* An encoded Article. A full newspaper page is some 30 KiB of text. */
    LIMIT_ARTICLE_BYTES = 1 << 20,
    /* An Entry is an Article and the little that stands around it. */
    LIMIT_ENTRY_BYTES = LIMIT_ARTICLE_BYTES + (8 << 10),
    /* One message of several articles or entries. */
    LIMIT_MESSAGE_BYTES = 8 << 20,
    /* Articles in one SubmitRequest: more than the items of any page. */
    LIMIT_REQUEST_ARTICLES = 1024,
    /* An input file; a page is text, so a larger one is no page. */
    LIMIT_FILE_BYTES = 16 << 20,
    /* Lines of a page that have text: each costs up to 1 KiB of memory while it
     * is read, and a page of a paper has some hundred. */
    LIMIT_PAGE_LINES = 50000,
    LIMIT_URI_BYTES = 1024,
    LIMIT_KEY_BYTES = 64,        /* a section's key */
    LIMIT_TOPIC_BYTES = 96,      /* "<section>/<kind>" */
    LIMIT_LINE_BYTES = 4096,     /* a headline, name, label or other one-line field */
    LIMIT_REPEATED = 256,        /* elements of a repeated field other than blocks */
    LIMIT_BLOCKS = 8192,         /* blocks of one article */
    LIMIT_TOPICS = 1024,         /* prefixes in one request */
    LIMIT_DIGEST_BYTES = 32,     /* SHA-256 */
    LIMIT_PATH = 16,             /* daemons that an entry may have passed */
    LIMIT_APPROVALS = 8,         /* persons who approved an entry */
    LIMIT_SIGNATURE_BYTES = 256, /* a Signature, with fields to come */
    LIMIT_NAME_BYTES = 200,      /* of one of them */
};
