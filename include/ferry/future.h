/*
 * A future: the result of work that is not finished yet. It is resolved once, with a result or an
 * error, and tells one callback, on the loop. One that is still pending when its loop is freed goes
 * with the loop: it must not be touched after that.
 *
 *     ferry_future *f = ferry_run_on_executor(loop, pool, blocking_query, query, free_rows);
 *     ferry_future_then(f, on_rows, page);
 */
#ifndef FERRY_FUTURE_H
#define FERRY_FUTURE_H

#include <ferry/executor.h>
#include <ferry/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_future ferry_future;
typedef void ferry_future_fn(ferry_future *future, void *arg);

/* Does the blocking work. Returns the result; or NULL with `error` set (error->code is FERRY_OK
 * when it is called, and NULL with FERRY_OK is a result like any other). Worker thread. */
typedef void *ferry_blocking_fn(void *arg, ferry_error *error);

/*
 * Run fn(arg) on a thread of the executor.
 * Thread: loop. Owns: the caller has the future, until ferry_future_then or ferry_future_free.
 * `arg` stays the caller's and must be valid until the future is done. The result is the future's
 * until it is taken; one that nobody takes is freed by free_result (may be NULL).
 * Errors: never NULL but without memory; a full queue gives a future that fails with
 * FERRY_REJECTED.
 */
FERRY_API ferry_future *ferry_run_on_executor(ferry_loop *loop, ferry_executor *executor,
                                              ferry_blocking_fn *fn, void *arg,
                                              void (*free_result)(void *result));

/*
 * Call fn(future, arg) on the loop when the future is done; in a later turn if it is done already.
 * Thread: loop. Owns: the future is handed over: it is valid until fn has returned, then freed.
 * Once a future.
 */
FERRY_API void ferry_future_then(ferry_future *future, ferry_future_fn *fn, void *arg);

/* Give up the future, and its result when that comes. The work is not cancelled. An error in it is
 * logged. Thread: loop. NULL is allowed. Not after ferry_future_then. */
FERRY_API void ferry_future_free(ferry_future *future);

/* Ask the work to end. What is queued never starts; what runs sees ferry_is_cancelled. The future
 * is still resolved as usual, with FERRY_CANCELLED when the work never ran. Thread: loop. */
FERRY_API void ferry_future_cancel(ferry_future *future);

/* Inside a ferry_blocking_fn: tell whether its future was cancelled. Worker thread. */
FERRY_API bool ferry_is_cancelled(void);

/* Tell whether the future has been resolved. Thread: loop. */
FERRY_API bool ferry_future_is_done(const ferry_future *future);

/* Return the result, NULL while there is none or after an error; the future still owns it.
 * ferry_future_take makes it the caller's. Thread: loop. */
FERRY_API void *ferry_future_result(const ferry_future *future);
FERRY_API void *ferry_future_take(ferry_future *future);

/* Return the error, code FERRY_OK if there is none; valid as long as the future. Whoever asks has
 * looked: an error that nobody looked at is logged when the future goes. Thread: loop. */
FERRY_API const ferry_error *ferry_future_error(ferry_future *future);

#ifdef __cplusplus
}
#endif

#endif
