/*
 * What libevent has to say goes to ferry's log: its warnings, and the fatal error that ends the
 * process. Any thread.
 */
#ifndef LOOP_EVENT_LOG_H
#define LOOP_EVENT_LOG_H

/* Take libevent's messages, which it has one place for in the process. May be called again. */
void event_log_take(void);

#endif
