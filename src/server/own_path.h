/* Paths of the server's own: no route of the config takes one over, whatever its pattern. */
#ifndef SERVER_OWN_PATH_H
#define SERVER_OWN_PATH_H

#include <ferry/http.h>

/* What a path does, by method; NULL: it does not take that one. */
struct own_path {
    const char *path;
    ferry_http_handler *get;
    ferry_http_handler *post;
    ferry_http_handler *delete_;
    ferry_http_handler *options; /* NULL: it tells what the path takes */
};

/* Bind a path's handlers, and refuse every other method on it: else a route such as /{x} would get
 * those. As ferry_http_route. */
int own_path_bind(ferry_http_server *http, const struct own_path *path, void *ctx,
                  ferry_error *error);

/* The same for several; ends at the first failure. */
int own_paths_bind(ferry_http_server *http, const struct own_path *paths, size_t count, void *ctx,
                   ferry_error *error);

#endif
