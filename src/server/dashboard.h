/* The operator's page, at / of the admin listener. Loop thread. */
#ifndef SERVER_DASHBOARD_H
#define SERVER_DASHBOARD_H

#include <ferry/http.h>

/* Bind the page and the files that it loads. They hold no data, so that no token is asked for.
 * Returns 0 or a code. */
int dashboard_bind(ferry_http_server *http, ferry_error *error);

#endif
