/*
 * ferry call: run one call of a route through the same path as the server, without one. Main
 * thread; the worker runs on a pool thread.
 *
 * It opens neither the jobs' database nor a listener, so a server may run on the same config.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "call_request.h"
#include "call_run.h"
#include "commands.h"
#include "config_options.h"
#include "crash_report.h"
#include "table.h"
#include "when.h"

static const char help[] =
    "ferry call: run one call of a route, without a server: to try a worker and its settings\n"
    "\n"
    "usage: ferry call ROUTE [OPTIONS]\n"
    "\n"
    "ROUTE is the path as a caller would ask for it, such as /users/42?full=1.\n"
    "\n"
    "      --json BODY        POST this JSON\n"
    "  -d, --data BODY        POST this\n"
    "                         for both: @FILE is what a file holds, - what standard input gives\n"
    "      --query NAME=VALUE add to the query, as it is; may be repeated\n"
    "  -H, --header 'NAME: VALUE'\n"
    "                         add a request header; may be repeated\n"
    "  -X, --method METHOD    call with this method\n"
    "  -i, --include          show the status and the headers before the body\n"
    "  -c, --config FILE      read this config; without it the built-in defaults hold\n"
    "      --set KEY=VALUE    set one key of the config; may be repeated\n"
    "  -h, --help             show this\n"
    "\n"
    "The body of the answer goes to standard output, all else to standard error. Ctrl-C cancels "
    "the\n"
    "call. Exit code: 0 for a status below 400, 1 for another, 2 wrong usage, 78 a wrong config.\n";

struct call_command {
    struct config_options config;
    struct call_request request;
    const char *json;
    const char *data;
    bool shows_head;
};

/* ---- what was asked ---- */

static int read_stdin(struct bytes *bytes, size_t limit, ferry_error *error)
{
    char piece[16384];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, stdin)) > 0) {
        bytes_append(bytes, piece, n);
        if (bytes->length > limit)
            return ferry_error_set(error, FERRY_TOO_LARGE,
                                   "standard input holds more than the %zu bytes of "
                                   "limits.body_bytes",
                                   limit);
    }
    return 0;
}

static int read_body(struct call_command *command, const struct config *config, ferry_error *error)
{
    const char *given = command->json ? command->json : command->data;
    struct bytes *body = &command->request.body;
    size_t limit = config->limits.body_bytes;
    if (!given)
        return 0;
    if (strcmp(given, "-") == 0 || strcmp(given, "@-") == 0)
        return read_stdin(body, limit, error);
    if (*given == '@')
        return bytes_read_file(body, given + 1, limit, error);
    bytes_append_text(body, given);
    return 0;
}

static int check_json(const struct bytes *body, ferry_error *error)
{
    json_error_t where;
    json_t *json = json_loadb(bytes_text(body), body->length,
                              JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &where);
    json_decref(json);
    if (json)
        return 0;
    return ferry_error_set(error, FERRY_INVALID, "--json: %s (line %d, column %d)", where.text,
                           where.line, where.column);
}

static int read_options(struct call_command *command, int argc, char **argv)
{
    struct call_request *request = &command->request;
    const struct option_def defs[] = {
        CONFIG_OPTION_DEFS(&command->config),
        option_text("json", 0, &command->json),
        option_text("data", 'd', &command->data),
        option_list("query", 0, &request->query),
        option_list("header", 'H', &request->headers),
        option_text("method", 'X', &request->method),
        option_flag("include", 'i', &command->shows_head),
        {0},
    };
    ferry_error error;
    if (options_read(defs, &argc, argv, &error) < 0)
        return usage_error("call", "%s", error.message);
    if (command->config.wants_help)
        return 0;
    if (argc < 2)
        return usage_error("call", "which route?");
    if (argc > 2)
        return usage_error("call", "what is \"%s\"? one route at a time", argv[2]);
    if (command->json && command->data)
        return usage_error("call", "either --json or --data");
    request->target = argv[1];
    request->has_body = command->json || command->data;
    request->content_type = command->json ? "application/json" : NULL;
    return 0;
}

/* ---- what came back ---- */

static void print_head(int status, const struct call_output *output)
{
    printf("HTTP/1.1 %d\n", status);
    if (output && output->content_type && !output->error.code)
        printf("Content-Type: %s\n", output->content_type);
    const char *at = output ? bytes_text(&output->headers) : "";
    for (const char *end = at + (output ? output->headers.length : 0); at < end;) {
        const char *value = at + strlen(at) + 1;
        printf("%s: %s\n", at, value);
        at = value + strlen(value) + 1;
    }
    putchar('\n');
}

