"""proxy of examples/: what it passes on, and that its sleeps hold up nobody."""

import contextlib

from examples import example, first_answered, http_peer, is_answered

LONG_MS = 3600 * 1000  # nobody waits for the end of it


def headers_of(reply):
    return sorted(header for header in reply.headers.items() if header[0] != "Date")


def test_it_passes_on_what_its_own_test2_says():
    with example("proxy", "127.0.0.1:0", 100) as proxy:
        for _ in range(4):  # every other one slept
            reply = proxy.get("/test1")
            assert reply.status == 203
            assert reply.text() == "this is test2\n"
            assert reply.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
            assert headers_of(reply) == headers_of(proxy.get("/test2"))


def test_who_sleeps_holds_up_nobody():
    with example("proxy", "127.0.0.1:0", LONG_MS) as proxy, contextlib.ExitStack() as left:
        asleep = []
        for _ in range(3):
            pair = [proxy.send("GET", "/test1") for _ in range(2)]
            answered, [sleeper] = first_answered(*pair)
            left.callback(sleeper.leave)
            assert answered.reply().status == 203
            asleep.append(sleeper)
        assert proxy.get("/test2").status == 203
        assert not any(map(is_answered, asleep))


def test_headers_of_one_hop_stay_there():
    def answer(handler):
        handler.send_response(404, "Not Here")
        handler.send_header("Connection", "keep-alive, X-Hop,x-hop-too")
        handler.send_header("Keep-Alive", "timeout=5")
        handler.send_header("X-Hop", "1")
        handler.send_header("X-Hop-Too", "2")
        handler.send_header("X-Hop-Not", "3")
        handler.send_header("Proxy-Authenticate", "Basic")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.send_header("Trailer", "X-Sum")
        handler.send_header("Content-Encoding", "x-own")
        handler.send_header("Content-Type", "application/x-own")
        handler.end_headers()
        handler.wfile.write(b"3\r\n\0\1\2\r\n0\r\n\r\n")

    with http_peer(answer) as peer, \
            example("proxy", "127.0.0.1:0", 0, f"http://{peer}/") as proxy:
        reply = proxy.get("/test1")
        assert reply.status == 404
        assert reply.body == b"\0\1\2"
        assert reply.headers["Content-Length"] == "3"
        assert reply.headers["X-Hop-Not"] == "3"
        assert reply.headers["Content-Encoding"] == "x-own"
        assert reply.headers.get_all("Content-Type") == ["application/x-own"]
        for name in ("Keep-Alive", "X-Hop", "X-Hop-Too", "Proxy-Authenticate", "Transfer-Encoding",
                     "Trailer"):
            assert name not in reply.headers, name


def test_a_redirect_is_passed_on():
    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", "/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with http_peer(answer) as peer, \
            example("proxy", "127.0.0.1:0", 0, f"http://{peer}/") as proxy:
        reply = proxy.get("/test1")
        assert (reply.status, reply.headers["Location"]) == (302, "/elsewhere")


def test_nobody_there_to_fetch_from():
    with http_peer(None) as peer:
        pass
    with example("proxy", "127.0.0.1:0", 0, f"http://{peer}/") as proxy:
        reply = proxy.get("/test1")
        assert reply.status == 502
        assert reply.problem()
