/* libuv. Its uv_async_send carries nothing, so that a post is a node on a list under a lock and a
 * send, as programs on libuv have it. The loop takes the whole list at once. */
#include "side.h"

#include <stdlib.h>
#include <uv.h>

struct post {
    struct post *next;
    side_callback *fn;
    void *arg;
};

static uv_loop_t *loop;
static uv_async_t wake;
static uv_mutex_t lock;
static struct post *posted, **end = &posted; /* under the lock */

static void on_wake(uv_async_t *async)
{
    (void)async;
    uv_mutex_lock(&lock);
    struct post *list = posted;
    posted = NULL;
    end = &posted;
    uv_mutex_unlock(&lock);
    while (list) {
        struct post *post = list;
        list = post->next;
        post->fn(post->arg);
        free(post);
    }
}

void side_open(void)
{
    loop = uv_default_loop();
    if (!loop || uv_mutex_init(&lock) != 0 || uv_async_init(loop, &wake, on_wake) != 0)
        exit(1);
}

void side_post(side_callback *fn, void *arg)
{
    struct post *post = malloc(sizeof *post);
    if (!post)
        exit(1);
    *post = (struct post){.fn = fn, .arg = arg};
    uv_mutex_lock(&lock);
    *end = post;
    end = &post->next;
    uv_mutex_unlock(&lock);
    uv_async_send(&wake);
}

void side_run(void)
{
    uv_run(loop, UV_RUN_DEFAULT);
}

void side_stop(void)
{
    uv_stop(loop);
}
