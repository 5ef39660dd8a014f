/*
 * libevent's memory, with a reserve: evhttp reads through a null pointer when some of its small
 * allocations fail. Any thread.
 */
#ifndef LOOP_EVENT_MEMORY_H
#define LOOP_EVENT_MEMORY_H

/* Let libevent allocate here from now on. What it has had from malloc before is freed as ever. May
 * be called again. */
void event_memory_take(void);

#endif
