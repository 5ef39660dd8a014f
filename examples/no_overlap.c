/*
 * A periodic task that never overlaps itself, though its work is asynchronous and takes longer than
 * the interval.
 *
 *     no_overlap [INTERVAL_MS [WORK_MS [RUNS]]]      1000 2500 5
 *
 * ferry_periodic gets a future from each run, and leaves out the beats that come while that is
 * pending: with the numbers above every third beat begins a run. A plain second periodic counts the
 * beats beside it, as the loop is free all the time. `.allow_overlap = true` would begin a run at
 * each of them.
 */
#include <stdio.h>
#include <stdlib.h>

#include <ferry/coroutine.h>
#include <ferry/periodic.h>

static ferry_loop *loop;
static int64_t work_ms = 2500;
static int runs_left = 5;
static int runs, beats, at_once;

/* The asynchronous body; where this one sleeps, others await ferry_fetch or a database. */
static void *refresh(void *arg, ferry_error *error)
{
    (void)arg;
    int run = ++runs;
    printf("run %d begins, %d at once\n", run, ++at_once);
    if (ferry_sleep(work_ms))
        ferry_error_set(error, FERRY_CANCELLED, "run %d was cut short", run);
    printf("run %d ends\n", run);
    at_once--;
    if (--runs_left == 0)
        ferry_loop_stop(loop);
    return NULL;
}

static ferry_future *begin(void *arg)
{
    return ferry_spawn(loop, refresh, arg, NULL);
}

static ferry_future *count(void *arg)
{
    (void)arg;
    beats++;
    return NULL; /* all is done: the next beat is never left out */
}

int main(int argc, char **argv)
{
    int64_t interval_ms = argc > 1 ? strtoll(argv[1], NULL, 10) : 1000;
    if (argc > 2)
        work_ms = strtoll(argv[2], NULL, 10);
    if (argc > 3)
        runs_left = atoi(argv[3]);
    loop = ferry_loop_new();
    if (!loop)
        return EXIT_FAILURE;
    ferry_periodic *task = ferry_periodic_new(loop, interval_ms, begin, NULL, NULL);
    ferry_periodic *clock = ferry_periodic_new(loop, interval_ms, count, NULL, NULL);
    if (!task || !clock || ferry_periodic_start(clock) || ferry_periodic_start(task)) {
        perror("no_overlap");
        return EXIT_FAILURE;
    }
    ferry_loop_run(loop);
    printf("%d runs in %d beats\n", runs, beats);
    ferry_periodic_free(task);
    ferry_periodic_free(clock);
    ferry_loop_free(loop);
    return EXIT_SUCCESS;
}
