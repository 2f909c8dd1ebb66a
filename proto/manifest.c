#include "proto/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

enum { FORMAT = 1, DIGITS = 2 * MANIFEST_DIGEST_BYTES, LINE_BYTES = DIGITS + 4 /* at least */ };

bool manifest_name_ok(const char *name) {
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.");
    return len > 0 && len < MANIFEST_NAME_BYTES && name[len] == '\0' && name[0] != '.';
}

/* ---- reading */

/* "# KEY VALUE", taken off the front. */
static bool take_number(const char **at, const char *key, uint64_t *ret) {
    char word[16];
    int used = 0;
    if (sscanf(*at, "# %15[a-z] %" SCNu64 "%n", word, ret, &used) != 2 || (*at)[used] != '\n' ||
        strcmp(word, key) != 0)
        return false;
    *at += used + 1;
    return true;
}

static bool take_file(const char **at, struct manifest_file *ret) {
    char digits[DIGITS + 1], name[MANIFEST_NAME_BYTES];
    size_t len;
    int used = 0;
    if (sscanf(*at, "%64[0-9a-f]  %47[a-z0-9.]%n", digits, name, &used) != 2 ||
        (*at)[used] != '\n' || !manifest_name_ok(name))
        return false;
    snprintf(ret->name, sizeof ret->name, "%s", name);
    *at += used + 1;
    return sodium_hex2bin(ret->digest, sizeof ret->digest, digits, strlen(digits), NULL, &len,
                          NULL) == 0 &&
           len == sizeof ret->digest;
}

static int bad(struct fault *ret_fault) {
    fault_set(ret_fault, MANIFEST_FILE, "the backup's manifest is damaged or cut short");
    return -EBADMSG;
}

int manifest_read(struct arena *a, struct slice text, struct manifest *ret,
                  struct fault *ret_fault) {
    const char *at = arena_strndup(a, (const char *)text.data, text.len);
    struct manifest m = {0};
    unsigned format;
    int used = 0;
    uint64_t n;
    if (at == NULL)
        return -ENOMEM;
    if (sscanf(at, "# newswire backup, format %u%n", &format, &used) != 1 || at[used] != '\n')
        return bad(ret_fault);
    if (format > FORMAT) {
        fault_set(ret_fault, MANIFEST_FILE,
                  "the backup has format %u, but this version knows formats up to %d only; "
                  "use a newer newswired",
                  format, FORMAT);
        return -EBADMSG;
    }
    at += used + 1;
    if (!take_number(&at, "epoch", &m.epoch) || !take_number(&at, "head", &m.head) ||
        !take_number(&at, "entries", &m.entries) || !take_number(&at, "bytes", &m.bytes) ||
        !take_number(&at, "files", &n) || n > text.len / LINE_BYTES)
        return bad(ret_fault);
    m.files = arena_alloc(a, (size_t)(n + 1) * sizeof *m.files);
    if (m.files == NULL)
        return -ENOMEM;
    for (; m.n < n; m.n++)
        if (!take_file(&at, &m.files[m.n]))
            return bad(ret_fault);
    if (*at != '\0')
        return bad(ret_fault);
    *ret = m;
    return 0;
}

/* ---- writing */

int manifest_write(const struct manifest *m, FILE *out) {
    char digits[DIGITS + 1];
    fprintf(out,
            "# newswire backup, format %d\n# epoch %" PRIu64 "\n# head %" PRIu64
            "\n# entries %" PRIu64 "\n# bytes %" PRIu64 "\n# files %zu\n",
            FORMAT, m->epoch, m->head, m->entries, m->bytes, m->n);
    for (size_t i = 0; i < m->n; i++)
        fprintf(out, "%s  %s\n",
                sodium_bin2hex(digits, sizeof digits, m->files[i].digest, MANIFEST_DIGEST_BYTES),
                m->files[i].name);
    return ferror(out) ? -EIO : 0;
}
