/*
 * The HTTP client against nginx, with TLS, redirects, compression, slow and cut answers, and
 * through a SOCKS5 proxy.
 */
#include "peers.h"

enum { BIG_BYTES = 3000000 };

struct world {
    struct nginx nginx;
    struct microsocks socks;
    char ca_file[96];
};

static const char *locations(const struct nginx *nginx)
{
    static char text[1024];
    snprintf(text, sizeof text,
             "location /up {return 302 https://127.0.0.1:%u/hello;}\n"
             "location /round {return 302 /round;}\n"
             "location /cut {return 444;}\n"
             "location /slow {limit_rate 1000; alias files/big;}\n"
             "location /once {keepalive_timeout 0; alias files/hello;}\n",
             nginx->https_port);
    return text;
}

static void prepare(const struct nginx *nginx)
{
    char *big = malloc(BIG_BYTES + 1);
    memset(big, 'x', BIG_BYTES);
    big[BIG_BYTES] = '\0';
    write_file(nginx->folder, "files/big", big);
    write_file(nginx->folder, "files/hello", "hello from nginx\n");
    free(big);
}

static int world_open(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    nginx_open(&world->nginx, prepare, locations);
    microsocks_open(&world->socks, "me", "secret");
    snprintf(world->ca_file, sizeof world->ca_file, "%s/ca.pem", world->nginx.folder);
    *state = world;
    return 0;
}

static int world_close(void **state)
{
    struct world *world = *state;
    microsocks_close(&world->socks);
    nginx_close(&world->nginx);
    free(world);
    return 0;
}

/* Valid until the next one. */
static const char *nginx_url(const char *scheme, unsigned port, const char *path)
{
    static char url[128];
    snprintf(url, sizeof url, "%s://127.0.0.1:%u%s", scheme, port, path);
    return url;
}

static void assert_hello(ferry_response *response)
{
    assert_int_equal(ferry_response_status(response), 200);
    assert_body(response, "hello from nginx\n");
    ferry_response_free(response);
}

/* ---- TLS ---- */

static void test_tls_with_a_ca_file(void **state)
{
    struct world *world = *state;
    struct client_fixture c;
    client_open(&c, NULL);
    ferry_response *response = fetch_ok(
        &c, &(ferry_fetch_options){.url = nginx_url("https", world->nginx.https_port, "/hello"),
                                   .ca_file = world->ca_file});
    assert_true(times_of(response).tls_ms >= times_of(response).connect_ms);
    assert_hello(response);
    client_close(&c);
}

static void test_tls_that_is_not_trusted(void **state)
{
    struct world *world = *state;
    struct client_fixture c;
    client_open(&c, NULL);
    ferry_fetch_options options = {.url = nginx_url("https", world->nginx.https_port, "/hello")};
    fetch_fails(&c, &options, FERRY_TRANSIENT); /* an authority that nobody knows */
    options.ca_file = "/nonexistent/ca.pem";
    fetch_fails(&c, &options, FERRY_INVALID);
    options.url = nginx_url("https", world->nginx.other_port, "/hello");
    options.ca_file = world->ca_file;
    fetch_fails(&c, &options, FERRY_TRANSIENT); /* the name of somebody else */
    options.insecure_accept_any_certificate = true;
    assert_hello(fetch_ok(&c, &options));
    options.ca_file = NULL;
    assert_hello(fetch_ok(&c, &options));
    options.insecure_accept_any_certificate = false;
    fetch_fails(&c, &options, FERRY_TRANSIENT); /* not over the connection of before */
    client_close(&c);
}

static void test_tls_where_there_is_none(void **state)
{
    struct world *world = *state;
    struct client_fixture c;
    client_open(&c, NULL);
    fetch_fails(&c,
                &(ferry_fetch_options){.url = nginx_url("https", world->nginx.http_port, "/hello")},
                FERRY_TRANSIENT);
    client_close(&c);
}

