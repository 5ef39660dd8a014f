/*
 * The handoff between threads and the loop, under load.
 *
 *   stress_handoff posts THREADS COUNT   each thread posts COUNT callbacks: none is lost, none runs
 *                                        twice, and those of one thread run in their order
 *   stress_handoff cycles COUNT          a loop and an executor are made, given tasks and freed,
 *                                        COUNT times, while tasks still run: each comes back once
 *
 * Exits 0 and says what it counted, or 1 at the first thing that is wrong. There is no deadline in
 * here: what hangs is ended by ctest's.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/executor.h>
#include <ferry/loop.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "handoff.c:%d: not true: %s\n", __LINE__, #condition);                 \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* ---- posts ---- */

struct post {
    struct poster *poster;
    unsigned long number;
};

struct poster {
    pthread_t thread;
    struct posts *all;
    struct post *posts;
    unsigned long seen; /* the loop's: how many have run, which is the next one's number */
};

struct posts {
    ferry_loop *loop;
    unsigned long count; /* of each poster */
    unsigned long left;  /* the loop's */
};

static void on_post(void *arg)
{
    struct post *post = arg;
    struct posts *all = post->poster->all;
    CHECK(post->number == post->poster->seen); /* not lost, not twice, in order */
    post->poster->seen++;
    if (--all->left == 0)
        ferry_loop_stop(all->loop);
}

static void *post_all(void *arg)
{
    struct poster *poster = arg;
    for (unsigned long i = 0; i < poster->all->count; i++) {
        poster->posts[i] = (struct post){.poster = poster, .number = i};
        CHECK(ferry_loop_add_callback(poster->all->loop, on_post, &poster->posts[i], NULL) == 0);
    }
    return NULL;
}

static void run_posts(unsigned long threads, unsigned long count)
{
    struct posts all = {.loop = ferry_loop_new(), .count = count, .left = threads * count};
    struct poster *posters = calloc(threads, sizeof *posters);
    CHECK(all.loop && posters);
    for (unsigned long i = 0; i < threads; i++) {
        posters[i] = (struct poster){.all = &all, .posts = calloc(count, sizeof(struct post))};
        CHECK(posters[i].posts);
        CHECK(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]) == 0);
    }
    CHECK(ferry_loop_run(all.loop) == 0);
    for (unsigned long i = 0; i < threads; i++) {
        pthread_join(posters[i].thread, NULL);
        CHECK(posters[i].seen == count);
        free(posters[i].posts);
    }
    free(posters);
    ferry_loop_free(all.loop); /* what it would still run would find its posts freed */
    printf("%lu callbacks of %lu threads, each run once and in order\n", threads * count, threads);
}

/* ---- cycles ---- */

enum { TASKS = 24, THREADS = 4 };

struct cycle {
    ferry_loop *loop;
    unsigned early;       /* so many tasks are done before the loop stops */
    unsigned done;        /* the loop's */
    bool closed;          /* the loop's, read by who is dropped: closing must order the two */
    atomic_uint released; /* tasks from this number on hold their thread until it is raised */
    atomic_uint back;     /* done or dropped, on whatever thread */
};

struct cycle_task {
    struct cycle *cycle;
    unsigned number;
    atomic_uint back; /* how often it came back */
};

static void cycle_run(void *arg)
{
    struct cycle_task *task = arg;
    while (task->number >= atomic_load(&task->cycle->released))
        sched_yield();
}

static void cycle_back(struct cycle_task *task)
{
    CHECK(atomic_fetch_add(&task->back, 1) == 0);
    atomic_fetch_add(&task->cycle->back, 1);
}

static void cycle_done(void *arg, const ferry_task_report *report)
{
    struct cycle_task *task = arg;
    struct cycle *cycle = task->cycle;
    CHECK(report->outcome == FERRY_OK || report->outcome == FERRY_CANCELLED);
    cycle_back(task);
    if (++cycle->done == cycle->early)
        ferry_loop_stop(cycle->loop);
}

static void cycle_dropped(void *arg, const ferry_task_report *report)
{
    (void)report;
    struct cycle_task *task = arg;
    CHECK(task->cycle->closed);
    cycle_back(task);
}

/* The ways to end; a task comes back once in each of them. */
enum ending { LOOP_FIRST, EXECUTOR_FIRST, ORDERLY, ENDINGS };

static void close_loop(struct cycle *cycle)
{
    cycle->closed = true;
    ferry_loop_free(cycle->loop);
}

static void end_cycle(struct cycle *cycle, ferry_executor *executor, enum ending ending)
{
    switch (ending) {
    case LOOP_FIRST: /* completions are late: they find the loop closed, or closing */
        atomic_store(&cycle->released, TASKS);
        close_loop(cycle);
        ferry_executor_free(executor);
        break;
    case EXECUTOR_FIRST: /* threads are left behind, what was queued is cancelled */
        ferry_executor_free(executor);
        close_loop(cycle);
        atomic_store(&cycle->released, TASKS);
        break;
    case ORDERLY:
    default:
        atomic_store(&cycle->released, TASKS);
        CHECK(ferry_executor_shutdown(executor, INT64_MAX) == 0);
        ferry_executor_free(executor);
        close_loop(cycle);
        break;
    }
    while (atomic_load(&cycle->back) < TASKS) /* left-behind threads end soon */
        sched_yield();
}

static void run_cycle(enum ending ending, unsigned late)
{
    struct cycle *cycle = calloc(1, sizeof *cycle);
    struct cycle_task *tasks = calloc(TASKS, sizeof *tasks);
    CHECK(cycle && tasks);
    cycle->loop = ferry_loop_new();
    cycle->early = TASKS - late;
    atomic_init(&cycle->released, cycle->early);
    ferry_executor *executor =
        ferry_executor_new(&(ferry_executor_options){.name = "cycle", .threads = THREADS});
    CHECK(cycle->loop && executor);
    for (unsigned i = 0; i < TASKS; i++) {
        tasks[i].cycle = cycle;
        tasks[i].number = i;
        ferry_task_work work = {
            .run = cycle_run, .done = cycle_done, .dropped = cycle_dropped, .arg = &tasks[i]};
        CHECK(ferry_executor_submit(executor, cycle->loop, &work, NULL));
    }
    CHECK(ferry_loop_run(cycle->loop) == 0);
    end_cycle(cycle, executor, ending);
    for (unsigned i = 0; i < TASKS; i++)
        CHECK(atomic_load(&tasks[i].back) == 1);
    free(tasks);
    free(cycle);
}

static void run_cycles(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++)
        run_cycle((enum ending)(i % ENDINGS),
                  i % 2 ? 1 : TASKS / 2); /* 1: it holds the loop last */
    printf("%lu cycles of %d tasks, each back once\n", count, TASKS);
}

static unsigned long number_arg(const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    CHECK(*text && !*end && number > 0);
    return number;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "posts") == 0) {
        run_posts(number_arg(argv[2]), number_arg(argv[3]));
    } else if (argc == 3 && strcmp(argv[1], "cycles") == 0) {
        run_cycles(number_arg(argv[2]));
    } else {
        fprintf(stderr, "usage: %s posts THREADS COUNT | cycles COUNT\n", argv[0]);
        return 2;
    }
    return 0;
}
