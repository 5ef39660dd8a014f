/*
 * The fd handlers of a loop: who is called when a descriptor is readable or writable.
 * Belongs to the loop's thread.
 */
#ifndef LOOP_FD_HANDLERS_H
#define LOOP_FD_HANDLERS_H

#include <stddef.h>

#include <ferry/loop.h>

struct event_base;
struct fd_handler;

struct fd_handlers {
    struct event_base *base;
    struct fd_handler **slots;
    size_t capacity;
    size_t free_slot; /* the first of the free ones; capacity: none */
    uint64_t generation;
};

void fd_handlers_init(struct fd_handlers *handlers, struct event_base *base);
void fd_handlers_fini(struct fd_handlers *handlers);

/* As the functions of loop.h. */
ferry_handler fd_handlers_add(struct fd_handlers *handlers, int fd, unsigned events,
                              ferry_handler_fn *fn, void *arg);
bool fd_handlers_update(struct fd_handlers *handlers, ferry_handler id, unsigned events);
bool fd_handlers_remove(struct fd_handlers *handlers, ferry_handler id);

#endif
