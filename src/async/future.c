/*
 * Futures.
 *
 * A future belongs to its loop's thread. It goes PENDING -> DONE once, in future_set. Three parties
 * may hold it: the user, until `then` or `free`; the loop, while a callback is due (`then` hands it
 * over); the source, which must resolve, close or drop it. It is freed when it is done and the user
 * has given it up, whichever comes last.
 *
 * Callbacks run from the loop's own stack at the top of a turn, never inside `set`, `then` or
 * `cancel`: future_settle and `then` post the future itself to the mailbox. Once it is posted only
 * the posted entry ends it; whoever gives it up meanwhile just takes the callback away.
 */
#include "future_base.h"

#include <stdio.h>
#include <stdlib.h>

#include <ferry/log.h>

#include "loop_base.h"
#include "misuse.h"

enum future_state { FUTURE_PENDING, FUTURE_DONE };
enum { PLACE_SIZE = 256 };

struct ferry_future {
    struct mailbox_entry entry; /* for a callback that must wait for the next turn */
    ferry_loop *loop;           /* a reference */
    enum future_state state;
    bool given_up;  /* nobody waits: free it when it is done */
    bool posted;    /* the entry is in the mailbox */
    bool telling;   /* the callback runs */
    bool watched;   /* the callback is the library's own */
    bool looked;    /* somebody asked for the error */
    bool cancelled; /* somebody asked for it, and so expects to see no result */
    void *result;
    void (*free_result)(void *result);
    ferry_error error;
    ferry_future_fn *fn;
    void *arg;
    void (*cancel)(void *source);
    void *source;
    const char *file; /* where it was made; NULL: not known */
    int line;
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

ferry_future *ferry_future_made_at(ferry_future *future, const char *file, int line)
{
    if (future) {
        future->file = file;
        future->line = line;
    }
    return future;
}

/* ---- the end ---- */

void future_drop(ferry_future *future)
{
    if (future->result && future->free_result)
        future->free_result(future->result);
    ferry_loop_unref(future->loop);
    free(future);
}

static const char *place_of(const ferry_future *future, char text[PLACE_SIZE])
{
    snprintf(text, PLACE_SIZE, "%s:%d", future->file ? future->file : "unknown", future->line);
    return text;
}

static void log_unlooked(const ferry_future *future)
{
    char place[PLACE_SIZE];
    ferry_log(FERRY_LOG_ERROR, "nobody looked at the error of a future",
              "code=%s error=%s made_at=%s", ferry_code_name(future->error.code),
              future->error.message, place_of(future, place));
}

static void future_end(ferry_future *future)
{
    bool expected = future->cancelled && future->error.code == FERRY_CANCELLED;
    if (future->error.code && !future->looked && !expected)
        log_unlooked(future);
    future_drop(future);
}

static void future_tell(ferry_future *future)
{
    if (loop_is_closing(future->loop) && !future->watched) {
        future_drop(future);
        return;
    }
    future->telling = true;
    if (future->fn)
        future->fn(future, future->arg);
    future->telling = false;
    if (!future->posted) /* else the callback handed it over again: a fault, that must not crash */
        future_end(future);
}

/* ---- resolving ---- */

static void on_turn(struct mailbox_entry *entry)
{
    ferry_future *future = (ferry_future *)entry;
    future->posted = false;
    future_tell(future);
}

static void on_loop_closed(struct mailbox_entry *entry)
{
    future_drop((ferry_future *)entry);
}

static void future_post(ferry_future *future)
{
    future->posted = true;
    future->entry.run = on_turn;
    future->entry.drop = on_loop_closed;
    loop_post(future->loop, &future->entry);
}

static void future_set(ferry_future *future, void *result, const ferry_error *error)
{
    future->state = FUTURE_DONE;
    future->result = result;
    if (error)
        future->error = *error;
}

void future_resolve(ferry_future *future, void *result, const ferry_error *error)
{
    future_set(future, result, error);
    if (future->fn)
        future_tell(future);
    else if (future->given_up)
        future_end(future);
}

void future_settle(ferry_future *future, void *result, const ferry_error *error)
{
    future_set(future, result, error);
    if (future->fn)
        future_post(future);
    else if (future->given_up)
        future_end(future);
}

void future_settle_error(ferry_future *future, ferry_code code, const char *message)
{
    ferry_error error;
    ferry_error_set(&error, code, "%s", message);
    future_settle(future, NULL, &error);
}

/* Who says that it failed, and not how, must not be taken for a success. */
void future_settle_failed(ferry_future *future, const ferry_error *error)
{
    if (error && error->code)
        future_settle(future, NULL, error);
    else
        future_settle_error(future, FERRY_INTERNAL, "it failed with an error that was not set");
}

void future_settle_from(ferry_future *future, ferry_future *other)
{
    future->free_result = other->free_result;
    future_settle(future, ferry_future_take(other), &other->error);
}

void future_close(ferry_future *future)
{
    if (future->fn || future->given_up) {
        future_drop(future);
        return;
    }
    future->looked = true;
    future_settle_error(future, FERRY_CANCELLED, "the loop has closed");
}

/* ---- what the user holds ---- */

/* A fault of the user's, that shows as a callback which never comes, or as memory that is gone. */
static void check_held(const ferry_future *future)
{
    char place[PLACE_SIZE];
    if (future->fn || future->given_up)
        ferry_log(FERRY_LOG_ERROR, "a future was handed over twice", "made_at=%s",
                  place_of(future, place));
}

static void future_hand_over(ferry_future *future, ferry_future_fn *fn, void *arg)
{
    check_held(future);
    future->fn = fn;
    future->arg = arg;
    if (future->state == FUTURE_DONE && !future->posted) /* twice would make the mailbox a ring */
        future_post(future);
}

void ferry_future_then(ferry_future *future, ferry_future_fn *fn, void *arg)
{
    LOOP_CHECK(future->loop);
    CHECK_FUNCTION(fn);
    future_hand_over(future, fn, arg);
}

void future_watch(ferry_future *future, ferry_future_fn *fn, void *arg)
{
    future->watched = true;
    future_hand_over(future, fn, arg);
}

static void future_give_up(ferry_future *future)
{
    future->fn = NULL;
    future->given_up = true;
    if (future->state == FUTURE_DONE && !future->posted && !future->telling)
        future_end(future);
}

void future_unwatch(ferry_future *future)
{
    future_give_up(future);
}

void ferry_future_free(ferry_future *future)
{
    if (!future)
        return;
    LOOP_CHECK(future->loop);
    check_held(future);
    future_give_up(future);
}

void ferry_future_cancel(ferry_future *future)
{
    LOOP_CHECK(future->loop);
    if (future->state == FUTURE_DONE)
        return;
    future->cancelled = true;
    if (future->cancel)
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

ferry_loop *future_loop(const ferry_future *future)
{
    return future->loop;
}

future_free_result *future_result_free(const ferry_future *future)
{
    return future->free_result;
}
