/*
 * libevent's messages.
 *
 * After a fatal error libevent does not go on: its state cannot be trusted. It would leave with
 * exit(), under threads that still run, or abort without a word in the log; here it is always a
 * line of the log, then abort(), which leaves a core.
 */
#include "event_log.h"

#include <event2/event.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

static atomic_uint refused_count;

static void on_message(int severity, const char *message)
{
    static const ferry_log_level levels[] = {
        [EVENT_LOG_DEBUG] = FERRY_LOG_DEBUG,
        [EVENT_LOG_MSG] = FERRY_LOG_INFO,
        [EVENT_LOG_WARN] = FERRY_LOG_WARN,
        [EVENT_LOG_ERR] = FERRY_LOG_ERROR,
    };
    if (strncmp(message, "Epoll ADD", strlen("Epoll ADD")) == 0)
        atomic_fetch_add(&refused_count, 1);
    ferry_log(levels[severity], "libevent", "said=%s", message);
}

static void on_fatal(int code)
{
    ferry_log(FERRY_LOG_ERROR, "libevent cannot go on, the process ends", "code=%d", code);
    abort();
}

unsigned event_log_refused_count(void)
{
    return atomic_load(&refused_count);
}

void event_log_take(void)
{
    event_set_log_callback(on_message);
    event_set_fatal_callback(on_fatal);
}
