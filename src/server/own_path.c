/* Own paths. Loop thread; no state. */
#include "own_path.h"

#include <stddef.h>

#include "bytes.h"

enum { TAKES_GET = 1, TAKES_POST = 2, TAKES_DELETE = 4 };

/* By what a path takes. */
static char allow_texts[][sizeof "GET, HEAD, POST, DELETE, OPTIONS"] = {
    "OPTIONS",
    "GET, HEAD, OPTIONS",
    "POST, OPTIONS",
    "GET, HEAD, POST, OPTIONS",
    "DELETE, OPTIONS",
    "GET, HEAD, DELETE, OPTIONS",
    "POST, DELETE, OPTIONS",
    "GET, HEAD, POST, DELETE, OPTIONS",
};

static void on_options(ferry_request *request, void *ctx)
{
    ferry_request_set_header(request, "Allow", ctx);
    ferry_request_reply(request, 204, NULL, NULL, 0);
}

static void on_other_method(ferry_request *request, void *ctx)
{
    ferry_error error;
    ferry_error_set(&error, FERRY_BAD_METHOD, "the path does not take this method");
    ferry_request_set_header(request, "Allow", ctx);
    ferry_request_reply_error(request, &error);
}

int own_path_bind(ferry_http_server *http, const struct own_path *path, void *ctx,
                  ferry_error *error)
{
    const struct {
        const char *name;
        ferry_http_handler *handler;
        unsigned bit;
    } methods[] = {
        {"GET", path->get, TAKES_GET},
        {"POST", path->post, TAKES_POST},
        {"DELETE", path->delete_, TAKES_DELETE},
    };
    struct bytes others = {0};
    bytes_append_text(&others, "PUT,PATCH");
    unsigned takes = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof methods / sizeof *methods; i++) {
        if (!methods[i].handler) {
            bytes_printf(&others, ",%s", methods[i].name);
            continue;
        }
        takes |= methods[i].bit;
        rc = ferry_http_route(http, methods[i].name, path->path, methods[i].handler, ctx, error);
    }
    if (rc == 0)
        rc = ferry_http_route(http, bytes_text(&others), path->path, on_other_method,
                              allow_texts[takes], error);
    if (rc == 0)
        rc = ferry_http_route(http, "OPTIONS", path->path,
                              path->options ? path->options : on_options,
                              path->options ? ctx : allow_texts[takes], error);
    bytes_fini(&others);
    return rc;
}

int own_paths_bind(ferry_http_server *http, const struct own_path *paths, size_t count, void *ctx,
                   ferry_error *error)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = own_path_bind(http, &paths[i], ctx, error);
    return rc;
}
