/*
 * Listeners: no plain text on a TLS port, whatever fails; other certificates; and routes that are
 * replaced while requests of theirs are under way.
 */
#include "http/fixture.h"

#include <ferry/http_stream.h>

#include "certificate.h"
#include "libssl.h"

/* ---- no memory for TLS ---- */

static bool has_no_ssl;
static SSL *(*real_SSL_new)(SSL_CTX *context);

static SSL *new_or_none(SSL_CTX *context)
{
    return has_no_ssl ? NULL : real_SSL_new(context);
}

static int make(void **state)
{
    assert_null(libssl_load());
    real_SSL_new = libssl.SSL_new_;
    libssl.SSL_new_ = new_or_none;
    return certificate_make(state);
}

/* ---- a server ---- */

static struct fixture fixture, *f = &fixture;

static char hello_text[] = "hello", dropped_text[] = "dropped", replaced_text[] = "replaced",
            taken_text[] = "taken";

static void hello(ferry_request *request, void *ctx)
{
    ferry_request_reply_text(request, 200, ctx);
}

static void tell_who(ferry_request *request, void *ctx)
{
    (void)ctx;
    char text[256];
    const char *subject = ferry_request_client_cert(request);
    snprintf(text, sizeof text, "%s %s", ferry_request_scheme(request), subject ? subject : "-");
    ferry_request_reply_text(request, 200, text);
}

static int set_up(void **state)
{
    (void)state;
    ferry_error error;
    has_no_ssl = false;
    fixture_open(f, NULL);
    fixture_route(f, "GET", "/", hello, hello_text);
    ferry_tls *tls = certificate_tls(false);
    assert_int_equal(
        ferry_http_listen_tls(f->server, "127.0.0.1:0", tls, f->address, sizeof f->address, &error),
        0);
    ferry_tls_free(tls);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(f);
    return 0;
}

static const char GET[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/* As talk_run, over TLS; or it leaves as soon as something comes. */
static void run_tls(struct client *client, bool leaves)
{
    int fd = client_connect(client->f->address), n;
    SSL_CTX *context = certificate_client(client->count > 0);
    SSL *ssl = SSL_new(context);
    struct bytes all = {0};
    char part[4096];
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) == 1 && SSL_write(ssl, client->text, (int)strlen(client->text)) > 0) {
        while ((n = SSL_read(ssl, part, sizeof part)) > 0 && !leaves)
            bytes_append(&all, part, (size_t)n);
    }
    client->reply = bytes_take(&all);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
}

static void talk_tls_run(struct client *client)
{
    run_tls(client, false);
}

static void leave_tls_run(struct client *client)
{
    run_tls(client, true);
}

static void plain_bytes_get_no_http(void **state)
{
    (void)state;
    char *reply = talk(f, GET);
    assert_null(strstr(reply, "HTTP"));
    free(reply);
    assert_true(fixture_wait(f, has_no_connections, NULL));
}

static void without_memory_for_tls_a_connection_ends_and_the_port_recovers(void **state)
{
    (void)state;
    has_no_ssl = true;
    char *reply = talk(f, GET);
    assert_null(strstr(reply, "HTTP"));
    free(reply);
    has_no_ssl = false;
    struct client client = {.f = f, .run = talk_tls_run, .text = GET};
    client_run(&client);
    assert_non_null(strstr(client.reply, "hello"));
    free(client.reply);
    assert_true(fixture_wait(f, has_no_connections, NULL));
}

static void a_context_is_replaced_where_tls_is_spoken_only(void **state)
{
    (void)state;
    ferry_error error;
    ferry_tls *tls = certificate_tls(false);
    assert_int_equal(ferry_http_set_tls(f->server, f->address, tls, &error), 0);
    assert_int_equal(ferry_http_set_tls(f->server, "127.0.0.1:1", tls, &error), FERRY_NOT_FOUND);
    assert_int_equal(ferry_http_set_tls(f->server, f->address, NULL, &error), FERRY_NOT_FOUND);
    ferry_tls *clients = ferry_tls_new_client(NULL, &error);
    assert_int_equal(ferry_http_set_tls(f->server, f->address, clients, &error), FERRY_INVALID);
    assert_int_equal(ferry_http_listen_tls(f->server, "127.0.0.1:0", clients, NULL, 0, &error),
                     FERRY_INVALID);
    ferry_tls_free(clients);
    fixture_listen(f, "127.0.0.1:0"); /* plain */
    assert_int_equal(ferry_http_set_tls(f->server, f->address, tls, &error), FERRY_NOT_FOUND);
    ferry_tls_free(tls);
}

