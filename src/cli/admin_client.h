/*
 * Requests to the admin listener of a running server. They block: the command line has nothing else
 * to do meanwhile, and so this is libcurl's easy interface, which also speaks over unix sockets, as
 * ferry_fetch does not. Main thread.
 */
#ifndef CLI_ADMIN_CLIENT_H
#define CLI_ADMIN_CLIENT_H

#include "bytes.h"

struct admin_client;

/* Make a client for "HOST:PORT" or "unix:PATH"; connects to nothing yet. `token` may be NULL.
 * With `certificate`, a file, TLS is spoken, and only with who has its key. All are copied. Errors:
 * NULL without memory. */
struct admin_client *admin_client_new(const char *address, const char *token,
                                      const char *certificate);
void admin_client_free(struct admin_client *client);

/*
 * Send a request and append what is answered to `body`. A status of 400 and above is an error, with
 * the detail of the problem document as its message. Takes two minutes at most. Errors: the code
 * of the status; FERRY_UNAUTHORIZED with how to give a token; FERRY_TRANSIENT the server cannot be
 * reached, or it is another listener, with what to do.
 */
int admin_request(struct admin_client *client, const char *method, const char *path,
                  struct bytes *body, ferry_error *error);

/* Takes a piece of a stream; returning false ends it. */
typedef bool admin_piece(void *arg, const char *data, size_t length);

/* Read a stream of events until it ends, from behind `last_id` on ("" or NULL: from its start). A
 * stream on which nothing comes for 45 seconds, not even a heartbeat, is broken. Returns 0 when it
 * ended in order or by on_piece. Errors: as above. */
int admin_stream(struct admin_client *client, const char *path, const char *last_id,
                 admin_piece *on_piece, void *arg, ferry_error *error);

#endif
