/* The process of a lane: the other end of its socket. */
#ifndef WORKER_LANE_HOST_H
#define WORKER_LANE_HOST_H

#include <ferry/worker.h>

/* Open the worker that the first message names, of a plug-in or of these kinds (NULL-terminated),
 * and run the calls that come, until the other end of the socket is closed. Takes `fd` over, a
 * socket that blocks. Returns 0, FERRY_INVALID: this is no such socket, or
 * FERRY_INTERNAL: there was no memory or no thread, as the log says. Main thread of a process
 * with nothing else to do; ends the process by itself where a call still runs. */
int lane_host_run(int fd, const ferry_worker *const kinds[]);

#endif