static void expect_tls_reply(size_t certificates, const char *text)
{
    struct client client = {.f = f,
                            .run = talk_tls_run,
                            .text = "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                            .count = certificates};
    client_run(&client);
    if (!strstr(client.reply, text))
        fail_msg("\"%s\" is not in: %s", text, client.reply);
    free(client.reply);
}

static void a_request_knows_its_scheme_and_who_has_shown_a_certificate(void **state)
{
    (void)state;
    ferry_error error;
    fixture_route(f, "GET", "/who", tell_who, NULL);
    expect_tls_reply(1, "https -"); /* it was not asked for */
    ferry_tls *tls = certificate_tls(true);
    assert_int_equal(ferry_http_set_tls(f->server, f->address, tls, &error), 0);
    ferry_tls_free(tls);
    expect_tls_reply(1, "https CN=here");
    expect_tls_reply(0, "https -");
}

/* ---- over TLS ---- */

static ferry_request *kept;
static ferry_reply *kept_reply;
static const char *kept_subject;

static void keep_who(ferry_request *request, void *ctx)
{
    (void)ctx;
    kept_subject = ferry_request_client_cert(request);
    kept = request;
    kept_reply =
        ferry_request_reply_begin(request, 200, NULL); /* its connection ends with the client */
}

static bool kept_is_gone(struct fixture *unused, void *arg)
{
    (void)unused, (void)arg;
    return kept && ferry_request_is_gone(kept);
}

/* As long as the request, and not only as its connection. */
static void what_a_request_says_of_its_client_stays_when_the_client_leaves(void **state)
{
    (void)state;
    ferry_error error;
    kept = NULL;
    fixture_route(f, "GET", "/who", keep_who, NULL);
    ferry_tls *tls = certificate_tls(true);
    assert_int_equal(ferry_http_set_tls(f->server, f->address, tls, &error), 0);
    ferry_tls_free(tls);
    struct client client = {
        .f = f, .run = leave_tls_run, .text = "GET /who HTTP/1.1\r\nHost: x\r\n\r\n", .count = 1};
    client_run(&client);
    free(client.reply);
    assert_true(fixture_wait(f, kept_is_gone, NULL));
    assert_true(fixture_wait(f, has_no_connections, NULL));
    assert_string_equal(kept_subject, "CN=here");
    assert_string_equal(ferry_request_client_cert(kept), "CN=here");
    assert_string_equal(ferry_request_scheme(kept), "https");
    ferry_reply_end(kept_reply);
}

static void expect_reply(const char *text)
{
    char *reply = talk(f, GET);
    if (!strstr(reply, text))
        fail_msg("\"%s\" is not in: %s", text, reply);
    free(reply);
}

static void routes_are_replaced_at_once(void **state)
{
    (void)state;
    ferry_error error;
    fixture_listen(f, "127.0.0.1:0");
    expect_reply("hello");
    assert_int_equal(ferry_http_routes_begin(f->server, &error), 0);
    assert_int_equal(ferry_http_routes_begin(f->server, &error), FERRY_CONFLICT);
    fixture_route(f, "GET", "/", hello, dropped_text);
    expect_reply("hello");
    ferry_http_routes_end(f->server, false);
    expect_reply("hello");
    assert_int_equal(ferry_http_routes_begin(f->server, &error), 0);
    fixture_route(f, "GET", "/", hello, replaced_text);
    ferry_http_routes_end(f->server, true);
    expect_reply("replaced");
}

static void limits_change(void **state)
{
    (void)state;
    fixture_listen(f, "127.0.0.1:0");
    fixture_route(f, "POST", "/post", hello, taken_text);
    static const char post[] =
        "POST /post HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9\r\n\r\n123456789";
    char *reply = talk(f, post);
    assert_non_null(strstr(reply, "taken"));
    free(reply);
    ferry_http_set_limits(f->server, &(ferry_http_options){.body_bytes = 5});
    reply = talk(f, post);
    assert_non_null(strstr(reply, "413"));
    free(reply);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(plain_bytes_get_no_http),
        TEST(without_memory_for_tls_a_connection_ends_and_the_port_recovers),
        TEST(a_context_is_replaced_where_tls_is_spoken_only),
        TEST(a_request_knows_its_scheme_and_who_has_shown_a_certificate),
        TEST(what_a_request_says_of_its_client_stays_when_the_client_leaves),
        TEST(routes_are_replaced_at_once),
        TEST(limits_change),
    };
    return cmocka_run_group_tests(tests, make, certificate_remove);
}
