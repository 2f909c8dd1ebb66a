/* Feeds a fuzzer its corpus, tests/fuzz/corpus/NAME/, or the files it is given. In
 * MODE=fuzz libFuzzer stands in its place. */
#include "tests/fuzz/fuzz.h"

#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In memory of its own size, so that a sanitizer sees its end. */
static void feed(const char *path) {
    FILE *file = fopen(path, "re");
    uint8_t *data = NULL;
    long size = -1;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0)
        data = malloc((size_t)size + (size == 0));
    rewind(file);
    if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    fprintf(stderr, "# %s\n", path); /* the last one is what broke it */
    LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
}

int main(int argc, char **argv) {
    char pattern[256];
    glob_t files = {0};
    const char *program = basename(argv[0]);
    snprintf(pattern, sizeof pattern, "tests/fuzz/corpus/%.*s/*", (int)strcspn(program, "_"),
             program);
    for (int i = 1; i < argc; i++)
        feed(argv[i]);
    if (argc == 1 && glob(pattern, 0, NULL, &files) != 0) {
        fprintf(stderr, "%s: nothing is there\n", pattern);
        return 1;
    }
    for (size_t i = 0; i < files.gl_pathc; i++)
        feed(files.gl_pathv[i]);
    globfree(&files);
    printf("ok 1 - %s\n", pattern);
    return 0;
}
