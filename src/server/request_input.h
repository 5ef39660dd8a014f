/* A request as the input of a call, and its fingerprint. Loop thread. */
#ifndef SERVER_REQUEST_INPUT_H
#define SERVER_REQUEST_INPUT_H

#include <ferry/http.h>

#include "bytes.h"
#include "config.h"
#include "job.h"

/*
 * Write a request as the block of a call's input (call_input.h): the one copy that its payload
 * gets. Headers that speak of the connection only are left out, and with `for_disk` the credentials
 * too. Authorization that the route itself looked at is left out unless the config forwards it.
 */
void request_input(ferry_request *request, const struct config_route *config, bool for_disk,
                   struct bytes *block);

/* Tell whether a header is left in, of a route that lets everyone enter. */
bool request_input_has_header(const char *name, bool for_disk);

/* Make the fingerprint of a request: of its method, path parameters, query, content type and body.
 * Returns whether there was memory. */
bool request_fingerprint(ferry_request *request, unsigned char out[JOB_FINGERPRINT_BYTES]);

#endif
