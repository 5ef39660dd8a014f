/*
 * The server: a config put together with everything below. Main thread, which becomes the loop's.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "config.h"

struct server;

/*
 * Open the state folder, start the pools and listen. Takes over `config`, which was read from
 * `source`, and `registry` with its workers, in any case; `source` stays the caller's, and is read
 * again at a SIGHUP. The process should ignore SIGPIPE.
 * Blocks: reads and checks the database. Errors: NULL, and `error` says what could not be had.
 */
struct server *server_new(const struct config_source *source, struct config *config,
                          struct registry *registry, ferry_error *error);

/* Serve until a SIGTERM or SIGINT has been drained. Returns 0, or a code when the loop failed. The
 * process exits with 0 instead if a drain takes too long. */
int server_run(struct server *server);

/* Stop what is left and free all; or, when a thread does not come out of a worker, exit the process
 * with server_run's result. NULL is allowed. */
void server_free(struct server *server);

#endif
