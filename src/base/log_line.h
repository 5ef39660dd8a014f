/* A line of the log, made but not yet written, and what was set for all of them. Any thread. */
#ifndef BASE_LOG_LINE_H
#define BASE_LOG_LINE_H

#include <stddef.h>

#include <ferry/log.h>

enum { LOG_LINE_MAX_BYTES = 4096 }; /* PIPE_BUF of Linux: such a write is atomic */

/* Make a line as ferry_log does, in the format that is set. Returns its length with the newline; it
 * is not ended by a NUL. */
size_t log_line_make(char line[LOG_LINE_MAX_BYTES], ferry_log_level level, const char *message,
                     const char *fields, ...) FERRY_PRINTF(4, 5);

/* Return what was set. */
ferry_log_level log_level(void);
ferry_log_format log_format(void);

#endif
