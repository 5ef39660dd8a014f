/*
 * Futures.
 *
 * A future belongs to its loop's thread. It goes PENDING -> DONE once, in future_resolve. Three
 * parties may hold it: the user, until `then` or `free`; the loop, while a callback is due (`then`
 * hands it over); the source, which must resolve or drop it. It is freed when it is done and the
 * user has given it up, whichever comes last.
 */
#include "future_base.h"

#include <stdlib.h>

#include <ferry/log.h>

#include "loop_base.h"

enum future_state { FUTURE_PENDING, FUTURE_DONE };

struct ferry_future {
    struct mailbox_entry entry; /* for a callback that must wait for the next turn */
    ferry_loop *loop;           /* a reference */
    enum future_state state;
    bool given_up; /* nobody waits: free it when it is done */
    bool looked;   /* somebody asked for the error */
    void *result;
    void (*free_result)(void *result);
    ferry_error error;
    ferry_future_fn *fn;
    void *arg;
    void (*cancel)(void *source);
    void *source;
};

ferry_future *future_new(ferry_loop *loop, void (*free_result)(void *result),
                         void (*cancel)(void *source), void *source)
{
    ferry_future *future = calloc(1, sizeof *future);
    if (!future)
        return NULL;
    future->loop = ferry_loop_ref(loop);
    future->free_result = free_result;
    future->cancel = cancel;
    future->source = source;
    return future;
}

void future_drop(ferry_future *future)
{
    if (future->result && future->free_result)
        future->free_result(future->result);
    ferry_loop_unref(future->loop);
    free(future);
}

static void future_end(ferry_future *future)
{
    if (future->error.code && !future->looked)
        ferry_log(FERRY_LOG_ERROR, "nobody looked at the error of a future", "code=%s error=%s",
                  ferry_code_name(future->error.code), future->error.message);
    future_drop(future);
}

static void future_tell(ferry_future *future)
{
    future->fn(future, future->arg);
    future_end(future);
}

void future_resolve(ferry_future *future, void *result, const ferry_error *error)
{
    future->state = FUTURE_DONE;
    future->result = result;
    if (error)
        future->error = *error;
    if (future->fn)
        future_tell(future);
    else if (future->given_up)
        future_end(future);
}

static void on_next_turn(struct mailbox_entry *entry)
{
    future_tell((ferry_future *)entry);
}

static void on_loop_closed(struct mailbox_entry *entry)
{
    future_drop((ferry_future *)entry);
}

void ferry_future_then(ferry_future *future, ferry_future_fn *fn, void *arg)
{
    LOOP_CHECK(future->loop);
    future->fn = fn;
    future->arg = arg;
    if (future->state == FUTURE_DONE) {
        future->entry.run = on_next_turn;
        future->entry.drop = on_loop_closed;
        loop_post(future->loop, &future->entry);
    }
}

void ferry_future_free(ferry_future *future)
{
    if (!future)
        return;
    LOOP_CHECK(future->loop);
    if (future->state == FUTURE_DONE)
        future_end(future);
    else
        future->given_up = true;
}

void ferry_future_cancel(ferry_future *future)
{
    LOOP_CHECK(future->loop);
    if (future->state == FUTURE_PENDING && future->cancel)
        future->cancel(future->source);
}

bool ferry_future_is_done(const ferry_future *future)
{
    LOOP_CHECK(future->loop);
    return future->state == FUTURE_DONE;
}

void *ferry_future_result(const ferry_future *future)
{
    LOOP_CHECK(future->loop);
    return future->result;
}

void *ferry_future_take(ferry_future *future)
{
    LOOP_CHECK(future->loop);
    void *result = future->result;
    future->result = NULL;
    return result;
}

const ferry_error *ferry_future_error(ferry_future *future)
{
    LOOP_CHECK(future->loop);
    future->looked = true;
    return &future->error;
}
