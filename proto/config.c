#include "proto/config.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistr.h>

/* A section with an instance's name that some file has opened. */
struct opened {
    struct opened *next;
    const struct config_section *section;
    const char *instance;
    void *values;
};

struct reading {
    struct arena *arena;
    const struct config_section *const *sections;
    void *destination;
    enum config_flags flags;
    struct config_fault *fault;
    int result; /* of the first fault; later ones are not looked at */

    struct opened *opened;
    FILE *file;
    const char *path;
    int line;
    bool continued; /* the line goes on with the value of the one before it */

    /* The section that the lines belong to; NULL: passed over. */
    const struct config_section *section;
    void *values;
    bool in_section;
    char header[128];
};

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit time_units[] = {
    {"us", 1},
    {"ms", 1000},
    {"", 1000000},
    {"s", 1000000},
    {"min", 60 * 1000000ULL},
    {"h", 3600 * 1000000ULL},
    {"d", 86400 * 1000000ULL},
    {NULL, 0},
};

static const struct unit byte_units[] = {
    {"", 1}, {"K", 1ULL << 10}, {"M", 1ULL << 20}, {"G", 1ULL << 30}, {"T", 1ULL << 40}, {NULL, 0},
};

static const struct unit plain_units[] = {{"", 1}, {NULL, 0}};

__attribute__((format(printf, 4, 5))) static int fault(struct reading *r, int error,
                                                       const char *key, const char *format, ...) {
    if (r->result != 0)
        return r->result;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->fault->reason, sizeof r->fault->reason, format, arguments);
    va_end(arguments);
    snprintf(r->fault->file, sizeof r->fault->file, "%s", r->path);
    r->fault->line = r->line;
    if (!r->in_section)
        snprintf(r->fault->key, sizeof r->fault->key, "%s", key);
    else
        snprintf(r->fault->key, sizeof r->fault->key, "[%.60s]%s%.60s", r->header,
                 *key == '\0' ? "" : " ", key);
    return r->result = error;
}

/* ---- values */

/* Reads a number with a unit. NULL when it is good, else what is wrong. */
static const char *read_number(const char *text, const struct unit *units, uint64_t *ret) {
    if (*text < '0' || *text > '9')
        return "is no number";
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0)
        return "is too large";
    end += strspn(end, " ");
    for (const struct unit *u = units; u->name != NULL; u++)
        if (strcasecmp(end, u->name) == 0) {
            if (number > UINT64_MAX / u->factor)
                return "is too large";
            *ret = number * u->factor;
            return NULL;
        }
    return units == time_units   ? "wants a unit: us, ms, s, min, h or d"
           : units == byte_units ? "wants a unit: K, M, G or T"
                                 : "is no plain number";
}

static const char *read_bool(const char *text, bool *ret) {
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *ret = i % 2 == 1;
            return NULL;
        }
    return "is neither yes nor no";
}

static int append_items(struct arena *a, struct text_list *list, const char *text,
                        const char *separators) {
    while (*text != '\0') {
        size_t len = strcspn(text, separators);
        size_t begin = strspn(text, " \t");
        size_t end = len;
        while (end > begin && (text[end - 1] == ' ' || text[end - 1] == '\t'))
            end--;
        if (begin < end) {
            int r = text_list_add(a, list, text + begin, end - begin);
            if (r < 0)
                return r;
        }
        text += len + (text[len] != '\0');
    }
    return 0;
}

static const char *set_number(const struct config_key *key, const char *text, void *target) {
    const struct unit *units = key->type == CONFIG_TIME    ? time_units
                               : key->type == CONFIG_BYTES ? byte_units
                                                           : plain_units;
    uint64_t number;
    const char *wrong = read_number(text, units, &number);
    if (wrong != NULL)
        return wrong;
    if (number < key->min)
        return "is below the least value";
    if (key->max != 0 && number > key->max)
        return "is above the greatest value";
    *(uint64_t *)target = number;
    return NULL;
}

static const char *set_choice(const struct config_key *key, const char *text, void *target) {
    for (int i = 0; key->choices[i] != NULL; i++)
        if (strcasecmp(text, key->choices[i]) == 0) {
            *(int *)target = i;
            return NULL;
        }
    return "is none of the values that it can have";
}

