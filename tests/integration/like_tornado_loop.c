/* The scenarios of like_tornado_loop.py: callbacks, timers, periodic callbacks and handlers. */
#include "like_tornado.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ferry/coroutine.h>
#include <ferry/periodic.h>

static void say_it(void *text)
{
    say("%s", (const char *)text);
}

static ferry_timer say_later(int64_t delay_ms, const char *text)
{
    return ferry_loop_call_later(loop, delay_ms, say_it, (void *)(uintptr_t)text);
}

static void block_for(int64_t ms)
{
    int64_t end = ferry_loop_now_ms(loop) + ms;
    while (ferry_loop_now_ms(loop) < end)
        ;
}

static void block(void *arg)
{
    block_for(*(int64_t *)arg);
}

/* ---- callbacks and timers ---- */

static void say_first_and_add(void *arg)
{
    (void)arg;
    say("first");
    add_say("of the first");
    ferry_loop_add_callback(loop, stop, NULL, NULL);
}

static void callbacks_keep_their_order(void)
{
    ferry_loop_add_callback(loop, say_first_and_add, NULL, NULL);
    add_say("second");
    add_say("third");
    say("nothing has run yet");
    ferry_loop_run(loop);
}

static void *post(void *arg)
{
    (void)arg;
    add_say("one");
    add_say("two");
    add_say("three");
    ferry_loop_add_callback(loop, stop, NULL, NULL);
    return NULL;
}

static void callbacks_of_a_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, post, NULL))
        abort();
    ferry_loop_run(loop);
    pthread_join(thread, NULL);
}

static void timers_run_in_the_order_of_their_times(void)
{
    say_later(30, "30 ms");
    say_later(10, "10 ms");
    say_later(20, "20 ms");
    say_later(0, "0 ms");
    ferry_loop_call_later(loop, 40, stop, NULL);
    ferry_loop_run(loop);
}

static void a_timer_whose_time_has_passed(void)
{
    static char second[] = "a second ago";
    say_later(0, "0 ms");
    ferry_loop_call_at(loop, ferry_loop_now_ms(loop) - 1000, say_it, second);
    say_later(-2000, "two seconds ago");
    ferry_loop_call_later(loop, 10, stop, NULL);
    ferry_loop_run(loop);
}

static void timers_of_equal_times(void)
{
    static char texts[5][16];
    int64_t when_ms = ferry_loop_now_ms(loop) + 10;
    for (int i = 0; i < 5; i++) {
        snprintf(texts[i], sizeof texts[i], "number %d", i + 1);
        ferry_loop_call_at(loop, when_ms, say_it, texts[i]);
    }
    ferry_loop_call_later(loop, 30, stop, NULL);
    ferry_loop_run(loop);
}

static void make_timer_and_callback(void *arg)
{
    (void)arg;
    say("begins");
    say_later(0, "timer");
    add_say("callback");
    ferry_loop_call_later(loop, 10, stop, NULL);
    say("ends");
}

static void a_timer_of_no_delay_runs_in_a_later_turn(void)
{
    ferry_loop_add_callback(loop, make_timer_and_callback, NULL, NULL);
    ferry_loop_run(loop);
}

static void cancel_first_and_second(void *arg)
{
    ferry_timer *timers = arg;
    say("first");
    ferry_loop_cancel(loop, timers[1]);
    ferry_loop_cancel(loop, timers[1]);
    ferry_loop_cancel(loop, timers[0]);
}

static void a_timer_that_is_cancelled(void)
{
    ferry_timer timers[2];
    timers[0] = ferry_loop_call_later(loop, 10, cancel_first_and_second, timers);
    timers[1] = say_later(20, "never");
    ferry_timer early = say_later(10, "never");
    ferry_loop_cancel(loop, early);
    ferry_loop_call_later(loop, 30, stop, NULL);
    ferry_loop_run(loop);
    ferry_loop_cancel(loop, timers[0]);
}

static void cancel_second(void *arg)
{
    ferry_timer *timers = arg;
    say("first");
    ferry_loop_cancel(loop, timers[1]);
}

static void a_timer_that_is_cancelled_when_it_is_due(void)
{
    ferry_timer timers[2];
    int64_t block_ms = 30;
    timers[0] = ferry_loop_call_later(loop, 10, cancel_second, timers);
    timers[1] = say_later(20, "never");
    ferry_loop_add_callback(loop, block, &block_ms, NULL);
    ferry_loop_call_later(loop, 40, stop, NULL);
    ferry_loop_run(loop);
}

static void a_loop_that_is_stopped_in_a_turn(void)
{
    add_say("before");
    ferry_loop_add_callback(loop, stop, NULL, NULL);
    add_say("after");
    ferry_loop_run(loop);
    say("stopped");
    ferry_loop_add_callback(loop, stop, NULL, NULL);
    ferry_loop_run(loop);
    say("stopped again");
}

static void a_loop_that_is_stopped_before_it_runs(void)
{
    add_say("callback");
    ferry_loop_stop(loop);
    ferry_loop_run(loop);
    say("stopped");
}

/* ---- periodic callbacks ---- */

static ferry_periodic *periodic;
static int runs;

static void run_periodic(int64_t interval_ms, ferry_periodic_fn *fn)
{
    runs = 0;
    periodic = ferry_periodic_new(loop, interval_ms, fn, NULL, NULL);
    ferry_periodic_start(periodic);
    ferry_loop_run(loop);
    ferry_periodic_free(periodic);
}

