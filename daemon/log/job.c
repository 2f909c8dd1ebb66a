/* Checkpoints, written by a thread of their own so that appending goes on, and
 * the retention that they allow. */

#include "daemon/log/file.h"
#include "daemon/log/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RETRY_USEC = 1000 * 1000 };

/* All that the thread needs; it touches nothing else but the frozen table,
 * which nobody changes. */
struct file_job {
    struct file_log *log;
    pthread_t thread;
    bool running;
    bool done; /* under the log's mutex */
    int result;
    struct view_position position;
    uint8_t *saved;
    size_t saved_len;
    int64_t forget_usec;
    int64_t failed_usec; /* when it failed last */
    struct identity_run *run;
    size_t merged;
};

static struct file_job *job_free(struct file_job *job) {
    if (job != NULL)
        free(job->saved);
    free(job);
    return NULL;
}

static int write_down(struct file_job *job) {
    const struct identity_set *set = &job->log->view.identities;
    uint64_t runs[IDENTITY_RUNS + 1];
    size_t n = 0;
    int folder = job->log->folder;
    int r = identity_write(folder, job->position.next_run - 1, &set->frozen, set->runs, set->n_runs,
                           job->forget_usec, &job->run, &job->merged);
    if (r < 0)
        return r;
    if (job->run != NULL)
        runs[n++] = job->run->id;
    for (size_t i = job->merged; i < set->n_runs; i++)
        runs[n++] = set->runs[i]->id;
    r = view_write_checkpoint(folder, &job->position, job->saved, job->saved_len, runs, n);
    if (r < 0)
        job->run = identity_run_close(job->run);
    return r;
}

static void *job_run(void *argument) {
    struct file_job *job = argument;
    struct file_log *l = job->log;
    int r = write_down(job);
    pthread_mutex_lock(&l->mutex);
    job->result = r;
    job->done = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

static void job_start(struct file_job *job) {
    job->done = false;
    job->result = 0;
    job->running = pthread_create(&job->thread, NULL, job_run, job) == 0;
    if (!job->running)
        job->failed_usec = file_now(job->log);
}

static struct file_job *job_new(struct file_log *l) {
    const struct file_segment *last = &l->segments[l->n_segments - 1];
    struct file_job *job = calloc(1, sizeof *job);
    if (job == NULL || view_save(&l->view, &job->saved, &job->saved_len) < 0)
        return job_free(job);
    job->log = l;
    job->position = (struct view_position){
        .epoch = l->epoch,
        .segment = last->header.base,
        .offset = last->end,
        .next_seq = l->next_seq,
        .next_run = ++l->next_run,
    };
    job->forget_usec =
        l->config.remember_usec == 0 ? INT64_MIN : file_now(l) - (int64_t)l->config.remember_usec;
    return job;
}

/* Takes over what the job has made. */
static void finish(struct file_log *l) {
    struct file_job *job = l->job;
    struct identity_set *set = &l->view.identities;
    char name[IDENTITY_RUN_NAME_BYTES];
    for (size_t i = 0; i < job->merged; i++) {
        identity_run_name(set->runs[i]->id, name);
        pulse_enter_disk();
        unlinkat(l->folder, name, 0);
        pulse_leave_disk();
    }
    identity_install(set, job->run, job->merged);
    l->covered_segment = job->position.segment;
    l->covered_seq = job->position.next_seq;
    l->job = job_free(job);
    file_retain(l);
}

int file_checkpoint_wait(struct file_log *l) {
    if (l->job == NULL)
        return 0;
    if (l->job->running)
        pthread_join(l->job->thread, NULL);
    int r = l->job->running ? l->job->result : -EAGAIN;
    l->job->running = false;
    if (r < 0)
        l->job->failed_usec = file_now(l);
    else
        finish(l);
    return r;
}

void file_checkpoint_forget(struct file_log *l) {
    l->job = job_free(l->job);
}

void file_checkpoint(struct file_log *l, bool now) {
    if (l->job != NULL) {
        pthread_mutex_lock(&l->mutex);
        bool done = l->job->done;
        pthread_mutex_unlock(&l->mutex);
        if (l->job->running && (done || now))
            file_checkpoint_wait(l);
        int64_t waited = l->job == NULL ? 0 : file_now(l) - l->job->failed_usec;
        if (l->job != NULL && !l->job->running && (now || waited < 0 || waited > RETRY_USEC))
            job_start(l->job);
        if (!now || l->job != NULL)
            return;
    }
    if (now ? l->next_seq == l->covered_seq
            : l->next_seq - l->covered_seq < l->config.checkpoint_entries)
        return;
    l->job = job_new(l);
    if (l->job == NULL)
        return;
    identity_freeze(&l->view.identities);
    job_start(l->job);
}

/* ---- retention */

static bool too_old(const struct file_log *l) {
    /* Nothing in a segment is newer than the one after it. */
    int64_t newest = l->segments[1].header.created_usec;
    return l->config.retain_usec > 0 && newest + (int64_t)l->config.retain_usec < file_now(l);
}

static bool too_many(const struct file_log *l) {
    return l->config.retain_bytes > 0 && l->bytes > l->config.retain_bytes;
}

void file_retain(struct file_log *l) {
    pulse_enter_disk();
    while (l->n_segments > 1 && l->segments[0].header.base < l->covered_segment &&
           (too_old(l) || too_many(l))) {
        uint64_t base = l->segments[0].header.base;
        char name[SEGMENT_NAME_BYTES], index[INDEX_NAME_BYTES];
        segment_name(base, name);
        index_name(base, index);
        if (unlinkat(l->folder, name, 0) < 0 && errno != ENOENT)
            break;
        unlinkat(l->folder, index, 0);
        pthread_mutex_lock(&l->mutex);
        l->bytes -= l->segments[0].end;
        memmove(l->segments, l->segments + 1, --l->n_segments * sizeof *l->segments);
        file_update_bounds(l);
        /* Nothing that was killed before here can be read any more. */
        kills_forget(&l->kills, l->segments[0].header.base);
        pthread_mutex_unlock(&l->mutex);
        kills_forget(&l->view.kills, l->segments[0].header.base);
        l->n_kills_seen = l->view.kills.n;
    }
    pulse_leave_disk();
}
