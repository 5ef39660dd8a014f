/*
 * An old library that blocks, behind an HTTP server that does not: errors, a client that leaves,
 * too many calls, and an end that loses none.
 *
 *     old_library [ADDRESS [READ_MS]]      127.0.0.1:8893 2000
 *     curl http://127.0.0.1:8893/meters/7
 *
 * The executor has two threads, and four calls may wait; the next is answered with 503. Who closes
 * the connection ends the call: one that waits never starts, one that runs is told. On SIGTERM the
 * server takes no more, and the program ends once everybody has an answer, or after ten seconds.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ferry/coroutine.h>
#include <ferry/http.h>
#include <ferry/log.h>

enum { DRAIN_MS = 10000 };

static ferry_loop *loop;
static ferry_executor *pool;
static ferry_http_server *server;
static int64_t read_ms = 2000;
static int64_t leave_at_ms;

/* ---- the library, as it came ---- */

enum { METER_OK, METER_UNKNOWN, METER_STOPPED };

static int meter_read(const char *name, bool (*must_stop)(void), int *value)
{
    for (int64_t waited_ms = 0; waited_ms < read_ms; waited_ms += 10) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        if (must_stop())
            return METER_STOPPED;
    }
    *value = atoi(name) * 100;
    return *value > 0 ? METER_OK : METER_UNKNOWN;
}

/* ---- on a thread ---- */

static void *read_meter(void *arg, ferry_error *error)
{
    int value, rc = meter_read(arg, ferry_is_cancelled, &value);
    if (rc == METER_UNKNOWN)
        ferry_error_set(error, FERRY_NOT_FOUND, "there is no meter %s", (const char *)arg);
    else if (rc == METER_STOPPED)
        ferry_error_set(error, FERRY_CANCELLED, "nobody waits for meter %s", (const char *)arg);
    char *text = rc == METER_OK ? malloc(32) : NULL;
    if (text)
        snprintf(text, 32, "{\"kwh\": %d}\n", value);
    return text;
}

/* ---- on the loop ---- */

static void cancel(void *future)
{
    ferry_future_cancel(future);
}

/* A parameter lives as long as its request, and the request until it is replied to: so the thread
 * may read it. */
static void get_meter(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_error error;
    ferry_future *reading = ferry_run_on_executor(
        loop, pool, read_meter, (void *)ferry_request_param(request, "name"), free);
    if (reading)
        ferry_request_on_gone(request, cancel, reading);
    char *text = ferry_await(reading, &error);
    ferry_request_on_gone(request, NULL, NULL); /* the await has consumed the future */
    if (error.code)
        ferry_log(FERRY_LOG_WARN, "not read", "error=%s", error.message);
    if (error.code)
        ferry_request_reply_error(request, &error);
    else
        ferry_request_reply_json(request, 200, text);
    free(text);
}

/* ---- the end ---- */

static void leave_if_done(void *arg)
{
    ferry_http_stats now;
    ferry_http_server_get_stats(server, &now);
    bool is_busy = now.in_flight || now.receiving || now.sending;
    if (is_busy && ferry_loop_now_ms(loop) < leave_at_ms)
        ferry_loop_call_later(loop, 10, leave_if_done, arg);
    else
        ferry_loop_stop(loop);
}

static void drain(void *arg)
{
    ferry_http_server_drain(server);
    leave_at_ms = ferry_loop_now_ms(loop) + DRAIN_MS;
    leave_if_done(arg);
}

int main(int argc, char **argv)
{
    ferry_error error = {0};
    char bound[128];
    signal(SIGPIPE, SIG_IGN);
    ferry_log_set_sink(ferry_log_to_stderr, NULL);
    if (argc > 2)
        read_ms = strtoll(argv[2], NULL, 10);
    loop = ferry_loop_new();
    pool =
        ferry_executor_new(&(ferry_executor_options){.name = "meters", .threads = 2, .queue = 4});
    server = loop && pool ? ferry_http_server_new(loop, NULL) : NULL;
    if (!server ||
        ferry_http_route_coroutine(server, "GET", "/meters/{name}", get_meter, NULL, &error) ||
        ferry_http_listen(server, argc > 1 ? argv[1] : "127.0.0.1:8893", bound, sizeof bound,
                          &error)) {
        fprintf(stderr, "old_library: %s\n", error.message);
        return EXIT_FAILURE;
    }
    ferry_loop_add_signal(loop, SIGINT, drain, NULL);
    ferry_loop_add_signal(loop, SIGTERM, drain, NULL);
    printf("listening on %s\n", bound);
    fflush(stdout);
    ferry_loop_run(loop);
    ferry_http_server_free(server);      /* what uses the loop, */
    ferry_loop_free(loop);               /* the loop, which ends its coroutines, */
    ferry_executor_shutdown(pool, 1000); /* and the threads */
    ferry_executor_free(pool);
    return EXIT_SUCCESS;
}
