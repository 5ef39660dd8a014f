/*
 * What the subcommands of `ferry jobs` share: their common options, the connection to the server,
 * and how they end. A subcommand is a function from its arguments to the exit code:
 *
 *     struct jobs_session session = {.command = "jobs stats", .help = help};
 *     const struct option_def defs[] = {JOBS_OPTION_DEFS(&session), {0}};
 *     if (jobs_begin(&session, defs, &argc, argv) && jobs_connect(&session))
 *         session.rc = ...;
 *     return jobs_end(&session);
 */
#ifndef CLI_JOBS_SESSION_H
#define CLI_JOBS_SESSION_H

#include <jansson.h>

#include "admin_client.h"
#include "commands.h"
#include "config_options.h"

struct jobs_session {
    const char *command; /* "jobs list", for messages */
    const char *help;    /* usage and own options, NULL-terminated text */
    struct config_options config;
    const char *admin;
    const char *token_file;
    bool as_json;
    struct admin_client *client;
    int rc; /* the exit code */
};

#define JOBS_OPTION_DEFS(session)                                                                  \
    CONFIG_OPTION_DEFS(&(session)->config), option_flag("json", 0, &(session)->as_json),           \
        option_text("admin", 0, &(session)->admin),                                                \
        option_text("token-file", 0, &(session)->token_file)

/* Read the options. Returns whether to go on: not after wrong usage, nor after --help. */
bool jobs_begin(struct jobs_session *session, const struct option_def *defs, int *argc,
                char **argv);

/* Say what is wrong with the arguments; returns false. */
bool jobs_misused(struct jobs_session *session, const char *format, ...) FERRY_PRINTF(2, 3);

/* Find the server: --admin, or else the config's admin.listen. Sends nothing yet. Returns whether
 * to go on. */
bool jobs_connect(struct jobs_session *session);

/* Send a request. An error is told on standard error, behind `what` if that is not NULL, and is the
 * exit code 1, or 2 where the server does not take what was asked. Returns whether there was none.
 */
bool jobs_request(struct jobs_session *session, const char *what, const char *method,
                  const char *path, struct bytes *body);

/* Tell an error, and let it be the exit code 1. Returns false. */
bool jobs_failed(struct jobs_session *session, const char *what, const char *message);

/* Write to standard output all that was made; that it could not be is an error as well. */
void jobs_print(struct jobs_session *session, const struct bytes *text);

/* Close the session; returns the exit code. */
int jobs_end(struct jobs_session *session);

/* All of a subcommand that takes nothing: get a JSON object, and write it as it came, or print it
 * for people. Returns the exit code. */
int jobs_tell(struct jobs_session *session, int argc, char **argv, const char *path,
              void (*print)(struct jobs_session *session, const json_t *answer));

/* Tell whether a text may be the name of a route; NULL, none is given, may. Tells on standard error
 * if not. */
bool jobs_check_route(struct jobs_session *session, const char *route);

/* Return the id of a job in a text that is one, or the Location of one; NULL after telling on
 * standard error that it is neither. */
const char *jobs_read_id(struct jobs_session *session, const char *given);

#endif
