/*
 * A listener: one bound socket, for whoever takes its connections: streams here, HTTP above. Loop
 * thread.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdint.h>

#include "address.h"
#include "loop_base.h"

struct evconnlistener;
struct listener;

/* Why a listener does not accept; it accepts while there is no reason left. */
enum listener_pause {
    LISTENER_AT_LIMIT = 1, /* as many connections as there may be */
    LISTENER_NO_FILES = 2, /* the system has no descriptor left; tried again soon */
    LISTENER_YIELDS = 4,   /* until the next turn, to those who are connected */
};

/* Bind and listen. `accepted` counts the connections that the listener's owner took, from this
 * listener and its others; it tells an accept that fails from one that works.
 * Owns: the caller, until listener_free. Errors: NULL and `error`: FERRY_CONFLICT the address is in
 * use, FERRY_FORBIDDEN no permission, FERRY_INVALID no such address or folder, FERRY_INTERNAL. */
struct listener *listener_new(ferry_loop *loop, const struct address *address,
                              const uint64_t *accepted, ferry_error *error);

/* What accepts. Owns: the caller, who sets its callback at once and frees it right after
 * listener_free; its error callback is the listener's. */
struct evconnlistener *listener_acceptor(const struct listener *listener);

/* Stop watching, and remove the socket file if it is still the listener's own. */
void listener_free(struct listener *listener);

void listener_pause(struct listener *listener, enum listener_pause why);
void listener_resume(struct listener *listener, enum listener_pause why);

/* The owner took a connection: he says so of each, and after some the listener yields. */
void listener_took(struct listener *listener);

/* The address as it is bound. */
const struct address *listener_address(const struct listener *listener);

#endif
