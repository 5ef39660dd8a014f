/*
 * posts: how many callbacks a second threads post into a loop, which runs all of them meanwhile.
 *
 *     posts PRODUCERS POSTS PASSES
 *
 * In each pass the producers post their shares of POSTS as fast as they can; without producers the
 * loop posts all to itself before it runs. Prints the rate of all passes but the first, which has
 * fetched the memory; a pass is from before its first post to behind its last callback. Built once
 * with side_ferry.c, and once with side_libuv.c.
 */
#include "side.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PRODUCERS_MAX = 64 };

static long producers, each, passes;
static long arrived; /* in this pass; the loop's */
static pthread_barrier_t start;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static long posts(void)
{
    return each * (producers ? producers : 1);
}

static void on_post(void *arg)
{
    (void)arg;
    if (++arrived == posts())
        side_stop();
}

static void post_share(void)
{
    for (long i = 0; i < each; i++)
        side_post(on_post, NULL);
}

static void *produce(void *arg)
{
    for (long pass = 0; pass < passes; pass++) {
        pthread_barrier_wait(&start); /* the loop comes here when it has run all of the last */
        post_share();
    }
    return arg;
}

static double pass_seconds(void)
{
    arrived = 0;
    double began = now();
    pthread_barrier_wait(&start);
    if (producers == 0)
        post_share();
    side_run();
    return now() - began;
}

static void parse(int argc, char **argv)
{
    producers = argc == 4 ? strtol(argv[1], NULL, 10) : -1;
    each = argc == 4 ? strtol(argv[2], NULL, 10) / (producers > 0 ? producers : 1) : 0;
    passes = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    if (producers < 0 || producers > PRODUCERS_MAX || each <= 0 || passes < 2) {
        fprintf(stderr, "usage: posts PRODUCERS POSTS PASSES\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    side_open();
    pthread_barrier_init(&start, NULL, (unsigned)producers + 1);
    pthread_t threads[PRODUCERS_MAX];
    for (long i = 0; i < producers; i++)
        if (pthread_create(&threads[i], NULL, produce, NULL) != 0)
            return 1;
    double seconds = 0;
    for (long pass = 0; pass < passes; pass++) {
        double took = pass_seconds();
        seconds += pass > 0 ? took : 0;
    }
    printf("%.0f\n", (double)(posts() * (passes - 1)) / seconds);
    for (long i = 0; i < producers; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
