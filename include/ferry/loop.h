/*
 * The event loop: one thread that never blocks.
 *
 * A loop belongs to one thread: the one that made it, or from ferry_loop_run on the one that runs
 * it. ferry_loop_add_callback is the only function that other threads may call (besides
 * ferry_loop_ref and ferry_loop_unref); every other one checks, and a debug build aborts with the
 * names of the function and of the two threads.
 *
 * Times are int64_t milliseconds of the loop's own monotonic clock.
 */
#ifndef FERRY_LOOP_H
#define FERRY_LOOP_H

#include <stdint.h>

#include <ferry/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_loop ferry_loop;
typedef void ferry_callback(void *arg);

/* Names a timer, a signal handler or an fd handler. 0 is never one; a number is not used again. */
typedef uint64_t ferry_timer;
typedef uint64_t ferry_signal;
typedef uint64_t ferry_handler;

/*
 * Make a loop. Thread: any; it owns the loop until another one runs it.
 * Owns: the caller, until ferry_loop_free. Errors: NULL, errno says why.
 */
FERRY_API ferry_loop *ferry_loop_new(void);

/*
 * Close the loop and give up the maker's reference: timers and handlers are dropped
 * uncalled, callbacks still waiting are freed unrun, later ones are refused.
 * At the end of a program: first what uses the loop (servers, listeners, streams, periodic
 * callbacks), then the loop, which ends its coroutines, then what these use (executors, HTTP
 * clients). What is left of the first is logged as an error.
 * From a callback or a coroutine it is refused: that is logged, and the loop stops instead.
 * Thread: loop. NULL is allowed.
 */
FERRY_API void ferry_loop_free(ferry_loop *loop);

/*
 * Keep a loop's memory for a thread that posts to it, and give it back. A closed loop that is kept
 * refuses every callback, timer and handler; nothing else may be asked of it. Thread: any.
 */
FERRY_API ferry_loop *ferry_loop_ref(ferry_loop *loop);
FERRY_API void ferry_loop_unref(ferry_loop *loop);

/*
 * Run until ferry_loop_stop, also while there is nothing to do. The calling thread becomes the
 * loop's. May be called again after it returned.
 * Blocks: yes. Errors: FERRY_CONFLICT when it runs already, here or on another thread, which is
 * logged; FERRY_INTERNAL when the system refuses to wait for events.
 */
FERRY_API int ferry_loop_run(ferry_loop *loop);

/* Let ferry_loop_run return after the present callback. Asked before the run, the run returns at
 * once. Thread: loop; others post it: ferry_loop_add_callback(loop, stop, loop, NULL). */
FERRY_API void ferry_loop_stop(ferry_loop *loop);

/*
 * Call fn(arg) on the loop, soon and once; callbacks of one thread keep their order. This is the
 * one way from a thread back to the loop. Not from a signal handler.
 * Thread: any. Owns: `arg` is fn's; if fn will never run, free_arg(arg) is called instead: on the
 * caller's thread, before this returns an error, or on the loop's when it closes. May be NULL.
 * Errors: FERRY_REJECTED when the loop has closed, FERRY_INTERNAL without memory.
 */
FERRY_API int ferry_loop_add_callback(ferry_loop *loop, ferry_callback *fn, void *arg,
                                      ferry_callback *free_arg);

/* Return the loop's clock in milliseconds, as of now. Thread: loop. */
FERRY_API int64_t ferry_loop_now_ms(const ferry_loop *loop);

/*
 * Call fn(arg) once, `delay_ms` from now or when the loop's clock reaches `when_ms`; a time that
 * has passed means the next turn. Timers that are due together run in the order of their times.
 * Thread: loop. Owns: `arg` stays the caller's. Errors: 0 without memory, or when the loop has
 * closed.
 */
FERRY_API ferry_timer ferry_loop_call_later(ferry_loop *loop, int64_t delay_ms, ferry_callback *fn,
                                            void *arg);
FERRY_API ferry_timer ferry_loop_call_at(ferry_loop *loop, int64_t when_ms, ferry_callback *fn,
                                         void *arg);

/* Drop a timer. Returns whether it was still to run; one that ran, was cancelled or is 0 is left
 * alone, so a handle can never do harm. Thread: loop. */
FERRY_API bool ferry_loop_cancel(ferry_loop *loop, ferry_timer timer);

/*
 * Call fn(arg) on the loop each time the process gets the signal, until removed or the loop closes.
 * One loop of a process can do so: a second one that asks takes all signals over.
 * Thread: loop. Owns: `arg` stays the caller's. Errors: 0, errno says why.
 */
FERRY_API ferry_signal ferry_loop_add_signal(ferry_loop *loop, int signum, ferry_callback *fn,
                                             void *arg);
FERRY_API bool ferry_loop_remove_signal(ferry_loop *loop, ferry_signal handler);

/* What may happen to a descriptor; the last two are told together with one that was asked for. */
enum {
    FERRY_FD_READ = 1,
    FERRY_FD_WRITE = 2,
    FERRY_FD_ERROR = 4,  /* getsockopt SO_ERROR says which; also a descriptor that was closed */
    FERRY_FD_HANGUP = 8, /* both directions are shut: reading gives what is left, then the end */
};

/* Gets the descriptor and what happened to it. */
typedef void ferry_handler_fn(int fd, unsigned events, void *arg);

/*
 * Call fn(fd, events, arg) once a turn for as long as the descriptor is readable or writable, as
 * `events` says (FERRY_FD_READ | FERRY_FD_WRITE); 0 is a pause. The descriptor should be
 * non-blocking; it may have several handlers.
 * Thread: loop. Owns: `fd` stays the caller's, and is closed after the handler's removal, not
 * before; so does `arg`. Errors: 0, errno says why: EPERM for a regular file, EBADF, ENOMEM,
 * ECANCELED when the loop has closed.
 */
FERRY_API ferry_handler ferry_loop_add_handler(ferry_loop *loop, int fd, unsigned events,
                                               ferry_handler_fn *fn, void *arg);

/* Change what a handler waits for, or remove it: it is not called any more, not even for what has
 * happened already. Both may be done in a callback, also its own. Return false where there was no
 * such handler, which does no harm; the first one also without memory: it waits for the same as
 * before. Thread: loop. */
FERRY_API bool ferry_loop_update_handler(ferry_loop *loop, ferry_handler handler, unsigned events);
FERRY_API bool ferry_loop_remove_handler(ferry_loop *loop, ferry_handler handler);

#ifdef __cplusplus
}
#endif

#endif
