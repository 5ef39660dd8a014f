/* The end of a server: the whole shutdown sequence. Loop thread. */
#ifndef SERVER_DRAIN_H
#define SERVER_DRAIN_H

#include <ferry/http.h>

#include "health.h"
#include "job_events.h"
#include "queue.h"
#include "reload.h"

struct drain {
    ferry_loop *loop;
    ferry_http_server *http;
    struct health *health;
    struct generations *generations;
    struct reload *reload;
    struct queue *queue;
    struct held_waits *waits;
    struct job_events *events;
    int64_t limit_ms; /* how long what is under way may take */
    int64_t begin_ms;
};

/* Begin to leave, or at the second call leave at once. Ends with ferry_loop_stop when everything is
 * answered and committed, or with _exit(0) when it takes too long. */
void drain_begin(struct drain *drain);

#endif
