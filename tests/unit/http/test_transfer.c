/*
 * The HTTP client against answers that no good server gives: cut, without end, malformed, too long.
 */
#include "client_fixture.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

static void test_broken_answers(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",                                                      /* nothing */
        "nonsense\r\n\r\n",                                      /* not HTTP */
        OK_HEAD "X: 1",                                          /* cut in the headers */
        OK_HEAD "Content-Length: 9\r\n\r\nhalf",                 /* cut in the body */
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nab",     /* cut in a chunk */
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", /* no last chunk */
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n",
        OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct client_fixture c;
        struct canned canned;
        client_open(&c, NULL);
        canned_open(&canned, texts[i]);
        fetch_fails(&c, &(ferry_fetch_options){.url = canned.url}, FERRY_TRANSIENT);
        client_close(&c);
        canned_close(&canned);
    }
}

/* Each goes on for longer than any limit; the client must be the one that ends it. */
static void test_endless_answers(void **state)
{
    (void)state;
    static const struct canned rows[] = {
        {.head = OK_HEAD, .text = "X: 1\r\n", .repeats = 1000000},
        {.head = OK_HEAD "X: ", .text = "1234567890", .repeats = 1000000},
        {.text = "HTTP/1.1 100 Continue\r\n\r\n", .repeats = 1000000},
        {.text = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", .repeats = 1000000},
        {.head = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n",
         .text = "X: trailer\r\n",
         .repeats = 1000000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct client_fixture c;
        struct canned canned = rows[i];
        client_open(&c, NULL);
        canned_start(&canned);
        fetch_fails(&c,
                    &(ferry_fetch_options){
                        .url = canned.url, .header_bytes = 1000, .timeout_ms = PATIENCE_S * 1000},
                    FERRY_TOO_LARGE);
        client_close(&c);
        canned_close(&canned);
    }
}

static void test_a_body_without_a_length_past_its_limit(void **state)
{
    (void)state;
    struct client_fixture c;
    struct canned canned = {.head = OK_HEAD "\r\n", .text = "0123456789", .repeats = 1000000};
    client_open(&c, NULL);
    canned_start(&canned);
    fetch_fails(&c, &(ferry_fetch_options){.url = canned.url, .body_bytes = 100000},
                FERRY_TOO_LARGE);
    client_close(&c);
    canned_close(&canned);
}

static void test_an_answer_that_stops_meets_the_deadline(void **state)
{
    (void)state;
    struct client_fixture c;
    struct canned canned = {
        .text = OK_HEAD "Content-Length: 9\r\n\r\nhalf", .repeats = 1, .is_endless = true};
    client_open(&c, NULL);
    canned_start(&canned);
    fetch_fails(&c, &(ferry_fetch_options){.url = canned.url, .timeout_ms = 50}, FERRY_DEADLINE);
    client_close(&c);
    canned_close(&canned);
}

static ferry_response *answered(struct client_fixture *c, struct canned *canned, const char *text)
{
    client_open(c, NULL);
    canned_open(canned, text);
    return fetch_ok(c, &(ferry_fetch_options){.url = canned->url});
}

static void answered_end(struct client_fixture *c, struct canned *canned, ferry_response *response)
{
    ferry_response_free(response);
    client_close(c);
    canned_close(canned);
}

static void test_only_the_last_response_counts(void **state)
{
    (void)state;
    struct client_fixture c;
    struct canned canned;
    size_t count;
    ferry_response *response = answered(
        &c, &canned,
        "HTTP/1.1 103 Early Hints\r\nX: early\r\n\r\nHTTP/1.1 201 Made\r\nX: late\r\n"
        "Y: a\r\n b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nZ: trailer\r\n\r\n");
    assert_int_equal(ferry_response_status(response), 201);
    assert_string_equal(ferry_response_header(response, "X"), "late");
    assert_string_equal(ferry_response_header(response, "Y"), "a b");
    assert_null(ferry_response_header(response, "Z"));
    ferry_response_headers(response, &count);
    assert_int_equal(count, 3);
    assert_body(response, "ok");
    answered_end(&c, &canned, response);
}

static void test_a_response_up_to_the_end_of_the_connection(void **state)
{
    (void)state;
    struct client_fixture c;
    struct canned canned;
    ferry_response *response = answered(&c, &canned, "HTTP/1.0 200 OK\r\n\r\nall of it");
    assert_body(response, "all of it");
    answered_end(&c, &canned, response);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    struct client_fixture c;
    unsigned port;
    char url[64];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, and does not listen */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    port = ntohs(address.sin_port);
    client_open(&c, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    fetch_fails(&c, &(ferry_fetch_options){.url = url}, FERRY_TRANSIENT);
    snprintf(url, sizeof url, "socks5h://127.0.0.1:%u", port);
    fetch_fails(&c, &(ferry_fetch_options){.url = "http://a.example/", .proxy = url},
                FERRY_TRANSIENT);
    client_close(&c);
    close(fd);
}

/* A server that takes connections and says nothing is one that TLS cannot be begun with. */
static void test_connecting_has_a_deadline(void **state)
{
    (void)state;
    struct client_fixture c;
    unsigned port;
    char url[64];
    int fd = listen_free(&port);
    client_open(&c, NULL);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/", port);
    fetch_fails(&c, &(ferry_fetch_options){.url = url, .connect_timeout_ms = 50, .timeout_ms = -1},
                FERRY_DEADLINE);
    client_close(&c);
    close(fd);
}

/* What the environment says of proxies is for programs that a person calls. */
static void test_the_environment_is_not_heeded(void **state)
{
    (void)state;
    struct client_fixture c;
    struct canned canned;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    ferry_response *response = answered(&c, &canned, "HTTP/1.0 200 OK\r\n\r\ndirect");
    assert_body(response, "direct");
    answered_end(&c, &canned, response);
    unsetenv("http_proxy");
}

static void test_credentials_do_not_follow_to_another_host(void **state)
{
    (void)state;
    struct client_fixture c;
    struct canned first, second;
    char redirect[128];
    const ferry_header headers[] = {{"Authorization", "Bearer secret"}, {"X-Mine", "1"}};
    client_open(&c, NULL);
    canned_open(&second, "HTTP/1.0 200 OK\r\n\r\nthere");
    snprintf(redirect, sizeof redirect, "HTTP/1.0 302 Found\r\nLocation: %s\r\n\r\n", second.url);
    canned_open(&first, redirect);
    ferry_response *response = fetch_ok(
        &c, &(ferry_fetch_options){.url = first.url, .headers = headers, .header_count = 2});
    assert_body(response, "there");
    assert_string_equal(ferry_response_url(response), second.url);
    ferry_response_free(response);
    client_close(&c);
    canned_stop(&first);
    canned_stop(&second);
    assert_has(bytes_text(&first.heard), "Authorization: Bearer secret\r\n");
    assert_has(bytes_text(&second.heard), "X-Mine: 1\r\n");
    assert_lacks(bytes_text(&second.heard), "Authorization");
    canned_close(&first);
    canned_close(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_answers),
        cmocka_unit_test(test_endless_answers),
        cmocka_unit_test(test_a_body_without_a_length_past_its_limit),
        cmocka_unit_test(test_an_answer_that_stops_meets_the_deadline),
        cmocka_unit_test(test_only_the_last_response_counts),
        cmocka_unit_test(test_a_response_up_to_the_end_of_the_connection),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_connecting_has_a_deadline),
        cmocka_unit_test(test_the_environment_is_not_heeded),
        cmocka_unit_test(test_credentials_do_not_follow_to_another_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
