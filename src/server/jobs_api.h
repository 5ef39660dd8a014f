/* GET /jobs/ID: a job as its owner sees it. Loop thread. */
#ifndef SERVER_JOBS_API_H
#define SERVER_JOBS_API_H

#include <ferry/http.h>

#include "queue.h"

/* Bind the jobs' paths. The queue must outlive the server's requests. Returns 0 or a code. */
int jobs_api_bind(ferry_http_server *http, struct queue *queue, ferry_error *error);

#endif
