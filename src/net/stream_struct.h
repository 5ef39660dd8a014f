/*
 * A stream, as the files that read, write and close it share it. Loop thread.
 */
#ifndef NET_STREAM_STRUCT_H
#define NET_STREAM_STRUCT_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <ferry/stream.h>

#include "address.h"
#include "libssl.h"
#include "loop_base.h"

struct stream_read;
struct stream_write;

struct stream_limits {
    size_t read_bytes, unsent_bytes;
    int64_t read_ms, write_ms; /* negative: for ever */
};

/*
 * OPEN while `bev` is there, then closed for the reason `why`. Two references at most beside those
 * of callbacks in progress: the user's, and that of `entry` while it is posted.
 */
struct ferry_stream {
    struct mailbox_entry entry; /* posted: tell what is pending that the stream has closed */
    bool is_posted;
    ferry_loop *loop;
    unsigned references;
    struct stream_limits limits;
    struct bufferevent *bev; /* NULL: closed */
    SSL *ssl;                /* NULL: none; of `bev` */
    struct evbuffer *rest;   /* what had come when it closed */
    ferry_error why;
    bool is_reading;   /* the bufferevent reads */
    bool peer_ended;   /* nothing more will come */
    bool wants_finish; /* ferry_stream_shutdown_write was called */
    bool is_finished;  /* and our side has ended */
    struct stream_read *read;
    struct stream_write *writes, **writes_end;
    uint64_t written; /* bytes since the start */
    int64_t progress_ms;
    ferry_timer write_timer;
    ferry_stream_on_close *on_close;
    void *on_close_arg;
    ferry_callback *on_end; /* the owner of the socket's slot; before on_close */
    void *on_end_arg;
    char peer[ADDRESS_TEXT_SIZE];
};

/* ---- stream.c ---- */

/* Make a stream of a connected bufferevent, which it takes over in any case. NULL without
 * memory. */
ferry_stream *stream_new(ferry_loop *loop, struct bufferevent *bev,
                         const ferry_stream_options *options, const struct address *peer);

/* Call fn(arg) when the socket is given up; before that turn ends. */
void stream_on_end(ferry_stream *stream, ferry_callback *fn, void *arg);

/* Close: FERRY_CANCELLED drops what has come. What is pending is told in a later turn. */
void stream_end(ferry_stream *stream, ferry_code code, const char *message);

/* Return what has come and was not read. */
struct evbuffer *stream_input(const ferry_stream *stream);

/* ---- stream_read.c ---- */

/* Finish the pending read if it can be: from the top of a turn. */
void stream_read_try(ferry_stream *stream);

/* Read on, or stop, by what has come and what is asked for. */
void stream_read_adjust(ferry_stream *stream);

/* Free the pending read untold: the loop closes. */
void stream_read_drop(ferry_stream *stream);

/* ---- stream_write.c ---- */

/* Some bytes were taken by the kernel: from the top of a turn. */
void stream_write_progress(ferry_stream *stream);

/* The stream has closed: fail what is pending, from the top of a turn; or free it untold. */
void stream_write_fail(ferry_stream *stream);
void stream_write_drop(ferry_stream *stream);

#endif
