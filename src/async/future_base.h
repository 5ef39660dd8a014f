/*
 * The resolving side of a future, for the sources inside the library. Loop thread only.
 */
#ifndef ASYNC_FUTURE_BASE_H
#define ASYNC_FUTURE_BASE_H

#include <ferry/future.h>

/* Make a pending future. cancel(source) is what ferry_future_cancel asks of the source while the
 * future is pending; may be NULL. NULL without memory. */
ferry_future *future_new(ferry_loop *loop, void (*free_result)(void *result),
                         void (*cancel)(void *source), void *source);

/* Resolve with a result (error NULL or FERRY_OK) or an error, from the top of a loop's turn: the
 * callback runs before this returns, and the future may be gone then. */
void future_resolve(ferry_future *future, void *result, const ferry_error *error);

/* Free a pending future without telling anyone: its loop has closed. */
void future_drop(ferry_future *future);

#endif
