/*
 * What libevent has to say goes to ferry's log: its warnings, and the fatal error that ends the
 * process. Any thread.
 */
#ifndef LOOP_EVENT_LOG_H
#define LOOP_EVENT_LOG_H

/* Take libevent's messages, which it has one place for in the process. May be called again. */
void event_log_take(void);

/* Return how often the kernel has refused to watch a descriptor. libevent tells epoll of changes
 * when a turn waits, too late for event_add to fail: it says so in a message only. */
unsigned event_log_refused_count(void);

#endif
