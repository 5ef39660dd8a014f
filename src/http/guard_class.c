/*
 * The guard's classes of bytes, its words and its hosts. Pure functions.
 */
#include <arpa/inet.h>
#include <string.h>

#include "guard_parts.h"

/* A row is 16 bytes; what the bits are stands in guard_parts.h, and the test derives them anew. */
const unsigned char guard_class[256] = {
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x82, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x82, 0x1f, 0x02, 0x03, 0x1f, 0x0b, 0x1f, 0x1f, 0x1e, 0x1e, 0x1f, 0x1f, 0x0e, 0x1f, 0x1f, 0x0e,
    0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x0e, 0x1e, 0x02, 0x1e, 0x02, 0x0a,
    0x0e, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f,
    0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x0e, 0x0a, 0x0e, 0x0f, 0x1f,
    0x0f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f,
    0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x0e, 0x0f, 0x0e, 0x1f, 0x00,
    0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02,
    0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02,
    0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02,
    0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02,
    0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02,
    0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02,
    0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02,
    0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02,
};

/* ---- words ---- */

/* Return what of a known word is behind this one, NULL if that is not how it begins. */
static const char *rest_of(const struct guard_word *word, const char *known)
{
    for (unsigned i = 0; i < word->length; i++, known++) {
        if (*known != word->text[i] || !*known)
            return NULL;
    }
    return known;
}

unsigned guard_word_find(const struct guard_word *word, const char *const *known, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (*known[i] != word->text[0]) /* as a rule */
            continue;
        const char *rest = rest_of(word, known[i]);
        if (rest && !*rest)
            return i;
    }
    return count;
}

bool guard_word_begins(const struct guard_word *word, const char *const *known, unsigned count)
{
    unsigned i = 0;
    while (i < count && !rest_of(word, known[i]))
        i++;
    return i < count;
}

/* ---- hosts ---- */

enum host_state { HOST_EMPTY, HOST_NAME, HOST_LITERAL, HOST_LITERAL_END, HOST_PORT };

void guard_host_start(struct guard_host *host)
{
    host->state = HOST_EMPTY;
    host->literal_length = 0;
    host->port = 0;
    host->hash = 0xcbf29ce484222325; /* FNV-1a: it compares, and nobody gains by a collision */
}

static uint64_t hash_add(uint64_t hash, char c)
{
    return (hash ^ (unsigned char)ascii_lower(c)) * 0x100000001b3;
}

static bool literal_take(struct guard_host *host, char c)
{
    if (c == ']') {
        struct in6_addr address;
        host->literal[host->literal_length] = '\0';
        host->state = HOST_LITERAL_END;
        return inet_pton(AF_INET6, host->literal, &address) == 1;
    }
    if (host->literal_length == sizeof host->literal - 1)
        return false;
    host->literal[host->literal_length++] = c;
    return guard_is(c, CLASS_HEX) || c == ':' || c == '.';
}

static bool port_take(struct guard_host *host, char c)
{
    if (!guard_is(c, CLASS_DIGIT))
        return false;
    host->port = host->port * 10 + (uint32_t)(c - '0');
    return host->port <= UINT16_MAX;
}

bool guard_host_take(struct guard_host *host, char c)
{
    host->hash = hash_add(host->hash, c);
    switch ((enum host_state)host->state) {
    case HOST_EMPTY:
        host->state = c == '[' ? HOST_LITERAL : HOST_NAME;
        return c == '[' || guard_is(c, CLASS_HOST);
    case HOST_NAME:
    case HOST_LITERAL_END:
        if (c == ':') {
            host->state = HOST_PORT;
            return true;
        }
        return host->state == HOST_NAME && guard_is(c, CLASS_HOST);
    case HOST_LITERAL:
        return literal_take(host, c);
    case HOST_PORT:
        break;
    }
    return port_take(host, c);
}

/* Take what follows of a name at once. */
static size_t name_pass(struct guard_host *host, const char *data, size_t length)
{
    size_t run = host->state == HOST_NAME ? guard_run(data, length, CLASS_HOST) : 0;
    uint64_t hash = host->hash;
    for (size_t i = 0; i < run; i++)
        hash = hash_add(hash, data[i]);
    host->hash = hash;
    return run;
}

size_t guard_host_pass(struct guard_host *host, const char *data, size_t length)
{
    size_t n = 0;
    while (n < length && !guard_is(data[n], CLASS_BLANK) && guard_host_take(host, data[n])) {
        n++;
        n += name_pass(host, data + n, length - n);
    }
    return n;
}

bool guard_host_is_whole(const struct guard_host *host)
{
    return host->state != HOST_LITERAL;
}

bool guard_host_is_empty(const struct guard_host *host)
{
    return host->state == HOST_EMPTY;
}
