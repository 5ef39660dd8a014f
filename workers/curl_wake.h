/* How a cancel reaches a worker that waits for libcurl. */
#ifndef WORKERS_CURL_WAKE_H
#define WORKERS_CURL_WAKE_H

#include <ferry/worker.h>

/* The cancel hook of a worker that has the CURLM on which it waits as its call's data, and asks
 * whether it was cancelled after each wait. */
void curl_wake(ferry_call *call);

#endif
