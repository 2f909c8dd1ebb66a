/* The program, its config, and the daemon that runs. */
#include "clients/ctl/doctor.h"

#include "clients/tool/control.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { OUTPUT_BYTES = 256 << 10 };

#define KEYS_FOLDER "/etc/newswire/keys" /* as the unit's LoadCredential has it */

/* ---- running newswired */

/* What it prints, on both, malloc'd, and how it ended; NULL when it can't be run. */
static char *run(const char *program, char *const argv[], int *ret_code) {
    int ends[2], status;
    if (pipe(ends) < 0)
        return NULL;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        /* Keys that systemd hands over by name are looked for where the unit finds them. */
        setenv("CREDENTIALS_DIRECTORY", KEYS_FOLDER, 0);
        unsetenv("JOURNAL_STREAM");
        execv(program, argv);
        _exit(EX_UNAVAILABLE);
    }
    close(ends[1]);
    char *text = calloc(1, OUTPUT_BYTES);
    size_t len = 0;
    for (ssize_t n; child > 0 && text != NULL && len < OUTPUT_BYTES - 1 &&
                    (n = read(ends[0], text + len, OUTPUT_BYTES - 1 - len)) != 0;)
        if (n > 0)
            len += (size_t)n;
        else if (errno != EINTR)
            break;
    close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        free(text);
        return NULL;
    }
    *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
    return text;
}

/* Beside this program, in the sbin beside its folder, or where it is installed. */
static bool find_program(struct doctor *d) {
    static const char *const places[] = {"%s/newswired", "%s/../sbin/newswired",
                                         "/usr/sbin/newswired", "/usr/local/sbin/newswired"};
    char self[400] = "";
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        self[0] = '\0';
    const char *folder = dirname(self);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (i < 2)
            snprintf(d->program, sizeof d->program,
                     i == 0 ? "%s/newswired" : "%s/../sbin/newswired", folder);
        else
            snprintf(d->program, sizeof d->program, "%s", places[i]);
        if (access(d->program, X_OK) == 0)
            return true;
    }
    d->program[0] = '\0';
    return false;
}

void doctor_check_program(struct doctor *d) {
    char *const argv[] = {"newswired", "--version", NULL};
    int code = 0;
    char *text = find_program(d) ? run(d->program, argv, &code) : NULL;
    if (text == NULL)
        doctor_note(d, "program", FINDING_WRONG, "install the package newswired",
                    "newswired is not on this machine");
    else if (code != EX_OK)
        doctor_note(d, "program", FINDING_WRONG, "install the package newswired again",
                    "%s can't be run: it ended with %d", d->program, code);
    else if (strncmp(text, "newswired " NEWSWIRE_VERSION "\n", strlen(text)) != 0)
        doctor_note(d, "program", FINDING_WARNING, "install both in the same version",
                    "%.*s, and newswirectl is " NEWSWIRE_VERSION, (int)strcspn(text, "\n"), text);
    else
        doctor_note(d, "program", FINDING_OK, "", "%s " NEWSWIRE_VERSION, d->program);
    if (code != EX_OK)
        d->program[0] = '\0';
    free(text);
}

/* ---- the config */

void doctor_check_config(struct doctor *d) {
    bool given = d->ctl.config != NULL;
    const char *file = given ? d->ctl.config : CTL_CONFIG_FILE;
    char *const argv[] = {"newswired", "--show-config", given ? "--config" : NULL, (char *)file,
                          NULL};
    int code, r;
    if (*d->program == '\0')
        return;
    char *text = run(d->program, argv, &code);
    if (text == NULL || code != EX_OK) {
        doctor_note(d, "config", FINDING_WRONG, "mend it, then: newswired --check", "%.*s",
                    text == NULL ? 0 : (int)strcspn(text, "\n"), text == NULL ? "" : text);
        free(text);
        return;
    }
    d->values = text;
    if (access(file, F_OK) < 0)
        doctor_note(d, "config", FINDING_OK, "", "there is no %s: every key has its default", file);
    else if ((r = doctor_access(d, file, R_OK)) < 0)
        doctor_note(d, "config", FINDING_WRONG, "chgrp newswire FILE; chmod 640 FILE",
                    "%s can't be read by %s: %s", file, d->user, strerror(-r));
    else
        doctor_note(d, "config", FINDING_OK, "", "%s has no fault", file);
}

/* ---- the daemon */

static void note_troubles(struct doctor *d, const json_t *health) {
    const json_t *troubles = json_object_get(health, "troubles");
    for (size_t i = 0; i < json_array_size(troubles); i++)
        doctor_note(d, "daemon", FINDING_WRONG, "journalctl -xu newswired explains it", "%s: %s",
                    ctl_text(json_array_get(troubles, i), "of"),
                    ctl_text(json_array_get(troubles, i), "text"));
}

static void look_at_status(struct doctor *d) {
    const char *version = ctl_text(d->status, "version");
    const json_t *health = json_object_get(d->status, "health");
    if (strcmp(version, NEWSWIRE_VERSION) != 0)
        doctor_note(d, "daemon", FINDING_WARNING, "systemctl restart newswired",
                    "the one that runs is %s, what is installed is " NEWSWIRE_VERSION, version);
    if (strcmp(ctl_text(health, "state"), "ok") == 0)
        doctor_note(d, "daemon", FINDING_OK, "", "it answers, and is well");
    else
        note_troubles(d, health);
    if (json_is_true(json_object_get(json_object_get(d->status, "security"), "insecure")))
        doctor_note(d, "daemon", FINDING_WARNING, "[security] secret_key, and a [client] for each",
                    "insecure: whoever can connect may read and send everything");
}

/* Why nobody answers at the socket: not there, not ours to use, or nobody behind it. */
static void look_at_socket(struct doctor *d, const char *path, const char *reason) {
    struct stat st;
    if (lstat(path, &st) < 0 && errno == ENOENT)
        doctor_note(d, "daemon", FINDING_WRONG,
                    "systemctl start newswired; systemctl status newswired says why it ended",
                    "it does not run: there is no %s", path);
    else if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        doctor_note(d, "daemon", FINDING_WRONG, "take it away; systemctl restart newswired",
                    "%s is no socket", path);
    else if (access(path, W_OK) < 0) {
        doctor_note(d, "daemon", FINDING_WRONG, "ask as root, or as a member of the group newswire",
                    "%s is not yours to use: %s", path, strerror(errno));
        d->hidden = true;
    } else
        doctor_note(d, "daemon", FINDING_WRONG,
                    "systemctl restart newswired; journalctl -xeu newswired", "%s", reason);
}

void doctor_check_daemon(struct doctor *d) {
    char path[CTL_PATH_BYTES], reason[CONTROL_REASON_BYTES];
    const char *configured = doctor_value(d, "control", "path");
    if (d->ctl.control == NULL && *configured != '\0')
        d->ctl.control = configured;
    if (ctl_path(&d->ctl, path) != EX_OK)
        return;
    if (control_ask(path, "status", NULL, 0, &d->status, reason, sizeof reason) == EX_OK)
        look_at_status(d);
    else
        look_at_socket(d, path, reason);
}
