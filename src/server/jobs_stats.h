/* How many jobs there are, by state and by route, and whether routes start any. Loop thread. */
#ifndef SERVER_JOBS_STATS_H
#define SERVER_JOBS_STATS_H

#include "bytes.h"
#include "queue.h"

/* Append {"states":{...},"routes":[...]} and a line end. */
void jobs_stats_json(struct bytes *out, const struct queue *queue);

/* Append {"route":"/email","gate":"paused"} and a line end, of a route that the queue knows. */
void jobs_stats_gate_json(struct bytes *out, const struct queue *queue, const char *route);

#endif
