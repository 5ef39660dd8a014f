/* The metrics of the public listeners: connections, and what was refused or cut off. Loop thread.
 */
#ifndef SERVER_HTTP_METRICS_H
#define SERVER_HTTP_METRICS_H

#include <ferry/http.h>

#include "metrics.h"

/* `http` must outlive the metrics. */
void http_metrics_register(struct metrics *metrics, ferry_http_server *http);

#endif
