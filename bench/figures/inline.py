"""What a loop answers by itself, without a pool: /livez."""

from figures.noop import CONNECTIONS, SECONDS, THREADS, WARM_SECONDS
from lib.figure import Figure, at_least
from lib.load import wrk
from lib.peers import EPOLL_POOL, FERRY_PEER, GO, GUNICORN, HYPER, NGINX, PISCINA, TORNADO

CONTENDERS = [FERRY_PEER, NGINX, HYPER, GO, PISCINA, TORNADO, GUNICORN, EPOLL_POOL]

FIGURES = [
    Figure("inline_rate", f"inline, {CONNECTIONS} keep-alive connections", "requests/s", "more",
           (at_least(0.75, NGINX), at_least(1.2, GO))),
]


def measure_one(context, peer):
    with context.serve(peer, THREADS) as server:
        wrk(server.port, "/livez", CONNECTIONS, WARM_SECONDS)
        rate, _p99_ms = wrk(server.port, "/livez", CONNECTIONS, SECONDS)
    return {"inline_rate": rate}


def measure(context):
    return context.each(CONTENDERS, measure_one)
