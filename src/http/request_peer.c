/*
 * Who asks: the peer of the connection, or the one that trusted proxies speak of. Loop thread.
 */
#include <string.h>

#include "ascii.h"
#include "forwarded.h"
#include "header_text.h"
#include "request.h"

/* Whether the peer is one whose word counts. */
static bool is_from_trusted(const ferry_request *request)
{
    char text[INET6_ADDRSTRLEN] = "unix";
    if (request->has_address)
        peer_format(&request->address, text);
    return request->all && trusted_has(&request->all->trusted, text);
}

/* Headers of one name are one list; its end is in the last of them. */
static void follow_forwarded(const ferry_request *request, char client[INET6_ADDRSTRLEN])
{
    const struct head *head = request->head;
    for (size_t i = head->header_count; i > 0; i--) {
        const struct header *header = &head->headers[i - 1];
        if (header_is_same(header->name, "X-Forwarded-For") &&
            !forwarded_follow(&request->all->trusted, header->value, client))
            return;
    }
}

const char *ferry_request_peer(const ferry_request *constant)
{
    LOOP_CHECK(constant->loop);
    ferry_request *request = (ferry_request *)constant; /* what is cached does not show */
    if (request->peer[0])
        return request->peer;
    if (is_from_trusted(request))
        follow_forwarded(request, request->peer);
    if (!request->peer[0] && request->has_address)
        peer_format(&request->address, request->peer);
    return request->peer[0] ? request->peer : "unix";
}

const char *ferry_request_scheme(const ferry_request *request)
{
    LOOP_CHECK(request->loop);
    const char *said =
        is_from_trusted(request) ? ferry_request_header(request, "X-Forwarded-Proto") : NULL;
    if (said)
        return ascii_compare(said, "https") == 0 ? "https" : "http";
    return request->is_tls ? "https" : "http";
}

/* A copy, as the connection may end before the request. Without memory there is none. */
const char *ferry_request_client_cert(const ferry_request *constant)
{
    LOOP_CHECK(constant->loop);
    ferry_request *request = (ferry_request *)constant; /* what is cached does not show */
    const char *subject = !request->client_cert && request->connection
                              ? connection_client_cert(request->connection)
                              : NULL;
    if (subject)
        request->client_cert = strdup(subject);
    return request->client_cert;
}
