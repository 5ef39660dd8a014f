/*
 * What the floors above may use of a loop beside its public functions. Not for users of the
 * library: it names libevent.
 */
#ifndef LOOP_LOOP_BASE_H
#define LOOP_LOOP_BASE_H

#include <ferry/loop.h>

#include "mailbox.h"

struct event_base;

/* The loop's event base, for what libevent itself drives (evhttp, bufferevents). Loop thread. */
struct event_base *loop_event_base(ferry_loop *loop);

/* Post an entry that is embedded in something else. Any thread. */
bool loop_post(ferry_loop *loop, struct mailbox_entry *entry);

/* Abort a debug build, or log in another one, unless the caller is on the loop's thread. */
void loop_check_thread(const ferry_loop *loop, const char *function);

#define LOOP_CHECK(loop) loop_check_thread(loop, __func__)

#endif
