/* What the subcommands of `ferry jobs` share. Main thread. */
#include "jobs_session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "random.h"

enum { TOKEN_FILE_MAX = 4096 };

static const char common_help[] =
    "      --json             write JSON, for programs\n"
    "  -c, --config FILE      the server's config: where its admin listener is, and its token\n"
    "      --set KEY=VALUE    set one key of the config; may be repeated\n"
    "      --admin ADDRESS    the admin listener: HOST:PORT or unix:PATH (127.0.0.1:8003)\n"
    "      --token-file FILE  what it asks for; else FERRY_ADMIN_TOKEN, else the config's\n"
    "  -h, --help             show this\n";

bool jobs_begin(struct jobs_session *session, const struct option_def *defs, int *argc, char **argv)
{
    ferry_error error;
    if (options_read(defs, argc, argv, &error) < 0)
        return jobs_misused(session, "%s", error.message);
    if (session->config.wants_help)
        printf("%s%s", session->help, common_help);
    return !session->config.wants_help;
}

bool jobs_misused(struct jobs_session *session, const char *format, ...)
{
    struct bytes text = {0};
    va_list args;
    va_start(args, format);
    bytes_vprintf(&text, format, args);
    va_end(args);
    session->rc = usage_error(session->command, "%s", bytes_text(&text));
    bytes_fini(&text);
    return false;
}

bool jobs_failed(struct jobs_session *session, const char *what, const char *message)
{
    fprintf(stderr, "ferry %s: %s%s%s\n", session->command, what ? what : "", what ? ": " : "",
            message);
    session->rc = EXIT_RUNTIME;
    return false;
}

/* ---- the server ---- */

/* The token by an option or the environment, without the blanks around it; empty: neither. Tells
 * what is wrong with a file. */
static bool read_token(struct jobs_session *session, struct bytes *token)
{
    static const char blanks[] = " \t\r\n";
    ferry_error error;
    struct bytes given = {0};
    const char *environment = getenv("FERRY_ADMIN_TOKEN");
    bool done = true;
    if (!session->token_file)
        bytes_append_text(&given, environment ? environment : "");
    else if (bytes_read_secret(&given, session->token_file, TOKEN_FILE_MAX, &error) < 0)
        done = jobs_failed(session, "--token-file", error.message);
    const char *start = bytes_text(&given) + strspn(bytes_text(&given), blanks);
    bytes_append(token, start, strcspn(start, blanks));
    bytes_fini(&given);
    return done;
}

/* libcurl would take a host without a port for its port 80, and give the token to that. */
static bool check_admin(struct jobs_session *session)
{
    const char *address = session->admin ? session->admin : "unix:";
    const char *port = strrchr(address, ':');
    if (strncmp(address, "unix:", 5) == 0 ||
        (port && port[1] && !port[1 + strspn(port + 1, "0123456789")] && !strchr(address, '/')))
        return true;
    return jobs_misused(session, "--admin: \"%s\" is not HOST:PORT, and not unix:PATH", address);
}

static bool make_client(struct jobs_session *session, const char *address, const char *token,
                        const char *certificate)
{
    session->client = admin_client_new(address, token && *token ? token : NULL, certificate);
    return session->client || jobs_failed(session, NULL, "no memory");
}

static bool is_picked(const char *address)
{
    size_t length = strlen(address);
    return strncmp(address, "unix:", 5) != 0 && length > 2 &&
           strcmp(address + length - 2, ":0") == 0;
}

static bool connect_by_config(struct jobs_session *session, const char *token)
{
    struct loaded_config loaded;
    session->config.hides_warnings = true;
    session->rc = loaded_config_init(&loaded, &session->config);
    if (session->rc)
        return false;
    const struct config *config = loaded.config;
    const char *address = session->admin ? session->admin : config->admin_listen;
    bool done = is_picked(address)
                    ? jobs_failed(session, NULL,
                                  "admin.listen is port 0, so the server picked one: its log says "
                                  "which; give it with --admin ADDRESS")
                    : make_client(session, address, *token ? token : config->admin_token,
                                  config->admin_tls.certificate);
    loaded_config_fini(&loaded);
    return done;
}

bool jobs_connect(struct jobs_session *session)
{
    struct bytes token = {0};
    bool needs_config = !session->admin || session->config.file || session->config.sets.count > 0;
    bool done = check_admin(session) && read_token(session, &token) &&
                (needs_config ? connect_by_config(session, bytes_text(&token))
                              : make_client(session, session->admin, bytes_text(&token), NULL));
    bytes_fini(&token);
    return done;
}

bool jobs_request(struct jobs_session *session, const char *what, const char *method,
                  const char *path, struct bytes *body)
{
    ferry_error error;
    if (admin_request(session->client, method, path, body, &error) == 0)
        return true;
    jobs_failed(session, error.code == FERRY_TRANSIENT ? NULL : what, error.message);
    if (error.code == FERRY_INVALID)
        session->rc = EXIT_USAGE;
    return false;
}

/* ---- the rest ---- */

void jobs_print(struct jobs_session *session, const struct bytes *text)
{
    if (text->failed) {
        jobs_failed(session, NULL, "no memory");
        return;
    }
    fwrite(bytes_text(text), 1, text->length, stdout);
    if (fflush(stdout) == EOF)
        jobs_failed(session, NULL, "cannot write to standard output");
}

static void tell(struct jobs_session *session, const char *path,
                 void (*print)(struct jobs_session *session, const json_t *answer))
{
    struct bytes text = {0};
    if (jobs_request(session, NULL, "GET", path, &text)) {
        json_t *answer = json_loadb(bytes_text(&text), text.length, 0, NULL);
        if (!json_is_object(answer))
            jobs_failed(session, NULL, "the answer is not that of ferry's admin");
        else if (session->as_json)
            jobs_print(session, &text);
        else
            print(session, answer);
        json_decref(answer);
    }
    bytes_fini(&text);
}

int jobs_tell(struct jobs_session *session, int argc, char **argv, const char *path,
              void (*print)(struct jobs_session *session, const json_t *answer))
{
    const struct option_def defs[] = {JOBS_OPTION_DEFS(session), {0}};
    bool good = jobs_begin(session, defs, &argc, argv);
    if (good && argc > 1)
        good = jobs_misused(session, "what is \"%s\"? it takes nothing", argv[1]);
    if (good && jobs_connect(session))
        tell(session, path, print);
    return jobs_end(session);
}

bool jobs_check_route(struct jobs_session *session, const char *route)
{
    if (!route || route[0] == '/' || strcmp(route, JOB_CALLBACK_ROUTE) == 0)
        return true;
    return jobs_misused(session, "a route begins with \"/\"; did you mean /%s?", route);
}

const char *jobs_read_id(struct jobs_session *session, const char *given)
{
    static const char location[] = "/jobs/";
    const char *id = given;
    if (strncmp(id, location, strlen(location)) == 0)
        id += strlen(location);
    size_t length = strlen(id);
    if (length == RANDOM_ID_TEXT_SIZE - 1 && strspn(id, "0123456789abcdef") == length)
        return id;
    jobs_failed(session, given, "no such job: an id has 32 hexadecimal digits");
    return NULL;
}

int jobs_end(struct jobs_session *session)
{
    admin_client_free(session->client);
    return session->rc;
}
