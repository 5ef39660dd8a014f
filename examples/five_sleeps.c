/*
 * Five ways to sleep five seconds without holding up anybody: each is a route.
 *
 *     five_sleeps [ADDRESS [SLEEP_MS]]      127.0.0.1:8890 5000
 *     for way in timer coroutine deferred executor handler; do
 *         curl -w '  (%{time_total} s)\n' http://127.0.0.1:8890/$way &
 *     done
 *
 * The executor has two threads: of three requests for /executor at once, two are answered after 5 s
 * and the third, which waited for a thread, after 10 s. All the others can be asked by thousands.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <ferry/coroutine.h>
#include <ferry/executor.h>
#include <ferry/future.h>
#include <ferry/http.h>
#include <ferry/loop.h>

static ferry_loop *loop;
static ferry_executor *two_threads, *background;
static int64_t sleep_ms = 5000;

static struct timespec sleep_time(void)
{
    return (struct timespec){.tv_sec = sleep_ms / 1000, .tv_nsec = sleep_ms % 1000 * 1000000};
}

/* ---- 1. a timer calls back ---- */

static void on_timer(void *arg)
{
    ferry_request_reply_text(arg, 200, "slept: timer\n");
}

static void get_timer(ferry_request *request, void *ctx)
{
    (void)ctx;
    if (!ferry_loop_call_later(loop, sleep_ms, on_timer, request))
        ferry_request_reply_text(request, 503, "no more timers\n");
}

/* ---- 2. a coroutine sleeps ---- */

static void get_coroutine(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_sleep(sleep_ms);
    ferry_request_reply_text(request, 200, "slept: coroutine\n");
}

/* ---- 3. a job for later, as with Celery's delay(): the answer is 202, at once ---- */

/* Blocks, so it belongs on a thread. The fourth way uses it too. */
static void *blocking_sleep(void *arg, ferry_error *error)
{
    (void)arg, (void)error;
    struct timespec time = sleep_time();
    nanosleep(&time, NULL);
    return NULL;
}

static void on_job_done(ferry_future *future, void *arg)
{
    (void)arg;
    const ferry_error *error = ferry_future_error(future);
    printf("deferred job: %s\n", error->code ? error->message : "slept");
    fflush(stdout);
}

static void start_job(void *arg)
{
    ferry_future *slept = ferry_run_on_executor(loop, background, blocking_sleep, arg, NULL);
    if (slept)
        ferry_future_then(slept, on_job_done, NULL);
}

/* This job is gone if the process is. A route of the ferry server with `mode: defer` has its jobs
 * on disk before it says 202, and tries again what fails. */
static void get_deferred(ferry_request *request, void *ctx)
{
    (void)ctx;
    if (ferry_loop_add_callback(loop, start_job, NULL, NULL) < 0)
        ferry_request_reply_text(request, 503, "no room for a job\n");
    else
        ferry_request_reply_text(request, 202, "will sleep: deferred\n");
}

/* ---- 4. a thread sleeps, one of two ---- */

static void get_executor(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_error error;
    ferry_await(ferry_run_on_executor(loop, two_threads, blocking_sleep, NULL, NULL), &error);
    if (error.code)
        ferry_request_reply_error(request, &error);
    else
        ferry_request_reply_text(request, 200, "slept: executor\n");
}

/* ---- 5. a descriptor becomes readable: here that of a kernel timer, it may be any socket ---- */

struct watch {
    ferry_request *request;
    ferry_handler handler;
};

static void on_readable(int fd, unsigned events, void *arg)
{
    (void)events;
    struct watch *watch = arg;
    ferry_loop_remove_handler(loop, watch->handler);
    close(fd);
    ferry_request_reply_text(watch->request, 200, "slept: handler\n");
    free(watch);
}

static void get_handler(ferry_request *request, void *ctx)
{
    (void)ctx;
    const struct itimerspec once = {.it_value = sleep_time()};
    struct watch *watch = malloc(sizeof *watch);
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (watch && fd >= 0 && timerfd_settime(fd, 0, &once, NULL) == 0) {
        watch->request = request;
        watch->handler = ferry_loop_add_handler(loop, fd, FERRY_FD_READ, on_readable, watch);
        if (watch->handler)
            return;
    }
    free(watch);
    if (fd >= 0)
        close(fd);
    ferry_request_reply_text(request, 503, "no more timers\n");
}

/* ---- the program ---- */

static void stop(void *arg)
{
    (void)arg;
    ferry_loop_stop(loop);
}

int main(int argc, char **argv)
{
    ferry_error error = {0};
    char bound[128];
    signal(SIGPIPE, SIG_IGN);
    if (argc > 2)
        sleep_ms = strtoll(argv[2], NULL, 10);
    loop = ferry_loop_new();
    two_threads = ferry_executor_new(&(ferry_executor_options){.name = "sleeps", .threads = 2});
    background = ferry_executor_new(&(ferry_executor_options){.name = "jobs", .threads = 2});
    ferry_http_server *server = loop ? ferry_http_server_new(loop, NULL) : NULL;
    if (!server || !two_threads || !background ||
        ferry_http_route(server, "GET", "/timer", get_timer, NULL, &error) < 0 ||
        ferry_http_route_coroutine(server, "GET", "/coroutine", get_coroutine, NULL, &error) < 0 ||
        ferry_http_route(server, "GET", "/deferred", get_deferred, NULL, &error) < 0 ||
        ferry_http_route_coroutine(server, "GET", "/executor", get_executor, NULL, &error) < 0 ||
        ferry_http_route(server, "GET", "/handler", get_handler, NULL, &error) < 0 ||
        ferry_http_listen(server, argc > 1 ? argv[1] : "127.0.0.1:8890", bound, sizeof bound,
                          &error) < 0) {
        fprintf(stderr, "five_sleeps: %s\n", error.message);
        return EXIT_FAILURE;
    }
    ferry_loop_add_signal(loop, SIGINT, stop, NULL);
    ferry_loop_add_signal(loop, SIGTERM, stop, NULL);
    printf("listening on %s\n", bound);
    fflush(stdout);
    ferry_loop_run(loop);
    return EXIT_SUCCESS; /* what still sleeps ends with the process */
}
