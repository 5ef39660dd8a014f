/*
 * Timers: a binary heap of slot numbers over a table of slots.
 *
 * One thread. A handle is a slot's number and its generation; the generation changes whenever the
 * slot is given back, so that a handle that was used up names nothing. Timers of equal times are
 * ordered by a sequence number. libevent's own heap has no such order, and would cost an event
 * for each timer; this way the loop needs one event for all.
 */
#include "timer.h"

#include <stdlib.h>

enum { SLOT_BITS = 24, NO_SLOT = (1 << SLOT_BITS) - 1 };

struct timer_slot {
    int64_t when_us;
    uint64_t sequence;
    uint64_t generation;
    timer_fn *fn; /* NULL: free */
    void *arg;
    uint32_t position;  /* in the heap */
    uint32_t next_free; /* while free */
};

void timers_init(struct timers *timers)
{
    *timers = (struct timers){.free_slot = NO_SLOT, .running_us = INT64_MIN};
}

void timers_fini(struct timers *timers)
{
    free(timers->heap);
    free(timers->slots);
    timers_init(timers);
}

static bool is_earlier(const struct timers *timers, uint32_t a, uint32_t b)
{
    const struct timer_slot *x = &timers->slots[a], *y = &timers->slots[b];
    return x->when_us != y->when_us ? x->when_us < y->when_us : x->sequence < y->sequence;
}

static void heap_place(struct timers *timers, size_t position, uint32_t slot)
{
    timers->heap[position] = slot;
    timers->slots[slot].position = (uint32_t)position;
}

static void heap_up(struct timers *timers, size_t position, uint32_t slot)
{
    while (position > 0 && is_earlier(timers, slot, timers->heap[(position - 1) / 2])) {
        heap_place(timers, position, timers->heap[(position - 1) / 2]);
        position = (position - 1) / 2;
    }
    heap_place(timers, position, slot);
}

static void heap_down(struct timers *timers, size_t position, uint32_t slot)
{
    for (;;) {
        size_t child = 2 * position + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count &&
            is_earlier(timers, timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!is_earlier(timers, timers->heap[child], slot))
            break;
        heap_place(timers, position, timers->heap[child]);
        position = child;
    }
    heap_place(timers, position, slot);
}

static bool timers_grow(struct timers *timers)
{
    size_t capacity = timers->capacity ? timers->capacity * 2 : 64;
    if (capacity > NO_SLOT)
        return false;
    uint32_t *heap = realloc(timers->heap, capacity * sizeof *heap);
    if (heap)
        timers->heap = heap;
    struct timer_slot *slots = realloc(timers->slots, capacity * sizeof *slots);
    if (slots)
        timers->slots = slots;
    if (!heap || !slots)
        return false;
    for (size_t i = capacity; i-- > timers->capacity;) {
        slots[i] = (struct timer_slot){.generation = 1, .next_free = timers->free_slot};
        timers->free_slot = (uint32_t)i;
    }
    timers->capacity = capacity;
    return true;
}

uint64_t timers_add(struct timers *timers, int64_t when_us, timer_fn *fn, void *arg)
{
    if (timers->free_slot == NO_SLOT && !timers_grow(timers))
        return 0;
    uint32_t number = timers->free_slot;
    struct timer_slot *slot = &timers->slots[number];
    timers->free_slot = slot->next_free;
    slot->when_us = when_us > timers->running_us ? when_us : timers->running_us + 1;
    slot->sequence = ++timers->sequence;
    slot->fn = fn;
    slot->arg = arg;
    heap_up(timers, timers->count++, number);
    return slot->generation << SLOT_BITS | number;
}

/* Take a slot out of the heap and give it back. */
static void timers_remove(struct timers *timers, uint32_t number)
{
    struct timer_slot *slot = &timers->slots[number];
    size_t position = slot->position;
    uint32_t last = timers->heap[--timers->count];
    if (last != number) {
        if (is_earlier(timers, last, number))
            heap_up(timers, position, last);
        else
            heap_down(timers, position, last);
    }
    slot->fn = NULL;
    slot->generation++;
    slot->next_free = timers->free_slot;
    timers->free_slot = number;
}

bool timers_cancel(struct timers *timers, uint64_t handle)
{
    uint32_t number = handle & NO_SLOT;
    if (number >= timers->capacity || !timers->slots[number].fn ||
        timers->slots[number].generation != handle >> SLOT_BITS)
        return false;
    timers_remove(timers, number);
    return true;
}

bool timers_next(const struct timers *timers, int64_t *when_us)
{
    if (timers->count == 0)
        return false;
    *when_us = timers->slots[timers->heap[0]].when_us;
    return true;
}

void timers_run(struct timers *timers, int64_t now_us, const bool *stop)
{
    int64_t when_us;
    timers->running_us = now_us; /* so that what is made meanwhile comes later */
    while (!*stop && timers_next(timers, &when_us) && when_us <= now_us) {
        const struct timer_slot *slot = &timers->slots[timers->heap[0]];
        timer_fn *fn = slot->fn;
        void *arg = slot->arg;
        timers_remove(timers, timers->heap[0]);
        fn(arg);
    }
    timers->running_us = INT64_MIN;
}
