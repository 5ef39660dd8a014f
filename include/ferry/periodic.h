/*
 * A periodic callback: the same work again and again, on a grid of times.
 *
 *     static ferry_future *refresh(void *cache)
 *     {
 *         return ferry_spawn(loop, fetch_and_store, cache, NULL);
 *     }
 *     ferry_periodic *p = ferry_periodic_new(loop, 60000, refresh, cache, NULL);
 *     ferry_periodic_start(p);
 *
 * The grid begins one interval after the start. It does not drift: a callback that comes late is
 * followed by the next time of the grid, and times that were missed are left out, not made up for.
 */
#ifndef FERRY_PERIODIC_H
#define FERRY_PERIODIC_H

#include <ferry/future.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_periodic ferry_periodic;

/* Begins the work of one time. Returns a future of what goes on after it, which is consumed, or
 * NULL when all is done. While the future is pending, the times of the grid are left out. Its error
 * is logged. Loop thread. */
typedef ferry_future *ferry_periodic_fn(void *arg);

/* Zero means the default in every field. */
typedef struct ferry_periodic_options {
    bool allow_overlap; /* begin anew also while the last future is pending */
    double jitter;      /* each interval varies at random by this fraction of it: 0.1 is 5 % less to
                           5 % more. The grid is given up for it. 0 to 1 */
} ferry_periodic_options;

/* Make one; it is not started yet. Thread: loop. Owns: the caller, until ferry_periodic_free;
 * `arg` stays the caller's. `options` may be NULL. Errors: NULL, errno says why: EINVAL for an
 * interval below 1 or a jitter out of its range, ENOMEM. */
FERRY_API ferry_periodic *ferry_periodic_new(ferry_loop *loop, int64_t interval_ms,
                                             ferry_periodic_fn *fn, void *arg,
                                             const ferry_periodic_options *options);

/* Stop, and give it up; may be done in its own callback, and after the loop is freed. A future that
 * is pending is given up; its work goes on. Thread: loop. NULL is allowed. */
FERRY_API void ferry_periodic_free(ferry_periodic *periodic);

/* Begin a new grid, also when it runs already. Thread: loop. Errors: FERRY_INTERNAL without
 * memory, or when the loop has closed. */
FERRY_API int ferry_periodic_start(ferry_periodic *periodic);

/* Do not call any more. Work in progress goes on. May be done in its own callback. Thread: loop. */
FERRY_API void ferry_periodic_stop(ferry_periodic *periodic);

FERRY_API bool ferry_periodic_is_running(const ferry_periodic *periodic);

#ifdef __cplusplus
}
#endif

#endif
