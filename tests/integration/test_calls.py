"""Live calls: what a client gets from a route, and what it gets where there is none."""

import http.client

import pytest

from harness import compile_plugin

CONFIG = """
limits: {header_bytes: 4KiB, body_bytes: 2MiB}
pools:
  default: {threads: 2}
  narrow: {threads: 1, queue_timeout: 0}
routes:
  /noop: {worker: noop, methods: [GET]}
  /echo: {worker: echo, methods: [POST]}
  /sleep: {worker: sleep}
  /narrow: {worker: sleep, pool: narrow}
  /either: {worker: noop, methods: [GET, POST], mode: either}
"""
LONG_SLEEP = "?seconds=3600"  # longer than a test may take: it ends because its client leaves


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module(CONFIG)


def test_noop_answers_ok(server):
    reply = server.get("/noop")
    assert (reply.status, reply.text()) == (200, "ok")


def test_echo_answers_the_body_with_its_content_type(server):
    reply = server.request("POST", "/echo", body=b"\x00\xff{}",
                           headers={"Content-Type": "application/x-thing; a=b"})
    assert (reply.status, reply.body) == (200, b"\x00\xff{}")
    assert reply.headers["Content-Type"] == "application/x-thing; a=b"


def test_echo_of_an_empty_body_is_empty(server):
    reply = server.request("POST", "/echo")
    assert (reply.status, reply.body) == (200, b"")


def test_a_body_of_a_mebibyte_comes_back_whole(server):
    body = bytes(range(256)) * 4096
    assert server.request("POST", "/echo", body=body).body == body


def test_a_chunked_body_comes_back_whole(server):
    parts = [b"one ", b"two ", b"three"]
    reply = server.request("POST", "/echo", body=iter(parts))
    assert (reply.status, reply.body) == (200, b"".join(parts))


@pytest.mark.parametrize("query, slept_ms", [("ms=7", 7), ("ms=0", 0), ("seconds=0.01", 10)])
def test_sleep_says_how_long_it_slept(server, query, slept_ms):
    reply = server.get(f"/sleep?{query}")
    assert (reply.status, reply.json()) == (200, {"slept_ms": slept_ms})


@pytest.mark.parametrize("query, key", [
    ("ms=soon", "ms"), ("ms=-1", "ms"), ("ms=1.5", "ms"), ("ms=", "ms"),
    ("ms=99999999999999999999", "ms"), ("seconds=x", "seconds"), ("seconds=nan", "seconds"),
    ("seconds=-0.1", "seconds"), ("seconds=1e9", "seconds"), ("", "ms"), ("ms=1&seconds=1", "ms"),
])
def test_a_bad_sleep_is_refused_with_the_key_in_the_problem(server, query, key):
    reply = server.get(f"/sleep?{query}")
    assert reply.status == 400
    assert key in reply.problem()


@pytest.mark.parametrize("path", ["/", "/nope", "/noop/", "/noop/more", "/NOOP", "//noop"])
def test_an_unknown_path_is_a_404_problem(server, path):
    reply = server.get(path)
    assert reply.status == 404
    assert reply.problem()


def test_another_method_is_a_405_problem_with_allow(server):
    reply = server.request("DELETE", "/either")
    assert reply.status == 405
    assert reply.problem()
    allowed = {method.strip() for method in reply.headers["Allow"].split(",")}
    assert {"GET", "POST"} <= allowed and "DELETE" not in allowed


def test_options_are_answered_with_allow(server):
    reply = server.request("OPTIONS", "/echo")
    assert (reply.status, reply.body) == (204, b"")
    assert "POST" in reply.headers["Allow"]


def test_head_has_the_headers_of_get_and_no_body(server):
    got, head = server.get("/noop"), server.request("HEAD", "/noop")
    assert (head.status, head.body) == (200, b"")
    for name in "Content-Length", "Content-Type":
        assert head.headers[name] == got.headers[name]


def test_head_is_not_allowed_where_get_is_not(server):
    assert server.request("HEAD", "/echo").status == 405


def test_a_body_past_the_limit_is_refused_before_it_is_sent(server):
    with server.open_socket() as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2097153\r\n\r\n")
        reply = http.client.HTTPResponse(client)
        reply.begin()
        assert reply.status == 413
        assert reply.headers["Content-Type"] == "application/problem+json"


def test_a_chunked_body_past_the_limit_is_refused(server):
    with server.open_socket() as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                       b"200001\r\n")
        reply = http.client.HTTPResponse(client)
        reply.begin()
        assert reply.status == 413


