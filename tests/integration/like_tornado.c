/*
 * The scenarios of like_tornado.py, with ferry: a line an event, `SCENARIO: EVENT`. The functions
 * in like_tornado_loop.c and like_tornado_futures.c have the scenarios' names and stand in the same
 * order; test_like_tornado.py compares.
 */
#include "like_tornado.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

ferry_loop *loop;
static const char *name;

void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%s: ", name);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

static void say_it(void *text)
{
    say("%s", (const char *)text);
}

void add_say(const char *text)
{
    ferry_loop_add_callback(loop, say_it, (void *)(uintptr_t)text, NULL);
}

void stop(void *arg)
{
    (void)arg;
    ferry_loop_stop(loop);
}

static void run_all(const struct scenario *scenario)
{
    for (; scenario->name; scenario++) {
        name = scenario->name;
        loop = ferry_loop_new();
        if (!loop)
            abort();
        scenario->run();
        ferry_loop_free(loop);
    }
}

int main(void)
{
    run_all(loop_scenarios);
    run_all(future_scenarios);
    return EXIT_SUCCESS;
}
