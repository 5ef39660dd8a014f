/* The timers of bench/coroutine.c on libuv. */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "coroutine_common.h"

static uv_loop_t *loop;
static unsigned fired;

static void report(const char *name, double ns)
{
    printf("%s %.1f\n", name, ns);
}

static void on_timer(uv_timer_t *timer)
{
    (void)timer;
    if (++fired == TIMERS)
        uv_stop(loop);
}

static void measure_timers(void)
{
    uv_timer_t *timers = calloc(TIMERS, sizeof *timers);
    for (int i = 0; i < TIMERS; i++)
        uv_timer_init(loop, &timers[i]);
    double start = now_ns();
    for (int i = 0; i < TIMERS; i++)
        uv_timer_start(&timers[i], on_timer, (uint64_t)timer_delay_ms(i) + 100000, 0);
    for (int i = 0; i < TIMERS; i++)
        uv_timer_stop(&timers[i]);
    report("timer_set_cancel", (now_ns() - start) / TIMERS);
    start = now_ns();
    for (int i = 0; i < TIMERS; i++)
        uv_timer_start(&timers[i], on_timer, 0, 0);
    uv_run(loop, UV_RUN_DEFAULT);
    report("timer_set_fire", (now_ns() - start) / TIMERS);
}

int main(void)
{
    loop = uv_default_loop();
    measure_timers();
    return 0;
}
