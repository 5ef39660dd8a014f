"""Memory of a server with 10,000 idle keep-alive connections, each of which has had an answer.

They come from ten addresses of loopback, as ferry takes 1,024 of one by default; 10,000 is what it
takes in all."""

import contextlib
import socket

from figures.noop import THREADS
from lib.figure import Figure, at_most
from lib.peers import EPOLL_POOL, FERRY_PEER, GO, GUNICORN, HYPER, NGINX, PISCINA, TORNADO
from lib.process import Failed

ADDRESSES = [f"127.0.1.{number}" for number in range(1, 11)]
OF_EACH = 1000
REQUEST = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
PATIENCE = 10  # seconds for an answer

CONTENDERS = [FERRY_PEER, NGINX, HYPER, GO, PISCINA, TORNADO, GUNICORN, EPOLL_POOL]

FIGURES = [
    Figure("idle_memory", f"memory with {len(ADDRESSES) * OF_EACH:,} idle keep-alive connections",
           "MiB", "less", (at_most(1.5, NGINX), at_most(0.3, HYPER))),
]


def open_one(port, address):
    peer = socket.create_connection(("127.0.0.1", port), PATIENCE, (address, 0))
    peer.sendall(REQUEST)
    answer = peer.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200") or b"onnection: close" in answer:
        raise Failed(f"a connection was answered with {answer[:60]!r}")
    return peer


def measure_one(context, peer):
    with contextlib.ExitStack() as held:
        server = held.enter_context(context.serve(peer, THREADS))
        try:
            for address in ADDRESSES:
                for _ in range(OF_EACH):
                    held.enter_context(open_one(server.port, address))
        except OSError as error:
            raise Failed(f"a connection was not taken: {error}") from error
        return {"idle_memory": server.memory_mib()}


def measure(context):
    return context.each(CONTENDERS, measure_one)
