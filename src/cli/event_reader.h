/*
 * Server-sent events, out of the pieces in which a connection brings them.
 */
#ifndef CLI_EVENT_READER_H
#define CLI_EVENT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

/* Gets an event: its name ("message" if it has none) and its data, without a newline at the end.
 * Valid during the call. Returning false ends the reading. */
typedef bool event_fn(void *arg, const char *name, const struct bytes *data);

/* Begin with {.on_event = ..., .arg = ...}. Over several connections last_id and retry_ms stay. */
struct event_reader {
    event_fn *on_event;
    void *arg;
    struct bytes last_id; /* of the last event, empty without one: for Last-Event-ID */
    int64_t retry_ms;     /* how long to wait before connecting again; 0: the server did not say */

    struct bytes line, name, data, id;
    bool after_return; /* a "\n" now belongs to the "\r" before */
};

/* Read on. Returns false when on_event has, and when an event is larger than 64 MiB: no server
 * sends that. */
bool event_reader_feed(struct event_reader *reader, const char *data, size_t length);

/* Forget the event that a broken connection left unfinished. */
void event_reader_restart(struct event_reader *reader);
void event_reader_fini(struct event_reader *reader);

#endif
