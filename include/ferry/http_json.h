/*
 * JSON over HTTP, as jansson's values. Whoever includes this links with jansson too.
 *
 *     ferry_error error;
 *     json_t *order = ferry_request_json(request, &error);
 *     if (!order) {
 *         ferry_request_reply_error(request, &error);   400: line 3, column 7: ...
 *         return;
 *     }
 *     ferry_request_reply_json_value(request, 201, json_pack("{s:i}", "id", make(order)));
 *     json_decref(order);
 *
 * Everything here runs on the loop's thread.
 */
#ifndef FERRY_HTTP_JSON_H
#define FERRY_HTTP_JSON_H

#include <jansson.h>

#include <ferry/http.h>
#include <ferry/http_client.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Parse the body of a request, or of a response: one JSON value of any type, whose objects name no
 * key twice.
 * Owns: the caller has the reference. Errors: NULL; FERRY_INVALID it is not JSON, with line and
 * column; of a response FERRY_TRANSIENT, as it is the peer's fault.
 */
FERRY_API json_t *ferry_request_json(ferry_request *request, ferry_error *error);
FERRY_API json_t *ferry_response_json(const ferry_response *response, ferry_error *error);

/*
 * Reply with a value as application/json. NULL, which is what jansson's functions give without
 * memory or for text that is not UTF-8, replies 500.
 * Owns: takes over the caller's reference.
 */
FERRY_API void ferry_request_reply_json_value(ferry_request *request, int status, json_t *value);

#ifdef __cplusplus
}
#endif

#endif
