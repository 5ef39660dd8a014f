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

size_t guard_word_pass(struct guard_word *word, const char *data, size_t length)
{
    size_t n = guard_run(data, length, CLASS_TOKEN);
    size_t room = sizeof word->text - word->length, kept = n < room ? n : room;
    memcpy(word->text + word->length, data, kept);
    word->length += (unsigned char)kept;
    return n;
}

/* All of it, as compilers make a few wide instructions of that. */
void guard_word_lower(struct guard_word *word)
{
    for (size_t i = 0; i < sizeof word->text; i++)
        word->text[i] = ascii_lower(word->text[i]);
}

unsigned guard_word_find(const struct guard_word *word, guard_known *known, unsigned count)
{
    unsigned i = 0;
    while (i < count && memcmp(known[i], word->text, sizeof word->text) != 0)
        i++;
    return i;
}

bool guard_word_begins(const struct guard_word *word, guard_known *known, unsigned count)
{
    unsigned i = 0;
    while (i < count && memcmp(known[i], word->text, word->length) != 0)
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
