#include "daemon/log/batch.h"
#include "daemon/log/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK_USEC = 1000 * 1000,      /* looks after holds, troubles and retention */
    SPACE_CHECK_USEC = 50 * 1000, /* how old an answer of statvfs may be */
    OUT_OF_MEMORY_USEC = 10 * 1000,
};

int64_t file_now(const struct file_log *l) {
    if (l->config.now_usec != NULL)
        return l->config.now_usec();
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

uint64_t file_monotonic_usec(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int file_add_segment(struct file_log *l, const struct segment_header *header, uint64_t end) {
    if (l->n_segments == l->n_segments_max) {
        size_t max = l->n_segments_max == 0 ? 16 : l->n_segments_max * 2;
        struct file_segment *segments = reallocarray(l->segments, max, sizeof *segments);
        if (segments == NULL)
            return -ENOMEM;
        l->segments = segments;
        l->n_segments_max = max;
    }
    l->segments[l->n_segments++] = (struct file_segment){*header, end};
    l->bytes += end;
    return 0;
}

void file_save_index(struct file_log *l, uint64_t base, struct index *index) {
    for (size_t i = 0; i < l->view.n_topics; i++)
        if (l->view.topics[i].head >= base &&
            index_add_topic(index, slice_of(l->view.topics[i].name)) < 0)
            return;
    /* Without it the segment is read from its start. */
    if (index_save(l->folder, base, index) < 0)
        return;
}

void file_update_bounds(struct file_log *l) {
    struct log_bounds *b = &l->bounds;
    const struct segment_header *oldest = &l->segments[0].header;
    b->epoch = l->epoch;
    b->head = l->view.head;
    b->first = oldest->prev_head + 1;
    b->entries = l->view.entries - oldest->prev_entries;
    b->held = view_n_held(&l->view);
    b->bytes = l->bytes;
    b->taking = l->trouble.reason[0] == 0;
    memcpy(b->trouble, l->trouble.reason, sizeof b->trouble);
}

/* ---- segments */

static void trouble(struct file_log *l, int error, const char *what) {
    if (error == -ENOSPC || error == -EDQUOT)
        fault_set(&l->trouble, "", "the disk is full (%s)", l->directory);
    else
        fault_set_error(&l->trouble, error, "", "the log in %s can't be written (%s)", l->directory,
                        what);
}

/* Takes an empty segment away whose sync failed, so that another can be made. */
static void drop_empty(struct file_log *l) {
    struct file_segment *last = &l->segments[l->n_segments - 1];
    char name[SEGMENT_NAME_BYTES];
    if (l->n_segments < 2 || last->end > sizeof last->header)
        return;
    segment_name(last->header.base, name);
    if (unlinkat(l->folder, name, 0) < 0 && errno != ENOENT)
        return;
    pthread_mutex_lock(&l->mutex);
    l->bytes -= l->segments[--l->n_segments].end;
    pthread_mutex_unlock(&l->mutex);
}

/* Closes the last segment and begins a new one. 0 or -errno. */
static int roll(struct file_log *l) {
    io_closep(&l->active);
    l->active = -1;
    drop_empty(l);
    struct file_segment *last = &l->segments[l->n_segments - 1];
    uint64_t closing = last->header.base;
    struct segment_header h = {
        .epoch = l->epoch,
        .base = l->next_seq,
        .prev_base = closing,
        .prev_end = last->end,
        .prev_head = l->view.head,
        .prev_entries = l->view.entries,
        .created_usec = file_now(l),
    };
    int r = segment_create(l->folder, &h, &l->active);
    if (r < 0)
        return r;
    struct index old;
    pthread_mutex_lock(&l->mutex);
    old = l->index;
    l->index = (struct index){0};
    r = file_add_segment(l, &h, sizeof h);
    pthread_mutex_unlock(&l->mutex);
    file_save_index(l, closing, &old);
    index_done(&old);
    if (r < 0) {
        io_closep(&l->active);
        l->active = -1;
    }
    return r;
}

static bool space_left(struct file_log *l) {
    struct statvfs st;
    if (log_io.fstatvfs(l->folder, &st) < 0)
        return true; /* writing will tell */
    uint64_t left = (uint64_t)st.f_bavail * st.f_frsize;
    return left >= l->config.free_bytes && left >= l->wanted_bytes;
}

/* Makes sure that there is a segment to write size bytes to, and clears or sets
 * the trouble. */
static void prepare(struct file_log *l, size_t size) {
    const struct file_segment *last = &l->segments[l->n_segments - 1];
    uint64_t now = file_monotonic_usec();
    if (now - l->space_checked_usec >= SPACE_CHECK_USEC) {
        l->space_checked_usec = now;
        l->full = !space_left(l);
        fault_clear(&l->trouble);
        if (l->full)
            fault_set(&l->trouble, "",
                      "the disk is full: less than %llu bytes are left for the log in %s",
                      (unsigned long long)(l->config.free_bytes > l->wanted_bytes
                                               ? l->config.free_bytes
                                               : l->wanted_bytes),
                      l->directory);
        else
            l->wanted_bytes = 0;
    }
    bool grown = last->end > sizeof last->header && last->end + size > l->config.segment_bytes;
    if (l->active >= 0 && !grown)
        return;
    int r = roll(l);
    if (r < 0)
        trouble(l, r, "new segment");
    else if (!l->full)
        fault_clear(&l->trouble);
}

/* 0 or -errno: it is not on the log. */
static int append_batch(struct file_log *l, struct file_batch *b) {
    struct file_segment *last = &l->segments[l->n_segments - 1];
    segment_seal_batch(&last->header, (struct segment_batch *)b->buffer, last->end, b->used,
                       b->n_records);
    int r = io_write(l->active, b->buffer, b->used, last->end);
    bool written = r == 0;
    if (written)
        r = io_sync(l->active);
    if (r == 0)
        return 0;
    trouble(l, r, written ? "fdatasync" : "write");
    l->wanted_bytes = r == -ENOSPC || r == -EDQUOT ? 2 * b->used : 0;
    l->space_checked_usec = file_monotonic_usec();
    /* What can't be cut off is left behind the durable end, which the next
     * segment's header names. After a failed sync the kernel may have marked
     * pages clean that never reached the disk: this file is not added to. */
    int cut = ftruncate(l->active, (off_t)last->end);
    if (written || cut < 0 || l->wanted_bytes == 0) {
        io_closep(&l->active);
        l->active = -1;
    }
    return r;
}

/* Writes the batch and waits for the disk. */
static int write_batch(struct file_log *l, struct file_batch *b) {
    pulse_enter_disk();
    int r = append_batch(l, b);
    pulse_leave_disk();
    return r;
}

/* ---- handing over */

static int reserve_heads(struct file_log *l) {
    if (l->view.n_topics <= l->n_heads_max)
        return 0;
    size_t max = l->view.n_topics * 2;
    pthread_mutex_lock(&l->mutex);
    struct log_head *heads = reallocarray(l->heads, max, sizeof *heads);
    if (heads != NULL) {
        l->heads = heads;
        l->n_heads_max = max;
    }
    pthread_mutex_unlock(&l->mutex);
    return heads == NULL ? -ENOMEM : 0;
}

static void publish_heads(struct file_log *l) {
    while (l->n_heads < l->view.n_topics) {
        struct log_head *h = &l->heads[l->n_heads];
        memcpy(h->topic, l->view.topics[l->n_heads++].name, sizeof h->topic);
        h->head = h->entries = 0;
    }
}

/* What readers must not get any more. Without memory for it nothing of the log is
 * read until there is. */
static void publish_kills(struct file_log *l) {
    const struct kills *kills = &l->view.kills;
    l->kills_lag = false;
    while (l->n_kills_seen < kills->n && !l->kills_lag) {
        const struct kill *k = &kills->items[l->n_kills_seen];
        l->kills_lag = kills_add(&l->kills, k->key, k->seq) < 0;
        l->n_kills_seen += !l->kills_lag;
    }
}

/* Makes a durable batch visible; the mutex is held. */
static void publish(struct file_log *l, struct file_batch *b) {
    struct file_segment *last = &l->segments[l->n_segments - 1];
    uint64_t start = last->end;
    publish_heads(l);
    publish_kills(l);
    last->end += b->used;
    l->bytes += b->used;
    for (size_t i = 0; i < b->n; i++) {
        const struct log_result *r = &b->results[i];
        if (!log_is_entry(r))
            continue;
        l->heads[b->topics[i]].head = r->seq;
        l->heads[b->topics[i]].entries++;
        if (r->prev_seq == 0)
            l->bounds.newest_topic = r->seq;
        struct segment_record record;
        memcpy(&record, r->entry.data - sizeof record, sizeof record);
        if (index_add(&l->index, start, r->seq, record.usec) < 0)
            continue; /* a reader searches a little longer */
    }
}

static void post(struct file_log *l, struct file_batch *b, bool durable) {
    pthread_mutex_lock(&l->mutex);
    if (durable)
        publish(l, b);
    file_update_bounds(l);
    bool empty = b->n == 0, first = l->done == NULL && !empty;
    if (!empty) {
        *l->done_tail = b;
        l->done_tail = &b->next;
    }
    pthread_mutex_unlock(&l->mutex);
    /* From here on the loop may have freed a batch that isn't empty. */
    if (empty)
        log_batch_unref(&b->batch);
    if (first && eventfd_write(l->event, 1) < 0)
        return; /* it can't: it never counts that far */
}

/* None of the batch happened. What was only decided is taken back as well: it
 * may have looked at what is gone. Nobody waits for releases; they come again. */
static void fail_batch(struct file_log *l, struct file_batch *b) {
    size_t n = 0;
    view_undo(&l->view);
    if (l->trouble.reason[0] == 0)
        fault_set(&l->trouble, "", "the daemon is short of memory");
    for (size_t i = 0; i < b->n; i++) {
        bool asked = b->results[i].cookie != NULL;
        if (b->results[i].outcome == LOG_NOTICE_MADE ||
            (b->results[i].outcome == LOG_RELEASED && !asked))
            continue;
        if (n != i)
            b->results[n] = b->results[i];
        batch_unavailable(&b->results[n++], &l->trouble);
    }
    b->n = n;
}

static void process(struct file_log *l, struct file_batch *b, int64_t now) {
    pulse_enter_disk();
    prepare(l, b->size);
    pulse_leave_disk();
    int r = view_begin(&l->view, b->n_max);
    if (r == 0 && l->active >= 0)
        r = batch_release_due(l, b, now);
    struct file_item *item = b->items;
    for (; r == 0 && item != NULL; item = item->next)
        r = batch_take(l, b, item, now);
    for (; item != NULL; item = item->next)
        batch_unavailable(batch_result(b, LOG_UNAVAILABLE, item->cookie), &l->trouble);
    if (r == 0)
        r = reserve_heads(l);
    if (r == 0 && b->n_records > 0)
        r = write_batch(l, b);
    if (r < 0)
        fail_batch(l, b);
    post(l, b, r == 0 && b->n_records > 0);
}

/* ---- the thread */

/* Takes what waits, up to a batch. The mutex is held. */
static struct file_item *take_queue(struct file_log *l, size_t *ret_n) {
    struct file_item *first = l->queue, *last = NULL;
    size_t bytes = 0, n = 0;
    while (l->queue != NULL && (n == 0 || bytes + l->queue->bytes <= l->config.batch_bytes)) {
        last = l->queue;
        bytes += last->bytes;
        n++;
        l->queue = last->next;
    }
    if (l->queue == NULL)
        l->queue_tail = &l->queue;
    if (last != NULL)
        last->next = NULL;
    l->queue_bytes -= bytes;
    *ret_n = n;
    return n == 0 ? NULL : first;
}

/* How long the thread may sleep; 0: until it is woken. */
static uint64_t nap_usec(const struct file_log *l, int64_t now) {
    bool look = l->view.n_held > 0 || l->snapshot != 0 || l->trouble.reason[0] != 0 ||
                l->job != NULL || (l->config.retain_usec > 0 && l->n_segments > 1);
    if (!look)
        return 0;
    /* A clock that is set is noticed within a tick. */
    int64_t next = view_next_release(&l->view);
    if (l->trouble.reason[0] != 0 || next > now + TICK_USEC)
        return TICK_USEC;
    return next > now ? (uint64_t)(next - now) : 1;
}

static void nap(struct file_log *l, uint64_t usec) {
    l->asleep = true;
    pulse_rest(&l->pulse);
    if (usec == 0) {
        pthread_cond_wait(&l->wake, &l->mutex);
    } else {
        uint64_t until = file_monotonic_usec() + usec;
        struct timespec t = {.tv_sec = (time_t)(until / 1000000),
                             .tv_nsec = (long)(until % 1000000) * 1000};
        pthread_cond_timedwait(&l->wake, &l->mutex, &t);
    }
    l->asleep = false;
    pulse_step(&l->pulse);
}

/* What is done when there is nothing to append. */
static void idle(struct file_log *l, int64_t now) {
    bool due = view_due(&l->view, now) != NULL;
    if (due || l->trouble.reason[0] != 0) {
        struct file_batch *b = batch_new(l, NULL, 0, now);
        if (b != NULL)
            process(l, b, now);
    }
    file_retain(l);
}

/* No memory for a batch: the items go back to the front, to be tried again. */
static void put_back(struct file_log *l, struct file_item *items) {
    struct file_item *last = items;
    pthread_mutex_lock(&l->mutex);
    for (l->queue_bytes += last->bytes; last->next != NULL; l->queue_bytes += last->bytes)
        last = last->next;
    if (l->queue == NULL)
        l->queue_tail = &last->next;
    last->next = l->queue;
    l->queue = items;
    nap(l, OUT_OF_MEMORY_USEC);
    pthread_mutex_unlock(&l->mutex);
}

/* Takes over new limits; whether there were any. The mutex is held. */
static bool take_config(struct file_log *l) {
    bool configured = l->configured;
    if (configured) {
        l->config = l->next_config;
        l->space_checked_usec = 0; /* what was enough may not be now */
    }
    l->configured = false;
    return configured;
}

static void *run(void *argument) {
    struct file_log *l = argument;
    pthread_setname_np(pthread_self(), "log");
    pulse_begin(&l->pulse);
    for (;;) {
        size_t n;
        pulse_step(&l->pulse);
        pthread_mutex_lock(&l->mutex);
        if (l->queue == NULL && !l->stop && !l->configured)
            nap(l, nap_usec(l, file_now(l)));
        bool configured = take_config(l);
        struct file_item *items = take_queue(l, &n);
        bool stop = l->stop && items == NULL;
        pthread_mutex_unlock(&l->mutex);
        if (stop)
            return NULL;
        int64_t now = file_now(l);
        struct file_batch *b = items != NULL ? batch_new(l, items, n, now) : NULL;
        if (b != NULL)
            process(l, b, now);
        else if (items != NULL)
            put_back(l, items);
        else
            idle(l, now);
        file_checkpoint(l, configured); /* retention takes what a checkpoint covers */
        file_snapshot_expire(l);
    }
}

/* ---- opening and closing */

void file_free(struct file_log *l) {
    view_done(&l->view);
    index_done(&l->index);
    io_closep(&l->active);
    io_closep(&l->lock);
    io_closep(&l->folder);
    io_closep(&l->event);
    pthread_cond_destroy(&l->wake);
    pthread_mutex_destroy(&l->mutex);
    kills_done(&l->kills);
    free(l->segments);
    free(l->heads);
    free(l->directory);
    free(l);
}

static void file_close(struct log *log) {
    struct file_log *l = (struct file_log *)log;
    pthread_mutex_lock(&l->mutex);
    l->stop = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->mutex);
    pthread_join(l->thread, NULL);
    while (file_dispatch(log, SIZE_MAX))
        continue;
    /* Without it the next start reads a little more of the log. */
    file_checkpoint(l, true);
    if (file_checkpoint_wait(l) < 0)
        file_checkpoint_forget(l);
    file_free(l);
}

/* The folder and its lock. 0 or -errno with *ret_fault. */
static int open_folder(struct file_log *l, struct fault *ret_fault) {
    if (mkdir(l->directory, 0750) < 0 && errno != EEXIST) {
        int error = -errno;
        fault_set_error(ret_fault, error, "directory", "the folder %s can't be made", l->directory);
        return error;
    }
    l->folder = open(l->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (l->folder >= 0)
        l->lock = openat(l->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (l->folder < 0 || l->lock < 0) {
        int error = -errno;
        fault_set_error(ret_fault, error, "directory", "the folder %s can't be opened",
                        l->directory);
        return error;
    }
    if (flock(l->lock, LOCK_EX | LOCK_NB) < 0) {
        int error = errno == EWOULDBLOCK ? -EBUSY : -errno;
        if (error == -EBUSY)
            fault_set(ret_fault, "directory", "the log in %s is in use by another daemon",
                      l->directory);
        else
            fault_set_error(ret_fault, error, "directory", "the log in %s can't be locked",
                            l->directory);
        return error;
    }
    return 0;
}

static struct file_log *file_new(const struct log_config *config) {
    struct file_log *l = calloc(1, sizeof *l);
    pthread_condattr_t attributes;
    if (l == NULL)
        return NULL;
    l->log.engine = &log_engine_file;
    l->config = *config;
    l->folder = l->lock = l->active = -1;
    l->queue_tail = &l->queue;
    l->done_tail = &l->done;
    l->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->directory = strdup(config->directory);
    pthread_mutex_init(&l->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&l->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (l->event < 0 || l->directory == NULL) {
        file_free(l);
        return NULL;
    }
    l->config.directory = l->directory;
    return l;
}

/* What recovery found is what others may see. */
static int publish_recovered(struct file_log *l) {
    int r = reserve_heads(l);
    if (r < 0)
        return r;
    publish_heads(l);
    publish_kills(l);
    if (l->kills_lag)
        return -ENOMEM;
    for (size_t i = 0; i < l->n_heads; i++) {
        const struct view_topic *t = &l->view.topics[i];
        l->heads[i].head = t->head;
        l->heads[i].entries = t->entries;
        if (t->first > l->bounds.newest_topic)
            l->bounds.newest_topic = t->first;
    }
    l->bytes = 0;
    for (size_t i = 0; i < l->n_segments; i++)
        l->bytes += l->segments[i].end;
    r = view_begin(&l->view, 0);
    file_update_bounds(l);
    return r;
}

int file_open_still(const struct log_config *config, file_fill_fn fill, void *userdata,
                    struct file_log **ret, struct text_list *ret_notes, struct arena *notes_arena,
                    struct fault *ret_fault) {
    struct file_log *l = file_new(config);
    int r = l == NULL || sodium_init() < 0 ? -ENOMEM : open_folder(l, ret_fault);
    if (r == 0 && fill != NULL) {
        l->restoring = true;
        r = fill(l, userdata, ret_fault);
    }
    if (r == 0)
        r = file_recover(l, ret_notes, notes_arena, ret_fault);
    if (r < 0) {
        if (l != NULL)
            file_free(l);
        return r;
    }
    *ret = l;
    return 0;
}

static int file_open(const struct log_config *config, log_follow_fn follow, void *userdata,
                     struct log **ret, struct text_list *ret_notes, struct arena *notes_arena,
                     struct fault *ret_fault) {
    struct file_log *l;
    int r = file_open_still(config, NULL, NULL, &l, ret_notes, notes_arena, ret_fault);
    if (r < 0)
        return r;
    l->follow = follow;
    l->userdata = userdata;
    r = publish_recovered(l);
    if (r == 0)
        r = -pthread_create(&l->thread, NULL, run, l);
    if (r < 0) {
        fault_set_error(ret_fault, r, "log", "the log can't be started");
        file_free(l);
        return r;
    }
    *ret = &l->log;
    return 0;
}

const struct log_engine log_engine_file = {
    .open = file_open,
    .append = file_append,
    .ask = file_ask,
    .fd = file_fd,
    .dispatch = file_dispatch,
    .configure = file_configure,
    .bounds = file_bounds,
    .heads = file_heads,
    .close = file_close,
    .cursor_open = file_cursor_open,
    .cursor_close = file_cursor_close,
    .cursor_read = file_cursor_read,
    .cursor_seek_time = file_cursor_seek_time,
};
