/*
 * Who is at the other end, and how many connections each has.
 *
 * evhttp makes a connection before it tells its descriptor, so a new one is looked at when the turn
 * ends. An IPv6 network of 64 bits counts as one address: its owner can choose the rest freely.
 * Peers on unix sockets, and trusted ones, who speak for many, are not counted.
 */
#include <arpa/inet.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "clock.h"
#include "connection_parts.h"

enum { NETWORK_BYTES = 8 };

struct peer {
    struct in6_addr address;
    unsigned count;
    UT_hash_handle hh;
};

/* IPv4 as IPv6 has it. Returns false for other families, and for who is gone already. */
static bool address_of(int fd, struct in6_addr *address)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } peer = {0};
    socklen_t length = sizeof peer;
    memset(address, 0, sizeof *address);
    if (getpeername(fd, &peer.any, &length) < 0)
        return false;
    if (peer.any.sa_family == AF_INET) {
        memset(address->s6_addr + 10, 0xff, 2);
        memcpy(address->s6_addr + 12, &peer.v4.sin_addr, 4);
        return true;
    }
    *address = peer.v6.sin6_addr;
    return peer.any.sa_family == AF_INET6;
}

const char *connection_peer(const struct connection *connection, char text[PEER_TEXT_SIZE])
{
    struct in6_addr address;
    if (!address_of(connection->fd, &address))
        return memcpy(text, "-", sizeof "-");
    if (IN6_IS_ADDR_V4MAPPED(&address))
        inet_ntop(AF_INET, address.s6_addr + 12, text, PEER_TEXT_SIZE);
    else
        inet_ntop(AF_INET6, &address, text, PEER_TEXT_SIZE);
    return text;
}

/* Without memory a peer is not counted. */
static struct peer *peer_find(struct connections *all, struct in6_addr address)
{
    struct peer *peer;
    if (!IN6_IS_ADDR_V4MAPPED(&address))
        memset(address.s6_addr + NETWORK_BYTES, 0, sizeof address - NETWORK_BYTES);
    HASH_FIND(hh, all->peers, &address, sizeof address, peer);
    if (peer)
        return peer;
    peer = calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    peer->address = address;
    HASH_ADD(hh, all->peers, address, sizeof peer->address, peer);
    if (peer->hh.tbl)
        return peer;
    free(peer);
    return NULL;
}

static void connection_remember(struct connection *connection)
{
    struct connections *all = connection->all;
    int fd = bufferevent_getfd(connection->bev);
    if (fd < 0)
        return;
    if ((size_t)fd >= all->by_fd_size) {
        size_t size = ((size_t)fd + 64) * 2;
        struct connection **by_fd = realloc(all->by_fd, size * sizeof(struct connection *));
        if (!by_fd)
            return;
        memset(by_fd + all->by_fd_size, 0, (size - all->by_fd_size) * sizeof(struct connection *));
        all->by_fd = by_fd;
        all->by_fd_size = size;
    }
    all->by_fd[fd] = connection;
    connection->fd = fd;
}

void connection_greet(struct connection *connection)
{
    struct connections *all = connection->all;
    struct in6_addr address;
    char text[PEER_TEXT_SIZE];
    connection_remember(connection);
    if (connection->fd < 0 || !address_of(connection->fd, &address) ||
        (all->hooks.is_trusted && all->hooks.is_trusted(all->hooks.arg, &address)))
        return;
    connection->peer = peer_find(all, address);
    if (!connection->peer || ++connection->peer->count <= all->limits.connections_per_address)
        return;
    all->counts.over_address++;
    complain(&all->complaints[COMPLAINT_ADDRESS], "one address has too many connections",
             connection_peer(connection, text));
    connection_refuse(connection, 503, "your address has too many connections here");
    connection->deadline_ms = clock_monotonic_ms() + SWEEP_MS; /* a flood must not fill the table */
}

void connection_part(struct connection *connection)
{
    struct connections *all = connection->all;
    struct peer *peer = connection->peer;
    if (connection->fd >= 0 && all->by_fd[connection->fd] == connection)
        all->by_fd[connection->fd] = NULL;
    connection->peer = NULL;
    if (!peer || --peer->count > 0)
        return;
    HASH_DEL(all->peers, peer);
    free(peer);
}
