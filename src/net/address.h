/*
 * Socket addresses as people write them: "127.0.0.1:8002", "[::1]:8002", ":8002" (every address),
 * "unix:/run/ferry.sock". No name is looked up. Any thread.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

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

enum {
    ADDRESS_TEXT_SIZE = sizeof(struct sockaddr_un) + 8,
    ADDRESS_HOST_SIZE = 256, /* a name has 253 bytes at most */
    ADDRESS_PORT_SIZE = 6,
};

/* Errors: FERRY_INVALID with a message that shows how an address looks. */
int address_parse(struct address *address, const char *text, ferry_error *error);

/* Split "HOST:PORT", whatever the host is; brackets around it are taken away. Errors: as above. */
int address_split(const char *text, char host[ADDRESS_HOST_SIZE], char port[ADDRESS_PORT_SIZE],
                  ferry_error *error);

/* Turn "every address" of v6 into that of v4, for systems without v6. */
void address_to_v4(struct address *address);

/* Write as address_parse reads it; returns `text`. */
char *address_format(const struct address *address, char *text, size_t size);

#endif