def test_headers_past_the_limit_are_refused(server):
    assert server.get("/noop", headers={"X-Long": "x" * 5000}).status == 431


def test_a_request_without_a_sound_framing_is_refused(server):
    with server.open_socket() as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        reply = http.client.HTTPResponse(client)
        reply.begin()
        assert reply.status == 400


def test_a_connection_serves_one_request_after_the_other(server):
    connection = server.connect()
    for body in b"one", b"two", b"three":
        connection.request("POST", "/echo", body=body)
        assert connection.getresponse().read() == body
        socket = connection.sock
        assert socket is not None  # http.client drops it when the server closes
    connection.close()


def test_two_calls_run_at_once_on_two_threads(server):
    sleepers = [server.send("GET", "/sleep" + LONG_SLEEP) for _ in range(2)]
    server.wait_busy(2)
    for sleeper in sleepers:
        sleeper.leave()
    server.wait_busy(0)


def test_a_saturated_pool_holds_up_no_other(server):
    sleepers = [server.send("GET", "/narrow" + LONG_SLEEP) for _ in range(5)]
    server.wait_queued(4, pool="narrow")
    assert server.get("/livez").status == 200
    assert server.get("/readyz").status == 200
    assert server.get("/noop").text() == "ok"
    for sleeper in sleepers:
        sleeper.leave()
    server.wait_queued(0, pool="narrow")
    server.wait_busy(0, pool="narrow")


@pytest.mark.parametrize("method, path, status", [
    ("POST", "/livez", 405), ("DELETE", "/readyz", 405), ("GET", "/jobs", 404),
    ("DELETE", "/jobs", 405), ("DELETE", "/jobs/0123456789abcdef0123456789abcdef", 404)])
def test_no_pattern_takes_over_a_path_of_the_servers_own(serve, method, path, status):
    server = serve("routes:\n  /{x}: {worker: noop, methods: [GET, POST, DELETE]}\n"
                   "  /{x}/{y}: {worker: noop, methods: [GET, POST, DELETE]}\n")
    reply = server.request(method, path)
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/problem+json"
    if status == 405:
        assert reply.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path, methods, admin", [
    ("/readyz", "GET HEAD", False), ("/jobs", "GET HEAD", False),
    ("/jobs/1", "GET HEAD DELETE", False), ("/jobs/1/result", "GET HEAD", False),
    ("/jobs", "GET HEAD DELETE", True), ("/jobs/retry", "POST", True), ("/metrics", "GET HEAD", True),
    ("/", "GET HEAD", True)])
def test_options_tells_what_a_path_of_the_servers_own_takes(serve, path, methods, admin):
    server = serve("routes:\n  /{x}: {worker: noop, methods: [OPTIONS]}\n"
                   "  /{x}/{y}: {worker: noop, methods: [OPTIONS]}\n")
    reply = server.request("OPTIONS", path, admin=admin)
    assert (reply.status, reply.body) == (204, b"")
    assert set(reply.headers["Allow"].split(", ")) == {*methods.split(), "OPTIONS"}


# ---- when to come back ----

BUSY = """
#include <ferry/worker.h>

static int run(ferry_call *call, void *state)
{
    int64_t ms = 0, status = 0;
    (void)state;
    ferry_call_param_int(call, "ms", &ms);
    ferry_call_param_int(call, "status", &status);
    ferry_call_retry_after(call, ms);
    if (status)
        return ferry_call_reply_text(call, (int)status, "a reply");
    return ferry_call_fail(call, FERRY_TRANSIENT, "a failure");
}
FERRY_WORKER(busy, .run = run)
"""


def test_a_worker_says_when_to_come_back(serve, tmp_path):
    plugin = compile_plugin(tmp_path, "busy", BUSY)
    server = serve(f"plugins: [{plugin}]\nroutes: {{/busy: {{worker: busy}}}}")
    for query, status, seconds in [
            ("ms=1", 502, "1"), ("ms=1000", 502, "1"), ("ms=1001", 502, "2"), ("ms=0", 502, None),
            ("ms=5000&status=503", 503, "5"), ("ms=5000&status=429", 429, "5"),
            ("status=503", 503, "1"), ("ms=5000&status=200", 200, None),
            ("ms=5000&status=404", 404, None)]:
        reply = server.get(f"/busy?{query}")
        assert (reply.status, reply.headers["Retry-After"]) == (status, seconds), query
