/*
 * Looking up a name: getaddrinfo, on an executor. Loop thread, but for the blocking itself.
 */
#ifndef NET_LOOKUP_H
#define NET_LOOKUP_H

#include <ferry/executor.h>

#include "address.h"

enum { LOOKUP_MAX = 16 }; /* addresses; more than anybody would try */

struct lookup;

/* Called on the loop, once: with `count` addresses, or none and an error. */
typedef void lookup_done(void *arg, const struct address *addresses, size_t count,
                         const ferry_error *error);

/* Begin. NULL and `error`: FERRY_REJECTED the queue is full, FERRY_INTERNAL no memory. */
struct lookup *lookup_start(ferry_loop *loop, ferry_executor *executor, const char *host,
                            const char *port, lookup_done *done, void *arg, ferry_error *error);

/* Forget it; done is not called, and what runs ends by itself. */
void lookup_cancel(struct lookup *lookup);

#endif
