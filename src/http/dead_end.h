/*
 * Dead ends: bufferevents for connections that must not be. evhttp makes a plain bufferevent of its
 * own when it is given none, so it gets one that neither reads nor writes, and loses it at once.
 * Loop thread.
 */
#ifndef HTTP_DEAD_END_H
#define HTTP_DEAD_END_H

#include <stdbool.h>

#include "loop_base.h"

struct bufferevent;
struct event;

/* One is kept ready, as it is needed when there is no memory. Embedded. */
struct dead_end {
    ferry_loop *loop;
    struct bufferevent *ready; /* NULL: it was given away, and there was no memory for another */
    struct bufferevent *given; /* a reference, until the end of the turn */
    struct event *turn_end;
};

/* Returns whether there was memory; dead_end_fini is due in any case. */
bool dead_end_init(struct dead_end *dead_end, ferry_loop *loop);
void dead_end_fini(struct dead_end *dead_end);

/* Give one away; it must be ready. evhttp loses it when the turn ends. */
struct bufferevent *dead_end_give(struct dead_end *dead_end);

/* Have one ready again. Returns whether it is. */
bool dead_end_prepare(struct dead_end *dead_end);

#endif
