/* PostgreSQL, protocol 3: a prepared INSERT into the table `jobs`, its own transaction. The server
 * is one that trusts who connects; the user is `bench`, the database `postgres`. */
#include "protocol.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

/* A message is a type, a length that counts itself, and its content. */
enum { TYPE_BYTES = 1, LENGTH_BYTES = 4, HEAD_BYTES = TYPE_BYTES + LENGTH_BYTES };

static uint32_t get_32(const char *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return ntohl(value);
}

static size_t put_message(char *bytes, char type, const void *content, size_t length)
{
    uint32_t whole = htonl((uint32_t)(LENGTH_BYTES + length));
    bytes[0] = type;
    memcpy(bytes + TYPE_BYTES, &whole, sizeof whole);
    memcpy(bytes + HEAD_BYTES, content, length);
    return HEAD_BYTES + length;
}

/* Read what the server says until it is ready for the next. */
static void skip_to_ready(int fd)
{
    char head[HEAD_BYTES], content[REPLY_BYTES];
    do {
        read_all(fd, head, sizeof head);
        size_t length = get_32(head + TYPE_BYTES) - LENGTH_BYTES;
        if (length >= sizeof content)
            die_saying("postgres", "too long a message");
        read_all(fd, content, length);
        content[length] = '\0';
        if (head[0] == 'E')
            for (char *field = content; *field; field += strlen(field) + 1)
                if (*field == 'M')
                    die_saying("postgres", field + 1);
        if (head[0] == 'R' && get_32(content) != 0)
            die_saying("postgres", "the server wants a password");
    } while (head[0] != 'Z');
}

static void postgres_open(int fd)
{
    static const char startup[] = "\0\0\0\0\0\3\0\0user\0bench\0database\0postgres\0";
    static const char parse[] = "put\0INSERT INTO jobs (payload) VALUES ($1)\0\0";
    char bytes[REQUEST_BYTES];
    uint32_t whole = htonl(sizeof startup);
    memcpy(bytes, startup, sizeof startup);
    memcpy(bytes, &whole, sizeof whole);
    write_all(fd, bytes, sizeof startup);
    skip_to_ready(fd);
    size_t length = put_message(bytes, 'P', parse, sizeof parse);
    length += put_message(bytes + length, 'S', "", 0);
    write_all(fd, bytes, length);
    skip_to_ready(fd);
}

static size_t postgres_request(char *bytes, const struct options *options)
{
    /* The unnamed portal, `put`, one format for all parameters: binary; one parameter. */
    static const char bind[] = "\0put\0\0\1\0\1\0\1";
    static const char execute[] = "\0\0\0\0"; /* the unnamed portal, without a limit */
    (void)options;
    char content[REQUEST_BYTES];
    size_t length = sizeof bind - 1;
    memcpy(content, bind, length);
    uint32_t payload = htonl(PAYLOAD_BYTES);
    memcpy(content + length, &payload, sizeof payload);
    length += sizeof payload;
    memset(content + length, 'x', PAYLOAD_BYTES);
    length += PAYLOAD_BYTES;
    memset(content + length, 0, 2); /* results in text */
    size_t whole = put_message(bytes, 'B', content, length + 2);
    whole += put_message(bytes + whole, 'E', execute, sizeof execute);
    return whole + put_message(bytes + whole, 'S', "", 0);
}

static ssize_t postgres_reply(const char *bytes, size_t length)
{
    size_t at = 0;
    while (at + HEAD_BYTES <= length) {
        size_t next = at + TYPE_BYTES + get_32(bytes + at + TYPE_BYTES);
        if (bytes[at] == 'E')
            return -1;
        if (bytes[at] == 'Z')
            return length < next ? 0 : (ssize_t)next;
        at = next;
    }
    return 0;
}

const struct protocol postgres = {
    .name = "postgres",
    .open = postgres_open,
    .request = postgres_request,
    .reply = postgres_reply,
};
