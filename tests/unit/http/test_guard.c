/*
 * The guard: what it lets pass, what it refuses, and what it tells a body from, however the bytes
 * are cut. A longer table stands in tests/fault/http/, for the whole server.
 */
#include <ctype.h>
#include <string.h>

#include "support.h"

#include "bytes.h"
#include "guard_parts.h"

enum { HEADER_BYTES = 512, BODY_BYTES = 64 };

#define H          "Host: h\r\n"
#define GET        "GET / HTTP/1.1\r\n"
#define POST       "POST / HTTP/1.1\r\n" H
#define CHUNKED    POST "Transfer-Encoding: chunked\r\n\r\n"
#define BODY_64    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TEXT(text) text, sizeof(text) - 1

struct outcome {
    unsigned whole; /* requests that passed */
    int status;     /* of the refusal; 0: none */
    const char *reason;
    size_t received;   /* of the last body */
    struct bytes body; /* of all of them */
};

/* One piece, as a connection would feed it: one request after the other. */
static void feed(struct guard *guard, struct outcome *outcome, const char *data, size_t length)
{
    for (size_t at = 0; at < length && guard_stage(guard) != GUARD_REFUSED;) {
        size_t passed = guard_pass(guard, length - at);
        bytes_append(&outcome->body, data + at, passed);
        at += passed ? passed : guard_feed(guard, data + at, length - at);
        if (guard_stage(guard) == GUARD_DONE) {
            outcome->whole++;
            outcome->received = guard_received(guard);
            guard_init(guard, HEADER_BYTES, BODY_BYTES);
        }
    }
}

static struct outcome run(const char *text, size_t length, size_t step)
{
    struct outcome outcome = {0};
    struct guard guard;
    guard_init(&guard, HEADER_BYTES, BODY_BYTES);
    for (size_t at = 0; at < length; at += step)
        feed(&guard, &outcome, text + at, length - at < step ? length - at : step);
    if (guard_stage(&guard) == GUARD_REFUSED) { /* and nothing takes that back */
        outcome.status = guard.status;
        outcome.reason = guard.reason;
    }
    return outcome;
}

/* The same at every size of the pieces: so many requests, then this status. */
static void assert_outcome(const char *text, size_t length, unsigned whole, int status)
{
    for (size_t step = 1; step <= length; step++) {
        struct outcome outcome = run(text, length, step);
        if (outcome.whole != whole || outcome.status != status)
            fail_msg("in steps of %zu: %u requests, %d (%s), not %u and %d:\n%s", step,
                     outcome.whole, outcome.status, outcome.reason ? outcome.reason : "passed",
                     whole, status, text);
        if ((status != 0) != (outcome.reason != NULL))
            fail_msg("a refusal has a reason, and nothing else has: %s", text);
        bytes_fini(&outcome.body);
    }
}

struct row {
    const char *text;
    size_t length;
    unsigned whole;
    int status;
};

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_outcome(rows[i].text, rows[i].length, rows[i].whole, rows[i].status);
}

