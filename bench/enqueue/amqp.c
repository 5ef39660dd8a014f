/* RabbitMQ, AMQP 0-9-1: persistent messages to the durable queue `jobs`, with publisher confirms:
 * the broker acknowledges a message after it has written it to disk. */
#include "protocol.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

/* A frame is a type, a channel, the length of its content, the content, and an end. */
enum { HEAD_BYTES = 7, END_BYTES = 1, FRAME_END = 0xCE };
enum { FRAME_METHOD = 1, FRAME_HEADER = 2, FRAME_BODY = 3 };

/* Methods as class and number. */
#define METHOD(class, number) ((uint32_t)(class) << 16 | (number))
enum {
    CONNECTION_START = METHOD(10, 10),
    CONNECTION_TUNE = METHOD(10, 30),
    CONNECTION_OPEN_OK = METHOD(10, 41),
    CHANNEL_OPEN_OK = METHOD(20, 11),
    QUEUE_DECLARE_OK = METHOD(50, 11),
    BASIC_ACK = METHOD(60, 80),
    CONFIRM_SELECT_OK = METHOD(85, 11),
};

static uint32_t get_32(const char *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return ntohl(value);
}

static size_t put_frame(char *bytes, char type, char channel, const void *content, size_t length)
{
    uint32_t size = htonl((uint32_t)length);
    bytes[0] = type;
    bytes[1] = 0;
    bytes[2] = channel;
    memcpy(bytes + 3, &size, sizeof size);
    memcpy(bytes + HEAD_BYTES, content, length);
    bytes[HEAD_BYTES + length] = (char)FRAME_END;
    return HEAD_BYTES + length + END_BYTES;
}

static void send_method(int fd, char channel, const void *content, size_t length)
{
    char bytes[REQUEST_BYTES];
    write_all(fd, bytes, put_frame(bytes, FRAME_METHOD, channel, content, length));
}

static void expect_method(int fd, uint32_t method, const char *name)
{
    char head[HEAD_BYTES], content[REPLY_BYTES];
    read_all(fd, head, sizeof head);
    size_t length = get_32(head + 3);
    if (length + END_BYTES > sizeof content)
        die_saying(name, "too long an answer");
    read_all(fd, content, length + END_BYTES);
    if (length < 4 || get_32(content) != method)
        die_saying(name, "the broker says something else");
}

/* A string's size without its end is what goes over the wire. */
#define SEND(fd, channel, text) send_method(fd, channel, text, sizeof(text) - 1)

static void amqp_open(int fd)
{
    write_all(fd, "AMQP\0\0\t\1", 8);
    expect_method(fd, CONNECTION_START, "start");
    /* No properties, PLAIN, the user and password of a new broker, a locale. */
    SEND(fd, 0,
         "\0\12\0\13"
         "\0\0\0\0"
         "\5PLAIN"
         "\0\0\0\14\0guest\0guest"
         "\5en_US");
    expect_method(fd, CONNECTION_TUNE, "tune");
    /* One channel or more, frames of 128 KiB, no heartbeat. */
    SEND(fd, 0,
         "\0\12\0\37"
         "\0\1"
         "\0\2\0\0"
         "\0\0");
    SEND(fd, 0,
         "\0\12\0\50"
         "\1/"
         "\0"
         "\0");
    expect_method(fd, CONNECTION_OPEN_OK, "open");
    SEND(fd, 1,
         "\0\24\0\12"
         "\0");
    expect_method(fd, CHANNEL_OPEN_OK, "channel");
    /* Durable is the second bit. */
    SEND(fd, 1,
         "\0\62\0\12"
         "\0\0"
         "\4jobs"
         "\2"
         "\0\0\0\0");
    expect_method(fd, QUEUE_DECLARE_OK, "queue");
    SEND(fd, 1,
         "\0\125\0\12"
         "\0");
    expect_method(fd, CONFIRM_SELECT_OK, "confirm");
}

static size_t amqp_request(char *bytes, const struct options *options)
{
    /* To the default exchange, under the queue's name; then a body's size, and its one property,
     * delivery mode 2: persistent. */
    static const char publish[] = "\0\74\0\50"
                                  "\0\0"
                                  "\0"
                                  "\4jobs"
                                  "\0";
    static const char header[] = "\0\74"
                                 "\0\0"
                                 "\0\0\0\0\0\0\1\0"
                                 "\20\0"
                                 "\2";
    char payload[PAYLOAD_BYTES];
    (void)options;
    _Static_assert(PAYLOAD_BYTES == 256, "the header names it");
    memset(payload, 'x', sizeof payload);
    size_t length = put_frame(bytes, FRAME_METHOD, 1, publish, sizeof publish - 1);
    length += put_frame(bytes + length, FRAME_HEADER, 1, header, sizeof header - 1);
    return length + put_frame(bytes + length, FRAME_BODY, 1, payload, sizeof payload);
}

static ssize_t amqp_reply(const char *bytes, size_t length)
{
    if (length < HEAD_BYTES + 4)
        return 0;
    size_t whole = HEAD_BYTES + get_32(bytes + 3) + END_BYTES;
    if (bytes[0] != FRAME_METHOD || get_32(bytes + HEAD_BYTES) != BASIC_ACK)
        return -1;
    return length < whole ? 0 : (ssize_t)whole;
}

const struct protocol amqp = {
    .name = "amqp",
    .open = amqp_open,
    .request = amqp_request,
    .reply = amqp_reply,
};
