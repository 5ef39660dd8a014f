/*
 * The resolving side of a future, for the sources inside the library. Loop thread only.
 */
#ifndef ASYNC_FUTURE_BASE_H
#define ASYNC_FUTURE_BASE_H

#include <ferry/future.h>

/* Make a pending future. cancel(source) is what ferry_future_cancel asks of the source while the
 * future is pending; may be NULL. It may settle the future. NULL without memory. */
ferry_future *future_new(ferry_loop *loop, void (*free_result)(void *result),
                         void (*cancel)(void *source), void *source);

/* Resolve with a result (error NULL or FERRY_OK) or an error, from the top of a loop's turn: the
 * callback runs before this returns, and the future may be gone then. */
void future_resolve(ferry_future *future, void *result, const ferry_error *error);

/* The same from anywhere on the loop: the callback runs in a later turn. The future may be gone
 * afterwards nevertheless, if it was given up. */
void future_settle(ferry_future *future, void *result, const ferry_error *error);
void future_settle_error(ferry_future *future, ferry_code code, const char *message);
void future_settle_failed(ferry_future *future, const ferry_error *error);

/* Settle with the outcome of another one that is done: its result, and how that is freed. */
void future_settle_from(ferry_future *future, ferry_future *other);

/* As ferry_future_then, for the library's own parts: fn runs also while the loop closes. */
void future_watch(ferry_future *future, ferry_future_fn *fn, void *arg);

/* Give up a future that is watched: fn will not be called. */
void future_unwatch(ferry_future *future);

/* End a pending future whose loop closes. Who still holds it finds it cancelled. */
void future_close(ferry_future *future);

/* Free a pending future without telling anyone: its loop has closed. Any thread. */
void future_drop(ferry_future *future);

ferry_loop *future_loop(const ferry_future *future);

/* How the future's result is freed when nobody takes it; may be NULL. */
typedef void future_free_result(void *result);
future_free_result *future_result_free(const ferry_future *future);

#endif
