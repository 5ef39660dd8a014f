/*
 * A future: the result of work that is not finished yet. It is resolved once, with a result or an
 * error, and tells one callback, on the loop. Or a coroutine awaits it (coroutine.h).
 *
 *     ferry_future *f = ferry_run_on_executor(loop, pool, blocking_query, query, free_rows);
 *     ferry_future_then(f, on_rows, page);
 *
 * Who has a future gives it to one other: to ferry_future_then, _free, _all, _any or _with_timeout,
 * to ferry_await or ferry_loop_run_sync. Each consumes it; to give it away twice is a fault, which
 * is logged where it is seen. They take NULL, which a function that makes a future returns without
 * memory, for a future that failed with FERRY_INTERNAL, but for ferry_future_then. A callback
 * always runs from the loop, at the top of a turn. Give up futures before their loop: one that is
 * still pending then goes with it, its callback uncalled, and must not be touched after that.
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
 * until it is taken; one that nobody takes is freed by free_result (may be NULL), on the loop, or
 * on the pool's thread when the loop has closed.
 * Errors: never NULL but without memory; a full queue gives a future that fails with
 * FERRY_REJECTED.
 */
FERRY_API ferry_future *ferry_run_on_executor(ferry_loop *loop, ferry_executor *executor,
                                              ferry_blocking_fn *fn, void *arg,
                                              void (*free_result)(void *result));

/*
 * Call fn(future, arg) on the loop when the future is done; in a later turn if it is done already.
 * Thread: loop. Owns: the future is handed over: it is valid until fn has returned, then freed.
 * Once a future. Not of NULL, which has no loop to call fn on: that is a crash.
 */
FERRY_API void ferry_future_then(ferry_future *future, ferry_future_fn *fn, void *arg);

/* Give up the future, and its result when that comes. The work is not cancelled. An error in it is
 * logged. Thread: loop. NULL is allowed. Not after ferry_future_then. */
FERRY_API void ferry_future_free(ferry_future *future);

/* Ask the work to end. What is queued never starts; what runs sees ferry_is_cancelled. The future
 * is still resolved as usual, with FERRY_CANCELLED when the work never ran; never before this
 * returns to the loop. Harmless when done. Thread: loop. */
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

/* ---- several futures, or one and the clock ---- */

/*
 * Wait until every one is done. Result: `void **`, their results in the order of `futures`, NULL
 * for those that have none; ferry_results_free frees it. When one fails, the others are asked to
 * cancel, and once all have ended this one fails with that first error: so what they were lent may
 * be freed then. A cancel reaches them all. None at all is done at once.
 * Thread: loop. Owns: the futures are consumed, the array is the caller's. Errors: NULL without
 * memory, then the futures were cancelled and given up.
 */
FERRY_API ferry_future *ferry_future_all(ferry_loop *loop, ferry_future *const *futures,
                                         size_t count);

/* Free the result of ferry_future_all that was taken, and each result in it by its own free_result.
 * To keep one of them, set its place to NULL before. NULL is allowed. Thread: any. */
FERRY_API void ferry_results_free(void **results);

/*
 * Wait for the first that succeeds. Its result becomes this one's; the others are asked to cancel
 * and given up, and may still run then. When all fail, it fails with the error of the last. A
 * cancel reaches them all. None at all fails with FERRY_INVALID.
 * Thread: loop. Owns, Errors: as ferry_future_all.
 */
FERRY_API ferry_future *ferry_future_any(ferry_loop *loop, ferry_future *const *futures,
                                         size_t count);

/*
 * Wait for a future no longer than `timeout_ms`: then this one fails with FERRY_DEADLINE, and the
 * other is asked to cancel and given up; its work may still run, so what it was lent must live on.
 * Otherwise the outcome is the other's. A cancel reaches it.
 * Thread: loop. Owns: `future` is consumed. Errors: NULL without memory, as ferry_future_all.
 */
FERRY_API ferry_future *ferry_future_with_timeout(ferry_loop *loop, ferry_future *future,
                                                  int64_t timeout_ms);

/* Make a future that is done `delay_ms` from now, with no result; cancelled it fails at once with
 * FERRY_CANCELLED. Thread: loop. Owns: the caller has it. Errors: NULL without memory. */
FERRY_API ferry_future *ferry_future_after(ferry_loop *loop, int64_t delay_ms);

