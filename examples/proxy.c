/*
 * /test1 fetches /test2 from this very server and passes on what came: status, headers and body.
 * Every other time it sleeps 20 seconds before that, and holds up nobody: it is a coroutine.
 *
 *     proxy [ADDRESS [SLEEP_MS [URL]]]      127.0.0.1:8891 20000 http://ADDRESS/test2
 *     curl -i http://127.0.0.1:8891/test1 & curl -i http://127.0.0.1:8891/test1
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ferry/coroutine.h>
#include <ferry/http.h>
#include <ferry/http_client.h>
#include <ferry/loop.h>

static ferry_loop *loop;
static ferry_http_client *client;
static const char *url;
static int64_t sleep_ms = 20000;

/* Tell whether a header says something of the connection that it came on, not of the message: the
 * hop-by-hop ones of RFC 9110, 7.6.1, those that Connection names, and the length, which is set for
 * each connection anew. */
static bool is_hop_by_hop(const ferry_response *response, const char *name)
{
    static const char *const always[] = {"Connection",         "Content-Length",   "Keep-Alive",
                                         "Proxy-Authenticate", "Proxy-Connection", "TE",
                                         "Transfer-Encoding",  "Trailer",          "Upgrade"};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (strcasecmp(name, always[i]) == 0)
            return true;

    size_t count, length = strlen(name);
    const ferry_header *headers = ferry_response_headers(response, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(headers[i].name, "Connection") != 0)
            continue;
        for (const char *at = headers[i].value; *at; at += strcspn(at, ", \t")) {
            at += strspn(at, ", \t");
            if (strncasecmp(at, name, length) == 0 && strcspn(at, ", \t") == length)
                return true;
        }
    }
    return false;
}

static void pass_on(ferry_request *request, const ferry_response *response)
{
    size_t count, length;
    const ferry_header *headers = ferry_response_headers(response, &count);
    for (size_t i = 0; i < count; i++)
        if (!is_hop_by_hop(response, headers[i].name))
            ferry_request_set_header(request, headers[i].name, headers[i].value);
    const void *body = ferry_response_body(response, &length);
    ferry_request_reply(request, ferry_response_status(response), NULL, body, length);
}

static void get_test1(ferry_request *request, void *ctx)
{
    (void)ctx;
    static unsigned asked;
    if (++asked % 2 == 0)
        ferry_sleep(sleep_ms);

    /* Packed bodies and redirects are the client's affair, not ours. */
    const ferry_fetch_options fetch = {.url = url, .no_redirects = true, .no_decompression = true};
    ferry_error error;
    ferry_response *response = ferry_await(ferry_fetch(client, &fetch), &error);
    if (response)
        pass_on(request, response);
    else
        ferry_request_reply_error(request, &error);
    ferry_response_free(response);
}

static void get_test2(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_request_set_header(request, "Set-Cookie", "a=1");
    ferry_request_set_header(request, "Set-Cookie", "b=2");
    ferry_request_reply_text(request, 203, "this is test2\n");
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
    char bound[128], own_url[sizeof bound + 16];
    signal(SIGPIPE, SIG_IGN);
    if (argc > 2)
        sleep_ms = strtoll(argv[2], NULL, 10);
    loop = ferry_loop_new();
    client = loop ? ferry_http_client_new(loop, NULL) : NULL;
    ferry_http_server *server = client ? ferry_http_server_new(loop, NULL) : NULL;
    if (!server ||
        ferry_http_route_coroutine(server, "GET", "/test1", get_test1, NULL, &error) < 0 ||
        ferry_http_route(server, "GET", "/test2", get_test2, NULL, &error) < 0 ||
        ferry_http_listen(server, argc > 1 ? argv[1] : "127.0.0.1:8891", bound, sizeof bound,
                          &error) < 0) {
        fprintf(stderr, "proxy: %s\n", error.message);
        return EXIT_FAILURE;
    }
    snprintf(own_url, sizeof own_url, "http://%s/test2", bound);
    url = argc > 3 ? argv[3] : own_url;
    ferry_loop_add_signal(loop, SIGINT, stop, NULL);
    ferry_loop_add_signal(loop, SIGTERM, stop, NULL);
    printf("listening on %s\n", bound);
    fflush(stdout);
    ferry_loop_run(loop);
    return EXIT_SUCCESS; /* what is in progress ends with the process */
}
