/* A protocol of enqueue: how a connection gets ready, what puts one job, and what says that it is
 * kept. A job is 256 bytes in all of them. */
#ifndef ENQUEUE_PROTOCOL_H
#define ENQUEUE_PROTOCOL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PAYLOAD_BYTES = 256, REQUEST_BYTES = 1024, REPLY_BYTES = 4096 };

/* What of the command line is a protocol's own; NULL is its default. */
struct options {
    const char *path;   /* http: the route */
    const char *header; /* http: one more header, "Ferry-Delay: 1h" */
};

struct protocol {
    const char *name;
    /* Shake hands, blocking; may be NULL. Exits when the server does not agree. */
    void (*open)(int fd);
    /* Write the bytes that put one job, the same for all; returns their count. */
    size_t (*request)(char *bytes, const struct options *options);
    /* The length of a reply once it is whole, 0 before, -1 when it refuses the job. */
    ssize_t (*reply)(const char *bytes, size_t length);
    /* Tell whether the server closes the connection behind a whole reply; NULL: it never does. */
    bool (*is_last)(const char *bytes, size_t length);
};

extern const struct protocol http, redis, beanstalk, postgres, amqp;

/* Exit, with errno's text or with an explanation. */
_Noreturn void die(const char *what);
_Noreturn void die_saying(const char *what, const char *why);

/* Blocking, whole or not at all. */
void write_all(int fd, const void *bytes, size_t length);
void read_all(int fd, void *bytes, size_t length);
int connect_to(const struct sockaddr_in *address);

/* ferry: how many jobs have succeeded, of the admin listener's metrics. */
long http_succeeded_jobs(const struct sockaddr_in *admin);

#endif
