/*
 * A listener: one bound socket whose connections evhttp takes. Loop thread.
 */
#ifndef HTTP_LISTENER_H
#define HTTP_LISTENER_H

#include <stdint.h>

#include "address.h"
#include "loop_base.h"

struct evhttp;
struct listener;

/* Why a listener does not accept; it accepts while there is no reason left. */
enum listener_pause {
    LISTENER_AT_LIMIT = 1, /* as many connections as there may be */
    LISTENER_NO_FILES = 2, /* the system has no descriptor left; tried again soon */
};

/* Bind and listen. `accepted` counts the connections that all listeners of `http` took; it tells
 * an accept that fails from one that works. Owns: the caller, until listener_free, which must come
 * before evhttp_free. Errors: NULL and `error` as ferry_http_listen says. */
struct listener *listener_new(ferry_loop *loop, struct evhttp *http, const struct address *address,
                              const uint64_t *accepted, ferry_error *error);

/* Close it, and remove its socket file if that is still its own. */
void listener_free(struct listener *listener);

void listener_pause(struct listener *listener, enum listener_pause why);
void listener_resume(struct listener *listener, enum listener_pause why);

/* The address as it is bound. */
const struct address *listener_address(const struct listener *listener);

#endif
