/*
 * What the parts of the registry share.
 */
#ifndef HTTP_CONNECTION_PARTS_H
#define HTTP_CONNECTION_PARTS_H

#include <event2/buffer.h>

#include "connection.h"

enum { SWEEP_MS = 100, PEER_TEXT_SIZE = INET6_ADDRSTRLEN };

/* ---- connection.c ---- */

void connection_enter(struct connection *connection, enum phase phase);

/* Note how much of what all may hold is this one's. */
void connection_hold(struct connection *connection, size_t bytes);

/* Look at it when the turn ends: see connection_due. */
void connection_make_due(struct connection *connection);

void connection_free(struct connection *connection);

/* Make evhttp free it, now. Not from within a callback of its buffers. */
void connection_kill(struct connection *connection);

/* Tell whether evhttp has freed it without telling. */
bool connection_is_abandoned(const struct connection *connection);

/* ---- connection_input.c ---- */

/* For its input buffer. */
void connection_on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg);

/* What stands in the input buffer from `offset` on has not been seen. */
void connection_see(struct connection *connection, size_t offset);

/* Begin a new request. */
void connection_expect(struct connection *connection);

/* ---- connection_refuse.c ---- */

/* Answer a request that evhttp must not see, and close. The reason is static. */
void connection_refuse(struct connection *connection, int status, const char *reason);

/* At the end of the turn: send the answer. */
void connection_answer(struct connection *connection);

/* All of it was sent. */
void connection_answered(struct connection *connection);

/* ---- connection_watch.c ---- */

/* Give evhttp its callbacks back. */
void connection_unwatch(struct connection *connection);

/* ---- connection_write.c ---- */

/* At the end of the turn: tell evhttp what has become of its reply. May free the connection. */
void connection_written(struct connection *connection);

/* ---- connection_sweep.c ---- */

/* The sweep runs while there are connections. */
void connections_sweep_later(struct connections *all);

/* ---- connection_peer.c ---- */

/* At the end of the turn in which it was accepted: learn who it is, and count it. */
void connection_greet(struct connection *connection);

/* Stop counting it. */
void connection_part(struct connection *connection);

/* Write who it is, for the log; returns `text`. */
const char *connection_peer(const struct connection *connection, char text[PEER_TEXT_SIZE]);

#endif
