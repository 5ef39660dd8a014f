/*
 * Messages: a head of nine bytes (the length of all that follows it, the kind), then the fields. A
 * number has eight bytes; data have their length before them and a NUL behind, so that a text can
 * be used where it stands; the length of a NULL is -1.
 */
#include "message.h"

#include <errno.h>
#include <sys/socket.h>

enum {
    RECEIVE_BYTES = 64 << 10,
    KEPT_BYTES = 1 << 20, /* of an inbox that is empty */
};
static const int64_t MAX_BYTES = (int64_t)4 << 30; /* of a call; a body has INT_MAX at most */

/* ---- writing ---- */

size_t message_begin(struct bytes *out, enum message_kind kind)
{
    size_t begin = out->length;
    message_put_number(out, 0);
    bytes_append_char(out, (char)kind);
    return begin;
}

void message_end(struct bytes *out, size_t begin)
{
    if (out->failed)
        return;
    int64_t length = (int64_t)(out->length - begin - MESSAGE_HEAD_BYTES);
    memcpy(out->data + begin, &length, sizeof length);
}

void message_put_number(struct bytes *out, int64_t number)
{
    bytes_append(out, &number, sizeof number);
}

void message_put_data(struct bytes *out, const void *data, size_t length)
{
    message_put_number(out, (int64_t)length);
    bytes_append(out, data, length);
    bytes_append_char(out, '\0');
}

void message_put_text(struct bytes *out, const char *text)
{
    if (text)
        message_put_data(out, text, strlen(text));
    else
        message_put_number(out, -1);
}

/* ---- reading ---- */

/* What was not taken moves to the front. */
void message_inbox_compact(struct message_inbox *inbox)
{
    struct bytes *bytes = &inbox->bytes;
    size_t left = bytes->length - inbox->begin;
    if (inbox->begin == 0)
        return;
    if (left == 0 && bytes->capacity > KEPT_BYTES) {
        bytes_fini(bytes);
    } else {
        memmove(bytes->data, bytes->data + inbox->begin, left);
        bytes->length = left;
    }
    inbox->begin = 0;
}

int message_receive(struct message_inbox *inbox, int fd)
{
    message_inbox_compact(inbox);
    struct bytes *bytes = &inbox->bytes;
    size_t before = bytes->length;
    char *room = bytes_extend(bytes, RECEIVE_BYTES);
    if (!room) {
        errno = ENOMEM;
        return -1;
    }
    ssize_t n;
    do {
        n = recv(fd, room, RECEIVE_BYTES, 0);
    } while (n < 0 && errno == EINTR);
    bytes->length = before + (n > 0 ? (size_t)n : 0);
    if (n < 0 && errno == ECONNRESET)
        return 0;
    return n < 0 ? -1 : n > 0;
}

int message_next(struct message_inbox *inbox, struct message *message)
{
    size_t left = inbox->bytes.length - inbox->begin;
    int64_t length;
    if (left < MESSAGE_HEAD_BYTES)
        return 0;
    const char *at = inbox->bytes.data + inbox->begin;
    memcpy(&length, at, sizeof length);
    if (length < 0 || length > (inbox->limit ? (int64_t)inbox->limit : MAX_BYTES))
        return FERRY_INVALID;
    if (left - MESSAGE_HEAD_BYTES < (size_t)length)
        return 0;
    *message = (struct message){
        .kind = (enum message_kind)at[MESSAGE_HEAD_BYTES - 1],
        .at = at + MESSAGE_HEAD_BYTES,
        .left = (size_t)length,
    };
    inbox->begin += MESSAGE_HEAD_BYTES + (size_t)length;
    return 1;
}

void message_inbox_fini(struct message_inbox *inbox)
{
    bytes_fini(&inbox->bytes);
    inbox->begin = 0;
}

int64_t message_number(struct message *message)
{
    int64_t number = 0;
    if (message->left < sizeof number) {
        message->is_broken = true;
        return 0;
    }
    memcpy(&number, message->at, sizeof number);
    message->at += sizeof number;
    message->left -= sizeof number;
    return number;
}

/* Return bytes whose length has been read, "" when they are not there. */
static const char *take_data(struct message *message, int64_t length)
{
    const char *data = message->at;
    if (length < 0 || (uint64_t)length >= message->left || data[length] != '\0') {
        message->is_broken = true;
        return "";
    }
    message->at += length + 1;
    message->left -= (size_t)length + 1;
    return data;
}

const char *message_data(struct message *message, size_t *length)
{
    int64_t number = message_number(message);
    const char *data = take_data(message, number);
    *length = message->is_broken ? 0 : (size_t)number;
    return data;
}

const char *message_text(struct message *message)
{
    int64_t length = message_number(message);
    if (length == -1)
        return NULL;
    const char *text = take_data(message, length);
    if (!message->is_broken && strlen(text) != (size_t)length)
        message->is_broken = true;
    return text;
}

bool message_is_sound(const struct message *message)
{
    return !message->is_broken && message->left == 0;
}
