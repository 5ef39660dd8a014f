/*
 * Who is behind a proxy.
 *
 * Each proxy adds whom it talked to at the end. From the end on, an entry is believed while the one
 * who wrote it is trusted; the first one that is not trusted itself is the client. All that stands
 * before was written by the client, who may write anything.
 */
#include "forwarded.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { V4_BITS = 32, V6_BITS = 128, V4_PREFIX_BITS = V6_BITS - V4_BITS };

static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

/* Returns the bits that an address of its kind has; 0: it is none. */
static unsigned address_read(struct in6_addr *address, const char *text)
{
    struct in_addr v4;
    if (inet_pton(AF_INET6, text, address) == 1)
        return V6_BITS;
    if (inet_pton(AF_INET, text, &v4) != 1)
        return 0;
    memcpy(address->s6_addr, mapped, sizeof mapped);
    memcpy(address->s6_addr + sizeof mapped, &v4, sizeof v4);
    return V4_BITS;
}

static void address_write(const struct in6_addr *address, char text[INET6_ADDRSTRLEN])
{
    if (IN6_IS_ADDR_V4MAPPED(address))
        inet_ntop(AF_INET, address->s6_addr + sizeof mapped, text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
}

/* ---- whom to trust ---- */

static bool network_read(struct network *network, const char *text)
{
    char host[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "/");
    const char *bits = text[length] ? text + length + 1 : NULL;
    if (length >= sizeof host)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    unsigned size = address_read(&network->address, host);
    network->bits = V6_BITS;
    if (!size || !bits)
        return size != 0;
    if (!*bits || strspn(bits, "0123456789") != strlen(bits) || strlen(bits) > 3)
        return false;
    unsigned long count = strtoul(bits, NULL, 10);
    network->bits = (unsigned)count + (size == V4_BITS ? V4_PREFIX_BITS : 0);
    return count <= size;
}

int trusted_add(struct trusted *trusted, const char *text, ferry_error *error)
{
    struct network network;
    if (strcmp(text, "unix") == 0) {
        trusted->has_unix = true;
        return 0;
    }
    if (!network_read(&network, text))
        return ferry_error_set(error, FERRY_INVALID,
                               "%s: an address or a network, for example 127.0.0.1, 10.0.0.0/8, "
                               "fd00::/8 or unix",
                               text);
    struct network *longer =
        realloc(trusted->networks, (trusted->count + 1) * sizeof *trusted->networks);
    if (!longer)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    longer[trusted->count++] = network;
    trusted->networks = longer;
    return 0;
}

void trusted_fini(struct trusted *trusted)
{
    free(trusted->networks);
}

static bool network_has(const struct network *network, const struct in6_addr *address)
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(network->address.s6_addr, address->s6_addr, whole) != 0)
        return false;
    unsigned differ = rest ? network->address.s6_addr[whole] ^ address->s6_addr[whole] : 0;
    return differ >> (8 - rest) == 0;
}

bool trusted_has_address(const struct trusted *trusted, const struct in6_addr *address)
{
    for (size_t i = 0; i < trusted->count; i++) {
        if (network_has(&trusted->networks[i], address))
            return true;
    }
    return false;
}

bool trusted_has(const struct trusted *trusted, const char *peer)
{
    struct in6_addr address;
    if (strcmp(peer, "unix") == 0)
        return trusted->has_unix;
    return address_read(&address, peer) && trusted_has_address(trusted, &address);
}

/* ---- whom they speak of ---- */

/* "192.0.2.1", "192.0.2.1:8000", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:8000" */
static bool entry_read(struct in6_addr *address, const char *text, size_t length)
{
    char host[INET6_ADDRSTRLEN];
    const char *colon = memchr(text, ':', length);
    if (length > 0 && *text == '[') {
        const char *end = memchr(text, ']', length);
        if (!end)
            return false;
        text++;
        length = (size_t)(end - text);
    } else if (colon && !memchr(colon + 1, ':', length - (size_t)(colon + 1 - text))) {
        length = (size_t)(colon - text);
    }
    if (length >= sizeof host)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    return address_read(address, host) != 0;
}

bool forwarded_follow(const struct trusted *trusted, const char *value,
                      char client[INET6_ADDRSTRLEN])
{
    struct in6_addr address;
    const char *end = value + strlen(value);
    while (end > value) {
        while (end > value && strchr(" \t,", end[-1]))
            end--;
        const char *start = end;
        while (start > value && !strchr(" \t,", start[-1]))
            start--;
        if (start == end)
            break;
        if (!entry_read(&address, start, (size_t)(end - start)))
            return false; /* a proxy that hides it, or nonsense: the last one known stays */
        address_write(&address, client);
        if (!trusted_has_address(trusted, &address))
            return false;
        end = start;
    }
    return true;
}
