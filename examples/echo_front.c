/*
 * An HTTP front that asks the echo server of echo_server.c, which takes two seconds to answer, in
 * two ways. /blocking waits on the loop's thread, as if there were nobody else to serve: meanwhile
 * everybody waits, also those whose answer is there and has yet to be sent. 200 clients take 400
 * seconds. /async waits in a coroutine: 200 clients take two. bench/echo_front measures both.
 *
 *     echo_server & echo_front [ADDRESS [ECHO_ADDRESS]]      127.0.0.1:8889 127.0.0.1:8888
 *     curl 'http://127.0.0.1:8889/async?say=hello'
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ferry/coroutine.h>
#include <ferry/http.h>
#include <ferry/loop.h>
#include <ferry/stream.h>

enum { LINE_BYTES = 1024 };

static ferry_loop *loop;
static const char *echo_address = "127.0.0.1:8888";

static void make_question(const ferry_request *request, char line[LINE_BYTES])
{
    const char *say = ferry_request_query(request, "say");
    snprintf(line, LINE_BYTES, "%.*s\n", LINE_BYTES - 2, say ? say : "hello");
}

/* The peer's failure is ours to report as one of the peer's: 502. */
static void reply_failed(ferry_request *request, const char *why)
{
    ferry_error error;
    ferry_error_set(&error, FERRY_TRANSIENT, "the echo server: %s", why);
    ferry_request_reply_error(request, &error);
}

/* ---- what not to do ---- */

/* Returns NULL and errno. */
static FILE *blocking_connect(void)
{
    char host[64];
    unsigned short port;
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (sscanf(echo_address, "%63[^:]:%hu", host, &port) != 2 ||
        inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        errno = EINVAL;
        return NULL;
    }
    address.sin_port = htons(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool connected = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    FILE *echo = connected ? fdopen(fd, "r+") : NULL;
    if (!echo && fd >= 0)
        close(fd);
    return echo;
}

static void get_blocking(ferry_request *request, void *ctx)
{
    (void)ctx;
    char line[LINE_BYTES];
    make_question(request, line);
    FILE *echo = blocking_connect();
    if (!echo) {
        reply_failed(request, strerror(errno));
        return;
    }
    if (fputs(line, echo) < 0 || fflush(echo) < 0 || !fgets(line, sizeof line, echo))
        reply_failed(request, "it did not answer");
    else
        ferry_request_reply_text(request, 200, line);
    fclose(echo);
}

/* ---- what to do ---- */

static ferry_bytes *ask(const char *question, ferry_error *error)
{
    ferry_bytes *answer = NULL;
    ferry_stream *echo = ferry_await(ferry_stream_connect(loop, echo_address, NULL), error);
    if (!echo)
        return NULL;
    ferry_await(ferry_stream_write(echo, question, strlen(question)), error);
    if (!error->code)
        answer = ferry_await(ferry_stream_read_until(echo, "\n", LINE_BYTES), error);
    ferry_stream_free(echo);
    return answer;
}

static void get_async(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_error error;
    char line[LINE_BYTES];
    make_question(request, line);
    ferry_bytes *answer = ask(line, &error);
    if (!answer)
        reply_failed(request, error.message);
    else
        ferry_request_reply_text(request, 200, answer->data);
    ferry_bytes_free(answer);
}

/* ---- the program ---- */

static void stop(void *arg)
{
    (void)arg;
    ferry_loop_stop(loop);
}

int main(int argc, char **argv)
{
    ferry_error error = {0};
    char bound[128];
    signal(SIGPIPE, SIG_IGN);
    if (argc > 2)
        echo_address = argv[2];
    loop = ferry_loop_new();
    ferry_http_server *server = loop ? ferry_http_server_new(loop, NULL) : NULL;
    if (!server || ferry_http_route(server, "GET", "/blocking", get_blocking, NULL, &error) < 0 ||
        ferry_http_route_coroutine(server, "GET", "/async", get_async, NULL, &error) < 0 ||
        ferry_http_listen(server, argc > 1 ? argv[1] : "127.0.0.1:8889", bound, sizeof bound,
                          &error) < 0) {
        fprintf(stderr, "echo_front: %s\n", error.message);
        return EXIT_FAILURE;
    }
    ferry_loop_add_signal(loop, SIGINT, stop, NULL);
    ferry_loop_add_signal(loop, SIGTERM, stop, NULL);
    printf("listening on %s\n", bound);
    fflush(stdout);
    ferry_loop_run(loop);
    return EXIT_SUCCESS; /* what is in progress ends with the process */
}
