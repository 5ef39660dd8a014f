/*
 * The guard: reads each byte of a request before anybody else does, and lets pass what is well
 * framed and means one thing (RFC 9112).
 *
 * It takes the request line, the header lines and the framing of the body as they come, in pieces
 * cut anywhere. It copies nothing and builds no request: its verdict is a status and a reason. Any
 * thread, one guard each.
 */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far a request has come. */
enum guard_stage {
    GUARD_HEAD,    /* in the request line or the headers */
    GUARD_BODY,    /* in the body, its chunks or its trailers */
    GUARD_DONE,    /* it is whole; what follows is another one's */
    GUARD_REFUSED, /* `status` and `reason` say why */
};

/* A host and port in progress, in an absolute target or a Host header. */
struct guard_host {
    unsigned char state;
    unsigned char literal_length;
    uint32_t port;
    uint64_t hash; /* of its lower case */
    char literal[INET6_ADDRSTRLEN];
};

enum { GUARD_WORD_SIZE = 24 }; /* none that is known is longer, or as long */

/* A word that is kept until it is whole, with zeros behind it. Of a longer one not all is. */
struct guard_word {
    unsigned char length;
    char text[GUARD_WORD_SIZE];
};

struct guard {
    size_t header_bytes, body_bytes; /* the limits */
    size_t length;                   /* of the head, or of the trailers, so far */
    size_t field_count;              /* of the head, so far */
    uint64_t body;                   /* the body: as declared, or the chunks so far */
    uint64_t left;                   /* of the body, or of the chunk in progress */
    uint64_t authority_hash;         /* of an absolute target */
    int status;                      /* GUARD_REFUSED: 400, 413, 414, 417, 431, 501, 505 */
    const char *reason;              /* static */
    struct guard_host host;
    struct guard_word word;
    unsigned short line_length; /* of the chunk-size line in progress */
    unsigned char state;
    unsigned char method;
    unsigned char major, minor;
    unsigned char field;
    unsigned char seen;  /* a bit for each field that was there */
    unsigned char place; /* in a version, a number or a list of codings */
    bool is_absolute;    /* the target has an authority */
    bool is_asterisk;    /* the target is * */
    bool is_chunked;
    bool has_other_coding;
    bool has_last_chunked;
    bool has_value_ended; /* only blanks may follow on this line */
    bool in_trailer;
};

/* Begin a new request. */
void guard_init(struct guard *guard, size_t header_bytes, size_t body_bytes);

/* Take the next bytes, up to where the stage changes or the bytes of the body begin. Returns how
 * many; fewer than there are only for one of these reasons. */
size_t guard_feed(struct guard *guard, const char *data, size_t length);

/* Take bytes of the body, without its framing: returns how many of the next `length` are such. */
size_t guard_pass(struct guard *guard, size_t length);

enum guard_stage guard_stage(const struct guard *guard);

/* Return the bytes of the body that have come, without its framing. */
size_t guard_received(const struct guard *guard);

/* Tell whether the method is HEAD, as far as that has come: what answers it has no body. */
bool guard_is_for_head(const struct guard *guard);

/* Tell whether the client waits to be told to send the body (Expect: 100-continue). In GUARD_BODY.
 */
bool guard_expects_continue(const struct guard *guard);

#endif
