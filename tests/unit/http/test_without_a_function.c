/* Who is given no function to call aborts at once: the call would come later, from elsewhere. */
#include <ferry/http.h>

#include <stdio.h>
#include <string.h>

#include <ferry/coroutine.h>
#include <ferry/periodic.h>
#include <ferry/stream.h>

#include "aborts.h"

static ferry_loop *loop;
static ferry_executor *pool;

static void add_callback(void)
{
    ferry_loop_add_callback(loop, NULL, NULL, NULL);
}

static void call_later(void)
{
    ferry_loop_call_later(loop, 0, NULL, NULL);
}

static void call_at(void)
{
    ferry_loop_call_at(loop, 0, NULL, NULL);
}

static void add_signal(void)
{
    ferry_loop_add_signal(loop, SIGUSR1, NULL, NULL);
}

static void add_handler(void)
{
    ferry_loop_add_handler(loop, STDIN_FILENO, FERRY_FD_READ, NULL, NULL);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void submit(void)
{
    const ferry_task_work work = {.run = nothing};
    ferry_executor_submit(pool, loop, &work, NULL);
}

static void run_on_executor(void)
{
    ferry_run_on_executor(loop, pool, NULL, NULL, NULL);
}

static void then(void)
{
    ferry_future_then(ferry_future_after(loop, 0), NULL, NULL);
}

static void spawn(void)
{
    ferry_spawn(loop, NULL, NULL, NULL);
}

static void periodic(void)
{
    ferry_periodic_new(loop, 1, NULL, NULL, NULL);
}

static void stream_listen(void)
{
    ferry_stream_listen(loop, "127.0.0.1:0", NULL, NULL, NULL, NULL);
}

static void route(void)
{
    ferry_http_route(ferry_http_server_new(loop, NULL), "GET", "/", NULL, NULL, NULL);
}

static void route_coroutine(void)
{
    ferry_http_route_coroutine(ferry_http_server_new(loop, NULL), "GET", "/", NULL, NULL, NULL);
}

static const struct {
    const char *name; /* what standard error must name */
    void (*call)(void);
} calls[] = {
    {"ferry_loop_add_callback", add_callback},
    {"ferry_loop_call_later", call_later},
    {"ferry_loop_call_at", call_at},
    {"ferry_loop_add_signal", add_signal},
    {"ferry_loop_add_handler", add_handler},
    {"ferry_executor_submit", submit},
    {"ferry_run_on_executor", run_on_executor},
    {"ferry_future_then", then},
    {"ferry_spawn", spawn},
    {"ferry_periodic_new", periodic},
    {"ferry_stream_listen", stream_listen},
    {"ferry_http_route", route},
    {"ferry_http_route_coroutine", route_coroutine},
};

static void test_a_function_must_be_given(void **state)
{
    (void)state;
    loop = ferry_loop_new();
    pool = ferry_executor_new(&(ferry_executor_options){.threads = 1});
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        char words[1000], expected[100];
        assert_true(aborts(calls[i].call, words, sizeof words));
        snprintf(expected, sizeof expected, "ferry: %s was called without a function\n",
                 calls[i].name);
        assert_string_equal(words, expected);
    }
    ferry_executor_free(pool);
    ferry_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_function_must_be_given),
    };
    return cmocka_run_group_tests_name("http/without_a_function", tests, NULL, NULL);
}
