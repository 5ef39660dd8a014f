/*
 * An echo server that thinks about each line for two seconds, and serves all its clients meanwhile.
 *
 *     echo_server [ADDRESS [DELAY_MS]]      127.0.0.1:8888 2000
 *     socat - TCP:127.0.0.1:8888
 *
 * One thread. A client is read, waited for and written to by turns; when its connection has ended
 * or a line is too long, it is let go.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <ferry/loop.h>
#include <ferry/stream.h>

enum { LINE_MAX_BYTES = 64 << 10 };

static ferry_loop *loop;
static int64_t delay_ms = 2000;

struct client {
    ferry_stream *stream;
    ferry_bytes *line;
};

static void client_free(struct client *client)
{
    ferry_stream_free(client->stream);
    ferry_bytes_free(client->line);
    free(client);
}

/* Without memory there is no future, and no more of this client. */
static void client_then(struct client *client, ferry_future *future, ferry_future_fn *fn)
{
    if (future)
        ferry_future_then(future, fn, client);
    else
        client_free(client);
}

static void on_line(ferry_future *future, void *arg);

static void on_written(ferry_future *future, void *arg)
{
    struct client *client = arg;
    if (ferry_future_error(future)->code) {
        client_free(client);
        return;
    }
    client_then(client, ferry_stream_read_until(client->stream, "\n", LINE_MAX_BYTES), on_line);
}

static void answer(void *arg)
{
    struct client *client = arg;
    ferry_future *written =
        ferry_stream_write(client->stream, client->line->data, client->line->length);
    ferry_bytes_free(client->line);
    client->line = NULL;
    client_then(client, written, on_written);
}

static void on_line(ferry_future *future, void *arg)
{
    struct client *client = arg;
    if (ferry_future_error(future)->code) {
        client_free(client);
        return;
    }
    client->line = ferry_future_take(future);
    if (!ferry_loop_call_later(loop, delay_ms, answer, client))
        client_free(client);
}

static void on_stream(ferry_stream_listener *listener, ferry_stream *stream, void *ctx)
{
    (void)listener, (void)ctx;
    struct client *client = calloc(1, sizeof *client);
    if (!client) {
        ferry_stream_free(stream);
        return;
    }
    client->stream = stream;
    client_then(client, ferry_stream_read_until(stream, "\n", LINE_MAX_BYTES), on_line);
}

static void stop(void *arg)
{
    ferry_loop_stop(arg);
}

int main(int argc, char **argv)
{
    ferry_error error = {0};
    signal(SIGPIPE, SIG_IGN);
    if (argc > 2)
        delay_ms = strtoll(argv[2], NULL, 10);
    loop = ferry_loop_new();
    if (!loop)
        return EXIT_FAILURE;
    ferry_stream_listener *listener = ferry_stream_listen(
        loop, argc > 1 ? argv[1] : "127.0.0.1:8888", NULL, on_stream, NULL, &error);
    if (!listener) {
        fprintf(stderr, "%s\n", error.message);
        return EXIT_FAILURE;
    }
    ferry_loop_add_signal(loop, SIGINT, stop, loop);
    ferry_loop_add_signal(loop, SIGTERM, stop, loop);
    printf("listening on %s\n", ferry_stream_listener_address(listener));
    fflush(stdout);
    ferry_loop_run(loop);
    ferry_stream_listener_free(listener); /* the clients that are left end with the process */
    return EXIT_SUCCESS;
}
