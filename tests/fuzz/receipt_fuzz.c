/* What outlets tell: the token of a link, and tables of receipts. */
#include "tests/fuzz/fuzz.h"

#include "clients/forward/receipt_link.h"
#include "clients/forward/receipt_table.h"

#include <sodium.h>
#include <unistd.h>

/* Links of a config with this secret. */
static struct receipt_links *links(void) {
    static struct receipt_links *all;
    static struct forward_config config;
    static char path[FUZZ_PATH_BYTES];
    if (all != NULL)
        return all;
    int fd = fuzz_file(slice_of("a secret"), path);
    config.receipts.listen = "";
    config.receipts.url = "https://wire.example/receipt";
    config.receipts.secret = path;
    MUST(receipt_links_new(&config, &all) == 0);
    close(fd);
    return all;
}

/* A link that we made is ours; one with a character changed names no other story. */
static void try_link(struct arena *a, struct fuzz_bytes in) {
    uint8_t at = fuzz_byte(&in), change = fuzz_byte(&in);
    const char *outlet = fuzz_text(a, fuzz_until(&in, '\n'));
    const char *uri = fuzz_text(a, (struct slice){in.data, in.len}), *got_outlet, *got_uri;
    if (*outlet == '\0' || strlen(outlet) > LIMIT_KEY_BYTES || strlen(uri) > LIMIT_URI_BYTES)
        return;
    const char *link = receipt_link(links(), a, outlet, uri);
    MUST(link != NULL && strncmp(link, "https://wire.example/receipt/", 29) == 0);
    char *token = fuzz_text(a, slice_of(link + 29));
    MUST(receipt_link_read(links(), a, token, &got_outlet, &got_uri));
    MUST(strcmp(outlet, got_outlet) == 0 && strcmp(uri, got_uri) == 0);
    token[at % strlen(token)] = (char)change;
    if (receipt_link_read(links(), a, token, &got_outlet, &got_uri))
        MUST(strcmp(outlet, got_outlet) == 0 && strcmp(uri, got_uri) == 0);
}

static void try_token(struct arena *a, struct fuzz_bytes in) {
    const char *token = fuzz_text(a, (struct slice){in.data, in.len}), *outlet, *uri;
    MUST(!receipt_link_read(links(), a, token, &outlet, &uri));
}

static void try_table(struct arena *a, struct fuzz_bytes in) {
    static struct receipt_table table;
    const char *text = fuzz_text(a, (struct slice){in.data, in.len});
    const char *row[RECEIPT_COLUMNS];
    size_t line, before = 1, lines = 1;
    for (const char *p = text; *p != '\0'; p++)
        lines += *p == '\n';
    if (!receipt_table_open(&table, text))
        return;
    while (receipt_table_next(&table, row, &line)) {
        MUST(line > before && line <= lines);
        before = line;
        for (int i = 0; i < RECEIPT_COLUMNS; i++) {
            MUST(strlen(row[i]) < RECEIPT_FIELD_BYTES);
            fuzz_check_text(row[i]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes in = {data, size};
    struct arena *a = fuzz_arena();
    MUST(sodium_init() >= 0);
    uint8_t which = fuzz_byte(&in) % 3;
    if (which == 0)
        try_link(a, in);
    else if (which == 1)
        try_token(a, in);
    else
        try_table(a, in);
    return 0;
}
