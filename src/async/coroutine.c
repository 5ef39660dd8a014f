/*
 * Coroutines.
 *
 * They run on the loop's thread, one at a time, and are resumed from the loop's own stack only: a
 * start is posted, and an await's end is the callback of the awaited future. So there are switches
 * between the loop and a coroutine, never from one coroutine to another, and no nesting.
 *
 * An await ends when its future is done and in no other way; a cancel is handed on to that future.
 * Hence a stack is never taken from under work that it was lent to, and a coroutine always runs to
 * its end: the loop, before it closes, cancels all and runs what is posted until the last is gone.
 *
 * STARTING -> RUNNING <-> AWAITING, RUNNING -> FINISHED; the one who finished is freed by the loop,
 * whose stack is not his.
 */
#include <ferry/coroutine.h>

#include <stdlib.h>

#include "context.h"
#include "future_base.h"
#include "loop_base.h"
#include "misuse.h"

enum { DEFAULT_STACK_BYTES = 64 * 1024, DEFAULT_LIMIT = 16384, DEFAULT_SPARE = 256 };

enum coroutine_state { STARTING, RUNNING, AWAITING, FINISHED };

struct coroutine {
    struct mailbox_entry entry; /* the start */
    struct coroutines *all;
    struct coroutine *next, *previous;
    enum coroutine_state state;
    bool cancelled;
    struct context context;
    struct stack stack;
    ferry_coroutine_fn *fn;
    void *arg;
    ferry_future *awaited; /* while AWAITING */
    ferry_future *future;  /* of the result */
    void (*free_result)(void *result);
    void *result;
    ferry_error error;
};

/* A loop's coroutines. */
struct coroutines {
    struct loop_closer closer;
    ferry_loop *loop;
    struct coroutine *first;
    size_t count;
    size_t limit;
    struct stack_pool stacks;
    struct context loop_context; /* where the loop goes on when a coroutine gives way */
};

static _Thread_local struct coroutine *running;

/* Not inlined: a coroutine may go on on another thread if its loop does, and an address of a
 * thread's variable that the compiler kept would be the old one's. */
static __attribute__((noinline)) struct coroutine *coroutine_running(void)
{
    return running;
}

static struct coroutine *coroutine_check(const char *function)
{
    struct coroutine *self = coroutine_running();
    if (!self)
        misuse(function, "outside of a coroutine; see ferry_spawn");
    return self;
}

/* Another loop would resume the coroutine from its own stack, or never; its own end never comes. */
static void check_awaited(const struct coroutine *self, const ferry_future *future)
{
    if (future_loop(future) != self->all->loop)
        misuse("ferry_await", "with a future of another loop");
    if (future == self->future)
        misuse("ferry_await", "with the coroutine's own future");
}

/* ---- a loop's coroutines ---- */

static void coroutine_cancel(void *source)
{
    struct coroutine *coroutine = source;
    coroutine->cancelled = true;
    if (coroutine->state == AWAITING)
        ferry_future_cancel(coroutine->awaited);
}

static void coroutines_close(struct loop_closer *closer)
{
    struct coroutines *all = (struct coroutines *)closer;
    for (struct coroutine *each = all->first; each; each = each->next)
        coroutine_cancel(each);
    while (all->first)
        loop_run_posted(all->loop);
    stack_pool_fini(&all->stacks);
    *loop_coroutines(all->loop) = NULL;
    free(all);
}

static struct coroutines *coroutines_new(ferry_loop *loop, const ferry_coroutine_options *options)
{
    struct coroutines *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    all->loop = loop;
    all->limit = options->limit ? options->limit : DEFAULT_LIMIT;
    stack_pool_init(&all->stacks, options->stack_bytes ? options->stack_bytes : DEFAULT_STACK_BYTES,
                    options->spare ? options->spare : DEFAULT_SPARE);
    all->closer.close = coroutines_close;
    *loop_coroutines(loop) = &all->closer;
    return all;
}

static struct coroutines *coroutines_of(ferry_loop *loop)
{
    struct coroutines *all = (struct coroutines *)*loop_coroutines(loop);
    return all ? all : coroutines_new(loop, &(ferry_coroutine_options){0});
}

int ferry_loop_set_coroutines(ferry_loop *loop, const ferry_coroutine_options *options)
{
    LOOP_CHECK(loop);
    if (*loop_coroutines(loop))
        return FERRY_CONFLICT;
    options = options ? options : &(ferry_coroutine_options){0};
    return coroutines_new(loop, options) ? 0 : FERRY_INTERNAL;
}

static void coroutine_link(struct coroutine *coroutine)
{
    struct coroutines *all = coroutine->all;
    coroutine->next = all->first;
    if (all->first)
        all->first->previous = coroutine;
    all->first = coroutine;
    all->count++;
}

static void coroutine_unlink(struct coroutine *coroutine)
{
    if (coroutine->previous)
        coroutine->previous->next = coroutine->next;
    else
        coroutine->all->first = coroutine->next;
    if (coroutine->next)
        coroutine->next->previous = coroutine->previous;
    coroutine->all->count--;
}

/* ---- on the loop's stack ---- */

