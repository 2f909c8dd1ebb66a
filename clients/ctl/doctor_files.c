/* Folders, disk, keys. */
#include "clients/ctl/doctor.h"

#include "proto/keyfile.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- folders */

/* What stands nearest above a path that isn't there yet. */
static void nearest(const char *path, char *ret, size_t size) {
    struct stat st;
    snprintf(ret, size, "%s", path);
    for (char *slash; lstat(ret, &st) < 0 && (slash = strrchr(ret, '/')) != NULL && slash != ret;)
        *slash = '\0';
}

static void check_folder(struct doctor *d, const char *check, const char *path, bool shared) {
    char above[4096], advice[600];
    struct stat st;
    nearest(path, above, sizeof above);
    bool there = strcmp(above, path) == 0;
    int r = doctor_access(d, above, R_OK | W_OK | X_OK);
    snprintf(advice, sizeof advice, "chown -R %s: %.400s", d->user, above);
    if (stat(above, &st) < 0)
        doctor_note(d, check, FINDING_WRONG, advice, "%s can't be looked at: %s", above,
                    strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        doctor_note(d, check, FINDING_WRONG, "give it another path in the config",
                    "%s is no folder", above);
    else if (r == -EROFS)
        doctor_note(d, check, FINDING_WRONG, "journalctl -k says why the disk is read-only",
                    "%s is on a read-only disk", path);
    else if (r < 0)
        doctor_note(d, check, FINDING_WRONG, advice, "%s can't be written to by %s: %s", above,
                    d->user, strerror(-r));
    else if ((st.st_mode & S_IWOTH) != 0 && there)
        doctor_note(d, check, FINDING_WARNING, "chmod o-w", "%s can be written to by everybody",
                    path);
    else if (!shared && there && (st.st_mode & S_IROTH) != 0 && (st.st_mode & S_IXOTH) != 0)
        doctor_note(d, check, FINDING_WARNING, "chmod o-rx",
                    "%s, with articles under embargo, can be read by everybody", path);
    else
        doctor_note(d, check, FINDING_OK, "", "%s%s", path, there ? "" : " will be made");
}

void doctor_check_folders(struct doctor *d) {
    static const char *const parts[] = {"incoming", "accepted", "rejected"};
    const char *log = doctor_value(d, "log", "directory"),
               *spool = doctor_value(d, "spool", "directory");
    struct stat st;
    if (*log != '\0')
        check_folder(d, "log", log, false);
    if (*spool == '\0')
        return;
    check_folder(d, "spool", spool, true);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char path[4096];
        if (snprintf(path, sizeof path, "%s/%s", spool, parts[i]) < (int)sizeof path &&
            stat(path, &st) == 0)
            check_folder(d, "spool", path, true);
    }
}

/* ---- the disk */

void doctor_check_disk(struct doctor *d) {
    const char *log = doctor_value(d, "log", "directory");
    unsigned long long least = strtoull(doctor_value(d, "log", "free_bytes"), NULL, 10);
    char above[4096];
    struct statvfs disk;
    if (*log == '\0')
        return;
    nearest(log, above, sizeof above);
    if (statvfs(above, &disk) < 0) {
        doctor_note(d, "disk", FINDING_WRONG, "journalctl -k", "%s: %s", above, strerror(errno));
        return;
    }
    unsigned long long left = (unsigned long long)disk.f_bavail * disk.f_frsize;
    unsigned long long size = (unsigned long long)disk.f_blocks * disk.f_frsize;
    double gigabytes = (double)left / (1 << 30);
    unsigned percent = size == 0 ? 0 : (unsigned)(100 * (double)left / (double)size);
    if (left <= least)
        doctor_note(
            d, "disk", FINDING_WRONG,
            "make room, or set [log] retain or retain_bytes: nothing is taken in until then",
            "%.1f GB left, which is less than [log] free_bytes", gigabytes);
    else if (disk.f_files > 0 && disk.f_favail < 100)
        doctor_note(d, "disk", FINDING_WRONG, "remove small files", "no more files can be made");
    else if (percent < 5 || left < 4 * least)
        doctor_note(d, "disk", FINDING_WARNING, "make room, or set [log] retain or retain_bytes",
                    "%.1f GB left, %u %%", gigabytes, percent);
    else
        doctor_note(d, "disk", FINDING_OK, "", "%.1f GB left, %u %%", gigabytes, percent);
}

/* ---- keys */

/* What systemd hands over (LoadCredential) root alone may read; other keys the service reads. */
static bool by_systemd(const char *path) {
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    return strchr(path, '/') == NULL || strncmp(path, "/etc/newswire/keys/", 19) == 0 ||
           strncmp(path, "/run/credentials/", 17) == 0 ||
           (credentials != NULL && strncmp(path, credentials, strlen(credentials)) == 0);
}

static void check_key(struct doctor *d, const char *what, const char *path, enum key_type type) {
    struct key_pair pair;
    struct fault fault = {0};
    struct stat st;
    int r;
    if (*path == '\0')
        return;
    if (stat(path, &st) < 0)
        doctor_note(d, "keys", FINDING_WRONG, "newswirectl keygen makes one; ask as root",
                    "%s = %s: %s", what, path, strerror(errno));
    else if ((st.st_mode & 077) != 0 && !by_systemd(path))
        doctor_note(d, "keys", FINDING_WRONG, "chmod 600", "%s = %s is not its owner's alone", what,
                    path);
    else if ((r = key_pair_read(type, path, &pair, &fault)) < 0)
        doctor_note(d, "keys", FINDING_WRONG,
                    "newswirectl keygen makes a new pair; readers then "
                    "need its public key",
                    "%s: %s", what, fault.reason);
    else {
        key_pair_free(&pair);
        r = by_systemd(path) ? 0 : doctor_access(d, path, R_OK);
        if (r < 0)
            doctor_note(d, "keys", FINDING_WRONG, "chown it to the service's user",
                        "%s = %s can't be read by %s: %s", what, path, d->user, strerror(-r));
        else
            doctor_note(d, "keys", FINDING_OK, "", "%s = %s", what, path);
    }
}

void doctor_check_keys(struct doctor *d) {
    const char *key = doctor_value(d, "security", "secret_key");
    if (d->values == NULL)
        return;
    check_key(d, "[security] secret_key", key, KEY_CURVE);
    check_key(d, "[log] sign", doctor_value(d, "log", "sign"), KEY_ED25519);
    check_key(d, "[spool] sign", doctor_value(d, "spool", "sign"), KEY_ED25519);
    if (*key == '\0' && strcmp(doctor_value(d, "security", "insecure"), "yes") != 0)
        doctor_note(d, "keys", FINDING_OK, "", "none: the wire is for this machine alone");
}