static void *slow_run(void *arg, ferry_error *error)
{
    (void)arg, (void)error;
    int run = ++runs;
    say("run %d begins", run);
    ferry_sleep(20);
    say("run %d ends", run);
    if (run == 3) {
        ferry_periodic_stop(periodic);
        ferry_loop_call_later(loop, 20, stop, NULL);
    }
    return NULL;
}

static ferry_future *begin_slow_run(void *arg)
{
    return ferry_spawn(loop, slow_run, arg, NULL);
}

static void a_periodic_callback_does_not_overlap(void)
{
    run_periodic(3, begin_slow_run);
}

static void say_running(void)
{
    say("%s", ferry_periodic_is_running(periodic) ? "running" : "stopped");
}

static void check_beats(void *arg)
{
    (void)arg;
    say("%s", runs <= 2 ? "left out" : "made up for");
    say_running();
    ferry_periodic_stop(periodic);
    say_running();
    runs = 1;
    ferry_loop_call_later(loop, 30, stop, NULL);
}

static ferry_future *block_first(void *arg)
{
    (void)arg;
    if (++runs == 1) {
        block_for(55);
        ferry_loop_call_later(loop, 1, check_beats, NULL);
    }
    return NULL;
}

static void a_periodic_callback_leaves_out_beats(void)
{
    run_periodic(10, block_first);
    say("%d runs since", runs - 1);
}

static ferry_future *fail_run(void *arg)
{
    (void)arg;
    ferry_error error;
    ferry_error_set(&error, FERRY_TRANSIENT, "no luck");
    say("run %d", ++runs);
    if (runs == 3)
        ferry_loop_stop(loop);
    return ferry_future_failed(loop, &error);
}

static void a_periodic_callback_that_fails_goes_on(void)
{
    run_periodic(3, fail_run);
}

/* ---- handlers ---- */

static ferry_handler handlers[2];

static void send_byte(int fd, char byte)
{
    if (write(fd, &byte, 1) != 1)
        abort();
}

static void read_pipe(int fd, unsigned events, void *arg)
{
    (void)events, (void)arg;
    char byte;
    if (read(fd, &byte, 1) == 1) {
        say("read %c", byte);
        return;
    }
    say("end");
    ferry_loop_remove_handler(loop, handlers[0]);
    ferry_loop_stop(loop);
}

static void a_handler_on_a_pipe(void)
{
    int ends[2];
    if (pipe(ends))
        abort();
    handlers[0] = ferry_loop_add_handler(loop, ends[0], FERRY_FD_READ, read_pipe, NULL);
    for (const char *byte = "abc"; *byte; byte++)
        send_byte(ends[1], *byte);
    close(ends[1]);
    ferry_loop_run(loop);
    close(ends[0]);
}

static void read_then_write(int fd, unsigned events, void *theirs)
{
    char byte;
    if (events & FERRY_FD_READ) {
        if (read(fd, &byte, 1) == 1)
            say("readable %c", byte);
        ferry_loop_update_handler(loop, handlers[0], FERRY_FD_WRITE);
    } else if (events & FERRY_FD_WRITE) {
        say("writable");
        ferry_loop_remove_handler(loop, handlers[0]);
        send_byte(*(int *)theirs, 'b');
        ferry_loop_call_later(loop, 10, stop, NULL);
    }
}

static void a_handler_that_is_updated(void)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        abort();
    handlers[0] = ferry_loop_add_handler(loop, pair[0], FERRY_FD_READ, read_then_write, &pair[1]);
    send_byte(pair[1], 'a');
    ferry_loop_run(loop);
    close(pair[0]);
    close(pair[1]);
}

static void say_readable(int fd, unsigned events, void *handler)
{
    (void)fd, (void)events;
    say("readable");
    ferry_loop_remove_handler(loop, *(ferry_handler *)handler);
    ferry_loop_call_later(loop, 5, stop, NULL);
}

static void two_handlers_on_one_descriptor(void)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        abort();
    handlers[0] = ferry_loop_add_handler(loop, pair[0], FERRY_FD_READ, say_readable, &handlers[0]);
    handlers[1] = ferry_loop_add_handler(loop, pair[0], FERRY_FD_READ, say_readable, &handlers[1]);
    send_byte(pair[1], 'a');
    ferry_loop_run(loop);
    ferry_loop_remove_handler(loop, handlers[0]);
    ferry_loop_remove_handler(loop, handlers[1]);
    close(pair[0]);
    close(pair[1]);
}

/* ---- all of them ---- */

const struct scenario loop_scenarios[] = {
    SCENARIO(callbacks_keep_their_order),
    SCENARIO(callbacks_of_a_thread),
    SCENARIO(timers_run_in_the_order_of_their_times),
    SCENARIO(a_timer_whose_time_has_passed),
    SCENARIO(timers_of_equal_times),
    SCENARIO(a_timer_of_no_delay_runs_in_a_later_turn),
    SCENARIO(a_timer_that_is_cancelled),
    SCENARIO(a_timer_that_is_cancelled_when_it_is_due),
    SCENARIO(a_loop_that_is_stopped_in_a_turn),
    SCENARIO(a_loop_that_is_stopped_before_it_runs),
    SCENARIO(a_periodic_callback_does_not_overlap),
    SCENARIO(a_periodic_callback_leaves_out_beats),
    SCENARIO(a_periodic_callback_that_fails_goes_on),
    SCENARIO(a_handler_on_a_pipe),
    SCENARIO(a_handler_that_is_updated),
    SCENARIO(two_handlers_on_one_descriptor),
    {NULL, NULL},
};