static void a_request_line_means_one_thing(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {TEXT(GET H "\r\n"), 1, 0},
        {TEXT("\r\n\r\n" GET H "\r\n"), 1, 0},
        {TEXT(GET H "\r\n" GET H "\r\n"), 2, 0},
        {TEXT("GET / HTTP/1.0\r\n\r\n"), 1, 0},
        {TEXT("GET /a%20b;c=d/$&'()*+,;=:@~!?q=%&[]{}|\\^` HTTP/1.1\r\n" H "\r\n"), 1, 0},
        {TEXT("GET //x/y HTTP/1.1\r\n" H "\r\n"), 1, 0},
        {TEXT("GET /// HTTP/1.1\r\n" H "\r\n"), 1, 0},
        {TEXT("GET //?a HTTP/1.1\r\n" H "\r\n"), 1, 0},
        {TEXT("GET // HTTP/1.1\r\n" H "\r\n"), 1, 0},
        {TEXT("OPTIONS * HTTP/1.1\r\n" H "\r\n"), 1, 0},
        {TEXT("GET http://h HTTP/1.1\r\n" H "\r\n"), 1, 0},
        {TEXT("GET hTTps://H:8/a%41?b HTTP/1.1\r\nHost: h:8\r\n\r\n"), 1, 0},
        {TEXT("GET http://[::1]?b HTTP/1.1\r\nHost: [::1]\r\n\r\n"), 1, 0},
        {TEXT("GET http://h/ HTTP/1.0\r\n\r\n"), 1, 0},
        {TEXT("GET http://h:65535/ HTTP/1.1\r\nHost: h:65535 \r\n\r\n"), 1, 0},
        {TEXT("GET http://abc/ HTTP/1.1\r\nHost: ABC \r\n\r\n"), 1, 0},
        {TEXT("GET http://abc/ HTTP/1.1\r\nHost: abd\r\n\r\n"), 0, 400},
        {TEXT("\n" GET H "\r\n"), 0, 400},
        {TEXT("\rG"), 0, 400},
        {TEXT(" GET / HTTP/1.1\r\n"), 0, 400},
        {TEXT("G(T / HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET\t/ HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET  / HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET /\r\n"), 0, 400},
        {TEXT("GET / \r\n"), 0, 400},
        {TEXT("GET / HTTP/1.1 \r\n"), 0, 400},
        {TEXT("GET / HTTP/1.1\n"), 0, 400},
        {TEXT("GET / HTTP/1.1\rX"), 0, 400},
        {TEXT("GET / http/1.1\r\n"), 0, 400},
        {TEXT("GET / HTTP/-1.-1\r\n"), 0, 400},
        {TEXT("GET / HTTP/1.10\r\n"), 0, 400},
        {TEXT("GET / HTTP/2.0\r\n"), 0, 505},
        {TEXT("GET / HTTP/0.9\r\n"), 0, 505},
        {TEXT("GET / HTTP/0.1\r\n"), 0, 505},
        {TEXT("GET / HTTP/1.2\r\n"), 0, 505},
        {TEXT("GET / HTTP/1.9\r\n"), 0, 505},
        {TEXT("PRI * HTTP/2.0\r\n"), 0, 505},
        {TEXT("GETS / HTTP/1.1\r\n"), 0, 501},
        {TEXT("GE / HTTP/1.1\r\n"), 0, 501},
        {TEXT("OPTIONS-OF-ANOTHER-KIND / HTTP/1.1\r\n"), 0, 501},
        {TEXT("get / HTTP/1.1\r\n"), 0, 501},
        {TEXT("CONNECT h:1 HTTP/1.1\r\n"), 0, 501},
        {TEXT("CONNECT h:1\r\n"), 0, 400},
        {TEXT("GET a HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET * HTTP/1.1\r\n"), 0, 400},
        {TEXT("OPTIONS *a HTTP/1.1\r\n"), 0, 400},
        {TEXT("OPTIONS *?a HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET /a#b HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET /a\"b HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET /a\\b HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET /a?\xc3\xa4 HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET /%00 HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET /%0 HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET /%g0 HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET //a:b@c/ HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET //[::/ HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET ftp://h/ HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET http:///a HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET http:/a HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET http://u@h/ HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET http://h:65536/ HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET http://[::1/ HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET http://[:::]/ HTTP/1.1\r\n"), 0, 400},
        {TEXT("GET http://[::1\0]/ HTTP/1.0\r\n"), 0, 400},
        {TEXT("GET http://a/ HTTP/1.1\r\n" H "\r\n"), 0, 400},
    };
    assert_rows(rows, COUNT_OF(rows));
}

