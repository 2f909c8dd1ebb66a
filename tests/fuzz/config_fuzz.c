/* A config, of the daemon, of the forwarder and of the watcher. */
#include "tests/fuzz/fuzz.h"

#include "clients/alert/config.h"
#include "clients/forward/config.h"
#include "daemon/settings.h"

#include <errno.h>
#include <unistd.h>

static void check(int r, const struct config_fault *f) {
    char line[1024];
    if (r == 0)
        return;
    MUST(r == -EINVAL && *f->reason != '\0');
    fuzz_check_text(config_fault_text(f, line, sizeof line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *a = fuzz_arena();
    char path[FUZZ_PATH_BYTES];
    int fd = fuzz_file((struct slice){data, size}, path);
    struct config_fault f = {0};
    struct settings settings;
    struct forward_config *forward;
    struct alert_config *alert;
    check(settings_read(a, path, &settings, &f), &f);
    f = (struct config_fault){0};
    check(forward_config_load(a, path, &forward, &f), &f);
    f = (struct config_fault){0};
    check(alert_config_load(a, path, &alert, &f), &f);
    close(fd);
    return 0;
}
