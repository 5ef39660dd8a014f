/*
 * What the parts of a connection share.
 */
#ifndef HTTP_CONNECTION_PARTS_H
#define HTTP_CONNECTION_PARTS_H

#include "connection.h"

enum { SWEEP_MS = 100 };

/* ---- connection.c ---- */

void connection_enter(struct connection *connection, enum phase phase);

/* Note how much of what all may hold is this one's. */
void connection_hold(struct connection *connection, size_t bytes);

/* Look at it when the turn ends: see connection_due. */
void connection_make_due(struct connection *connection);

/* Wait for what it needs of its socket, and for no more. */
void connection_await(struct connection *connection);

/* Close it when the turn ends, as who is about to return may not expect it any earlier. */
void connection_end(struct connection *connection);

/* Close and free it, now: from a callback of the loop. */
void connection_free(struct connection *connection);

/* ---- connection_input.c ---- */

/* The socket has something, or its end. May free the connection. */
void connection_receive(struct connection *connection);

/* Begin a new request. */
void connection_expect(struct connection *connection);

/* At the end of the turn: go on with what waits. */
void connection_resume(struct connection *connection);

/* Forget what has come of a request; what waits behind one that is whole. */
void connection_forget_input(struct connection *connection);
void connection_forget_waiting(struct connection *connection);

/* ---- connection_output.c ---- */

/* The socket takes something again. */
void connection_flush(struct connection *connection);

/* Send a text of ours, or have it wait. Returns false when the connection is broken, or there was
 * no memory. */
bool connection_put(struct connection *connection, const char *text, size_t length);

/* ---- connection_refuse.c ---- */

/* Refuse a request as all of them together hold too much. */
void connection_refuse_held(struct connection *connection);

/* At the end of the turn: send the answer. */
void connection_answer(struct connection *connection);

/* All of it was sent. */
void connection_answered(struct connection *connection);

/* The last reply is with the kernel: close, in a way that the client gets to read it. */
void connection_linger(struct connection *connection);

/* ---- connection_sweep.c ---- */

/* The sweep runs while there are connections. Returns false when there was no memory to begin. */
bool connections_sweep_later(struct connections *all);

/* ---- connection_peer.c ---- */

/* Learn who it is, and count it. */
void connection_greet(struct connection *connection, const struct sockaddr *peer);

/* Stop counting it. */
void connection_part(struct connection *connection);

/* Write who it is, for the log; returns `text`. */
const char *connection_peer(const struct connection *connection, char text[PEER_TEXT_SIZE]);

#endif
