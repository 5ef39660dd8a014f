/* The timers and posts of bench/coroutine.c on libuv. Its uv_async_send carries nothing, so that a
 * post is a node on a list under a lock and a send, as a program on libuv would have it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "coroutine_common.h"

struct post {
    struct post *next;
};

static uv_loop_t *loop;
static uv_async_t wake;
static uv_mutex_t lock;
static struct post *posted, **end = &posted;
static unsigned fired, arrived;

static void report(const char *name, double ns)
{
    printf("%s %.1f\n", name, ns);
}

static void on_timer(uv_timer_t *timer)
{
    (void)timer;
    if (++fired == TIMERS)
        uv_stop(loop);
}

static void measure_timers(void)
{
    uv_timer_t *timers = calloc(TIMERS, sizeof *timers);
    for (int i = 0; i < TIMERS; i++)
        uv_timer_init(loop, &timers[i]);
    double start = now_ns();
    for (int i = 0; i < TIMERS; i++)
        uv_timer_start(&timers[i], on_timer, (uint64_t)timer_delay_ms(i) + 100000, 0);
    for (int i = 0; i < TIMERS; i++)
        uv_timer_stop(&timers[i]);
    report("timer_set_cancel", (now_ns() - start) / TIMERS);
    start = now_ns();
    for (int i = 0; i < TIMERS; i++)
        uv_timer_start(&timers[i], on_timer, 0, 0);
    uv_run(loop, UV_RUN_DEFAULT);
    report("timer_set_fire", (now_ns() - start) / TIMERS);
}

static void on_wake(uv_async_t *async)
{
    (void)async;
    uv_mutex_lock(&lock);
    struct post *list = posted;
    posted = NULL;
    end = &posted;
    uv_mutex_unlock(&lock);
    while (list) {
        struct post *next = list->next;
        free(list);
        list = next;
        if (++arrived == POSTS)
            uv_stop(loop);
    }
}

static void *post_all(void *arg)
{
    (void)arg;
    for (int i = 0; i < POSTS; i++) {
        struct post *post = malloc(sizeof *post);
        post->next = NULL;
        uv_mutex_lock(&lock);
        *end = post;
        end = &post->next;
        uv_mutex_unlock(&lock);
        uv_async_send(&wake);
    }
    return NULL;
}

static void measure_posts(void)
{
    pthread_t thread;
    double start = now_ns();
    pthread_create(&thread, NULL, post_all, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    report("post_from_thread", (now_ns() - start) / POSTS);
    pthread_join(thread, NULL);
    arrived = 0;
    start = now_ns();
    post_all(NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    report("post_from_loop", (now_ns() - start) / POSTS);
}

int main(void)
{
    loop = uv_default_loop();
    uv_mutex_init(&lock);
    uv_async_init(loop, &wake, on_wake);
    measure_timers();
    measure_posts();
    return 0;
}
