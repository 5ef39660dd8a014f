/* libferry: ferry_loop_add_callback. */
#include "side.h"

#include <ferry/loop.h>

#include <stdlib.h>

static ferry_loop *loop;

void side_open(void)
{
    loop = ferry_loop_new();
    if (!loop)
        exit(1);
}

void side_post(side_callback *fn, void *arg)
{
    if (ferry_loop_add_callback(loop, fn, arg, NULL) < 0)
        exit(1);
}

void side_run(void)
{
    ferry_loop_run(loop);
}

void side_stop(void)
{
    ferry_loop_stop(loop);
}
