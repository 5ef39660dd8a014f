/*
 * How often each client may ask: a fixed table of those who did of late. Pure; one thread.
 *
 * A client is an address, or the /64 that an IPv6 address is in, as everyone has that many. The
 * table never grows: when it is full of others, the one that is nearest to having its whole burst
 * again makes room. Who has more addresses than the table has places is not held back by it.
 */
#ifndef SERVER_CLIENT_RATE_H
#define SERVER_CLIENT_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client_rate;

enum { CLIENT_RATE_PLACES = 4096 };

/* `count` requests in each `per_ms`, evenly; and `burst` of them at once, of who asked for none in
 * a while. All at least 1. NULL without memory. */
struct client_rate *client_rate_new(unsigned count, int64_t per_ms, unsigned burst);
void client_rate_free(struct client_rate *rate);

/* Count one request of a peer (an address, or "unix") at a time of the monotonic clock. Returns 0,
 * or after how many milliseconds the next one may come: then it was not counted. */
int64_t client_rate_take(struct client_rate *rate, const char *peer, int64_t now_us);

#endif
