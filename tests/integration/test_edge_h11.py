"""Random requests, compared with h11: what the server accepts, h11 accepts, with the same bodies.

By hand, for one of them: FERRY_SEED=N.
"""

import asyncio
import contextlib
import os
import socket
import sys

import pytest

from harness import DEADLINE, LONG, ROOT, split_address

sys.path.insert(0, str(ROOT / "tests" / "fault" / "http"))

h11 = pytest.importorskip("h11")

from framing_table import REFUSALS  # noqa: E402
from mutations import accepted_by_h11, mutation, readings  # noqa: E402

COUNT = 100_000 if LONG else 3_000
AT_ONCE = 750
CONFIG = """
limits: {header_timeout: 3s, body_timeout: 3s, idle_timeout: 1s}
pools: {default: {queue: 4096, queue_timeout: 0}}
routes: {/echo: {worker: echo, methods: [GET, POST, PUT, PATCH, DELETE], timeout: 0}}
"""


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module(CONFIG)


async def replies_to(address, text):
    """All that comes back until the server closes. The text is sent before anything else is done
    here: else the server's deadlines would be over while others have their turn."""
    data = b""
    with socket.create_connection(address, DEADLINE) as client, \
            contextlib.suppress(ConnectionError):
        client.sendall(text)
        client.setblocking(False)
        while more := await asyncio.get_running_loop().sock_recv(client, 1 << 16):
            data += more
    return data


async def all_replies(address, texts):
    return await asyncio.wait_for(
        asyncio.gather(*(replies_to(address, text) for text in texts)), 5 * DEADLINE)


def parse(data, methods):
    """[(status, body)] of the replies; a malformed one fails. The methods tell which have a body."""
    replies = []
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        assert end, head
        lines = head.split(b"\r\n")
        version, status, _ = lines[0].split(b" ", 2)
        assert version == b"HTTP/1.1"
        status = int(status)
        if status == 100:
            continue
        headers = {key.lower(): value for key, _, value in (line.partition(b": ")
                                                            for line in lines[1:])}
        is_head = len(replies) < len(methods) and methods[len(replies)] == b"HEAD"
        length = 0
        is_refused_head = status in REFUSALS and not data  # whose method h11 may not have seen
        if status != 204 and not is_head and not is_refused_head:
            length = int(headers[b"content-length"])
        assert len(data) >= length
        replies.append((status, data[:length]))
        data = data[length:]
    return replies


def fault(text, data):
    """What is wrong with what the server said, or None."""
    faults = []
    for reading in readings(text):
        try:
            faults.append(fault_of(accepted_by_h11(reading), data))
        except Exception as error:  # pylint: disable=broad-except
            faults.append(repr(error))
    return all(faults) and faults[0]


def fault_of(expected, data):
    replies = parse(data, [method for method, _, _ in expected])
    is_refused = bool(replies) and replies[-1][0] in REFUSALS
    accepted = replies[:-1] if is_refused else replies
    if len(accepted) > len(expected):
        return f"accepts {len(accepted)}, h11 {len(expected)}"
    if not is_refused and len(accepted) < len(expected):
        return f"answers {len(accepted)} and refuses none, h11 accepts {len(expected)}"
    for (status, body), (method, _, sent) in zip(accepted, expected):
        if status == 200 and method != b"HEAD" and body != sent:
            return f"takes the body {sent!r} for {body!r}"
    return None


def compare(address, seeds):
    """What is wrong with the replies, a text for each; many connections at once."""
    wrong = []
    for first in range(0, len(seeds), AT_ONCE):
        some = seeds[first:first + AT_ONCE]
        texts = [mutation(seed) for seed in some]
        for seed, text, data in zip(some, texts, asyncio.run(all_replies(address, texts))):
            found = fault(text, data)
            if found:
                wrong.append(f"FERRY_SEED={seed}: {found}\n  {text!r}\n  {data!r}")
    return wrong


def test_what_is_accepted_h11_accepts_with_the_same_bodies(server):
    seed = os.environ.get("FERRY_SEED")
    seeds = [int(seed)] if seed else range(COUNT)
    wrong = compare(split_address(server.address), seeds)
    assert not wrong, "\n".join(wrong[:20])
    assert server.get("/livez").status == 200
