/*
 * Coroutines: code that waits, written top to bottom, while the loop goes on.
 *
 *     static void *greet(void *arg, ferry_error *error)
 *     {
 *         char *name = ferry_await(ferry_run_on_executor(loop, pool, look_up, arg, free), error);
 *         if (error->code)
 *             return NULL;
 *         ...
 *     }
 *     ferry_future *f = ferry_spawn(loop, greet, name, NULL);
 *
 * A coroutine runs on the loop's thread, on a stack of its own: 64 KiB with a guard of 1 MiB below
 * it, so that one that overflows ends the program instead of the data beside it. Between two awaits
 * it runs undisturbed; it gives way nowhere but in ferry_await and ferry_sleep, which may be called
 * at any depth. What it must not do is block, run or free the loop, or leave by longjmp or an
 * exception.
 */
#ifndef FERRY_COROUTINE_H
#define FERRY_COROUTINE_H

#include <ferry/future.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The body. Returns the result; or NULL with `error` set (its code is FERRY_OK when the body is
 * called). Loop thread. */
typedef void *ferry_coroutine_fn(void *arg, ferry_error *error);

/*
 * Start a coroutine; it begins in a later turn. The future is that of its result.
 *
 * ferry_future_cancel of it asks it to end: what it awaits is asked to cancel, and its pending and
 * every following await fail with FERRY_CANCELLED; the future gets what the body returns. One that
 * was cancelled before it began runs none the less: a body always runs from its start to its end,
 * and frees what it has on the way. ferry_loop_free cancels all coroutines, and waits for them.
 *
 * Thread: loop. Owns: the caller has the future; `arg` stays the caller's and must be valid until
 * it is done, unless the body frees it. A result that nobody takes is freed by free_result (may be
 * NULL). Errors: NULL without memory for a future. Past the limit, without memory for a stack or
 * while the loop closes the future has failed already with FERRY_REJECTED: ferry_future_is_done
 * says so, and the body is never called.
 */
FERRY_API ferry_future *ferry_spawn(ferry_loop *loop, ferry_coroutine_fn *fn, void *arg,
                                    void (*free_result)(void *result));

/*
 * Wait for a future, and return its result. One that is done is answered at once.
 *
 * It returns when the future is done and not before, also when the coroutine is cancelled: so what
 * the work was lent may be on the coroutine's stack (ferry_future_with_timeout and _any give up
 * work that still runs: not there).
 *
 * Thread: loop, in a coroutine of the future's loop, and not the coroutine's own future; anything
 * else aborts the program with a message. Owns: the future is consumed, the result is the caller's.
 * Errors: NULL and `error`, which is set to FERRY_OK otherwise: the future's own; FERRY_CANCELLED
 * when the coroutine was, then a result that came is freed; FERRY_INTERNAL for a NULL future. With
 * a NULL `error` it is logged.
 */
FERRY_API void *ferry_await(ferry_future *future, ferry_error *error);

/* Wait `ms` milliseconds; 0 or less gives way for one turn. Thread: as ferry_await. Errors:
 * FERRY_CANCELLED, at once when the coroutine is cancelled; FERRY_INTERNAL without memory. */
FERRY_API int ferry_sleep(int64_t ms);

/* Tell whether this coroutine was asked to end. Thread: as ferry_await. */
FERRY_API bool ferry_coroutine_is_cancelled(void);

/* Tell whether the caller is inside a coroutine. Thread: any. */
FERRY_API bool ferry_in_coroutine(void);

/* Zero means the default in every field. */
typedef struct ferry_coroutine_options {
    size_t stack_bytes; /* of each coroutine, rounded up to pages, without the guard; 64 KiB */
    size_t limit;       /* coroutines at once; 16384. Each takes two of the system's mappings, of
                           which Linux grants a process 65530 (vm.max_map_count) */
    size_t spare;       /* stacks that are kept for the next ones; 256 */
} ferry_coroutine_options;

/* Set how a loop's coroutines are made, before its first one. `options` may be NULL. Thread: loop.
 * Owns: copied. Errors: FERRY_CONFLICT there was one already; FERRY_INTERNAL without memory. */
FERRY_API int ferry_loop_set_coroutines(ferry_loop *loop, const ferry_coroutine_options *options);

#define ferry_spawn(...) FERRY_MADE_HERE(ferry_spawn(__VA_ARGS__))

#ifdef __cplusplus
}
#endif

#endif
