/*
 * SIGHUP: the config is read anew, and a generation is made of it, on a thread of its own; then it
 * is installed on the loop. All or nothing: on an error the config before stays, and the log says
 * why. Loop thread.
 */
#ifndef SERVER_RELOAD_H
#define SERVER_RELOAD_H

#include "generations.h"

struct reload;

struct reload_options {
    const struct config_source *source; /* the caller's, and outlives the reload */
    struct generations *generations;
    void (*apply)(void *arg); /* a generation was installed: take over the rest of its config */
    void *arg;
};

/* Start the threads. Errors: NULL and `error`. */
struct reload *reload_new(ferry_loop *loop, const struct reload_options *options,
                          ferry_error *error);

/* Begin; if one is under way, once more when that has ended. */
void reload_begin(struct reload *reload);

/* Install nothing more: the server drains. */
void reload_stop(struct reload *reload);

/* End the threads, within `deadline_ms`. Blocks. Returns whether they have ended; else a worker's
 * `open` or `close` hangs. NULL is allowed, as below. */
bool reload_end(struct reload *reload, int64_t deadline_ms);

/* After the loop, which carries what has not come back. */
void reload_free(struct reload *reload);

#endif