/* Free all but the future, which is returned. */
static ferry_future *coroutine_free(struct coroutine *coroutine)
{
    ferry_future *future = coroutine->future;
    context_fini(&coroutine->context);
    stack_pool_put(&coroutine->all->stacks, &coroutine->stack);
    coroutine_unlink(coroutine);
    free(coroutine);
    return future;
}

static void coroutine_end(struct coroutine *coroutine)
{
    void *result = coroutine->result;
    ferry_error error = coroutine->error;
    if (error.code && result) { /* an error has no result */
        if (coroutine->free_result)
            coroutine->free_result(result);
        result = NULL;
    }
    future_settle(coroutine_free(coroutine), result, &error);
}

static void coroutine_resume(struct coroutine *coroutine)
{
    coroutine->state = RUNNING;
    running = coroutine;
    context_switch(&coroutine->all->loop_context, &coroutine->context);
    running = NULL;
    if (coroutine->state == FINISHED)
        coroutine_end(coroutine);
}

static void on_start(struct mailbox_entry *entry)
{
    coroutine_resume((struct coroutine *)entry);
}

/* The mailbox is closed after the last coroutine has ended, so that this is for form's sake. */
static void on_start_dropped(struct mailbox_entry *entry)
{
    future_drop(coroutine_free((struct coroutine *)entry));
}

static void on_awaited(ferry_future *future, void *arg)
{
    (void)future;
    coroutine_resume(arg);
}

/* ---- on the coroutine's stack ---- */

static void coroutine_entry(void *arg)
{
    struct coroutine *self = arg;
    context_entered(&self->all->loop_context);
    self->result = self->fn(self->arg, &self->error);
    self->state = FINISHED;
    context_leave(&self->context, &self->all->loop_context);
}

static void wait_until_done(struct coroutine *self, ferry_future *future)
{
    self->state = AWAITING;
    self->awaited = future;
    future_watch(future, on_awaited, self);
    context_switch(&self->context, &self->all->loop_context);
    self->awaited = NULL;
}

static void *outcome(const struct coroutine *self, ferry_future *future, ferry_error *error)
{
    if (self->cancelled) {
        ferry_future_error(future);
        ferry_error_set(error, FERRY_CANCELLED, "the coroutine was cancelled");
        return NULL;
    }
    if (error) /* who gives none has not looked */
        *error = *ferry_future_error(future);
    return ferry_future_take(future);
}

void *ferry_await(ferry_future *future, ferry_error *error)
{
    struct coroutine *self = coroutine_check(__func__);
    if (!future) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory for a future");
        return NULL;
    }
    check_awaited(self, future);
    if (self->cancelled)
        ferry_future_cancel(future);
    if (!ferry_future_is_done(future)) {
        wait_until_done(self, future);
        return outcome(self, future, error); /* the watcher frees the future */
    }
    void *result = outcome(self, future, error);
    ferry_future_free(future);
    return result;
}

int ferry_sleep(int64_t ms)
{
    struct coroutine *self = coroutine_check(__func__);
    ferry_error error;
    ferry_await(ferry_future_after(self->all->loop, ms), &error);
    return error.code;
}

bool ferry_coroutine_is_cancelled(void)
{
    return coroutine_check(__func__)->cancelled;
}

bool ferry_in_coroutine(void)
{
    return coroutine_running() != NULL;
}

/* ---- spawn ---- */

static bool coroutine_start(struct coroutines *all, struct coroutine *coroutine)
{
    if (!stack_pool_get(&all->stacks, &coroutine->stack))
        return false;
    coroutine->all = all;
    coroutine->entry.run = on_start;
    coroutine->entry.drop = on_start_dropped;
    context_init(&coroutine->context, &coroutine->stack, coroutine_entry, coroutine);
    coroutine_link(coroutine);
    loop_post(all->loop, &coroutine->entry);
    return true;
}

static ferry_future *refused(ferry_loop *loop, const char *why)
{
    ferry_error error;
    ferry_error_set(&error, FERRY_REJECTED, "%s", why);
    return (ferry_future_failed)(loop, &error);
}

ferry_future *(ferry_spawn)(ferry_loop *loop, ferry_coroutine_fn *fn, void *arg,
                            void (*free_result)(void *result))
{
    LOOP_CHECK(loop);
    CHECK_FUNCTION(fn);
    if (loop_is_closing(loop))
        return refused(loop, "the loop closes");
    struct coroutines *all = coroutines_of(loop);
    if (all && all->count >= all->limit)
        return refused(loop, "too many coroutines");
    struct coroutine *coroutine = all ? calloc(1, sizeof *coroutine) : NULL;
    if (!coroutine)
        return NULL;
    coroutine->fn = fn;
    coroutine->arg = arg;
    coroutine->free_result = free_result;
    coroutine->future = future_new(loop, free_result, coroutine_cancel, coroutine);
    if (!coroutine->future) {
        free(coroutine);
        return NULL;
    }
    if (!coroutine_start(all, coroutine)) {
        future_drop(coroutine->future);
        free(coroutine);
        return refused(loop, "no memory for a stack");
    }
    return coroutine->future;
}