/* ---- redirects ---- */

static void test_redirects_between_schemes(void **state)
{
    struct world *world = *state;
    struct client_fixture c;
    client_open(&c, NULL);
    ferry_fetch_options options = {.url = nginx_url("http", world->nginx.http_port, "/up"),
                                   .ca_file = world->ca_file};
    ferry_response *response = fetch_ok(&c, &options);
    assert_memory_equal(ferry_response_url(response), "https://", 8);
    assert_hello(response);
    options.url = nginx_url("https", world->nginx.https_port, "/down");
    response = fetch_ok(&c, &options);
    assert_memory_equal(ferry_response_url(response), "http://", 7);
    assert_hello(response);
    client_close(&c);
}

static void test_a_redirect_in_a_circle(void **state)
{
    struct world *world = *state;
    struct client_fixture c;
    client_open(&c, NULL);
    fetch_fails(&c,
                &(ferry_fetch_options){.url = nginx_url("http", world->nginx.http_port, "/round")},
                FERRY_TRANSIENT);
    client_close(&c);
}

/* ---- bodies ---- */

static void test_compression(void **state)
{
    struct world *world = *state;
    struct client_fixture c;
    size_t length;
    client_open(&c, NULL);
    ferry_fetch_options options = {.url = nginx_url("http", world->nginx.http_port, "/big")};
    ferry_response *response = fetch_ok(&c, &options);
    assert_string_equal(ferry_response_header(response, "Content-Encoding"), "gzip");
    ferry_response_body(response, &length);
    assert_int_equal(length, BIG_BYTES);
    ferry_response_free(response);
    options.body_bytes = BIG_BYTES / 2; /* of what it becomes: packed it would be far below */
    fetch_fails(&c, &options, FERRY_TOO_LARGE);
    options.body_bytes = 0;
    options.no_decompression = true;
    response = fetch_ok(&c, &options);
    assert_null(ferry_response_header(response, "Content-Encoding"));
    ferry_response_body(response, &length);
    assert_int_equal(length, BIG_BYTES);
    ferry_response_free(response);
    client_close(&c);
}

static void test_slow_and_cut_answers(void **state)
{
    struct world *world = *state;
    struct client_fixture c;
    client_open(&c, NULL);
    ferry_fetch_options options = {.url = nginx_url("http", world->nginx.http_port, "/cut")};
    fetch_fails(&c, &options, FERRY_TRANSIENT);
    options.url = nginx_url("http", world->nginx.http_port, "/slow");
    options.timeout_ms = 50;
    fetch_fails(&c, &options, FERRY_DEADLINE);
    client_close(&c);
}

/* ---- connections ---- */

static void test_keep_alive(void **state)
{
    struct world *world = *state;
    struct client_fixture c;
    client_open(&c, NULL);
    const char *const schemes[] = {"http", "https"};
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        unsigned port = i ? world->nginx.https_port : world->nginx.http_port;
        for (unsigned n = 0; n < 5; n++) {
            ferry_response *response =
                fetch_ok(&c, &(ferry_fetch_options){.url = nginx_url(schemes[i], port, "/hello"),
                                                    .ca_file = world->ca_file});
            assert_int_equal(times_of(response).connections, n == 0 ? 1 : 0);
            assert_hello(response);
        }
    }
    client_close(&c);
}

static void test_connections_that_the_server_closes(void **state)
{
    struct world *world = *state;
    struct client_fixture c;
    client_open(&c, NULL);
    for (unsigned i = 0; i < 50; i++) {
        ferry_response *response = fetch_ok(
            &c, &(ferry_fetch_options){.url = nginx_url("http", world->nginx.http_port, "/once")});
        assert_int_equal(times_of(response).connections, 1);
        assert_hello(response);
    }
    client_close(&c);
}

struct crowd {
    ferry_loop *loop;
    unsigned left;
};

