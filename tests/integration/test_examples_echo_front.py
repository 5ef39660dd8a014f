"""echo_front of examples/: who waits on the loop's thread holds up all, a coroutine nobody."""

import contextlib
import socket

import pytest

from examples import example, is_answered
from harness import DEADLINE


@pytest.fixture
def echo_peer():
    """A listening socket in place of the echo server, which the test answers for by hand."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE)
        yield listener


def address_of(listener):
    return "127.0.0.1:%d" % listener.getsockname()[1]


def accept(listener):
    connection, _ = listener.accept()
    connection.settimeout(DEADLINE)
    return connection


def answer(connection):
    """Echo a line, and wait until the front has hung up."""
    with connection, connection.makefile("rwb") as stream:
        stream.write(stream.readline())
        stream.flush()
        assert stream.read() == b""


def test_both_ways_with_the_real_echo_server():
    with example("echo_server", "127.0.0.1:0", 100) as echo, \
            example("echo_front", "127.0.0.1:0", echo.address) as front:
        for way in "blocking", "async":
            assert front.get(f"/{way}?say=some%20words").text() == "some words\n"
            assert front.get(f"/{way}").text() == "hello\n"


def test_the_asynchronous_way_asks_for_all_at_once(echo_peer):
    with example("echo_front", "127.0.0.1:0", address_of(echo_peer)) as front:
        pending = [front.send("GET", f"/async?say={i}") for i in range(20)]
        with contextlib.ExitStack() as stack:  # all have come before one is answered
            asked = [stack.enter_context(accept(echo_peer)) for _ in pending]
            assert not any(map(is_answered, pending))
            for connection in reversed(asked):
                answer(connection)
        assert [one.reply().text() for one in pending] == [f"{i}\n" for i in range(20)]


def test_the_blocking_way_asks_for_one_after_the_other(echo_peer):
    with example("echo_front", "127.0.0.1:0", address_of(echo_peer)) as front:
        pending = [front.send("GET", f"/blocking?say={i}") for i in range(3)]
        others = front.send("GET", "/nowhere")  # needs no peer, and has to wait all the same
        for done in range(3):
            asked = accept(echo_peer)
            assert sum(map(is_answered, pending)) <= done
            echo_peer.setblocking(False)
            with pytest.raises(BlockingIOError):
                echo_peer.accept()
            echo_peer.settimeout(DEADLINE)
            answer(asked)
        assert sorted(one.reply().text() for one in pending) == ["0\n", "1\n", "2\n"]
        assert others.reply().status == 404


@pytest.mark.parametrize("way", ["blocking", "async"])
def test_a_peer_that_fails(echo_peer, way):
    with example("echo_front", "127.0.0.1:0", address_of(echo_peer)) as front:
        pending = front.send("GET", f"/{way}")
        accept(echo_peer).close()
        reply = pending.reply()
        assert reply.status == 502
        assert reply.problem().startswith("the echo server: ")
        echo_peer.close()
        reply = front.get(f"/{way}")
        assert reply.status == 502
        assert "refused" in reply.problem()
