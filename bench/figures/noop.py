"""Offloaded no-ops: the price of the way into the pool and back."""

from lib.figure import Figure, at_least, at_most
from lib.load import wrk
from lib.peers import EPOLL_POOL, FERRY_PEER, GO, GUNICORN, HYPER, PISCINA, TORNADO

CONNECTIONS = 64
THREADS = 4
WARM_SECONDS = 1
SECONDS = 3

CONTENDERS = [FERRY_PEER, HYPER, GO, PISCINA, TORNADO, GUNICORN, EPOLL_POOL]

WHERE = f"offloaded no-ops, {CONNECTIONS} keep-alive connections, pool of {THREADS}"
FIGURES = [
    Figure("noop_rate", WHERE, "requests/s", "more",
           (at_least(1.2, HYPER), at_least(1.8, GO), at_least(3.4, PISCINA),
            at_least(10.5, TORNADO))),
    Figure("noop_p99", f"{WHERE}: p99", "ms", "less", (at_most(0.8, HYPER),)),
    Figure("noop_cpu", f"{WHERE}: CPU seconds for 100,000", "s", "less", (at_most(0.85, HYPER),)),
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
