/* What coroutines and timers of libferry cost. Prints "NAME NANOSECONDS" lines, and the
 * memory of sleeping coroutines in bytes. Run by bench/coroutine. */
#include <ferry/coroutine.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "context.h"
#include "coroutine_common.h"

enum { SWITCHES = 5000000, AWAITS = 1000000, SLEEPERS = 10000 };

static ferry_loop *loop;

static void report(const char *name, double ns)
{
    printf("%s %.1f\n", name, ns);
}

/* ---- the bare switch ---- */

static struct context here, there;

static void switch_back(void *arg)
{
    (void)arg;
    context_entered(&here);
    for (;;)
        context_switch(&there, &here);
}

static void measure_switch(void)
{
    struct stack_pool pool;
    struct stack stack;
    stack_pool_init(&pool, 65536, 0);
    if (!stack_pool_get(&pool, &stack))
        exit(1);
    context_init(&there, &stack, switch_back, NULL);
    double start = now_ns();
    for (int i = 0; i < SWITCHES / 2; i++)
        context_switch(&here, &there);
    report("switch", (now_ns() - start) / SWITCHES);
    stack_pool_put(&pool, &stack);
}

/* ---- coroutines ---- */

static void *await_done(void *arg, ferry_error *error)
{
    (void)arg;
    double start = now_ns();
    for (int i = 0; i < AWAITS; i++)
        ferry_await(ferry_future_resolved(loop, NULL, NULL), error);
    report("await_done", (now_ns() - start) / AWAITS);
    start = now_ns();
    for (int i = 0; i < AWAITS; i++)
        ferry_sleep(0);
    report("sleep_0", (now_ns() - start) / AWAITS);
    return NULL;
}

static void *nothing(void *arg, ferry_error *error)
{
    (void)arg, (void)error;
    return NULL;
}

static void *spawn_and_await(void *arg, ferry_error *error)
{
    (void)arg;
    double start = now_ns();
    for (int i = 0; i < AWAITS; i++)
        ferry_await(ferry_spawn(loop, nothing, NULL, NULL), error);
    report("spawn_await", (now_ns() - start) / AWAITS);
    return NULL;
}

static void *sleep_long(void *arg, ferry_error *error)
{
    (void)error;
    ferry_sleep(100000000);
    return arg;
}

static long resident_bytes(void)
{
    long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%ld %ld", &total, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

/* First of all, as memory that malloc kept of other measures would hide what it takes. */
static void measure_sleepers(void)
{
    loop = ferry_loop_new();
    if (!loop)
        exit(1);
    long before = resident_bytes();
    for (int i = 0; i < SLEEPERS; i++)
        ferry_future_free(ferry_spawn(loop, sleep_long, NULL, NULL));
    ferry_loop_run_sync(loop, ferry_future_after(loop, 1), 0, NULL);
    report("sleeper_bytes", (double)(resident_bytes() - before) / SLEEPERS);
    ferry_loop_free(loop);
}

/* ---- timers: the same as in coroutine_libuv.c ---- */

static unsigned fired;

static void on_timer(void *arg)
{
    (void)arg;
    if (++fired == TIMERS)
        ferry_loop_stop(loop);
}

static void measure_timers(void)
{
    ferry_timer *timers = calloc(TIMERS, sizeof *timers);
    double start = now_ns();
    for (int i = 0; i < TIMERS; i++)
        timers[i] = ferry_loop_call_later(loop, timer_delay_ms(i) + 100000, on_timer, NULL);
    for (int i = 0; i < TIMERS; i++)
        ferry_loop_cancel(loop, timers[i]);
    report("timer_set_cancel", (now_ns() - start) / TIMERS);
    start = now_ns();
    for (int i = 0; i < TIMERS; i++)
        ferry_loop_call_later(loop, 0, on_timer, NULL);
    ferry_loop_run(loop);
    report("timer_set_fire", (now_ns() - start) / TIMERS);
    free(timers);
}

int main(void)
{
    measure_sleepers();
    loop = ferry_loop_new();
    if (!loop)
        return 1;
    measure_switch();
    ferry_loop_run_sync(loop, ferry_spawn(loop, await_done, NULL, NULL), 0, NULL);
    ferry_loop_run_sync(loop, ferry_spawn(loop, spawn_and_await, NULL, NULL), 0, NULL);
    measure_timers();
    ferry_loop_free(loop);
    return 0;
}
