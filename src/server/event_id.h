/*
 * The ids of a job's events: "VERSION" of a state, "VERSION.N" of the Nth progress within it. They
 * grow, also over restarts, so that a client can say what it has seen. Pure.
 */
#ifndef SERVER_EVENT_ID_H
#define SERVER_EVENT_ID_H

#include <stdint.h>

struct event_id {
    int64_t version; /* -1: none */
    unsigned progress;
};

enum { EVENT_ID_SIZE = 32 };

/* Read a Last-Event-ID; NULL, and what is none of ours, is none. */
struct event_id event_id_parse(const char *text);

/* Write it; returns `text`. */
const char *event_id_format(const struct event_id *id, char text[EVENT_ID_SIZE]);

#endif