/* Puts a value where it goes; continued: it is added to a list. NULL when good,
 * else what is wrong with it; "" when out of memory. */
static const char *set_value(struct arena *a, const struct config_key *key, void *values,
                             const char *text, bool continued) {
    void *target = (char *)values + key->offset;
    switch (key->type) {
    case CONFIG_WORDS:
    case CONFIG_LIST: {
        struct text_list *list = target;
        if (!continued)
            *list = (struct text_list){0};
        return append_items(a, list, text, key->type == CONFIG_LIST ? "|" : " \t") < 0 ? "" : NULL;
    }
    case CONFIG_STRING:
    case CONFIG_PATH:
        if (continued)
            return "can't go on over several lines";
        if (key->type == CONFIG_PATH && *text != '\0' && *text != '/')
            return "is no absolute path";
        *(char **)target = arena_strndup(a, text, strlen(text));
        return *(char **)target == NULL ? "" : NULL;
    case CONFIG_BOOL: return continued ? "is neither yes nor no" : read_bool(text, target);
    case CONFIG_CHOICE: return set_choice(key, text, target);
    default: return set_number(key, text, target);
    }
}

int config_section_defaults(struct arena *a, const struct config_key *keys, void *section) {
    for (const struct config_key *k = keys; k->name != NULL; k++)
        if (set_value(a, k, section, k->fallback == NULL ? "" : k->fallback, false) != NULL &&
            k->fallback != NULL)
            return -ENOMEM;
    return 0;
}