static void a_header_line_means_one_thing(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {TEXT(GET H "A:\r\nB: \t c \xff\t\r\n!#$%&'*+-.^_`|~0: x\r\n\r\n"), 1, 0},
        {TEXT(GET "hOST:  a.b-c_d:80 \t\r\n\r\n"), 1, 0},
        {TEXT(GET "Host:\r\n\r\n"), 1, 0},
        {TEXT(GET "Host: [2001:db8::1]:443\r\n\r\n"), 1, 0},
        {TEXT(GET "Host: [::ffff:1.2.3.4]\r\n\r\n"), 1, 0},
        {TEXT(GET "Host: [ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]\r\n\r\n"), 1, 0},
        {TEXT(GET "\r\n"), 0, 400},
        {TEXT(GET H H "\r\n"), 0, 400},
        {TEXT("GET / HTTP/1.0\r\n" H H "\r\n"), 0, 400},
        {TEXT(GET "Host: a b\r\n"), 0, 400},
        {TEXT(GET "Host: a,b\r\n"), 0, 400},
        {TEXT(GET "Host: a/b\r\n"), 0, 400},
        {TEXT(GET "Host: u@a\r\n"), 0, 400},
        {TEXT(GET "Host: :80\r\n"), 0, 400},
        {TEXT(GET "Host: a:80x\r\n"), 0, 400},
        {TEXT(GET "Host: [::1\r\n"), 0, 400},
        {TEXT(GET "Host: [::1]a\r\n"), 0, 400},
        {TEXT(GET "Host: [1.2.3.4]\r\n"), 0, 400},
        {TEXT(GET "Host: [0000:0000:0000:0000:0000:0000:0000:0000:0000:0]\r\n"), 0, 400},
        {TEXT(GET "Host: [0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]\r\n"), 0, 400},
        {TEXT(GET H "A: b\r\n c\r\n"), 0, 400},
        {TEXT(GET " A: b\r\n"), 0, 400},
        {TEXT(GET H "A : b\r\n"), 0, 400},
        {TEXT(GET H "A b: c\r\n"), 0, 400},
        {TEXT(GET H ": b\r\n"), 0, 400},
        {TEXT(GET H "A\r\n"), 0, 400},
        {TEXT(GET H "A@: b\r\n"), 0, 400},
        {TEXT(GET H "A\xe4: b\r\n"), 0, 400},
        {TEXT(GET H "A: b\n"), 0, 400},
        {TEXT(GET H "A: b\rc\r\n"), 0, 400},
        {TEXT(GET H "A: b\0c\r\n"), 0, 400},
        {TEXT(GET H "A: \x1b[1m\r\n"), 0, 400},
        {TEXT(GET H "A: \x7f\r\n"), 0, 400},
        {TEXT(GET H "A: b\r\n\n"), 0, 400},
        {TEXT(GET H "\rA"), 0, 400},
        {TEXT(POST "Expect: 100-Continue\r\n\r\n"), 1, 0},
        {TEXT(POST "Expect: 100-continue\r\nExpect: 100-continue \r\n\r\n"), 1, 0},
        {TEXT(POST "Expect:\t100-continue\t\r\n\r\n"), 1, 0},
        {TEXT("POST / HTTP/1.0\r\nExpect: tea\r\n\r\n"), 1, 0},
        {TEXT(POST "Expect: tea\r\n"), 0, 417},
        {TEXT(POST "Expect:\r\n"), 0, 417},
        {TEXT(POST "Expect: 100-cont inue\r\n"), 0, 417},
        {TEXT(POST "Expect: 100-continue, x\r\n"), 0, 417},
    };
    assert_rows(rows, COUNT_OF(rows));
}

