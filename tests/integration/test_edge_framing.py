"""Framing: a request is well formed and means one thing, or it is refused and the connection ends.

The table is tests/fault/http/framing_table.py.
"""

import json
import sys

import pytest

from harness import ROOT, split_address

sys.path.insert(0, str(ROOT / "tests" / "fault" / "http"))

from framing_table import CLOSED, REFUSALS, ROWS, post  # noqa: E402
from wire import Wire, random_cuts, single_bytes, whole  # noqa: E402

CONFIG = """
limits: {header_bytes: 4KiB, body_bytes: 1KiB, header_timeout: 1h, body_timeout: 1h}
pools: {default: {queue: 1000}}
routes: {/echo: {worker: echo, methods: [GET, POST, PUT, PATCH, DELETE]}}
"""
PROBE = post(b"probe", b"Connection: close")
LONGEST_IN_BYTES = 6000  # longer texts would take long, byte by byte


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module(CONFIG)


def read_answer(wire, expected):
    """One answer, in the form in which the table has it."""
    is_head = isinstance(expected, tuple)
    status, headers, body = wire.read_reply(is_head)
    if status in REFUSALS:
        assert headers["connection"] == "close"
        assert headers["content-type"] == "application/problem+json"
        if not is_head:
            document = json.loads(body)
            assert document["status"] == status and document["detail"]
    if is_head:
        return "HEAD", status
    return body if status == 200 else status


def talk(server, text, answers, cut):
    """Send a row and compare what comes; returns how many requests /echo must have seen."""
    refusals = REFUSALS | {("HEAD", status) for status in REFUSALS}
    ends = answers[-1] == CLOSED or answers[-1] in refusals
    with Wire(split_address(server.address)) as wire:
        wire.send(cut(text))
        awaited = [answer for answer in answers if answer != CLOSED]
        assert [read_answer(wire, answer) for answer in awaited] == awaited
        if not ends:
            wire.send([PROBE])
            assert read_answer(wire, b"probe") == b"probe"
        assert wire.read_end() == b""
    return sum(isinstance(answer, bytes) or answer == ("HEAD", 200) for answer in awaited) + (not ends)


def echoed(server):
    """How many requests the application saw."""
    text = server.get("/metrics", admin=True).text()
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines()
               if line.startswith('ferry_requests_total{route="/echo"'))


@pytest.mark.parametrize("cut", [whole, single_bytes, random_cuts(1), random_cuts(2)],
                         ids=["whole", "byte by byte", "random cuts", "other cuts"])
def test_every_row_gets_its_answers_however_it_is_cut(server, cut):
    before, seen, wrong = echoed(server), 0, []
    for name, text, answers in ROWS:
        if cut is single_bytes and len(text) > LONGEST_IN_BYTES:
            continue
        try:
            seen += talk(server, text, answers, cut)
        except Exception as error:  # pylint: disable=broad-except
            wrong.append(f"{name}: {error!r}")
    assert not wrong, "\n".join(wrong)
    assert echoed(server) - before == seen


def test_100_continue_comes_after_framing_and_size_are_checked(server):
    def asked(*lines):
        head = b"POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
        return head + b"".join(line + b"\r\n" for line in lines) + b"\r\n"

    with Wire(split_address(server.address)) as wire:
        wire.send([asked(b"Content-Length: 3")])
        while b"\r\n\r\n" not in wire.buffer:
            assert wire._more()
        assert wire.buffer == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send([b"abc"])
        assert wire.read_reply()[2] == b"abc"
    for lines, status in (((b"Content-Length: 1025",), 413), ((b"Content-Length: +3",), 400),
                          ((b"Content-Length: 3", b"Transfer-Encoding: chunked"), 400)):
        with Wire(split_address(server.address)) as wire:
            wire.send([asked(*lines)])
            assert b" 100 " not in wire.read_end()
            assert wire.buffer.startswith(b"HTTP/1.1 %d " % status)


def test_a_reply_to_head_has_the_length_and_no_body(server):
    with Wire(split_address(server.address)) as wire:
        wire.send([b"HEAD /livez HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"])
        status, headers, _ = wire.read_reply(is_head=True)
        assert status == 200 and int(headers["content-length"]) > 0
        assert wire.read_end() == b""


def test_refusals_are_counted_and_logged(serve):
    server = serve(CONFIG + "log: {level: debug}\n")
    for text, reason in ((b"GET / HTTP/1.1\r\n\r\n", "malformed"),
                         (b"GET /" + b"a" * 5000, "too_large")):
        with Wire(split_address(server.address)) as wire:
            wire.send([text])
            wire.read_end()
        assert server.metric(f'ferry_http_refused_total{{reason="{reason}"}}') == 1
    server.wait_logged("level=debug", "request refused", "status=400", "there is no Host",
                       "peer=127.0.0.1")
