/*
 * Shutdown. The order, of which this file is the first half and server_free the second:
 *
 *   1. /readyz answers 503, so that the balancer looks elsewhere
 *   2. nothing is reloaded any more, schedules add nothing more, and the queue claims nothing more;
 *      what is accepted from here on waits for the next start
 *   3. the public listeners close, replies carry Connection: close, idle connections end
 *   4. event streams end, and requests that are held for a job's end are answered with 202
 *   5. requests whose headers were complete finish; so do running attempts
 *   6. the loop runs until no reply, no call and no commit is left          -> ferry_loop_stop
 *      (one turn at least: it reads the requests that came in beside the signal)
 *   7. the public HTTP server is freed, the passwords' and the pools' threads end (one that hangs
 *      in a worker's thread_close is left: then the process exits after step 8, with nothing freed
 *      under it)
 *   8. the queue closes the database
 *   9. the admin listener goes, which answered probes until step 6; then the loop
 *
 * From step 7 on signals are blocked.
 *
 * Past the limit, or at a second signal: running attempts are recorded as interrupted, without a
 * crash count, every call is cancelled, and after a short while for its thread to see that, the
 * process exits under the threads that are left, with nothing freed.
 *
 * Loop thread. Step 6 is a question asked each POLL_MS: four parties would have to report
 * otherwise, for an event that comes once in a process' life.
 */
#include "drain.h"

#include <unistd.h>

#include <ferry/log.h>

#include "supervisor.h"

enum { POLL_MS = 10, LAST_COMMIT_MS = 5000, LAST_WORDS_MS = 500 };

static bool is_done(const struct drain *drain)
{
    ferry_http_stats http;
    ferry_http_server_get_stats(drain->http, &http);
    return http.in_flight == 0 && http.receiving == 0 && http.sending == 0 &&
           generations_live_calls(drain->generations) == 0 && queue_is_idle(drain->queue);
}

static void leave_now(const struct drain *drain, const char *why)
{
    ferry_http_stats http;
    ferry_http_server_get_stats(drain->http, &http);
    ferry_log(FERRY_LOG_WARN, why, "requests=%u calls=%u", http.in_flight + http.receiving,
              generations_live_calls(drain->generations));
    queue_interrupt(drain->queue);
    generations_cancel_calls(drain->generations);
    queue_close(drain->queue, LAST_COMMIT_MS);
    /* One that ends a program of its own (exec) must not leave it behind. */
    generations_stop_pools(drain->generations, LAST_WORDS_MS);
    ferry_log(FERRY_LOG_INFO, "stopped", NULL);
    _exit(0);
}

static void on_poll(void *arg);

static void poll_later(struct drain *drain)
{
    if (!ferry_loop_call_later(drain->loop, POLL_MS, on_poll, drain))
        leave_now(drain, "no memory to wait in; what still runs is interrupted");
}

static void on_poll(void *arg)
{
    struct drain *drain = arg;
    if (is_done(drain))
        ferry_loop_stop(drain->loop);
    else if (ferry_loop_now_ms(drain->loop) - drain->begin_ms >= drain->limit_ms)
        leave_now(drain, "drain took too long; what still runs is interrupted");
    else
        poll_later(drain);
}

void drain_begin(struct drain *drain)
{
    if (drain->health->draining)
        leave_now(drain, "second signal; what still runs is interrupted");
    drain->begin_ms = ferry_loop_now_ms(drain->loop);
    drain->health->draining = true;
    supervisor_tell(SERVER_STOPPING);
    ferry_log(FERRY_LOG_INFO, "draining", "limit_ms=%lld", (long long)drain->limit_ms);
    reload_stop(drain->reload);
    schedules_stop(drain->generations->current->schedules);
    queue_drain(drain->queue);
    ferry_http_server_drain(drain->http);
    job_events_end_all(drain->events);
    held_waits_end_all(drain->waits);
    poll_later(drain);
}
