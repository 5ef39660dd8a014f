/*
 * Promises, and the futures that need nobody's work: done already, or after a time.
 *
 * A promise belongs to its maker, its future to whoever asked for it; each may go first. The link
 * between them, promise->future, is cut when the future is resolved, which every way to resolve it
 * does before anything else: so what calls out last (on_cancel) may free the promise.
 */
#include <stdlib.h>

#include "future_base.h"
#include "loop_base.h"

struct ferry_promise {
    struct loop_closer closer;
    struct mailbox_entry entry; /* when another thread gives it up */
    ferry_loop *loop;           /* a reference */
    ferry_future *future;       /* NULL once it is resolved */
    ferry_future *kept;         /* until somebody asks for it */
    void (*free_result)(void *result);
    ferry_callback *on_cancel;
    void *arg;
};

/* Cut the link; from here on the promise is resolved. */
static ferry_future *promise_part(ferry_promise *promise)
{
    ferry_future *future = promise->future;
    promise->future = NULL;
    loop_closer_remove(&promise->closer);
    return future;
}

static void promise_cancel(void *source)
{
    ferry_promise *promise = source;
    ferry_callback *on_cancel = promise->on_cancel;
    void *arg = promise->arg;
    future_settle_error(promise_part(promise), FERRY_CANCELLED, "cancelled");
    if (on_cancel)
        on_cancel(arg);
}

static void promise_close(struct loop_closer *closer)
{
    future_close(promise_part((ferry_promise *)closer));
}

ferry_promise *ferry_promise_new(ferry_loop *loop, void (*free_result)(void *result),
                                 ferry_callback *on_cancel, void *arg)
{
    LOOP_CHECK(loop);
    ferry_promise *promise = calloc(1, sizeof *promise);
    ferry_future *future = promise ? future_new(loop, free_result, promise_cancel, promise) : NULL;
    if (!future) {
        free(promise);
        return NULL;
    }
    promise->closer.close = promise_close;
    loop_closer_add(loop, &promise->closer);
    promise->loop = ferry_loop_ref(loop);
    promise->future = promise->kept = future;
    promise->free_result = free_result;
    promise->on_cancel = on_cancel;
    promise->arg = arg;
    return promise;
}

ferry_future *(ferry_promise_future)(ferry_promise *promise)
{
    LOOP_CHECK(promise->loop);
    ferry_future *future = promise->kept;
    promise->kept = NULL;
    return future;
}

int ferry_promise_set_result(ferry_promise *promise, void *result)
{
    LOOP_CHECK(promise->loop);
    if (promise->future) {
        future_settle(promise_part(promise), result, NULL);
        return 0;
    }
    if (result && promise->free_result)
        promise->free_result(result);
    return FERRY_CONFLICT;
}

int ferry_promise_set_error(ferry_promise *promise, const ferry_error *error)
{
    LOOP_CHECK(promise->loop);
    if (!promise->future)
        return FERRY_CONFLICT;
    future_settle_failed(promise_part(promise), error);
    return 0;
}

static void promise_end(ferry_promise *promise)
{
    if (promise->kept)
        future_unwatch(promise->kept);
    if (promise->future)
        future_settle_error(promise_part(promise), FERRY_CANCELLED, "the promise was given up");
    ferry_loop_unref(promise->loop);
    free(promise);
}

static void on_given_up(struct mailbox_entry *entry)
{
    promise_end((ferry_promise *)(void *)((char *)entry - offsetof(ferry_promise, entry)));
}

/* When the loop has closed the post is dropped at once, on this thread: the close has parted the
 * two. */
void ferry_promise_free(ferry_promise *promise)
{
    if (!promise)
        return;
    if (loop_is_on_its_thread(promise->loop)) {
        promise_end(promise);
        return;
    }
    promise->entry.run = promise->entry.drop = on_given_up;
    loop_post(promise->loop, &promise->entry);
}

/* ---- done already ---- */

ferry_future *(ferry_future_resolved)(ferry_loop *loop, void *result,
                                      void (*free_result)(void *result))
{
    LOOP_CHECK(loop);
    ferry_future *future = future_new(loop, free_result, NULL, NULL);
    if (future)
        future_settle(future, result, NULL);
    else if (result && free_result)
        free_result(result);
    return future;
}

ferry_future *(ferry_future_failed)(ferry_loop *loop, const ferry_error *error)
{
    LOOP_CHECK(loop);
    ferry_future *future = future_new(loop, NULL, NULL, NULL);
    if (future)
        future_settle_failed(future, error);
    return future;
}

/* ---- after a time ---- */

struct after {
    struct loop_closer closer;
    ferry_loop *loop; /* the future holds a reference */
    ferry_future *future;
    ferry_timer timer;
};

static ferry_future *after_end(struct after *after)
{
    ferry_future *future = after->future;
    loop_closer_remove(&after->closer);
    free(after);
    return future;
}

static void after_close(struct loop_closer *closer)
{
    future_close(after_end((struct after *)closer));
}

static void after_cancel(void *source)
{
    struct after *after = source;
    ferry_loop_cancel(after->loop, after->timer);
    future_settle_error(after_end(after), FERRY_CANCELLED, "cancelled");
}

static void on_time(void *arg)
{
    future_resolve(after_end(arg), NULL, NULL);
}

ferry_future *(ferry_future_after)(ferry_loop *loop, int64_t delay_ms)
{
    LOOP_CHECK(loop);
    struct after *after = calloc(1, sizeof *after);
    if (!after)
        return NULL;
    after->loop = loop;
    after->future = future_new(loop, NULL, after_cancel, after);
    after->timer = after->future ? ferry_loop_call_later(loop, delay_ms, on_time, after) : 0;
    if (!after->timer) {
        if (after->future)
            future_drop(after->future);
        free(after);
        return NULL;
    }
    after->closer.close = after_close;
    loop_closer_add(loop, &after->closer);
    return after->future;
}
