/*
 * What ferry and the process of an isolated worker say to each other: messages over a socket. Each
 * is its length, its kind, and fields of numbers and bytes. Both ends are the same program on the
 * same machine, so a number is written as it is in memory. The one that reads believes nothing: the
 * other may have written over its own memory.
 *
 * One thread at a time.
 */
#ifndef WORKER_MESSAGE_H
#define WORKER_MESSAGE_H

#include "bytes.h"

enum message_kind {
    /* ferry says */
    MESSAGE_LOG = 'l',    /* how the log is set, before the worker opens */
    MESSAGE_OPEN = 'o',   /* which worker this is */
    MESSAGE_CALL = 'c',   /* run it; one at a time */
    MESSAGE_CANCEL = 'x', /* end it early */
    /* the process says, of the call that runs */
    MESSAGE_PROGRESS = 'p',
    MESSAGE_ANSWER = 'a', /* how it has ended */
    /* and before an answer */
    MESSAGE_DROPPED = 'd', /* lines of the log that it has dropped since */
};

enum { MESSAGE_HEAD_BYTES = 9 }; /* a message without fields has no more */

/* ---- writing ---- */

/* Begin a message behind what is there already. Returns where, for message_end. */
size_t message_begin(struct bytes *out, enum message_kind kind);
void message_end(struct bytes *out, size_t begin);

void message_put_number(struct bytes *out, int64_t number);
void message_put_data(struct bytes *out, const void *data, size_t length);
void message_put_text(struct bytes *out, const char *text); /* NULL stays NULL */

/* ---- reading ---- */

struct message {
    enum message_kind kind;
    const char *at;
    size_t left;
    bool is_broken; /* a field was asked for that is not there; it was 0, NULL or empty */
};

/* What has come and was not read yet. A zeroed one is empty. */
struct message_inbox {
    struct bytes bytes;
    size_t begin;
    size_t limit; /* of a message, in bytes; 0: what the largest call may have */
};

/* Forget what was taken, and with it the memory of what was large: between calls there is nothing
 * to keep. */
void message_inbox_compact(struct message_inbox *inbox);

/* Read once from a socket. Returns 1: there is more, 0: the other end is closed, or -1 and errno:
 * there is nothing now (EAGAIN), there is no memory for it (ENOMEM), or it failed. Blocks as the
 * socket does. */
int message_receive(struct message_inbox *inbox, int fd);

/* Take the next message that has come whole. Returns 1, 0: none has, or FERRY_INVALID: this is no
 * message, or one past the limit, and nothing behind it is one. What a message points to is valid
 * until the next receive. */
int message_next(struct message_inbox *inbox, struct message *message);
void message_inbox_fini(struct message_inbox *inbox);

/* The fields, in the order they were put. A NUL follows data and text. */
int64_t message_number(struct message *message);
const char *message_data(struct message *message, size_t *length); /* never NULL */
const char *message_text(struct message *message);

/* Tell whether every field was there, and no other. */
bool message_is_sound(const struct message *message);

#endif
