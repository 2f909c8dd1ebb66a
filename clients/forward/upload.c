/* FTP, FTPS and SFTP: an article is a file, which gets its name when it is whole. */
#include "clients/forward/curl_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct upload {
    struct curl_session curl;
    bool sftp;
};

static const char *const schemes[] = {"sftp", "ftps", "ftp", NULL};

static const char *check(const struct outlet_config *o) {
    return strpbrk(o->url, "\"{} ") != NULL ? "url: without quotes, braces and blanks" : NULL;
}

static void close_upload(void *session) {
    struct upload *u = session;
    if (u == NULL)
        return;
    curl_session_close(&u->curl);
    free(u);
}

/* libssh2 reads keys from files alone, so the path is what it gets. */
static void set_ssh(struct upload *u) {
    const struct outlet_config *o = u->curl.outlet;
    CURL *e = u->curl.easy;
    curl_easy_setopt(e, CURLOPT_SSH_KNOWNHOSTS, o->known_hosts);
    if (*o->private_key == '\0') {
        curl_easy_setopt(e, CURLOPT_SSH_AUTH_TYPES,
                         (long)(CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD));
        return;
    }
    curl_easy_setopt(e, CURLOPT_SSH_AUTH_TYPES, (long)CURLSSH_AUTH_PUBLICKEY);
    curl_easy_setopt(e, CURLOPT_SSH_PRIVATE_KEYFILE, secret_path(u->curl.private_key));
    if (u->curl.password != NULL)
        curl_easy_setopt(e, CURLOPT_KEYPASSWD, secret_text(u->curl.password));
}

static int open_upload(const struct outlet_config *o, void **ret, char *error, size_t size) {
    struct upload *u = calloc(1, sizeof *u);
    if (u == NULL)
        return -ENOMEM;
    u->sftp = strncmp(o->url, "sftp", 4) == 0;
    int r = curl_session_open(&u->curl, o, error, size);
    if (r < 0) {
        close_upload(u);
        return r;
    }
    if (u->sftp)
        set_ssh(u);
    *ret = u;
    return 0;
}

/* The folder's path on an SFTP server; "/~/" is the user's own there. */
static const char *remote_folder(const char *url) {
    const char *path = strchr(strstr(url, "://") + 3, '/');
    return path == NULL ? "/" : strncmp(path, "/~/", 3) == 0 ? path + 3 : path;
}

static const char *slash_after(const char *folder) {
    size_t len = strlen(folder);
    return len == 0 || folder[len - 1] == '/' ? "" : "/";
}

/* SFTP's rename refuses a name that is there, as it is when a try was cut off after
 * it: the old file goes first. A '*' lets a command fail. */
static struct curl_slist *renaming(const struct upload *u, const char *part, const char *name) {
    const char *folder = remote_folder(u->curl.outlet->url), *slash = slash_after(folder);
    struct curl_slist *list = NULL;
    char *lines[2] = {NULL, NULL};
    int n = u->sftp ? asprintf(&lines[0], "*rm \"%s%s%s\"", folder, slash, name)
                    : asprintf(&lines[0], "RNFR %s", part);
    if (n >= 0)
        n = u->sftp ? asprintf(&lines[1], "rename \"%s%s%s\" \"%s%s%s\"", folder, slash, part,
                               folder, slash, name)
                    : asprintf(&lines[1], "RNTO %s", name);
    for (int i = 0; n >= 0 && i < 2; i++) {
        struct curl_slist *longer = curl_slist_append(list, lines[i]);
        if (longer == NULL)
            break;
        list = longer;
    }
    free(lines[0]);
    if (n >= 0)
        free(lines[1]);
    return list;
}

static void judge_refusal(struct upload *u, struct verdict *v) {
    long code = 0;
    if (u->sftp || v->outcome != VERDICT_RETRY)
        return;
    curl_easy_getinfo(u->curl.easy, CURLINFO_RESPONSE_CODE, &code);
    v->status = (int)code;
    if (code == 553) { /* RFC 959: file name not allowed */
        verdict_set(v, VERDICT_PARKED, "%s", u->curl.words);
        v->status = (int)code;
    }
}

static void send_upload(void *session, const struct parcel *p, struct verdict *v) {
    struct upload *u = session;
    CURL *e = u->curl.easy;
    const char *base = u->curl.outlet->url;
    char *part = NULL, *url = NULL;
    char *escaped = curl_easy_escape(e, p->filename, 0);
    struct curl_slist *rename = NULL;
    bool good = escaped != NULL && asprintf(&part, ".%s.part", p->filename) >= 0 &&
                asprintf(&url, "%s%s.%s.part", base, slash_after(base), escaped) >= 0 &&
                (rename = renaming(u, part, p->filename)) != NULL;
    if (good) {
        curl_easy_setopt(e, CURLOPT_URL, url);
        curl_easy_setopt(e, CURLOPT_POSTQUOTE, rename);
        curl_session_upload(&u->curl, p->body);
        if (curl_session_run(&u->curl, p->body.len, v))
            verdict_set(v, VERDICT_DELIVERED, "%s", p->filename);
        else
            judge_refusal(u, v);
        curl_easy_setopt(e, CURLOPT_POSTQUOTE, NULL);
    } else {
        verdict_set(v, VERDICT_RETRY, "out of memory");
    }
    curl_slist_free_all(rename);
    curl_free(escaped);
    free(part);
    free(url);
}

const struct transport transport_upload = {schemes, check, open_upload, send_upload, close_upload};
