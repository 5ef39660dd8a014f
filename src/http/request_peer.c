/*
 * Who asks: the peer of the connection, or the one that trusted proxies speak of. Loop thread.
 */
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <string.h>
#include <strings.h>

#include "forwarded.h"
#include "request.h"

static const char *socket_peer(const ferry_request *request)
{
    static const char mapped[] = "::ffff:";
    const char *host = request->ev->remote_host;
    if (request->ev->remote_port == 0)
        return "unix";
    if (strncmp(host, mapped, sizeof mapped - 1) == 0 && strchr(host, '.'))
        return host + sizeof mapped - 1;
    return host;
}

/* Whether the peer is one whose word counts. */
static bool is_from_trusted(const ferry_request *request)
{
    return request->all && trusted_has(&request->all->trusted, socket_peer(request));
}

/* Headers of one name are one list; its end is in the last of them. */
static void follow_forwarded(const ferry_request *request, char client[INET6_ADDRSTRLEN])
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(request->ev);
    const struct evkeyval *last = NULL;
    for (;;) {
        const struct evkeyval *found = NULL;
        for (const struct evkeyval *at = headers->tqh_first; at && at != last;
             at = at->next.tqe_next) {
            if (strcasecmp(at->key, "X-Forwarded-For") == 0)
                found = at;
        }
        if (!found || !forwarded_follow(&request->all->trusted, found->value, client))
            return;
        last = found;
    }
}

const char *ferry_request_peer(const ferry_request *constant)
{
    LOOP_CHECK(constant->loop);
    ferry_request *request = (ferry_request *)constant; /* what is cached does not show */
    if (!request->forwarded_peer[0] && is_from_trusted(request))
        follow_forwarded(request, request->forwarded_peer);
    return request->forwarded_peer[0] ? request->forwarded_peer : socket_peer(request);
}

const char *ferry_request_scheme(const ferry_request *request)
{
    LOOP_CHECK(request->loop);
    const char *said =
        is_from_trusted(request) ? ferry_request_header(request, "X-Forwarded-Proto") : NULL;
    if (said)
        return strcasecmp(said, "https") == 0 ? "https" : "http";
    return request->connection && request->connection->is_tls ? "https" : "http";
}

const char *ferry_request_client_cert(const ferry_request *request)
{
    LOOP_CHECK(request->loop);
    return request->connection ? connection_client_cert(request->connection) : NULL;
}
