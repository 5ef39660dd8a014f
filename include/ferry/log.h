/*
 * Structured log lines: a message and key=value fields, as logfmt or JSON.
 *
 *     ferry_log(FERRY_LOG_INFO, "listening", "addr=%s routes=%zu", addr, count);
 *     -> ts=2026-11-21T10:09:14.123Z level=info msg=listening addr=127.0.0.1:8002 routes=4
 *
 * The library itself never prints: until a sink is set, lines go nowhere.
 */
#ifndef FERRY_LOG_H
#define FERRY_LOG_H

#include <ferry/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ferry_log_level {
    FERRY_LOG_DEBUG,
    FERRY_LOG_INFO,
    FERRY_LOG_WARN,
    FERRY_LOG_ERROR,
} ferry_log_level;

typedef enum ferry_log_format {
    FERRY_LOG_LOGFMT,
    FERRY_LOG_JSON,
} ferry_log_format;

/* Takes one finished line with its newline, `length` bytes, valid during the call only.
 * Called on the thread that logs, possibly on several at once. */
typedef void ferry_log_sink(void *arg, ferry_log_level level, const char *line, size_t length);

/*
 * Write one line. `fields` is a printf format of space-separated `key=%conversion` pairs (d i u x
 * with any length modifier, f, s with a precision, c), or NULL; a value is quoted and escaped where
 * it needs to be, so that request data cannot forge a line. A line is at most 4 KiB: longer values
 * are cut. A level beyond these counts as FERRY_LOG_ERROR. Thread: any. Blocks: no longer than the
 * sink.
 */
FERRY_API void ferry_log(ferry_log_level level, const char *message, const char *fields, ...)
    FERRY_PRINTF(3, 4);

/* Tell whether a line of this level would be written; for fields that cost something to make.
 * Thread: any. */
FERRY_API bool ferry_log_is_on(ferry_log_level level);

/* Choose where lines go, from which level on (FERRY_LOG_INFO at first) and in which format.
 * A NULL sink drops them. Thread: any, but set the sink before other threads start. */
FERRY_API void ferry_log_set_sink(ferry_log_sink *sink, void *arg);
FERRY_API void ferry_log_set_level(ferry_log_level level);
FERRY_API void ferry_log_set_format(ferry_log_format format);

/* A ready sink: writes each line to standard error with one write(2). It does not wait: where a
 * pipe, socket or terminal has no room, the line is dropped, and a later one says how many were. */
FERRY_API void ferry_log_to_stderr(void *arg, ferry_log_level level, const char *line,
                                   size_t length);

#ifdef __cplusplus
}
#endif

#endif