static void a_body_has_one_length(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {TEXT(POST "Content-Length: 3\r\n\r\nabc" GET H "\r\n"), 2, 0},
        {TEXT(POST "content-length:\t003 \r\n\r\nabc"), 1, 0},
        {TEXT("POST / HTTP/1.1\r\nHost: h \r\nContent-Length: 3\r\n\r\nabc"), 1, 0},
        {TEXT(POST "Content-Length: 64\r\n\r\n" BODY_64), 1, 0},
        {TEXT(POST "\r\n" GET H "\r\n"), 2, 0},
        {TEXT(POST "Content-Lengt: 3\r\nContent-Lengths: 3\r\n\r\n" GET H "\r\n"), 2, 0},
        {TEXT(POST "Transfer-Encodings: chunked\r\n\r\n" GET H "\r\n"), 2, 0},
        {TEXT(POST "Transfer-Encoding-Of-Another: chunked\r\n\r\n" GET H "\r\n"), 2, 0},
        {TEXT("GET / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"), 1, 0},
        {TEXT("HEAD / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"), 1, 0},
        {TEXT("HEAD / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"), 0, 400},
        {TEXT("TRACE / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"), 0, 400},
        {TEXT(POST "Content-Length: 3\r\nContent-Length: 3\r\n"), 0, 400},
        {TEXT(POST "Content-Length: 3, 3\r\n"), 0, 400},
        {TEXT(POST "Content-Length: 3 3\r\n"), 0, 400},
        {TEXT(POST "Content-Length: +3\r\n"), 0, 400},
        {TEXT(POST "Content-Length: -3\r\n"), 0, 400},
        {TEXT(POST "Content-Length: 0x3\r\n"), 0, 400},
        {TEXT(POST "Content-Length: 3.0\r\n"), 0, 400},
        {TEXT(POST "Content-Length:\r\n"), 0, 400},
        {TEXT(POST "Content-Length: 65\r\n\r\n"), 0, 413},
        {TEXT(POST "Content-Length: 18446744073709551616\r\n\r\n"), 0, 413},
        {TEXT(POST "Content-Length: 184467440737095516160000003\r\n\r\n"), 0, 413},
        {TEXT(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), 0, 400},
        {TEXT(POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"), 0, 400},
        {TEXT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 0, 400},
        {TEXT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), 0, 400},
        {TEXT(POST "Transfer-Encoding: chunked, chunked\r\n\r\n"), 0, 400},
        {TEXT(POST "Transfer-Encoding: chunked, gzip\r\n\r\n"), 0, 400},
        {TEXT(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"), 0, 501},
        {TEXT(POST "Transfer-Encoding: xchunked\r\n\r\n"), 0, 400},
        {TEXT(POST "Transfer-Encoding: chunke\r\n\r\n"), 0, 400},
        {TEXT(POST "Transfer-Encoding: identity\r\n\r\n"), 0, 400},
        {TEXT(POST "Transfer-Encoding:\r\n\r\n"), 0, 400},
        {TEXT(POST "Transfer-Encoding: ,chunked\r\n\r\n"), 0, 400},
        {TEXT(POST "Transfer-Encoding: chunked,\r\n\r\n"), 0, 400},
        {TEXT(POST "Transfer-Encoding: chunked;a=b\r\n\r\n"), 0, 400},
        {TEXT(POST "Transfer-Encoding: chun ked\r\n\r\n"), 0, 400},
        {TEXT(POST "Transfer-Encoding:\tchunked\r\n\r\n"), 0, 400},
        {TEXT(POST "Transfer-Encoding: \x0b"
                   "chunked\r\n\r\n"),
         0, 400},
    };
    assert_rows(rows, COUNT_OF(rows));
}

static void a_chunk_has_one_size(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {TEXT(CHUNKED "3\r\nabc\r\n0\r\n\r\n" GET H "\r\n"), 2, 0},
        {TEXT(CHUNKED "0000000000000003\r\nabc\r\n00\r\n\r\n"), 1, 0},
        {TEXT(CHUNKED "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), 1, 0},
        {TEXT(POST "transfer-encoding: CHUNKED \r\n\r\n0\r\n\r\n"), 1, 0},
        {TEXT(CHUNKED "00000000000000003\r\n"), 0, 400},
        {TEXT(CHUNKED "ffffffffffffffff\r\n"), 0, 413},
        {TEXT(CHUNKED "40\r\n" BODY_64 "\r\n0\r\n\r\n"), 1, 0},
        {TEXT(CHUNKED "40\r\n" BODY_64 "\r\n1\r\n"), 0, 413},
        {TEXT(CHUNKED "0x3\r\n"), 0, 400},
        {TEXT(CHUNKED "+3\r\n"), 0, 400},
        {TEXT(CHUNKED "-3\r\n"), 0, 400},
        {TEXT(CHUNKED " 3\r\n"), 0, 400},
        {TEXT(CHUNKED "3 \r\n"), 0, 400},
        {TEXT(CHUNKED "3 junk\r\n"), 0, 400},
        {TEXT(CHUNKED "3g\r\n"), 0, 400},
        {TEXT(CHUNKED "\r\n3\r\n"), 0, 400},
        {TEXT(CHUNKED "3\nabc"), 0, 400},
        {TEXT(CHUNKED "3\r\rabc"), 0, 400},
        {TEXT(CHUNKED "3\r\nabcd\r\n"), 0, 400},
        {TEXT(CHUNKED "3\r\nabc0\r\n\r\n"), 0, 400},
        {TEXT(CHUNKED "3\r\nabc\n0\r\n\r\n"), 0, 400},
        {TEXT(CHUNKED "3\r\nabc\r\n\r\n0\r\n\r\n"), 0, 400},
        {TEXT(CHUNKED "3;a\r\nabc\r\n0;b=c\r\n\r\n"), 1, 0},
        {TEXT(CHUNKED "3\t; a = \"q;\\\"\r=\" ; c=d;e\r\n"), 0, 400},
        {TEXT(CHUNKED "3\t; a\t=\t\"q;\\\" =\xe4\" ; c=d;e\r\nabc\r\n0\r\n\r\n"), 1, 0},
        {TEXT(CHUNKED "3;a  = b ;c \t;d=\"\\\\\";e\r\nabc\r\n0\r\n\r\n"), 1, 0},
        {TEXT(CHUNKED "3;a=\"\x01\"\r\n"), 0, 400},
        {TEXT(CHUNKED "3;a=\"\\\x01\"\r\n"), 0, 400},
        {TEXT(CHUNKED "3;a=\"\\\r\"\r\n"), 0, 400},
        {TEXT(CHUNKED "3;\r\n"), 0, 400},
        {TEXT(CHUNKED "3;;a\r\n"), 0, 400},
        {TEXT(CHUNKED "3;a=\r\n"), 0, 400},
        {TEXT(CHUNKED "3;=a\r\n"), 0, 400},
        {TEXT(CHUNKED "3;a=\"b\r\n"), 0, 400},
        {TEXT(CHUNKED "3;a=\"b\"c\r\n"), 0, 400},
        {TEXT(CHUNKED "3;a \r\n"), 0, 400},
        {TEXT(CHUNKED "3;a\n"), 0, 400},
        {TEXT(CHUNKED "0\r\nA: b\r\nC: d\r\n\r\n" GET H "\r\n"), 2, 0},
        {TEXT(CHUNKED "0\r\nA : b\r\n"), 0, 400},
        {TEXT(CHUNKED "0\r\n a\r\n"), 0, 400},
        {TEXT(CHUNKED "0\r\nA: b\n"), 0, 400},
        {TEXT(CHUNKED "0\r\nA: \0\r\n"), 0, 400},
        {TEXT(CHUNKED "0\r\nContent-Length: 3\r\n"), 0, 400},
        {TEXT(CHUNKED "0\r\nTransfer-Encoding: chunked\r\n"), 0, 400},
        {TEXT(CHUNKED "0\r\nHost: h\r\n"), 0, 400},
        {TEXT(CHUNKED "0\r\nExpect: 100-continue\r\n"), 0, 400},
        {TEXT(CHUNKED "0\r\n\n"), 0, 400},
        {TEXT(CHUNKED "0\r\nGET / HTTP/1.1\r\n\r\n"), 0, 400},
    };
    assert_rows(rows, COUNT_OF(rows));
}

/* `before`, then so many bytes of `filler`, then `after`. */
static void assert_long(const char *before, size_t count, const char *after, unsigned whole,
                        int status)
{
    struct bytes text = {0};
    bytes_append_text(&text, before);
    for (size_t i = 0; i < count; i++)
        bytes_append_char(&text, 'a');
    bytes_append_text(&text, after);
    assert_outcome(bytes_text(&text), text.length, whole, status);
    bytes_fini(&text);
}

static void what_is_too_long_has_its_own_status(void **state)
{
    (void)state;
    const char head[] = GET H "A: \r\n\r\n";
    assert_long(GET H "A: ", HEADER_BYTES - (sizeof head - 1), "\r\n\r\n", 1, 0);
    assert_long(GET H "A: ", HEADER_BYTES - (sizeof head - 1) + 1, "\r\n\r\n", 0, 431);
    assert_long(GET H, HEADER_BYTES, ": b\r\n\r\n", 0, 431);
    assert_long("GET /", HEADER_BYTES - (sizeof GET - 1), " HTTP/1.1\r\n" H, 0, 431);
    assert_long("GET /", HEADER_BYTES, " HTTP/1.1\r\n", 0, 414);
    assert_long("GET /?", HEADER_BYTES, " HTTP/1.1\r\n", 0, 414);
    assert_long("", HEADER_BYTES, " / HTTP/1.1\r\n", 0, 414);
    assert_long(CHUNKED "0\r\nA: ", HEADER_BYTES - 7, "\r\n\r\n", 1, 0);
    assert_long(CHUNKED "0\r\nA: ", HEADER_BYTES, "\r\n\r\n", 0, 431);
    assert_long(CHUNKED "3;", 256 - 4, "\r\nabc\r\n0\r\n\r\n", 1, 0);
    assert_long(CHUNKED "3;", 256 - 3, "\r\nabc\r\n0\r\n\r\n", 0, 400);
}

static void a_body_is_told_from_its_framing(void **state)
{
    (void)state;
    static const struct {
        const char *text, *body;
    } rows[] = {
        {"\r\n\r\n" GET H "\r\n\r\n" GET H "\r\n", ""},
        {CHUNKED "3;a=\"\\\"\"\r\nabc\r\n2\r\nde\r\n0\t;b\r\n\r\n", "abcde"},
        {CHUNKED "1\r\n1\r\n0\r\nA: b\r\nC: d\r\n\r\n" GET H "\r\n", "1"},
        {CHUNKED "0\r\n\r\n", ""},
        {POST "Content-Length: 4\r\n\r\n\r\n\r\n", "\r\n\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t step = 1; step <= strlen(rows[i].text); step++) {
            struct outcome outcome = run(rows[i].text, strlen(rows[i].text), step);
            assert_string_equal(bytes_text(&outcome.body), rows[i].body);
            bytes_fini(&outcome.body);
        }
    }
}

static void the_stages_follow_one_another(void **state)
{
    (void)state;
    static const char head[] = POST "Expect: 100-continue\r\nContent-Length: 10\r\n\r\n";
    struct guard guard;
    guard_init(&guard, HEADER_BYTES, BODY_BYTES);
    assert_int_equal(guard_pass(&guard, 5), 0);
    assert_int_equal(guard_feed(&guard, head, sizeof head - 3), sizeof head - 3);
    assert_int_equal(guard_received(&guard), 0); /* it knows how many there will be */
    assert_int_equal(guard_feed(&guard, head + sizeof head - 3, 2), 2);
    assert_int_equal(guard_stage(&guard), GUARD_BODY);
    assert_true(guard_expects_continue(&guard));
    assert_int_equal(guard_received(&guard), 0);
    assert_int_equal(guard_feed(&guard, "0123456789", 10), 0);
    assert_int_equal(guard_pass(&guard, 7), 7);
    assert_int_equal(guard_received(&guard), 7);
    assert_int_equal(guard_pass(&guard, 7), 3);
    assert_int_equal(guard_stage(&guard), GUARD_DONE);
    assert_int_equal(guard_received(&guard), 10);
    assert_int_equal(guard_feed(&guard, TEXT(head)), 0);
    static const char older[] =
        "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";
    guard_init(&guard, HEADER_BYTES, BODY_BYTES);
    assert_int_equal(guard_feed(&guard, TEXT(older)), sizeof older - 1);
    assert_false(guard_expects_continue(&guard)); /* it would take a 100 for the reply */
}

static void the_framing_of_chunks_is_the_bodys(void **state)
{
    (void)state;
    static const char head[] = CHUNKED;
    struct guard guard;
    guard_init(&guard, HEADER_BYTES, BODY_BYTES);
    assert_int_equal(guard_feed(&guard, TEXT(CHUNKED "3\r\n")), sizeof head - 1);
    assert_int_equal(guard_feed(&guard, TEXT("3\r\n")), 3);
    assert_int_equal(guard_pass(&guard, 5), 3);
    assert_int_equal(guard_feed(&guard, TEXT("\r\n2")), 3);
    assert_int_equal(guard_received(&guard), 3); /* the two are still to come */
    assert_int_equal(guard_feed(&guard, TEXT("\r\n")), 2);
    assert_int_equal(guard_pass(&guard, 5), 2);
    assert_int_equal(guard_feed(&guard, TEXT("\r\n0\r\nA")), 6);
    assert_int_equal(guard_stage(&guard), GUARD_BODY);
    assert_int_equal(guard_received(&guard), 5);
}

static unsigned class_of(unsigned char c)
{
    unsigned class = 0;
    bool is_plain = c < 0x80 && isalnum(c), is_visible = c > ' ' && c < 0x7f;
    class |= c && (is_plain || strchr("!#$%&'*+-.^_`|~", c)) ? CLASS_TOKEN : 0;
    class |= is_visible || c == ' ' || c == '\t' || c >= 0x80 ? CLASS_TEXT : 0;
    class |= c && (is_plain || strchr("-._~!$&'()*+,;=:@/[]^`{|}", c)) ? CLASS_PATH : 0;
    class |= is_visible && !strchr("\"#<>", c) ? CLASS_QUERY : 0;
    class |= c && (is_plain || strchr("-._~!$&'()*+;=", c)) ? CLASS_HOST : 0;
    class |= isdigit(c) ? CLASS_DIGIT : 0;
    class |= isxdigit(c) ? CLASS_HEX : 0;
    class |= c == ' ' || c == '\t' ? CLASS_BLANK : 0;
    return class;
}

static void classes_are_those_of_the_grammar(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++)
        assert_int_equal(guard_class[c], class_of((unsigned char)c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_line_means_one_thing),
        cmocka_unit_test(a_header_line_means_one_thing),
        cmocka_unit_test(a_body_has_one_length),
        cmocka_unit_test(a_chunk_has_one_size),
        cmocka_unit_test(what_is_too_long_has_its_own_status),
        cmocka_unit_test(a_body_is_told_from_its_framing),
        cmocka_unit_test(the_stages_follow_one_another),
        cmocka_unit_test(the_framing_of_chunks_is_the_bodys),
        cmocka_unit_test(classes_are_those_of_the_grammar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
