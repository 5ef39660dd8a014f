/*
 * What the floors above may use of a loop beside its public functions. Not for users of the
 * library: it names libevent.
 */
#ifndef LOOP_LOOP_BASE_H
#define LOOP_LOOP_BASE_H

#include <ferry/loop.h>

#include "mailbox.h"

struct event_base;

/* The loop's event base, for what libevent itself drives (sockets, bufferevents). Loop thread. */
struct event_base *loop_event_base(ferry_loop *loop);

/* Post an entry that is embedded in something else. Any thread. */
bool loop_post(ferry_loop *loop, struct mailbox_entry *entry);

/* In a posted callback: take one of so many equal shares of the turn's budget, so that no more than
 * `shares` of those that do so run before the sockets have their turn. Loop thread. */
void loop_take_share(ferry_loop *loop, unsigned shares);

/*
 * What must end before its loop: it is told by ferry_loop_free while the mailbox still takes posts,
 * once, and is off the list by then. Embedded in what it stands for.
 */
struct loop_closer {
    struct loop_closer *next, *previous;
    void (*close)(struct loop_closer *closer);
};

/* Put a closer before all others in the order of the end; take it out again. Loop thread. */
void loop_closer_add(ferry_loop *loop, struct loop_closer *closer);
void loop_closer_remove(struct loop_closer *closer);

/* Tell whether ferry_loop_free has begun: then no callback of a user's is started any more. */
bool loop_is_closing(const ferry_loop *loop);

/* In a closer: block until something was posted, and run that. */
void loop_run_posted(ferry_loop *loop);

/* A place that the loop keeps for the coroutines of the floor above, NULL at first: they are closed
 * before all that is on the list, as they may still use any of it. */
struct loop_closer **loop_coroutines(ferry_loop *loop);

/* Tell whether the caller is on the loop's thread. Any thread. */
bool loop_is_on_its_thread(const ferry_loop *loop);

/* Abort a debug build, or log in another one, unless the caller is on the loop's thread. */
void loop_check_thread(const ferry_loop *loop, const char *function);

#define LOOP_CHECK(loop) loop_check_thread(loop, __func__)

#endif
