/*
 * Who is at the other end, and how many connections each has.
 *
 * An IPv6 network of 64 bits counts as one address: its owner can choose the rest freely.
 * Peers on unix sockets, and trusted ones, who speak for many, are not counted.
 */
#include <arpa/inet.h>
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

/* IPv4 as IPv6 has it. Returns false for other families. */
static bool address_of(const struct sockaddr *peer, struct in6_addr *address)
{
    memset(address, 0, sizeof *address);
    if (peer->sa_family == AF_INET) {
        memset(address->s6_addr + 10, 0xff, 2);
        memcpy(address->s6_addr + 12, &((const struct sockaddr_in *)(const void *)peer)->sin_addr,
               4);
        return true;
    }
    if (peer->sa_family == AF_INET6)
        *address = ((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    return peer->sa_family == AF_INET6;
}

void peer_format(const struct in6_addr *address, char text[PEER_TEXT_SIZE])
{
    if (IN6_IS_ADDR_V4MAPPED(address))
        inet_ntop(AF_INET, address->s6_addr + 12, text, PEER_TEXT_SIZE);
    else
        inet_ntop(AF_INET6, address, text, PEER_TEXT_SIZE);
}

const char *connection_peer(const struct connection *connection, char text[PEER_TEXT_SIZE])
{
    if (connection->has_address)
        peer_format(&connection->address, text);
    else
        memcpy(text, "-", sizeof "-");
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

void connection_greet(struct connection *connection, const struct sockaddr *peer)
{
    struct connections *all = connection->all;
    char text[PEER_TEXT_SIZE];
    connection->has_address = address_of(peer, &connection->address);
    if (!connection->has_address ||
        (all->hooks.is_trusted && all->hooks.is_trusted(all->hooks.arg, &connection->address)))
        return;
    connection->peer = peer_find(all, connection->address);
    if (!connection->peer || ++connection->peer->count <= all->limits.connections_per_address)
        return;
    all->counts.over_address++;
    complain(&all->complaints[COMPLAINT_ADDRESS], "one address has too many connections",
             connection_peer(connection, text));
    connection_refuse(connection, 503, "your address has too many connections here");
    connection->deadline_ms = clock_coarse_ms() + SWEEP_MS; /* a flood must not fill the table */
}

void connection_part(struct connection *connection)
{
    struct connections *all = connection->all;
    struct peer *peer = connection->peer;
    connection->peer = NULL;
    if (!peer || --peer->count > 0)
        return;
    HASH_DEL(all->peers, peer);
    free(peer);
}
