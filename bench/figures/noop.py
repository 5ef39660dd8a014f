"""Offloaded no-ops: the price of the way into the pool and back."""

from lib.figure import Figure
from lib.load import wrk
from lib.peers import EPOLL_POOL, FERRY_PEER

CONNECTIONS = 64
THREADS = 4
WARM_SECONDS = 1
SECONDS = 4

CONTENDERS = [FERRY_PEER, EPOLL_POOL]

WHERE = f"offloaded no-ops, {CONNECTIONS} keep-alive connections, pool of {THREADS}"
FIGURES = [
    Figure("noop_rate", WHERE, "requests/s", "more"),
    Figure("noop_p99", f"{WHERE}: p99", "ms", "less"),
    Figure("noop_cpu", f"{WHERE}: CPU seconds for 100,000", "s", "less"),
]


def measure_one(context, peer):
    with context.serve(peer, THREADS) as server:
        wrk(server.port, "/noop", CONNECTIONS, WARM_SECONDS)
        before = server.cpu_seconds()
        rate, p99_ms = wrk(server.port, "/noop", CONNECTIONS, SECONDS)
        cpu = server.cpu_seconds() - before
    return {"noop_rate": rate, "noop_p99": p99_ms, "noop_cpu": cpu / (rate * SECONDS) * 100000}


def measure(context):
    return context.each(CONTENDERS, measure_one)
