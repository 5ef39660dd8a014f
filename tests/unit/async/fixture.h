/* What the tests of the async floor share: a loop, the lines that were logged, and errors. */
#ifndef ASYNC_FIXTURE_H
#define ASYNC_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ferry/future.h>
#include <ferry/log.h>

static ferry_loop *loop;
static unsigned lines;
static char last_line[4096 + 1];
static unsigned freed; /* results that count_free got */

static inline void keep_line(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)level;
    lines++;
    memcpy(last_line, line, length);
    last_line[length] = '\0';
}

static inline int open_loop(void **state)
{
    (void)state;
    ferry_log_set_sink(keep_line, NULL);
    lines = freed = 0;
    loop = ferry_loop_new();
    return loop ? 0 : -1;
}

static inline int close_loop(void **state)
{
    (void)state;
    ferry_loop_free(loop);
    loop = NULL;
    ferry_log_set_sink(NULL, NULL);
    return 0;
}

/* For a test that frees the loop itself. */
static inline void free_loop(void)
{
    ferry_loop_free(loop);
    loop = NULL;
}

/* A result that is counted when it is freed. */
static inline void *some_result(void)
{
    return malloc(1);
}

static inline void count_free(void *result)
{
    freed++;
    free(result);
}

static inline ferry_error error_of(ferry_code code, const char *message)
{
    ferry_error error;
    ferry_error_set(&error, code, "%s", message);
    return error;
}

static inline void stop_loop(void *arg)
{
    (void)arg;
    ferry_loop_stop(loop);
}

/* Run what is posted by now, and what that posts, `count` times. */
static inline void turns(unsigned count)
{
    while (count-- > 0) {
        ferry_loop_add_callback(loop, stop_loop, NULL, NULL);
        ferry_loop_run(loop);
    }
}

/* Run the loop for a future; returns its code. */
static inline ferry_code code_of(ferry_future *future)
{
    ferry_error error;
    void *result = ferry_loop_run_sync(loop, future, 20000, &error);
    assert_null(result);
    return error.code;
}

#endif
