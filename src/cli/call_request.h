/*
 * What `ferry call` was asked, as a route and the input of a call: the same that the server would
 * make of the request.
 */
#ifndef CLI_CALL_REQUEST_H
#define CLI_CALL_REQUEST_H

#include "config.h"
#include "options.h"

struct call_request {
    const char *target; /* "/users/42?full=1", escaped as in a URL */
    const char *method; /* NULL: POST with a body, else GET if the route takes it, else what it
                           takes; found with the route */
    struct option_list query;   /* "name=value", as they are */
    struct option_list headers; /* "Name: value" */
    const char *content_type;   /* may be NULL; one among the headers goes before */
    struct bytes body;
    bool has_body;
};

/* Find the route, and set the method. Errors: NULL and `error`: FERRY_INVALID the target is
 * malformed, FERRY_NOT_FOUND there is no such route, FERRY_BAD_METHOD it does not take the method.
 */
const struct config_route *call_request_route(struct call_request *request,
                                              const struct config *config, ferry_error *error);

/* Write the input of a call (call_input.h). Returns 0, or FERRY_INVALID when a header is malformed,
 * FERRY_TOO_LARGE when the body is larger than the config allows, FERRY_INTERNAL without memory. */
int call_request_block(const struct call_request *request, const struct config *config,
                       const struct config_route *route, struct bytes *block, ferry_error *error);

#endif