static void on_one_of_many(ferry_future *future, void *arg)
{
    struct crowd *crowd = arg;
    assert_non_null(ferry_future_result(future));
    if (--crowd->left == 0)
        ferry_loop_stop(crowd->loop);
}

static void test_many_at_once(void **state)
{
    struct world *world = *state;
    struct client_fixture c;
    client_open(&c, NULL);
    struct crowd crowd = {.loop = c.f.loop, .left = 500};
    for (unsigned i = 0; i < 500; i++) {
        bool is_tls = i % 5 == 0;
        ferry_fetch_options options = {
            .url = is_tls ? nginx_url("https", world->nginx.https_port, "/hello")
                          : nginx_url("http", world->nginx.http_port, i % 7 ? "/hello" : "/once"),
            .ca_file = world->ca_file};
        ferry_future_then(ferry_fetch(c.client, &options), on_one_of_many, &crowd);
    }
    ferry_loop_run(c.f.loop);
    assert_int_equal(crowd.left, 0);
    client_close(&c);
}

/* ---- a proxy ---- */

static void test_through_a_socks_proxy(void **state)
{
    struct world *world = *state;
    struct client_fixture c;
    char proxy[96];
    client_open(&c, NULL);
    ferry_fetch_options options = {.proxy = proxy, .ca_file = world->ca_file};
    const char *const schemes[] = {"socks5h", "socks5"};
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        snprintf(proxy, sizeof proxy, "%s://me:secret@127.0.0.1:%u", schemes[i], world->socks.port);
        options.url = nginx_url("http", world->nginx.http_port, "/hello");
        assert_hello(fetch_ok(&c, &options));
        options.url = nginx_url("https", world->nginx.https_port, "/hello");
        assert_hello(fetch_ok(&c, &options));
    }
    client_close(&c);
}

static void test_a_proxy_that_refuses(void **state)
{
    struct world *world = *state;
    struct client_fixture c;
    char proxy[96];
    client_open(&c, NULL);
    ferry_fetch_options options = {.proxy = proxy};
    options.url = nginx_url("http", world->nginx.http_port, "/hello");
    snprintf(proxy, sizeof proxy, "socks5h://me:wrong@127.0.0.1:%u", world->socks.port);
    fetch_fails(&c, &options, FERRY_TRANSIENT);
    snprintf(proxy, sizeof proxy, "socks5h://127.0.0.1:%u", world->socks.port);
    fetch_fails(&c, &options, FERRY_TRANSIENT);
    snprintf(proxy, sizeof proxy, "nonsense://127.0.0.1:%u", world->socks.port);
    assert_true(fetch(&c, &options).error.code != FERRY_OK);
    client_close(&c);
}

/* The proxy looks the name up; localhost is one that every machine knows. */
static void test_names_through_a_socks_proxy(void **state)
{
    struct world *world = *state;
    struct client_fixture c;
    char proxy[96], url[96];
    client_open(&c, NULL);
    snprintf(proxy, sizeof proxy, "socks5h://me:secret@127.0.0.1:%u", world->socks.port);
    snprintf(url, sizeof url, "http://localhost:%u/hello", world->nginx.http_port);
    assert_hello(fetch_ok(&c, &(ferry_fetch_options){.url = url, .proxy = proxy}));
    client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_with_a_ca_file),
        cmocka_unit_test(test_tls_that_is_not_trusted),
        cmocka_unit_test(test_tls_where_there_is_none),
        cmocka_unit_test(test_redirects_between_schemes),
        cmocka_unit_test(test_a_redirect_in_a_circle),
        cmocka_unit_test(test_compression),
        cmocka_unit_test(test_slow_and_cut_answers),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_connections_that_the_server_closes),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_through_a_socks_proxy),
        cmocka_unit_test(test_a_proxy_that_refuses),
        cmocka_unit_test(test_names_through_a_socks_proxy),
    };
    return cmocka_run_group_tests(tests, world_open, world_close);
}
