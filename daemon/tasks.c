#include "daemon/tasks.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct task {
    pthread_t thread;
    void (*work)(void *userdata);
    void (*done)(void *userdata);
    void *userdata;
    int fd;
    bool used;
    atomic_bool ended;
};

struct tasks {
    sd_event_source *source;
    int fd; /* counts those that have ended */
    struct task tasks[TASKS_MOST];
};

static void *in_thread(void *argument) {
    struct task *task = argument;
    task->work(task->userdata);
    atomic_store(&task->ended, true);
    eventfd_write(task->fd, 1);
    return NULL;
}

static void finish(struct task *task) {
    pthread_join(task->thread, NULL);
    task->used = false;
    task->done(task->userdata);
}

static int ended(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
    struct tasks *t = userdata;
    eventfd_t count;
    (void)source;
    (void)revents;
    eventfd_read(fd, &count);
    for (size_t i = 0; i < TASKS_MOST; i++)
        if (t->tasks[i].used && atomic_load(&t->tasks[i].ended))
            finish(&t->tasks[i]);
    return 0;
}

int tasks_new(sd_event *event, struct tasks **ret) {
    struct tasks *t = calloc(1, sizeof *t);
    if (t == NULL)
        return -ENOMEM;
    t->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = t->fd < 0 ? -errno : sd_event_add_io(event, &t->source, t->fd, EPOLLIN, ended, t);
    if (r < 0) {
        tasks_free(t);
        return r;
    }
    *ret = t;
    return 0;
}

int tasks_start(struct tasks *t, void (*work)(void *userdata), void (*done)(void *userdata),
                void *userdata) {
    size_t i = 0;
    while (i < TASKS_MOST && t->tasks[i].used)
        i++;
    if (i == TASKS_MOST)
        return -EAGAIN;
    struct task *task = &t->tasks[i];
    *task = (struct task){.work = work, .done = done, .userdata = userdata, .fd = t->fd};
    int r = -pthread_create(&task->thread, NULL, in_thread, task);
    task->used = r == 0;
    return r;
}

struct tasks *tasks_free(struct tasks *t) {
    if (t == NULL)
        return NULL;
    for (size_t i = 0; i < TASKS_MOST; i++)
        if (t->tasks[i].used)
            finish(&t->tasks[i]);
    sd_event_source_disable_unref(t->source);
    if (t->fd >= 0)
        close(t->fd);
    free(t);
    return NULL;
}
