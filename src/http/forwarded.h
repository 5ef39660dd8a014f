/*
 * Who is behind a proxy: X-Forwarded-For and X-Forwarded-Proto, of proxies that are trusted. Pure
 * functions.
 */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include <ferry/error.h>

/* An address or a network; IPv4 is kept as IPv6 has it, ::ffff:a.b.c.d. */
struct network {
    struct in6_addr address;
    unsigned bits; /* the first ones that count */
};

struct trusted {
    struct network *networks;
    size_t count;
    bool has_unix; /* peers on unix sockets */
};

/* Add "10.0.0.0/8", "::1", "unix". Errors: FERRY_INVALID it is none; FERRY_INTERNAL no memory. */
int trusted_add(struct trusted *trusted, const char *text, ferry_error *error);
void trusted_fini(struct trusted *trusted);

/* `peer` is as the socket has it, or "unix". */
bool trusted_has(const struct trusted *trusted, const char *peer);

bool trusted_has_address(const struct trusted *trusted, const struct in6_addr *address);

/* Follow one X-Forwarded-For value from its end, as far as those are trusted who said so. `client`
 * is who is known so far, and becomes who is known then. Returns whether that one is trusted, so
 * that a value further up counts, too. */
bool forwarded_follow(const struct trusted *trusted, const char *value,
                      char client[INET6_ADDRSTRLEN]);

#endif
