/*
 * Timers: what is to run when, earliest first, equal times in the order they were made.
 * Belongs to one thread. Times are microseconds of a clock of the caller's.
 */
#ifndef LOOP_TIMER_H
#define LOOP_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void timer_fn(void *arg);

struct timer_slot;

struct timers {
    uint32_t *heap; /* slot numbers; heap[0] is the earliest */
    size_t count;
    size_t capacity; /* of heap and of slots alike */
    struct timer_slot *slots;
    uint32_t free_slot;
    uint64_t sequence;
    int64_t running_us; /* the time that timers_run works on; INT64_MIN outside */
};

void timers_init(struct timers *timers);
void timers_fini(struct timers *timers);

/* Returns the timer's handle, 0 without memory. Inside a timer's function a time that is due is
 * taken as the next microsecond: whoever makes such timers again and again starves no other. */
uint64_t timers_add(struct timers *timers, int64_t when_us, timer_fn *fn, void *arg);

/* Returns whether it was still waiting. Any number is a valid argument. */
bool timers_cancel(struct timers *timers, uint64_t handle);

/* Returns whether there is a timer, and its time. */
bool timers_next(const struct timers *timers, int64_t *when_us);

/* Run what is due at `now_us` and was made before this call, while `*stop` is false. */
void timers_run(struct timers *timers, int64_t now_us, const bool *stop);

#endif
