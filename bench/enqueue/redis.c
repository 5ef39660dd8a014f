/* Redis: LPUSH to one list. With appendfsync always it answers after the fsync of its file. */
#include "protocol.h"

#include <stdio.h>
#include <string.h>

static size_t redis_request(char *bytes, const struct options *options)
{
    (void)options;
    size_t length =
        (size_t)sprintf(bytes, "*3\r\n$5\r\nLPUSH\r\n$4\r\njobs\r\n$%d\r\n", PAYLOAD_BYTES);
    memset(bytes + length, 'x', PAYLOAD_BYTES);
    memcpy(bytes + length + PAYLOAD_BYTES, "\r\n", 2);
    return length + PAYLOAD_BYTES + 2;
}

static ssize_t redis_reply(const char *bytes, size_t length)
{
    if (bytes[length - 1] != '\n')
        return 0;
    return bytes[0] == ':' ? (ssize_t)length : -1;
}

const struct protocol redis = {
    .name = "redis",
    .request = redis_request,
    .reply = redis_reply,
};
