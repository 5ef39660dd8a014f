/* Own paths. Loop thread; no state. */
#include "own_path.h"

static void on_other_method(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_error error;
    ferry_error_set(&error, FERRY_BAD_METHOD, "the path does not take this method");
    ferry_request_set_header(request, "Allow", "GET, HEAD, OPTIONS");
    ferry_request_reply_error(request, &error);
}

int own_path_bind(ferry_http_server *http, const char *path, ferry_http_handler *handler, void *ctx,
                  ferry_error *error)
{
    int rc = ferry_http_route(http, "GET", path, handler, ctx, error);
    return rc < 0 ? rc
                  : ferry_http_route(http, "POST,PUT,PATCH,DELETE", path, on_other_method, NULL,
                                     error);
}
