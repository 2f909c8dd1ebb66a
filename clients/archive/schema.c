/*
 * The tables of an archive, for other programs too: open the file read-only, at
 * any time. PRAGMA user_version counts the steps below; a step is never changed.
 * Times are UTC microseconds since 1970.
 *
 * topic     every topic that was seen: name "briefs/brief", section, kind
 * story     what a uri names. current: the entry that holds now, null when the story
 *           was withdrawn or moved to a topic that isn't archived. version: the highest
 *           one. withdrawn_by: the entry that killed it, or showed that it was.
 *           moved_version: up to which version it has moved away, to moved_to
 * entry     every entry, in the order of arrival, with its numbers on the wire (epoch,
 *           seq, prev_seq; PROTOCOL.md proves by them that nothing is missing).
 *           role: version, kill, notice (has moved away), tombstone (came without its
 *           text, since its story was killed), unreadable. path, approved_by: JSON or null.
 *           signature: of its origin, a newswire.v1.Signature, or null; origin: whose the
 *           daemon found it to be, or null. article_digest: SHA-256 of a text that is
 *           not in body
 * body      the article's bytes as its maker made them, a newswire.v1.Article, and their
 *           SHA-256 (the content digest of an entry doesn't cover all of them); missing
 *           for tombstones, and for withdrawn texts that were to be forgotten
 * words     FTS5 over the current versions, by entry's id. Text is expanded as expand.h
 *           says: for 开发区 ask MATCH '"开发 发区"'. labels: "t" and the topic's id.
 *           It follows behind: it covers entries up to state.indexed_to
 * stale     entries that stand in words and are to leave it; always join story.current
 * day       where a day's entries (UTC, days since 1970) begin and end, at least
 * loss      entries after < seq <= upto that the wire had no more when we asked
 * removed   entries up to seq upto that were removed here by age (run --retain)
 * feed      what newswire-archive feed keeps written; seen: up to which entry, -1: it could
 *           not be written
 * checkpoint  the daemon's newest newswire.v1.SignedCheckpoint of a topic; verify checks it
 * state     cursor (newswire_reader_cursor), indexed_to, expander (EXPAND_VERSION)
 *
 * The view article is the archive as most want it: the current versions.
 */
#include "clients/archive/archive.h"

static const char *const steps[] = {
    "CREATE TABLE topic (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    "  section TEXT NOT NULL, kind TEXT NOT NULL);"
    "CREATE TABLE story (id INTEGER PRIMARY KEY, uri TEXT NOT NULL UNIQUE,"
    "  version INTEGER NOT NULL, current INTEGER, withdrawn_by INTEGER,"
    "  moved_version INTEGER NOT NULL DEFAULT 0, moved_to TEXT);"
    "CREATE INDEX story_withdrawn ON story (id) WHERE withdrawn_by IS NOT NULL;"
    "CREATE TABLE entry (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,"
    "  prev_seq INTEGER NOT NULL, topic INTEGER NOT NULL, story INTEGER NOT NULL,"
    "  version INTEGER NOT NULL, role TEXT NOT NULL, stored_at_usec INTEGER NOT NULL,"
    "  replaces INTEGER NOT NULL, content_digest BLOB NOT NULL, path TEXT, approved_by TEXT,"
    "  headline TEXT);"
    "CREATE UNIQUE INDEX entry_number ON entry (epoch, seq);"
    "CREATE INDEX entry_story ON entry (story, version);"
    "CREATE TABLE body (entry INTEGER PRIMARY KEY, article BLOB NOT NULL,"
    "  digest BLOB NOT NULL);"
    "CREATE VIRTUAL TABLE words USING fts5 (headline, byline, body, labels, content='',"
    "  tokenize=\"unicode61 remove_diacritics 2\");"
    "CREATE TABLE stale (entry INTEGER PRIMARY KEY);"
    "CREATE TABLE day (day INTEGER PRIMARY KEY, first_entry INTEGER NOT NULL,"
    "  last_entry INTEGER NOT NULL);"
    "CREATE TABLE loss (epoch INTEGER NOT NULL, topic TEXT NOT NULL, after INTEGER NOT NULL,"
    "  upto INTEGER NOT NULL, told_at_usec INTEGER NOT NULL, PRIMARY KEY (epoch, topic, after));"
    "CREATE TABLE removed (epoch INTEGER NOT NULL, topic TEXT NOT NULL, upto INTEGER NOT NULL,"
    "  PRIMARY KEY (epoch, topic)) WITHOUT ROWID;"
    "CREATE TABLE state (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE VIEW article AS SELECT e.id, s.uri, e.version, t.section, t.kind, e.headline,"
    "  e.stored_at_usec, e.epoch, e.seq, b.article FROM story s JOIN entry e ON e.id = s.current"
    "  JOIN topic t ON t.id = e.topic JOIN body b ON b.entry = e.id",
    "CREATE TABLE feed (id INTEGER PRIMARY KEY, section TEXT NOT NULL, format TEXT NOT NULL,"
    "  folder TEXT NOT NULL, title TEXT NOT NULL, author TEXT NOT NULL, url TEXT NOT NULL,"
    "  items INTEGER NOT NULL, seen INTEGER NOT NULL, UNIQUE (section, format, folder))",
    "ALTER TABLE entry ADD COLUMN signature BLOB; ALTER TABLE entry ADD COLUMN origin TEXT",
    "ALTER TABLE entry ADD COLUMN article_digest BLOB;"
    "CREATE TABLE checkpoint (epoch INTEGER NOT NULL, topic TEXT NOT NULL, head INTEGER NOT NULL,"
    "  bytes BLOB NOT NULL, PRIMARY KEY (epoch, topic)) WITHOUT ROWID",
    NULL,
};

const struct store_schema archive_schema = {
    .application_id = 0x4e574152, /* NWAR */
    .steps = steps,
    .what = "archive",
};
