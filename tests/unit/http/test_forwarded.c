/*
 * Who is behind a proxy, and whom to believe.
 */
#include "forwarded.h"

#include "fixture.h"
#include "support.h"

static struct trusted trust(const char *const *texts)
{
    struct trusted trusted = {0};
    ferry_error error;
    for (; *texts; texts++)
        assert_int_equal(trusted_add(&trusted, *texts, &error), 0);
    return trusted;
}

static void test_networks(void **state)
{
    (void)state;
    static const struct {
        const char *network, *peer;
        bool is_in;
    } rows[] = {
        {"10.0.0.0/8", "10.1.2.3", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"192.0.2.64/26", "192.0.2.127", true},
        {"192.0.2.64/26", "192.0.2.128", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "203.0.113.9", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1", "::1", true},
        {"10.0.0.0/8", "::ffff:10.0.0.1", true},
        {"10.0.0.0/8", "unix", false},
        {"unix", "unix", true},
        {"unix", "10.0.0.1", false},
        {"10.0.0.0/8", "", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct trusted trusted = trust((const char *[]){rows[i].network, NULL});
        if (trusted_has(&trusted, rows[i].peer) != rows[i].is_in)
            fail_msg("%s in %s", rows[i].peer, rows[i].network);
        trusted_fini(&trusted);
    }
}

static void test_what_is_no_network(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",       "10.0.0.0/33",  "10.0.0.0/",   "10.0.0.0/-1", "10.0.0/8", "localhost",
        "::/129", "10.0.0.0/8/8", "10.0.0.0/+8", "::1/0000",    "*",        "10.0.0.1:80"};
    struct trusted trusted = {0};
    ferry_error error;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(trusted_add(&trusted, texts[i], &error), FERRY_INVALID);
    assert_int_equal(trusted.count, 0);
    trusted_fini(&trusted);
}

static void test_the_last_one_who_is_not_trusted_is_the_client(void **state)
{
    (void)state;
    static const struct {
        const char *value, *client;
        bool goes_on;
    } rows[] = {
        {"203.0.113.9", "203.0.113.9", false},
        {"198.51.100.1, 203.0.113.9", "203.0.113.9", false}, /* what comes first is made up */
        {"198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9", false},
        {"198.51.100.1,203.0.113.9,10.0.0.2,10.0.0.3", "203.0.113.9", false},
        {"10.0.0.2, 10.0.0.3", "10.0.0.2", true}, /* all trusted: the farthest */
        {"203.0.113.9:4711", "203.0.113.9", false},
        {"[2001:db8::1]:4711", "2001:db8::1", false},
        {"[2001:db8::1]", "2001:db8::1", false},
        {"2001:DB8::1", "2001:db8::1", false},
        {"::ffff:203.0.113.9", "203.0.113.9", false},
        {"203.0.113.9, unknown", "", false},
        {"203.0.113.9, unknown, 10.0.0.2", "10.0.0.2", false},
        {"203.0.113.9, [::1", "", false},
        {"203.0.113.9 , ", "203.0.113.9", false},
        {"", "", true},
        {" , ,", "", true},
    };
    struct trusted trusted = trust((const char *[]){"10.0.0.0/8", NULL});
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char client[INET6_ADDRSTRLEN] = "";
        assert_int_equal(forwarded_follow(&trusted, rows[i].value, client), rows[i].goes_on);
        assert_string_equal(client, rows[i].client);
    }
    trusted_fini(&trusted);
}

/* ---- in requests ---- */

static void who(ferry_request *request, void *ctx)
{
    (void)ctx;
    struct bytes text = {0};
    bytes_printf(&text, "%s over %s", ferry_request_peer(request), ferry_request_scheme(request));
    ferry_request_reply_text(request, 200, bytes_text(&text));
    bytes_fini(&text);
}

static void assert_who(const char *trusted, const char *headers, const char *expected)
{
    struct fixture f;
    struct bytes text = {0};
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/", who, NULL);
    if (trusted)
        assert_int_equal(ferry_http_trust(f.server, trusted, NULL), 0);
    bytes_printf(&text, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", headers);
    char *reply = talk(&f, bytes_text(&text));
    assert_string_equal(strstr(reply, "\r\n\r\n") + 4, expected);
    free(reply);
    bytes_fini(&text);
    fixture_close(&f);
}

static void test_who_asks(void **state)
{
    (void)state;
    const char *both = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n";
    assert_who(NULL, both, "127.0.0.1 over http");
    assert_who("10.0.0.0/8", both, "127.0.0.1 over http");
    assert_who("127.0.0.1", both, "203.0.113.9 over https");
    assert_who("127.0.0.1", "", "127.0.0.1 over http");
    assert_who("127.0.0.1", "X-Forwarded-Proto: javascript\r\n", "127.0.0.1 over http");
    /* Headers of one name are one list. */
    assert_who("127.0.0.0/8",
               "X-Forwarded-For: 198.51.100.1\r\nA: b\r\nx-forwarded-for: 203.0.113.9\r\n"
               "X-Forwarded-For: 127.0.0.2\r\n",
               "203.0.113.9 over http");
}

static void test_what_cannot_be_trusted(void **state)
{
    (void)state;
    struct fixture f;
    ferry_error error = {0};
    fixture_open(&f, NULL);
    assert_int_equal(ferry_http_trust(f.server, "everyone", &error), FERRY_INVALID);
    assert_has(error.message, "everyone: ");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_what_is_no_network),
        cmocka_unit_test(test_the_last_one_who_is_not_trusted_is_the_client),
        cmocka_unit_test(test_who_asks),
        cmocka_unit_test(test_what_cannot_be_trusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