static void print_body(const struct bytes *body)
{
    fwrite(bytes_text(body), 1, body->length, stdout);
    if (body->length > 0 && body->data[body->length - 1] != '\n' && isatty(STDOUT_FILENO))
        putchar('\n');
}

static void print_hint(const char *what, int64_t ms)
{
    struct bytes text = {0};
    if (ms <= 0)
        return;
    append_duration(&text, ms);
    fprintf(stderr, "ferry call: %s %s\n", what, bytes_text(&text));
    bytes_fini(&text);
}

/* The message may quote a stranger. */
static void print_error(int status, const ferry_error *error)
{
    struct bytes message = {0};
    append_plain(&message, error->message);
    fprintf(stderr, "ferry call: %d %s: %s\n", status, ferry_code_name(error->code),
            bytes_text(&message));
    bytes_fini(&message);
}

/* Tell how the call ended; returns the exit code. */
static int print_outcome(const struct call_run *run, bool shows_head)
{
    const struct call_output *output = call_run_output(run);
    const ferry_error *error = output ? &output->error : &run->error;
    int status = error->code ? ferry_code_status(error->code) : output->status;
    if (shows_head)
        print_head(status, output);
    if (error->code)
        print_error(status, error);
    else
        print_body(&output->body);
    if (!error->code && status >= 400)
        fprintf(stderr, "ferry call: the worker answered with the status %d\n", status);
    if (output) {
        print_hint("the worker says: try again in", output->retry_after_ms);
        print_hint("the worker says: pause the route for", output->pause_route_ms);
    }
    if (fflush(stdout) == EOF) {
        perror("ferry call: cannot write the answer");
        return EXIT_RUNTIME;
    }
    return status < 400 ? EXIT_OK : EXIT_RUNTIME;
}

static void print_routes(const struct config *config)
{
    fputs("routes:\n", stderr);
    for (size_t i = 0; i < config->route_count; i++)
        fprintf(stderr, "  %s\n", config->routes[i].path);
}

/* ---- the call ---- */

/* A line of the log takes the place of the bar, which comes back with the next step. */
static void log_over_bar(void *arg, ferry_log_level level, const char *line, size_t length)
{
    static const char erase[] = "\r\033[K";
    if (write(STDERR_FILENO, erase, strlen(erase)) > 0)
        ferry_log_to_stderr(arg, level, line, length);
}

static void set_up(const struct config *config, bool has_bar)
{
    ferry_log_set_level(config->log_level);
    ferry_log_set_format(config->log_format);
    ferry_log_set_sink(has_bar ? log_over_bar : ferry_log_to_stderr, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int run_call(const struct call_command *command, const struct config_route *route,
                    struct bytes *block, const struct config *config)
{
    struct progress_bar bar = {.out = stderr, .is_terminal = isatty(STDERR_FILENO) == 1};
    struct call_run run = {.route = route, .bar = bar.is_terminal ? &bar : NULL};
    set_up(config, bar.is_terminal);
    call_run(&run, block);
    int rc = print_outcome(&run, command->shows_head);
    if (run.left_behind)
        _exit(rc);
    call_run_fini(&run);
    progress_bar_fini(&bar);
    return rc;
}

static int find_and_run(struct call_command *command, const struct config *config)
{
    ferry_error error = {0};
    struct call_request *request = &command->request;
    const struct config_route *route = call_request_route(request, config, &error);
    int rc = route ? read_body(command, config, &error) : error.code;
    if (rc == 0 && command->json)
        rc = check_json(&request->body, &error);
    struct bytes block = {0};
    if (rc == 0)
        rc = call_request_block(request, config, route, &block, &error);
    if (rc == 0)
        return run_call(command, route, &block, config);
    fprintf(stderr, "ferry call: %s\n", error.message);
    if (rc == FERRY_NOT_FOUND && !route)
        print_routes(config);
    bytes_fini(&block);
    return rc == FERRY_INVALID ? EXIT_USAGE : EXIT_RUNTIME;
}

int command_call(int argc, char **argv)
{
    struct call_command command = {0};
    struct loaded_config loaded;
    int rc = read_options(&command, argc, argv);
    crash_report_install(); /* what a worker that is being written does most often */
    ferry_log_set_sink(ferry_log_to_stderr, NULL); /* workers that open have something to say */
    if (rc == 0 && command.config.wants_help)
        fputs(help, stdout);
    else if (rc == 0)
        rc = loaded_config_init(&loaded, &command.config);
    if (rc == 0 && !command.config.wants_help) {
        rc = find_and_run(&command, loaded.config);
        loaded_config_fini(&loaded);
    }
    bytes_fini(&command.request.body);
    return rc;
}