int config_defaults(struct arena *a, const struct config_section *const *sections,
                    void *destination) {
    for (; *sections != NULL; sections++) {
        if ((*sections)->instance != NULL)
            continue;
        int r = config_section_defaults(a, (*sections)->keys,
                                        (char *)destination + (*sections)->offset);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- files */

static void *instance_values(struct reading *r, const struct config_section *section,
                             const char *instance) {
    for (const struct opened *o = r->opened; o != NULL; o = o->next)
        if (o->section == section && strcmp(o->instance, instance) == 0)
            return o->values;
    struct opened *o = arena_alloc(r->arena, sizeof *o);
    char *name = arena_strndup(r->arena, instance, strlen(instance));
    if (o == NULL || name == NULL)
        return NULL;
    *o = (struct opened){
        .next = r->opened,
        .section = section,
        .instance = name,
        .values = section->instance(r->arena, r->destination, name),
    };
    r->opened = o;
    return o->values;
}

/* Splits `section "briefs"` in place. False when the quotes are not in order. */
static bool split_header(char *header, char **ret_instance) {
    char *quote = strchr(header, '"');
    *ret_instance = NULL;
    if (quote == NULL)
        return strpbrk(header, " \t") == NULL;
    char *end = strrchr(header, '"');
    if (end == quote || end[1] != '\0' || quote == header)
        return false;
    *end = '\0';
    *ret_instance = quote + 1;
    char *name_end = quote;
    while (name_end > header && (name_end[-1] == ' ' || name_end[-1] == '\t'))
        name_end--;
    *name_end = '\0';
    return strchr(*ret_instance, '"') == NULL && **ret_instance != '\0';
}

static void open_section(struct reading *r, const char *line) {
    const char *end = strchr(line, ']');
    if (end == NULL)
        return; /* inih says what is wrong with the line */
    snprintf(r->header, sizeof r->header, "%.*s", (int)(end - line - 1), line + 1);
    r->in_section = true;
    r->section = NULL;
    r->values = NULL;
    char name[sizeof r->header], *instance;
    memcpy(name, r->header, sizeof name);
    if (!split_header(name, &instance)) {
        fault(r, -EINVAL, "", "a section is written [name] or [name \"instance\"]");
        return;
    }
    for (const struct config_section *const *s = r->sections; *s != NULL; s++)
        if (strcmp((*s)->name, name) == 0)
            r->section = *s;
    if (r->section == NULL) {
        if (!(r->flags & CONFIG_OTHER_SECTIONS))
            fault(r, -EINVAL, "", "there is no such section");
    } else if ((instance != NULL) != (r->section->instance != NULL)) {
        fault(r, -EINVAL, "",
              instance != NULL ? "this section takes no name in quotes"
                               : "this section wants a name in quotes, as in [%s \"name\"]",
              name);
    } else if (instance == NULL) {
        r->values = (char *)r->destination + r->section->offset;
    } else if (r->section->instance_valid != NULL && !r->section->instance_valid(instance)) {
        fault(r, -EINVAL, "", "the name in quotes can't be used");
    } else {
        r->values = instance_values(r, r->section, instance);
        if (r->values == NULL)
            fault(r, -ENOMEM, "", "out of memory");
    }
}

/* inih's line reader: counts the lines, sees what its handler isn't told (a
 * section without keys, whether a line goes on with the one before), and
 * refuses a line that inih would cut. */
static char *read_line(char *buffer, int size, void *stream) {
    struct reading *r = stream;
    if (r->result != 0 || fgets(buffer, size, r->file) == NULL)
        return NULL;
    r->line++;
    size_t len = strlen(buffer);
    if (len == (size_t)size - 1 && buffer[len - 1] != '\n') {
        fault(r, -EINVAL, "", "the line is longer than %d bytes; go on in an indented line",
              size - 2);
        return NULL;
    }
    const char *text = buffer + strspn(buffer, " \t\xef\xbb\xbf");
    r->continued = text > buffer && (*buffer == ' ' || *buffer == '\t');
    if (*text == '[')
        open_section(r, text);
    return buffer;
}

static const struct config_key *find_key(const struct config_section *section, const char *name) {
    for (const struct config_key *k = section->keys; k->name != NULL; k++)
        if (strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

static int take_value(void *user, const char *section, const char *name, const char *value) {
    struct reading *r = user;
    (void)section; /* open_section has seen it whole; inih cuts it at 49 bytes */
    if (r->result != 0)
        return 0;
    if (!r->in_section)
        return fault(r, -EINVAL, name, "stands before the first [section]") == 0;
    if (r->section == NULL || r->values == NULL)
        return 1;
    const struct config_key *key = find_key(r->section, name);
    if (key == NULL)
        return fault(r, -EINVAL, name, "there is no such key") == 0;
    if (u8_check((const uint8_t *)value, strlen(value)) != NULL)
        return fault(r, -EINVAL, name, "is not valid UTF-8") == 0;
    const char *wrong = set_value(r->arena, key, r->values, value, r->continued);
    if (wrong == NULL)
        return 1;
    if (*wrong == '\0')
        return fault(r, -ENOMEM, name, "out of memory") == 0;
    return fault(r, -EINVAL, name, "'%.100s' %s", value, wrong) == 0;
}

static int read_file(struct reading *r, const char *path) {
    r->path = path;
    r->line = 0;
    r->in_section = false;
    r->section = NULL;
    r->file = fopen(path, "re");
    if (r->file == NULL)
        return fault(r, -errno, "", "can't be opened: %s", strerror(errno));
    struct stat st;
    int line = 0;
    if (fstat(fileno(r->file), &st) == 0 && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) &&
        !S_ISCHR(st.st_mode))
        fault(r, -EINVAL, "", "is no file");
    else
        line = ini_parse_stream(read_line, r, take_value, r);
    if (r->result == 0 && ferror(r->file)) {
        r->line = 0;
        fault(r, -EIO, "", "can't be read");
    }
    if (r->result == 0 && line > 0) {
        r->line = line;
        fault(r, -EINVAL, "", "is neither [section] nor key = value");
    }
    fclose(r->file);
    return r->result;
}

static int is_drop_in(const struct dirent *entry) {
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

static int read_drop_ins(struct reading *r, const char *path) {
    const char *slash = strrchr(path, '/');
    char folder[4096];
    int n = snprintf(folder, sizeof folder, "%.*sconf.d",
                     slash == NULL ? 0 : (int)(slash - path + 1), path);
    if (n < 0 || (size_t)n >= sizeof folder)
        return fault(r, -ENAMETOOLONG, "", "has too long a path");
    struct dirent **entries;
    int count = scandir(folder, &entries, is_drop_in, alphasort);
    if (count < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : fault(r, -errno, "", "conf.d can't be read: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        char file[sizeof folder + sizeof entries[i]->d_name];
        snprintf(file, sizeof file, "%s/%s", folder, entries[i]->d_name);
        if (r->result == 0)
            read_file(r, file);
        free(entries[i]);
    }
    free(entries);
    return r->result;
}

int config_read(struct arena *a, const struct config_section *const *sections, void *destination,
                const char *path, enum config_flags flags, struct config_fault *ret_fault) {
    *ret_fault = (struct config_fault){0};
    struct reading r = {
        .arena = a,
        .sections = sections,
        .destination = destination,
        .flags = flags,
        .fault = ret_fault,
    };
    int result = read_file(&r, path);
    return result < 0 ? result : read_drop_ins(&r, path);
}

/* ---- reading again */

static bool same_list(const struct text_list *a, const struct text_list *b) {
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = strcmp(a->items[i], b->items[i]) == 0;
    return same;
}

static bool same_text(const char *a, const char *b) {
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

static bool same_value(const struct config_key *key, const void *a, const void *b) {
    switch (key->type) {
    case CONFIG_STRING:
    case CONFIG_PATH: return same_text(*(char *const *)a, *(char *const *)b);
    case CONFIG_WORDS:
    case CONFIG_LIST: return same_list(a, b);
    case CONFIG_BOOL: return *(const bool *)a == *(const bool *)b;
    case CONFIG_CHOICE: return *(const int *)a == *(const int *)b;
    case CONFIG_UINT:
    case CONFIG_BYTES:
    case CONFIG_TIME: break;
    }
    return *(const uint64_t *)a == *(const uint64_t *)b;
}

static int copy_value(struct arena *a, const struct config_key *key, const void *from, void *to) {
    const struct text_list *list = from;
    struct text_list *copy = to;
    switch (key->type) {
    case CONFIG_STRING:
    case CONFIG_PATH: {
        const char *text = *(char *const *)from;
        *(char **)to = text == NULL ? NULL : arena_strndup(a, text, strlen(text));
        return text != NULL && *(char **)to == NULL ? -ENOMEM : 0;
    }
    case CONFIG_WORDS:
    case CONFIG_LIST:
        *copy = (struct text_list){0};
        for (size_t i = 0; i < list->n; i++)
            if (text_list_add(a, copy, list->items[i], strlen(list->items[i])) < 0)
                return -ENOMEM;
        return 0;
    case CONFIG_BOOL: *(bool *)to = *(const bool *)from; return 0;
    case CONFIG_CHOICE: *(int *)to = *(const int *)from; return 0;
    case CONFIG_UINT:
    case CONFIG_BYTES:
    case CONFIG_TIME: break;
    }
    *(uint64_t *)to = *(const uint64_t *)from;
    return 0;
}

int config_keep_fixed(struct arena *a, const struct config_section *const *sections,
                      const void *before, void *now, struct text_list *ret_notes) {
    for (; *sections != NULL; sections++)
        for (const struct config_key *k = (*sections)->keys; k->name != NULL; k++) {
            const char *old = (const char *)before + (*sections)->offset + k->offset;
            char *new = (char *)now + (*sections)->offset + k->offset;
            char name[160];
            if (!k->fixed || (*sections)->instance != NULL || same_value(k, old, new))
                continue;
            int n = snprintf(name, sizeof name, "[%s] %s", (*sections)->name, k->name);
            if (copy_value(a, k, old, new) < 0 || text_list_add(a, ret_notes, name, (size_t)n) < 0)
                return -ENOMEM;
        }
    return 0;
}

const char *config_fault_text(const struct config_fault *f, char *buffer, size_t size) {
    char line[16] = "";
    if (f->line > 0)
        snprintf(line, sizeof line, ":%d", f->line);
    snprintf(buffer, size, "%s%s: %s%s%s", f->file, line, f->key, *f->key == '\0' ? "" : ": ",
             f->reason);
    codec_mend_utf8(buffer); /* the file's words may be anything, and are cut */
    return buffer;
}

/* ---- the sample */

enum { SAMPLE_COLUMNS = 78 };

/* Writes the help as comment lines, broken between words. */
static void write_comment(FILE *out, const char *help) {
    while (help != NULL && *help != '\0') {
        size_t len = strlen(help), take = len;
        if (len > SAMPLE_COLUMNS) {
            take = SAMPLE_COLUMNS;
            while (take > 0 && help[take] != ' ')
                take--;
            if (take == 0)
                take = strcspn(help, " ");
        }
        fprintf(out, "# %.*s\n", (int)take, help);
        help += take;
        help += strspn(help, " ");
    }
}

/* A list that is too long for one line of inih goes on in indented ones. */
static void write_default(FILE *out, const struct config_key *key) {
    enum { ROOM_BYTES = 150 };
    const char *text = key->fallback == NULL ? "" : key->fallback;
    fprintf(out, "#%s =", key->name);
    if (key->type != CONFIG_LIST) {
        fprintf(out, "%s%s\n", *text == '\0' ? "" : " ", text);
        return;
    }
    const char *between = " ";
    for (size_t used = 0; *text != '\0';) {
        text += strspn(text, " |");
        size_t len = strcspn(text, "|"), end = len;
        while (end > 0 && text[end - 1] == ' ')
            end--;
        if (used + end > ROOM_BYTES) {
            between = "\n#   ";
            used = 0;
        }
        fprintf(out, "%s%.*s", between, (int)end, text);
        between = " | ";
        used += end + 3;
        text += len;
    }
    fputc('\n', out);
}

int config_write_sample(const struct config_section *const *sections, FILE *out) {
    for (; *sections != NULL; sections++) {
        const struct config_section *s = *sections;
        fputc('\n', out);
        write_comment(out, s->help);
        if (s->instance == NULL)
            fprintf(out, "[%s]\n", s->name);
        else
            fprintf(out, "#[%s \"key\"]\n", s->name);
        for (const struct config_key *k = s->keys; k->name != NULL; k++) {
            fputc('\n', out);
            write_comment(out, k->help);
            if (k->fixed)
                write_comment(out, "A change takes effect at the next start.");
            write_default(out, k);
        }
    }
    return ferror(out) ? -EIO : 0;
}

/* ---- the values */

static void write_items(FILE *out, const struct text_list *list, const char *between) {
    for (size_t i = 0; i < list->n; i++)
        fprintf(out, "%s%s", i == 0 ? " " : between, list->items[i]);
}

static void write_value(FILE *out, const struct config_key *key, const void *at) {
    switch (key->type) {
    case CONFIG_STRING:
    case CONFIG_PATH: {
        const char *text = *(char *const *)at;
        fprintf(out, "%s%s", text == NULL || *text == '\0' ? "" : " ", text == NULL ? "" : text);
        break;
    }
    case CONFIG_WORDS: write_items(out, at, " "); break;
    case CONFIG_LIST: write_items(out, at, " | "); break;
    case CONFIG_BOOL: fputs(*(const bool *)at ? " yes" : " no", out); break;
    case CONFIG_CHOICE: fprintf(out, " %s", key->choices[*(const int *)at]); break;
    case CONFIG_UINT:
    case CONFIG_BYTES: fprintf(out, " %" PRIu64, *(const uint64_t *)at); break;
    case CONFIG_TIME: fprintf(out, " %" PRIu64 "us", *(const uint64_t *)at); break;
    }
}

int config_write_values(const struct config_section *const *sections, const void *destination,
                        FILE *out) {
    for (; *sections != NULL; sections++) {
        const char *base = (const char *)destination + (*sections)->offset;
        if ((*sections)->instance != NULL)
            continue;
        fprintf(out, "[%s]\n", (*sections)->name);
        for (const struct config_key *key = (*sections)->keys; key->name != NULL; key++) {
            fprintf(out, "%s =", key->name);
            write_value(out, key, base + key->offset);
            fputc('\n', out);
        }
    }
    return fflush(out) == 0 && !ferror(out) ? 0 : -EIO;
}
