/* Paths of the server's own: no route of the config takes one over, whatever its pattern. */
#ifndef SERVER_OWN_PATH_H
#define SERVER_OWN_PATH_H

#include <ferry/http.h>

/* Bind GET of a path, and refuse every other method on it: else a route such as /{x} would get
 * those. As ferry_http_route. */
int own_path_bind(ferry_http_server *http, const char *path, ferry_http_handler *handler, void *ctx,
                  ferry_error *error);

#endif
