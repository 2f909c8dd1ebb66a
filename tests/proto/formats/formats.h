/*
 * What the tests of formats share: fixtures, the public suites, a full article,
 * and input that was cut or changed at random.
 */
#pragma once

#include "proto/article.h"
#include "proto/wire.h"

/* The text of tests/fixtures/formats/NAME, in the arena. Fails the test when it isn't there. */
char *fixture(struct arena *a, const char *name);

/* An article with every field set, to something that a format may stumble over. */
Article *full_article(struct arena *a);

/* Calls back for each file below a folder of the shared material whose name ends so.
 * False, and the reason printed, when there is no such folder. The folder is sought in
 * $NEWSWIRE_SHARED and in ../shared. */
bool each_shared_file(const char *folder, const char *suffix,
                      void (*take)(const char *path, struct slice bytes, void *context),
                      void *context);

/* Calls back with the text cut at each byte, and so many times with some of its bytes
 * changed. Each time the bytes stand in memory of their own, so that ASan sees their end. */
void torture(struct slice text, size_t n_changed, void (*take)(struct slice bytes, void *context),
             void *context);
