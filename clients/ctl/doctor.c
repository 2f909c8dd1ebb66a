#include "clients/ctl/doctor.h"

#include "clients/tool/words.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { ARENA_BYTES = 4 << 20 };

static const char *const finding_words[] = {"ok", "warning", "wrong"};

void doctor_note(struct doctor *d, const char *check, enum finding finding, const char *advice,
                 const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    codec_mend_utf8(text);
    d->wrong = d->wrong || finding == FINDING_WRONG;
    json_array_append_new(d->findings,
                          json_pack("{s:s,s:s,s:s,s:s}", "check", check, "state",
                                    finding_words[finding], "text", text, "advice", advice));
    if (d->ctl.json)
        return;
    printf("%s %s %s\n", words_cell(finding_words[finding], 8), words_cell(check, 8),
           words_text(text));
    if (*advice != '\0')
        printf("%18s-> %s\n", "", advice);
}

const char *doctor_value(const struct doctor *d, const char *section, const char *key) {
    char head[64], name[64];
    if (d->values == NULL)
        return "";
    snprintf(head, sizeof head, "[%s]\n", section);
    snprintf(name, sizeof name, "\n%s =", key);
    const char *at = strstr(d->values, head);
    const char *end = at == NULL ? NULL : strstr(at + 1, "\n[");
    at = at == NULL ? NULL : strstr(at, name);
    if (at == NULL || (end != NULL && at > end))
        return "";
    at += strlen(name);
    at += *at == ' ';
    char *value = arena_strndup(d->arena, at, strcspn(at, "\n"));
    return value == NULL ? "" : value;
}

/* In a child that is that user, as access(2) looks with our own eyes. */
int doctor_access(const struct doctor *d, const char *path, int mode) {
    int status;
    if (!d->can_be)
        return access(path, mode) < 0 ? -errno : 0;
    fflush(stdout);
    pid_t child = fork();
    if (child < 0)
        return -errno;
    if (child == 0) {
        struct passwd *account = getpwuid(d->uid);
        if (account == NULL || initgroups(account->pw_name, d->gid) < 0 || setgid(d->gid) < 0 ||
            setuid(d->uid) < 0)
            _exit(EPERM);
        _exit(access(path, mode) < 0 ? errno : 0);
    }
    if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status))
        return -EIO;
    return -WEXITSTATUS(status);
}

static void find_user(struct doctor *d) {
    struct passwd *account = getpwnam(d->user);
    d->uid = account == NULL ? geteuid() : account->pw_uid;
    d->gid = account == NULL ? getegid() : account->pw_gid;
    d->can_be = account != NULL && geteuid() == 0;
    if (account == NULL)
        doctor_note(d, "user", FINDING_WARNING,
                    "systemd-sysusers makes it; --user NAME if it has another name",
                    "there is no user %s; what follows is as the user who asks sees it", d->user);
    else if (!d->can_be && d->uid != geteuid())
        doctor_note(d, "user", FINDING_WARNING, "ask again as root",
                    "rights are looked at as the user who asks, not as %s", d->user);
}

static int examine(struct doctor *d) {
    static void (*const checks[])(struct doctor *) = {
        doctor_check_program, doctor_check_config, doctor_check_daemon, doctor_check_folders,
        doctor_check_disk,    doctor_check_keys,   doctor_check_ports,  doctor_check_clock};
    find_user(d);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        checks[i](d);
    if (d->ctl.json)
        ctl_print_json(d->findings, JSON_COMPACT);
    return d->wrong ? EX_CONFIG : EX_OK;
}

static const struct options_row rows[] = {
    {"user", OPTIONS_STRING, offsetof(struct doctor, user), "NAME", NULL,
     "the service's; default newswire"},
    CTL_CONTROL_ROW(struct doctor),
    CTL_CONFIG_ROW(struct doctor),
    CTL_JSON_ROW(struct doctor),
    {0},
};

static const struct options options = {
    .program = "newswirectl doctor",
    .arguments = "",
    .summary = "Looks at all that a newswired needs, whether it runs or not, and says what to\n"
               "do. As root it sees most. Ends with 0 when nothing is wrong.",
    .rows = rows,
};

int ctl_doctor(int argc, char **argv) {
    struct doctor d = {.user = "newswire"};
    int code = options_parse(&options, argc, argv, &d, NULL);
    if (code != OPTIONS_GO_ON)
        return code;
    d.arena = arena_new(ARENA_BYTES);
    d.findings = json_array();
    code = d.arena == NULL || d.findings == NULL ? EX_OSERR : examine(&d);
    json_decref(d.status);
    json_decref(d.findings);
    free(d.values);
    arena_free(d.arena);
    return code;
}
