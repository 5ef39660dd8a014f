/*
 * Socket addresses as people write them: "127.0.0.1:8002", "[::1]:8002", ":8002" (every address),
 * "unix:/run/ferry.sock". No name is looked up. Any thread.
 */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <ferry/error.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    };
    socklen_t length;
    bool is_every; /* v6 that takes v4 as well, where the system has v6 at all */
};

enum { ADDRESS_TEXT_SIZE = sizeof(struct sockaddr_un) + 8 };

/* Errors: FERRY_INVALID with a message that shows how an address looks. */
int address_parse(struct address *address, const char *text, ferry_error *error);

/* Turn "every address" of v6 into that of v4, for systems without v6. */
void address_to_v4(struct address *address);

/* Write as address_parse reads it; returns `text`. */
char *address_format(const struct address *address, char *text, size_t size);

#endif
