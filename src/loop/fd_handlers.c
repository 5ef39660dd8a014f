/*
 * The fd handlers of a loop.
 *
 * A handler is a persistent event of libevent's, or none while it pauses. Its id is the number of
 * its slot and a generation that is never used again, so that an id which was used up names
 * nothing. libevent reports errors and hang-ups as readable and writable; what they are is asked of
 * poll(2), for a handler that is called anyway.
 *
 * A callback may remove any handler, its own too: nothing is touched after it.
 */
#include "fd_handlers.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SLOT_BITS = 24, SLOTS_MAX = 1 << SLOT_BITS };

struct fd_handler {
    ferry_handler id; /* 0: the slot is free */
    size_t next_free; /* while free */
    struct event *event;
    int fd;
    unsigned events;
    ferry_handler_fn *fn;
    void *arg;
};

void fd_handlers_init(struct fd_handlers *handlers, struct event_base *base)
{
    *handlers = (struct fd_handlers){.base = base};
}

static void drop_event(struct fd_handler *handler)
{
    if (handler->event)
        event_free(handler->event);
    handler->event = NULL;
}

void fd_handlers_fini(struct fd_handlers *handlers)
{
    for (size_t i = 0; i < handlers->capacity; i++) {
        drop_event(handlers->slots[i]);
        free(handlers->slots[i]);
    }
    free(handlers->slots);
    fd_handlers_init(handlers, NULL);
}

static struct fd_handler *find(const struct fd_handlers *handlers, ferry_handler id)
{
    size_t slot = id & (SLOTS_MAX - 1);
    if (id == 0 || slot >= handlers->capacity || handlers->slots[slot]->id != id)
        return NULL;
    return handlers->slots[slot];
}

static unsigned trouble(int fd)
{
    struct pollfd asked = {.fd = fd};
    if (poll(&asked, 1, 0) <= 0)
        return 0;
    return (asked.revents & (POLLERR | POLLNVAL) ? FERRY_FD_ERROR : 0U) |
           (asked.revents & POLLHUP ? FERRY_FD_HANGUP : 0U);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    const struct fd_handler *handler = arg;
    unsigned events =
        (what & EV_READ ? FERRY_FD_READ : 0U) | (what & EV_WRITE ? FERRY_FD_WRITE : 0U);
    handler->fn(fd, events | trouble(fd), handler->arg);
}

/* Returns whether there was memory; without, the handler waits for what it did before. */
static bool set_events(struct fd_handler *handler, struct event_base *base, unsigned events)
{
    struct event *event = NULL;
    if (events) {
        int what = EV_PERSIST | (events & FERRY_FD_READ ? EV_READ : 0) |
                   (events & FERRY_FD_WRITE ? EV_WRITE : 0);
        event = event_new(base, handler->fd, (short)what, on_event, handler);
        if (!event)
            return false;
        if (event_add(event, NULL) < 0) {
            event_free(event);
            return false;
        }
    }
    drop_event(handler);
    handler->event = event;
    handler->events = events;
    return true;
}

/* One more slot; returns whether there was memory. */
static bool grow(struct fd_handlers *handlers)
{
    if (handlers->capacity == SLOTS_MAX)
        return false;
    struct fd_handler **slots =
        realloc(handlers->slots, (handlers->capacity + 1) * sizeof(struct fd_handler *));
    if (!slots)
        return false;
    handlers->slots = slots;
    slots[handlers->capacity] = calloc(1, sizeof *slots[0]);
    if (!slots[handlers->capacity])
        return false;
    slots[handlers->capacity]->next_free = handlers->capacity + 1;
    handlers->capacity++;
    return true;
}

static void give_back(struct fd_handlers *handlers, size_t slot)
{
    struct fd_handler *handler = handlers->slots[slot];
    drop_event(handler);
    *handler = (struct fd_handler){.next_free = handlers->free_slot};
    handlers->free_slot = slot;
}

/* libevent gathers changes and tells epoll later, when a refusal comes too late. Sets errno. */
static bool can_be_watched(int fd)
{
    struct stat what;
    if (fstat(fd, &what) < 0)
        return false;
    errno = EPERM; /* as epoll says */
    return !S_ISREG(what.st_mode) && !S_ISDIR(what.st_mode);
}

ferry_handler fd_handlers_add(struct fd_handlers *handlers, int fd, unsigned events,
                              ferry_handler_fn *fn, void *arg)
{
    if (!handlers->base) {
        errno = ECANCELED;
        return 0;
    }
    if (!can_be_watched(fd))
        return 0;
    if (handlers->free_slot == handlers->capacity && !grow(handlers)) {
        errno = ENOMEM;
        return 0;
    }
    size_t slot = handlers->free_slot;
    struct fd_handler *handler = handlers->slots[slot];
    handlers->free_slot = handler->next_free;
    *handler = (struct fd_handler){.fd = fd, .fn = fn, .arg = arg};
    errno = ENOMEM; /* unless the kernel says otherwise */
    if (!set_events(handler, handlers->base, events)) {
        give_back(handlers, slot);
        return 0;
    }
    return handler->id = ++handlers->generation << SLOT_BITS | slot;
}

bool fd_handlers_update(struct fd_handlers *handlers, ferry_handler id, unsigned events)
{
    struct fd_handler *handler = find(handlers, id);
    return handler && (handler->events == events || set_events(handler, handlers->base, events));
}

bool fd_handlers_remove(struct fd_handlers *handlers, ferry_handler id)
{
    struct fd_handler *handler = find(handlers, id);
    if (!handler)
        return false;
    give_back(handlers, id & (SLOTS_MAX - 1));
    return true;
}