/* Make a future that is done already. Thread: loop. Owns: as ferry_run_on_executor. `error` is as
 * that of ferry_promise_set_error. Errors: NULL without memory, then `result` was freed. */
FERRY_API ferry_future *ferry_future_resolved(ferry_loop *loop, void *result,
                                              void (*free_result)(void *result));
FERRY_API ferry_future *ferry_future_failed(ferry_loop *loop, const ferry_error *error);

/* ---- the promise: a future's other side, for asynchronous sources of your own ---- */

typedef struct ferry_promise ferry_promise;

/*
 * Make a promise and its pending future. When that is cancelled it fails with FERRY_CANCELLED, and
 * then on_cancel(arg) is called, from inside ferry_future_cancel, to stop the work; it may be NULL,
 * and may free the promise.
 * Thread: loop. Owns: the caller, until ferry_promise_free. Errors: NULL without memory.
 */
FERRY_API ferry_promise *ferry_promise_new(ferry_loop *loop, void (*free_result)(void *result),
                                           ferry_callback *on_cancel, void *arg);

/* Return the promise's future, once; NULL after that. Thread: loop. Owns: the caller has it, and it
 * does not need the promise any more. */
FERRY_API ferry_future *ferry_promise_future(ferry_promise *promise);

/*
 * Resolve the future; its callback runs in a later turn. The first time counts: once it is resolved
 * or cancelled, or the loop has closed, what is set is refused, and the result freed at once.
 * Thread: loop. Owns: `result` is the future's; `error` is copied, and one without a code, or
 * NULL, becomes FERRY_INTERNAL. Errors: FERRY_CONFLICT refused.
 */
FERRY_API int ferry_promise_set_result(ferry_promise *promise, void *result);
FERRY_API int ferry_promise_set_error(ferry_promise *promise, const ferry_error *error);

/* Give up the promise; a future that it has not resolved fails with FERRY_CANCELLED. on_cancel is
 * not called any more. NULL is allowed. Thread: any, as that may be all that a thread can do with a
 * promise when ferry_loop_add_callback fails; but for the loop's it takes effect in a later turn,
 * and until then on_cancel may be called. */
FERRY_API void ferry_promise_free(ferry_promise *promise);

/* ---- for programs and tests ---- */

/*
 * Run the loop until the future is done, and return its result, which is the caller's. With a
 * `timeout_ms` above 0 it waits no longer, as ferry_future_with_timeout.
 * Thread: loop. Blocks: yes. Owns: `future` is consumed. Errors: NULL and `error`: the future's;
 * FERRY_DEADLINE; FERRY_CANCELLED when the loop was stopped before; FERRY_CONFLICT when it runs
 * already, as inside a callback or a coroutine.
 */
FERRY_API void *ferry_loop_run_sync(ferry_loop *loop, ferry_future *future, int64_t timeout_ms,
                                    ferry_error *error);

/* ---- where a future was made ---- */

/* Note the place that the log names when nobody looks at the future's error; the macros below do it
 * for the caller. Returns `future`, which may be NULL. Thread: loop. Owns: `file` must be static.
 */
FERRY_API ferry_future *ferry_future_made_at(ferry_future *future, const char *file, int line);

#define FERRY_MADE_HERE(future) ferry_future_made_at(future, __FILE__, __LINE__)

#define ferry_run_on_executor(...)     FERRY_MADE_HERE(ferry_run_on_executor(__VA_ARGS__))
#define ferry_future_all(...)          FERRY_MADE_HERE(ferry_future_all(__VA_ARGS__))
#define ferry_future_any(...)          FERRY_MADE_HERE(ferry_future_any(__VA_ARGS__))
#define ferry_future_with_timeout(...) FERRY_MADE_HERE(ferry_future_with_timeout(__VA_ARGS__))
#define ferry_future_after(...)        FERRY_MADE_HERE(ferry_future_after(__VA_ARGS__))
#define ferry_future_resolved(...)     FERRY_MADE_HERE(ferry_future_resolved(__VA_ARGS__))
#define ferry_future_failed(...)       FERRY_MADE_HERE(ferry_future_failed(__VA_ARGS__))
#define ferry_promise_future(...)      FERRY_MADE_HERE(ferry_promise_future(__VA_ARGS__))

#ifdef __cplusplus
}
#endif

#endif
