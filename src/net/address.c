/*
 * Socket addresses. Pure functions.
 */
#include "address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_local(struct address *address, const char *path, ferry_error *error)
{
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof address->local.sun_path)
        return ferry_error_set(error, FERRY_INVALID,
                               "unix:%s: a socket's path has 1 to %zu bytes, for example "
                               "unix:/run/ferry.sock",
                               path, sizeof address->local.sun_path - 1);
    address->local.sun_family = AF_UNIX;
    memcpy(address->local.sun_path, path, length + 1);
    address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return 0;
}

/* Digits only, and no more than 65535; -1 otherwise. */
static int parse_port(const char *text)
{
    if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 5)
        return -1;
    long port = strtol(text, NULL, 10);
    return port <= 65535 ? (int)port : -1;
}

static bool parse_v6(struct address *address, const char *host, in_port_t port)
{
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = port;
    address->length = sizeof address->v6;
    return inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1;
}

static bool parse_v4(struct address *address, const char *host, in_port_t port)
{
    address->v4.sin_family = AF_INET;
    address->v4.sin_port = port;
    address->length = sizeof address->v4;
    return inet_pton(AF_INET, host, &address->v4.sin_addr) == 1;
}

static bool parse_host(struct address *address, char *host, in_port_t port)
{
    size_t length = strlen(host);
    address->is_every = length == 0;
    if (length == 0)
        return parse_v6(address, "::", port);
    if (host[0] != '[')
        return parse_v4(address, host, port);
    if (host[length - 1] != ']')
        return false;
    host[length - 1] = '\0';
    return parse_v6(address, host + 1, port);
}

int address_parse(struct address *address, const char *text, ferry_error *error)
{
    memset(address, 0, sizeof *address);
    if (!text)
        return ferry_error_set(error, FERRY_INVALID, "there is no address");
    if (strncmp(text, "unix:", 5) == 0)
        return parse_local(address, text + 5, error);
    char host[64];
    const char *colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof host)
        return ferry_error_set(error, FERRY_INVALID,
                               "%s: an address is HOST:PORT, for example 127.0.0.1:8002", text);
    int port = parse_port(colon + 1);
    if (port < 0)
        return ferry_error_set(error, FERRY_INVALID, "%s: a port is a number from 0 to 65535",
                               text);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    if (!parse_host(address, host, htons((in_port_t)port)))
        return ferry_error_set(error, FERRY_INVALID,
                               "%s: the host is a numeric address, for example 127.0.0.1 or [::1]",
                               text);
    return 0;
}

int address_split(const char *text, char host[ADDRESS_HOST_SIZE], char port[ADDRESS_PORT_SIZE],
                  ferry_error *error)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    if (length == 0 || length >= ADDRESS_HOST_SIZE || parse_port(colon + 1) < 0)
        return ferry_error_set(error, FERRY_INVALID,
                               "%s: an address is HOST:PORT, for example localhost:8002", text);
    bool is_bracketed = text[0] == '[' && text[length - 1] == ']' && length > 2;
    if (is_bracketed) {
        text++;
        length -= 2;
    }
    snprintf(host, ADDRESS_HOST_SIZE, "%.*s", (int)length, text);
    snprintf(port, ADDRESS_PORT_SIZE, "%s", colon + 1);
    return 0;
}

void address_to_v4(struct address *address)
{
    in_port_t port = address->v6.sin6_port;
    memset(address, 0, sizeof *address);
    parse_v4(address, "0.0.0.0", port);
}

char *address_format(const struct address *address, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN];
    switch (address->any.sa_family) {
    case AF_INET:
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%u", host, ntohs(address->v4.sin_port));
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%u", host, ntohs(address->v6.sin6_port));
        break;
    default:
        snprintf(text, size, "unix:%s", address->local.sun_path);
        break;
    }
    return text;
}
