/* What the log does at its start: see segment.h for what a crash can leave. */

#include "daemon/log/file.h"
#include "daemon/log/format.h"
#include "daemon/log/io.h"
#include "proto/translation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct recovery {
    struct file_log *log;
    struct text_list *notes;
    struct arena *notes_arena;
    struct fault *fault;
    uint64_t *bases;
    size_t n_bases, n_bases_max;
    bool have_view, old_view;
    struct view_position position; /* of the view, if there is one */
    enum format_state state;       /* as the file says */
    uint64_t stated_epoch;
};

__attribute__((format(printf, 2, 3))) static void note(struct recovery *r, const char *format,
                                                       ...) {
    char text[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    /* A note that doesn't fit is not worth failing for. */
    if (r->notes != NULL && r->notes_arena != NULL &&
        article_push_string(r->notes_arena, &r->notes->items, &r->notes->n, text, strlen(text)) < 0)
        return;
}

__attribute__((format(printf, 3, 4))) static int failed(struct recovery *r, int error,
                                                        const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fault_set_va(r->fault, "log", format, arguments);
    va_end(arguments);
    return error;
}

/* The same with the error's word behind the sentence. */
static int with_word(struct recovery *r, int error) {
    const char *word = strerror(-error);
    fault_add(r->fault, word, translated(word));
    return error;
}

/* ---- the format, and whose log it is */

static int check_format(struct recovery *r) {
    struct file_log *l = r->log;
    int k = format_read(l->folder, l->directory, &r->state, &r->stated_epoch, r->fault);
    if (k < 0 || l->restoring)
        return k;
    if (r->state == FORMAT_UNFINISHED)
        return failed(r, -EBADMSG,
                      "the log in %s is not whole: a restore was cut short; say "
                      "newswired --restore again",
                      l->directory);
    return 0;
}

/* What the file said must be what there is; then it says it of this place. */
static int settle_format(struct recovery *r) {
    struct file_log *l = r->log;
    if (l->restoring)
        return 0;
    if (r->state != FORMAT_NONE && r->stated_epoch != l->epoch)
        return failed(r, -EBADMSG, "the file %s belongs to another log than the segments",
                      FORMAT_FILE);
    if (r->state == FORMAT_COPIED)
        note(r, "the folder is a copy. Moved to this place, it is fine. Put back from a backup, "
                "it will give numbers again that readers have seen, and they will miss what "
                "gets them: stop, move it away, say newswired --restore DIR");
    int k = r->state == FORMAT_WHOLE ? 0 : format_write(l->folder, l->epoch);
    /* An older log on a full disk is served all the same. */
    if (k < 0)
        note(r, "the file %s can't be written: %s", FORMAT_FILE, strerror(-k));
    return 0;
}

/* ---- the folder */

static int compare_bases(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

typedef int (*name_fn)(struct recovery *r, const char *name);

static int each_name(struct recovery *r, name_fn visit) {
    int fd = openat(r->log->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        int error = -errno;
        io_closep(&fd);
        return with_word(r, failed(r, error, "%s can't be read", r->log->directory));
    }
    int k = 0;
    for (struct dirent *e = readdir(dir); e != NULL && k == 0; e = readdir(dir))
        k = visit(r, e->d_name);
    closedir(dir);
    return k;
}

static int collect(struct recovery *r, const char *name) {
    uint64_t base;
    if (!segment_parse_name(name, &base))
        return 0;
    if (r->n_bases == r->n_bases_max) {
        size_t max = r->n_bases_max == 0 ? 64 : r->n_bases_max * 2;
        uint64_t *bases = reallocarray(r->bases, max, sizeof *bases);
        if (bases == NULL)
            return -ENOMEM;
        r->bases = bases;
        r->n_bases_max = max;
    }
    r->bases[r->n_bases++] = base;
    return 0;
}

/* What a crash in the middle of something left behind. */
static int tidy(struct recovery *r, const char *name) {
    struct file_log *l = r->log;
    uint64_t id;
    size_t len = strlen(name);
    bool stray = len > 4 && strcmp(name + len - 4, ".tmp") == 0;
    if (identity_run_parse_name(name, &id)) {
        stray = true;
        for (size_t i = 0; i < l->view.identities.n_runs; i++)
            stray = stray && l->view.identities.runs[i]->id != id;
    }
    if (index_parse_name(name, &id))
        stray = bsearch(&id, r->bases, r->n_bases, sizeof id, compare_bases) == NULL;
    if (stray)
        unlinkat(l->folder, name, 0);
    return 0;
}

/* ---- segments */

/* The newest segment was being made when everything stopped. */
static int set_segment_aside(struct recovery *r) {
    uint64_t base = r->bases[--r->n_bases];
    char name[SEGMENT_NAME_BYTES], torn[SEGMENT_NAME_BYTES + 8];
    segment_name(base, name);
    snprintf(torn, sizeof torn, "%s.torn", name);
    if (renameat(r->log->folder, name, r->log->folder, torn) < 0 || io_sync(r->log->folder) < 0)
        return with_word(r, failed(r, -errno, "%s can't be set aside", name));
    note(r, "segment %s was just being made and holds nothing; kept as %s", name, torn);
    return 0;
}

static int check_chain(struct recovery *r, const struct segment_header *h) {
    struct file_log *l = r->log;
    if (l->n_segments == 0) {
        l->epoch = h->epoch;
        return 0;
    }
    struct file_segment *before = &l->segments[l->n_segments - 1];
    if (h->epoch != l->epoch)
        return segment_damaged(h->base, 0, "it belongs to another log", r->fault);
    if (h->prev_base != before->header.base)
        return segment_damaged(h->base, 0, "the segment before it is missing", r->fault);
    if (h->prev_end > before->end)
        return segment_damaged(before->header.base, before->end, "the segment is cut short",
                               r->fault);
    before->end = h->prev_end;
    return 0;
}

static int open_segments(struct recovery *r) {
    struct file_log *l = r->log;
    for (size_t i = 0; i < r->n_bases; i++) {
        struct segment_header h;
        struct stat st;
        int fd = -1, k = segment_open(l->folder, r->bases[i], O_RDWR, &h, &fd, r->fault);
        if (k == -ENODATA)
            k = i + 1 == r->n_bases
                    ? set_segment_aside(r)
                    : segment_damaged(r->bases[i], 0, "its header is bad", r->fault);
        else if (k < 0 && k != -EBADMSG)
            k = with_word(r, failed(r, k, "a segment can't be read"));
        else if (k == 0)
            k = fstat(fd, &st) < 0 ? -errno : check_chain(r, &h);
        if (k == 0 && fd >= 0)
            k = file_add_segment(l, &h, (uint64_t)st.st_size);
        if (fd >= 0) {
            io_closep(&l->active);
            l->active = fd;
        }
        if (k < 0)
            return k;
    }
    return 0;
}

static int create_first(struct recovery *r) {
    struct file_log *l = r->log;
    if (r->have_view || r->old_view || r->state != FORMAT_NONE)
        return failed(r, -EBADMSG, "%s is a log's folder, but has no segments: they are missing",
                      l->directory);
    l->epoch = (uint64_t)file_now(l);
    l->next_seq = 1;
    struct segment_header h = {.epoch = l->epoch, .base = 1, .created_usec = file_now(l)};
    io_closep(&l->active);
    int k = segment_create(l->folder, &h, &l->active);
    if (k < 0)
        return with_word(r, failed(r, k, "the first segment can't be made in %s", l->directory));
    return file_add_segment(l, &h, sizeof h);
}

/* ---- the tail */

static int copy_tail(int folder, int from, const char *name, uint64_t offset, uint64_t end) {
    _cleanup_fd_ int to = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    _cleanup_free_ uint8_t *block = malloc(SEGMENT_BLOCK_BYTES);
    if (to < 0 || block == NULL)
        return to < 0 ? -errno : -ENOMEM;
    for (uint64_t at = offset; at < end;) {
        ssize_t n = io_read(from, block, SEGMENT_BLOCK_BYTES, at);
        int r = n <= 0 ? (int)n : io_write(to, block, (size_t)n, at - offset);
        if (n <= 0 || r < 0)
            return r;
        at += (uint64_t)n;
    }
    return io_sync(to);
}

/* Cuts the last segment at a batch that was never acknowledged. */
static int cut(struct recovery *r, struct file_segment *s, uint64_t offset, const char *why) {
    struct file_log *l = r->log;
    char name[SEGMENT_NAME_BYTES], torn[64];
    segment_name(s->header.base, name);
    snprintf(torn, sizeof torn, "%s.%" PRIu64 ".torn", name, offset);
    int k = copy_tail(l->folder, l->active, torn, offset, s->end);
    if (k == 0 && ftruncate(l->active, (off_t)offset) < 0)
        k = -errno;
    if (k < 0)
        return with_word(r, failed(r, k, "the torn end of %s can't be set aside", name));
    note(r,
         "segment %s ended in a torn batch at offset %" PRIu64
         " that had not been acknowledged (%s); its %" PRIu64 " bytes are kept as %s",
         name, offset, why, s->end - offset, torn);
    s->end = offset;
    return 0;
}

/* A bad batch is damage if anything says that it was durable, else it is torn. */
static int judge(struct recovery *r, struct file_segment *s, const struct segment_reader *reader,
                 const char *why) {
    struct file_log *l = r->log;
    uint64_t base = s->header.base, start = reader->batch_start, durable = 0;
    int error = 0;
    if (s != &l->segments[l->n_segments - 1])
        durable = s->end;
    else
        durable = segment_proven_durable(l->active, &s->header, start, s->end, &error);
    if (error < 0)
        return with_word(r, failed(r, error, "the last segment can't be read"));
    if (r->have_view && r->position.segment == base && r->position.offset > durable)
        durable = r->position.offset;
    if (start < durable)
        return segment_damaged(base, reader->offset, why, r->fault);
    return cut(r, s, start, why);
}

/* ---- taking the records into the view */

static int apply(struct recovery *r, const struct segment_record *record, struct slice payload) {
    struct file_log *l = r->log;
    if (record->seq < l->next_seq)
        return -EBADMSG;
    l->next_seq = record->seq + 1;
    if (record->type == SEGMENT_DROP)
        view_apply_drop(&l->view, record->aux);
    if (record->type == SEGMENT_HOLD)
        return view_apply_hold(&l->view, payload, (int64_t)record->aux, record->flags);
    if (record->type == SEGMENT_APPROVE)
        return view_apply_approval(&l->view, record->aux, payload);
    if (record->type != SEGMENT_ENTRY)
        return record->type == SEGMENT_DROP ? 0 : -EBADMSG;
    struct entry e;
    uint8_t key[IDENTITY_KEY_BYTES];
    if (view_decode(payload, &e) < 0 || e.seq != record->seq)
        return -EBADMSG;
    identity_key((const char *)e.uri.data, e.uri.len, key);
    return view_apply_entry(&l->view, &e, key, record->flags, record->aux, NULL);
}

/* Looks over one batch; *ret_n: its records, 0 at the end. The reader is left
 * at the batch's start unless it is bad. */
static int check_batch(struct segment_reader *reader, size_t *ret_n, const char **ret_why) {
    struct segment_record record;
    struct slice payload;
    size_t n = 0;
    int k;
    do {
        k = segment_reader_next(reader, &record, &payload, ret_why);
        n += k > 0;
    } while (k > 0 && reader->offset < reader->batch_end);
    if (k >= 0) {
        *ret_n = n;
        if (n > 0)
            reader->offset = reader->batch_end = reader->batch_start;
    }
    return k < 0 ? k : 0;
}

static int apply_batch(struct recovery *r, struct segment_reader *reader, size_t n,
                       struct index *index) {
    struct segment_record record;
    struct slice payload;
    const char *why;
    int k = view_begin(&r->log->view, n);
    while (k == 0 && n-- > 0) {
        if (segment_reader_next(reader, &record, &payload, &why) <= 0)
            return -EIO; /* it was good a moment ago */
        k = apply(r, &record, payload);
        if (k == -EBADMSG)
            return segment_damaged(reader->segment.base, reader->offset,
                                   "a record doesn't follow from those before it", r->fault);
        if (k == 0 && record.type == SEGMENT_ENTRY)
            k = index_add(index, reader->batch_start, record.seq, record.usec);
    }
    return k;
}

static int scan(struct recovery *r, struct file_segment *s, int fd, uint64_t offset,
                struct index *index) {
    struct segment_reader reader = {0};
    const char *why = "";
    int k = 0;
    /* What the view covers is not read again: one point stands for all of it. */
    if (offset > sizeof s->header)
        k = index_add(index, sizeof s->header, s->header.base, INT64_MIN);
    segment_reader_start(&reader, fd, &s->header, offset, s->end);
    while (k == 0) {
        size_t n;
        k = check_batch(&reader, &n, &why);
        if (k == -EBADMSG) {
            k = judge(r, s, &reader, why);
            break;
        }
        if (k < 0 || n == 0)
            break;
        k = apply_batch(r, &reader, n, index);
    }
    segment_reader_done(&reader);
    if (k < 0 && k != -EBADMSG && *r->fault->reason == '\0')
        return with_word(r, failed(r, k, "a segment can't be read"));
    return k;
}

static int scan_segment(struct recovery *r, size_t i, uint64_t offset) {
    struct file_log *l = r->log;
    struct file_segment *s = &l->segments[i];
    struct segment_header again;
    if (l->next_seq < s->header.base)
        l->next_seq = s->header.base;
    if (offset > s->end)
        return segment_damaged(s->header.base, s->end,
                               "the segment is cut short: the view knows of more", r->fault);
    if (i + 1 == l->n_segments)
        return scan(r, s, l->active, offset, &l->index);
    int fd = -1;
    int k = segment_open(l->folder, s->header.base, O_RDONLY, &again, &fd, r->fault);
    struct index index = {0};
    if (k == 0)
        k = scan(r, s, fd, offset, &index);
    if (k == 0)
        file_save_index(l, s->header.base, &index);
    index_done(&index);
    io_closep(&fd);
    return k;
}

static int scan_segments(struct recovery *r) {
    struct file_log *l = r->log;
    size_t i = 0;
    uint64_t offset = sizeof(struct segment_header);
    l->next_seq = 1;
    if (r->have_view) {
        while (i < l->n_segments && l->segments[i].header.base != r->position.segment)
            i++;
        if (i == l->n_segments)
            return failed(r, -EBADMSG, "segment %020llu.log, which the view covers, is missing",
                          (unsigned long long)r->position.segment);
        l->next_seq = r->position.next_seq;
        offset = r->position.offset;
    } else if (l->segments[0].header.prev_base != 0) {
        unsigned long long base = l->segments[0].header.base;
        return r->old_view
                   ? failed(r, -EBADMSG,
                            "the file view is of an older format, and the segments before "
                            "%020llu.log are gone: heads and identities can't be known",
                            base)
                   : failed(r, -EBADMSG,
                            "the file view is missing, and the segments before %020llu.log are "
                            "gone: heads and identities can't be known",
                            base);
    }
    for (int k; i < l->n_segments; i++, offset = sizeof(struct segment_header))
        if ((k = scan_segment(r, i, offset)) < 0)
            return k;
    /* A tail that outlived SIGKILL may be in the page cache only. */
    int k = io_sync(l->active);
    if (k == 0)
        k = io_sync(l->folder);
    return k < 0 ? with_word(r, failed(r, k, "the log can't be synced")) : 0;
}

static int load_view(struct recovery *r) {
    struct file_log *l = r->log;
    struct fault fault;
    int k = view_load(l->folder, &l->view, &r->position, &fault);
    r->have_view = k == 0;
    if (k == 0) {
        l->next_run = r->position.next_run;
        l->covered_segment = r->position.segment;
        l->covered_seq = r->position.next_seq;
        return 0;
    }
    view_done(&l->view);
    r->old_view = k == -ESTALE;
    if (r->old_view)
        note(r, "the view is of an older format: it is made anew from the segments");
    if (k == -ENOENT || r->old_view)
        return 0;
    *r->fault = fault;
    return k;
}

int file_recover(struct file_log *l, struct text_list *ret_notes, struct arena *notes_arena,
                 struct fault *ret_fault) {
    struct recovery r = {
        .log = l, .notes = ret_notes, .notes_arena = notes_arena, .fault = ret_fault};
    fault_clear(ret_fault);
    l->next_run = 1;
    int k = check_format(&r);
    if (k == 0)
        k = load_view(&r);
    if (k == 0)
        k = each_name(&r, collect);
    if (k == 0 && r.n_bases > 0)
        qsort(r.bases, r.n_bases, sizeof *r.bases, compare_bases);
    if (k == 0)
        k = open_segments(&r);
    if (k == 0)
        k = l->n_segments == 0 ? create_first(&r) : scan_segments(&r);
    if (k == 0 && r.have_view && r.position.epoch != l->epoch)
        k = failed(&r, -EBADMSG, "the view belongs to another log than the segments");
    if (k == 0)
        k = settle_format(&r);
    if (k == 0)
        k = each_name(&r, tidy);
    if (k == 0)
        file_snapshot_clear(l);
    free(r.bases);
    if (k < 0 && ret_fault->reason[0] == 0)
        with_word(&r, failed(&r, k, "the log can't be opened"));
    return k;
}
