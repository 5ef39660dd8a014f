/*
 * Standard error as a sink that nobody waits for: when a pipe, socket or terminal takes no more,
 * lines are dropped and counted. Where it is the stream of systemd's journal each line goes with
 * its priority. Any thread.
 */
#ifndef BASE_LOG_STDERR_H
#define BASE_LOG_STDERR_H

#include <stdint.h>

/* Open a second description of what standard error is, which does not block; what others who share
 * the first one see of it stays as it was. Where that cannot be had, each line looks first
 * whether there is room. Main thread, before the others start; standard error must stay the same.
 */
void log_stderr_open(void);

/* Return how many lines were dropped so far; and count those of another process that writes to the
 * same standard error, and says by itself what is missing there. */
uint64_t log_stderr_dropped(void);
void log_stderr_add_dropped(uint64_t count);

#endif
