/* ferry over HTTP: a job is a POST, and kept when the answer is 202. */
#include "protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t http_request(char *bytes, const struct options *options)
{
    int length =
        snprintf(bytes, REQUEST_BYTES - PAYLOAD_BYTES,
                 "POST %s HTTP/1.1\r\nHost: localhost\r\n%s%sContent-Length: %d\r\n\r\n",
                 options->path ? options->path : "/", options->header ? options->header : "",
                 options->header ? "\r\n" : "", PAYLOAD_BYTES);
    if (length < 0 || length >= REQUEST_BYTES - PAYLOAD_BYTES)
        die_saying("--path, --header", "too long");
    memset(bytes + length, 'x', PAYLOAD_BYTES);
    return (size_t)length + PAYLOAD_BYTES;
}

/* The headers are looked for in what is there, as replies are short and come at once. */
static ssize_t http_reply(const char *bytes, size_t length)
{
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (memcmp(bytes, "HTTP/1.1 202 ", 13) != 0)
        return -1;
    static const char name[] = "\r\nContent-Length: ";
    const char *value = memmem(bytes, (size_t)(end - bytes), name, sizeof name - 1);
    size_t body = value ? strtoul(value + sizeof name - 1, NULL, 10) : 0;
    size_t whole = (size_t)(end - bytes) + 4 + body;
    return length < whole ? 0 : (ssize_t)whole;
}

/* A server may have a connection do so many requests and no more. */
static bool http_is_last(const char *bytes, size_t length)
{
    static const char field[] = "\r\nConnection: close\r\n";
    return memmem(bytes, length, field, sizeof field - 1) != NULL;
}

const struct protocol http = {
    .name = "http",
    .request = http_request,
    .reply = http_reply,
    .is_last = http_is_last,
};

long http_succeeded_jobs(const struct sockaddr_in *admin)
{
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
                                  "Connection: close\r\n\r\n";
    static const char name[] = "\nferry_jobs{state=\"succeeded\"} ";
    static char reply[1 << 20];
    size_t length = 0;
    int fd = connect_to(admin);
    write_all(fd, request, sizeof request - 1);
    for (ssize_t n; (n = read(fd, reply + length, sizeof reply - 1 - length)) > 0;)
        length += (size_t)n;
    close(fd);
    reply[length] = '\0';
    const char *value = strstr(reply, name);
    if (!value)
        die_saying("metrics", "they do not count jobs; is this ferry's admin listener?");
    return strtol(value + sizeof name - 1, NULL, 10);
}
