/* Ports, and the clock. */
#include "clients/ctl/doctor.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

enum { TCP_LISTEN = 10 };

/* ---- ports */

/* The inode of the socket that listens on the port; 0: none does. */
static uint64_t listener(unsigned port) {
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    uint64_t found = 0;
    for (size_t i = 0; i < 2 && found == 0; i++) {
        char line[512];
        FILE *f = fopen(tables[i], "re");
        while (f != NULL && found == 0 && fgets(line, sizeof line, f) != NULL) {
            unsigned local, state;
            uint64_t inode;
            if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %" SCNu64, &local,
                       &state, &inode) == 3 &&
                local == port && state == TCP_LISTEN)
                found = inode;
        }
        if (f != NULL)
            fclose(f);
    }
    return found;
}

static bool has_socket(const char *pid, uint64_t inode) {
    char path[300], target[64], wanted[64];
    snprintf(wanted, sizeof wanted, "socket:[%" PRIu64 "]", inode);
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *folder = opendir(path);
    bool found = false;
    for (struct dirent *e; folder != NULL && !found && (e = readdir(folder)) != NULL;) {
        snprintf(path, sizeof path, "/proc/%s/fd/%.20s", pid, e->d_name);
        ssize_t n = readlink(path, target, sizeof target - 1);
        target[n < 0 ? 0 : n] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

/* "nginx (pid 123)"; "" when nobody is found whom we may look at. */
static void holder(uint64_t inode, char *ret, size_t size) {
    DIR *folder = opendir("/proc");
    *ret = '\0';
    for (struct dirent *e; folder != NULL && *ret == '\0' && (e = readdir(folder)) != NULL;) {
        char path[300], name[64] = "";
        if (!isdigit((unsigned char)e->d_name[0]) || !has_socket(e->d_name, inode))
            continue;
        snprintf(path, sizeof path, "/proc/%.20s/comm", e->d_name);
        FILE *f = fopen(path, "re");
        if (f != NULL && fgets(name, sizeof name, f) != NULL)
            name[strcspn(name, "\n")] = '\0';
        if (f != NULL)
            fclose(f);
        snprintf(ret, size, "%s (pid %.20s)", name, e->d_name);
    }
    if (folder != NULL)
        closedir(folder);
}

static void check_port(struct doctor *d, const char *section, const char *endpoint) {
    const char *colon = strrchr(endpoint, ':');
    unsigned port = colon == NULL ? 0 : (unsigned)strtoul(colon + 1, NULL, 10);
    char who[128], what[64];
    if (strncmp(endpoint, "tcp://", 6) != 0 || port == 0)
        return; /* a Unix socket, or any port that is free */
    uint64_t inode = listener(port);
    snprintf(what, sizeof what, "[%s] port %u", section, port);
    if (inode == 0) {
        if (d->status == NULL)
            doctor_note(d, "ports", FINDING_OK, "", "%s is free", what);
        else
            doctor_note(d, "ports", FINDING_WRONG,
                        "systemctl restart newswired: a port changes only at a start",
                        "nobody listens at %s, though the daemon runs", what);
        return;
    }
    holder(inode, who, sizeof who);
    bool ours = d->status != NULL && strncmp(who, "newswired ", 10) == 0;
    if (ours || strncmp(who, "systemd ", 8) == 0) /* which hands it over: newswired.socket */
        doctor_note(d, "ports", FINDING_OK, "", "%s has %s", who, what);
    else if (*who != '\0')
        doctor_note(d, "ports", FINDING_WRONG, "end that program, or give one another port",
                    "%s has %s", who, what);
    else if (d->status != NULL)
        doctor_note(d, "ports", FINDING_OK, "", "%s is in use, as it should be", what);
    else if (d->hidden)
        doctor_note(d, "ports", FINDING_WARNING, "as root, this names the program that has it",
                    "%s is in use, by the daemon or by another program", what);
    else
        doctor_note(d, "ports", FINDING_WRONG, "as root, this names the program that has it",
                    "%s is in use, and the daemon doesn't run", what);
}

void doctor_check_ports(struct doctor *d) {
    static const char *const sections[] = {"feed", "replay", "submit", "metrics"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        char list[1024], *rest = list;
        snprintf(list, sizeof list, "%s", doctor_value(d, sections[i], "bind"));
        for (char *endpoint; (endpoint = strsep(&rest, " ")) != NULL;)
            check_port(d, sections[i], endpoint);
    }
}

/* ---- the clock */

void doctor_check_clock(struct doctor *d) {
    static const time_t made = 1735689600; /* 2025: no newswired is older */
    struct timex t = {0};
    int state = adjtimex(&t);
    char now[40];
    time_t seconds = time(NULL);
    struct tm tm;
    strftime(now, sizeof now, "%F %T %z", localtime_r(&seconds, &tm));
    if (seconds < made)
        doctor_note(d, "clock", FINDING_WRONG, "timedatectl set-ntp true",
                    "it is %s, which can't be; embargoes and ages are wrong", now);
    else if (state < 0)
        doctor_note(d, "clock", FINDING_WARNING, "timedatectl",
                    "it is %s; nobody can say whether that is exact", now);
    else if (state == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
        doctor_note(d, "clock", FINDING_WARNING,
                    "timedatectl set-ntp true, or install chrony: embargoes depend on it",
                    "it is %s, and no time server keeps it exact", now);
    else
        doctor_note(d, "clock", FINDING_OK, "", "%s, kept exact by a time server", now);
}
