/*
 * The entries that ferry_loop_add_callback posts: a function and its argument.
 */
#ifndef LOOP_POSTED_H
#define LOOP_POSTED_H

#include <ferry/loop.h>

#include "mailbox.h"

/* Make an entry that calls fn(arg) when it is run, or free_arg(arg) when it is dropped or its loop
 * is closing; it frees itself. Any thread. Returns NULL without memory: then `arg` was not
 * touched. */
struct mailbox_entry *posted_new(ferry_loop *loop, ferry_callback *fn, void *arg,
                                 ferry_callback *free_arg);

#endif
