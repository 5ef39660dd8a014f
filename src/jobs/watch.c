/*
 * Watches, by the id of their job: a hash of jobs, and for each a list of its watches. Loop thread.
 *
 * A watch belongs to whoever asked for it, until queue_unwatch; one whose queue has closed has
 * `job` NULL. While a job's watches are told, `next_told` is the one whose turn comes, so that any
 * of them may go meanwhile.
 */
#include "watch.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* without memory there is no watch, and still a server */
#include <uthash.h>

struct queue_watch {
    struct watched *job; /* NULL: the queue has closed */
    struct queue_watch *next, **link;
    job_changed *changed;
    void *arg;
};

struct watched {
    char id[RANDOM_ID_TEXT_SIZE];
    struct watches *watches;
    struct queue_watch *first;
    struct queue_watch *next_told;
    bool is_telling;
    UT_hash_handle hh;
};

static struct watched *watched_get(struct watches *watches, const char *id)
{
    struct watched *job;
    HASH_FIND_STR(watches->jobs, id, job);
    if (job || strlen(id) >= sizeof job->id || !(job = calloc(1, sizeof *job)))
        return job;
    memcpy(job->id, id, strlen(id) + 1);
    job->watches = watches;
    HASH_ADD_STR(watches->jobs, id, job);
    if (job->hh.tbl)
        return job;
    free(job);
    return NULL;
}

/* Forget a job that nobody watches any more. */
static void watched_drop(struct watched *job)
{
    if (job->first || job->is_telling)
        return;
    HASH_DEL(job->watches->jobs, job);
    free(job);
}

struct queue_watch *watch_new(struct watches *watches, const char *id, job_changed *changed,
                              void *arg)
{
    struct queue_watch *watch = calloc(1, sizeof *watch);
    struct watched *job = watch ? watched_get(watches, id) : NULL;
    if (!job) {
        free(watch);
        return NULL;
    }
    *watch = (struct queue_watch){
        .job = job, .next = job->first, .link = &job->first, .changed = changed, .arg = arg};
    if (watch->next)
        watch->next->link = &watch->next;
    job->first = watch;
    return watch;
}

static void watch_unlink(struct queue_watch *watch)
{
    struct watched *job = watch->job;
    if (job->next_told == watch)
        job->next_told = watch->next;
    *watch->link = watch->next;
    if (watch->next)
        watch->next->link = watch->link;
    watch->job = NULL;
}

void queue_unwatch(struct queue_watch *watch)
{
    if (!watch)
        return;
    struct watched *job = watch->job;
    if (job) {
        watch_unlink(watch);
        watched_drop(job);
    }
    free(watch);
}

void watches_tell(struct watches *watches, const char *id, const struct job_change *change)
{
    struct watched *job;
    HASH_FIND_STR(watches->jobs, id, job);
    if (!job)
        return;
    job->is_telling = true;
    for (struct queue_watch *at = job->first; at; at = job->next_told) {
        job->next_told = at->next;
        at->changed(at->arg, change);
    }
    job->is_telling = false;
    watched_drop(job);
}

void watches_end(struct watches *watches)
{
    struct watched *job, *next;
    HASH_ITER (hh, watches->jobs, job, next) {
        while (job->first)
            watch_unlink(job->first);
        watched_drop(job);
    }
}
