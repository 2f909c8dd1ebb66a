/* Lines of an archive's export, as import takes them. */
#include "tests/fuzz/fuzz.h"

#include "clients/archive/line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* One archive for all runs: what a run keeps is rolled back. */
static struct archive archive = {.lock = -1};
static struct keep keep;

static void open_archive(void) {
    char path[FUZZ_PATH_BYTES + 16];
    static const struct options options = {.program = "line_fuzz"};
    if (archive.store.db != NULL)
        return;
    snprintf(path, sizeof path, "%s/archive.db", fuzz_folder());
    MUST(archive_open(&archive, &options, path, ARCHIVE_EXTEND) == 0);
    MUST(keep_open(&keep, &archive) == 0);
}

static void roll_back(void) {
    if (keep.open)
        MUST(store_exec(&archive.store, "ROLLBACK") == 0);
    keep.open = false;
    memset(&keep.day, 0, sizeof keep.day);
}

/* What was taken can be exported, and that is a line of its own. */
static void check_kept(int64_t id) {
    struct load load;
    struct loaded l;
    MUST(load_open(&load, &archive) == 0);
    MUST(load_entry(&load, id, &l) == 0);
    json_t *line = line_of_entry(&l, true);
    char *text = line == NULL ? NULL : json_dumps(line, JSON_COMPACT), *cursor = NULL;
    struct fault f = {0};
    MUST(text != NULL && line_take(&keep, text, &cursor, &f) == 0);
    json_decref(line);
    free(text);
    load_close(&load);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes in = {data, size};
    struct arena *a = fuzz_arena();
    char *cursor = NULL;
    open_archive();
    while (in.len > 0) {
        struct fault f = {0};
        int64_t kept = keep.kept;
        int r = line_take(&keep, fuzz_text(a, fuzz_until(&in, '\n')), &cursor, &f);
        MUST(r >= 0 || r == -EINVAL);
        if (r < 0)
            fuzz_check_fault(&f);
        if (r == 1 && keep.kept > kept)
            check_kept(keep.next_id - 1);
    }
    roll_back();
    free(cursor);
    return 0;
}
