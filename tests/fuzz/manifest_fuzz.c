/* The manifest of a backup, and the file by which a folder says that it is a log. */
#include "tests/fuzz/fuzz.h"

#include "daemon/log/format.h"
#include "proto/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARENA_BYTES = 16 << 20 };

static void try_manifest(struct slice bytes) {
    struct arena *a = arena_new(ARENA_BYTES);
    struct manifest m, again;
    struct fault f;
    int r = manifest_read(a, bytes, &m, &f);
    MUST(r == 0 || r == -EBADMSG || r == -ENOMEM);
    if (r == -EBADMSG)
        fuzz_check_fault(&f);
    if (r == 0) {
        char *text;
        size_t len;
        FILE *out = open_memstream(&text, &len);
        for (size_t i = 0; i < m.n; i++)
            MUST(manifest_name_ok(m.files[i].name));
        MUST(manifest_write(&m, out) == 0 && fclose(out) == 0);
        r = manifest_read(a, (struct slice){(uint8_t *)text, len}, &again, &f);
        MUST(r == -ENOMEM || (r == 0 && again.n == m.n && again.epoch == m.epoch));
        free(text);
    }
    arena_free(a);
}

static void try_format(struct slice bytes) {
    char folder[] = "/tmp/newswire-fuzz-XXXXXX", path[64];
    enum format_state state;
    uint64_t epoch;
    struct fault f;
    MUST(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/" FORMAT_FILE, folder);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600), fd = open(folder, O_RDONLY);
    MUST(file >= 0 && fd >= 0 && write(file, bytes.data, bytes.len) == (ssize_t)bytes.len);
    int r = format_read(fd, folder, &state, &epoch, &f);
    MUST(r == -EBADMSG || (r == 0 && state != FORMAT_NONE));
    if (r < 0)
        fuzz_check_fault(&f);
    close(file);
    close(fd);
    unlink(path);
    rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice bytes = {data, size};
    if (size == 0)
        return 0;
    try_manifest(bytes);
    try_format(bytes);
    return 0;
}
