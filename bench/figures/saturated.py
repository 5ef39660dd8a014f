"""Is the loop there while the pool is full of sleeps? A client asks /livez at a pace, while 64 others
keep the pool full. The servers do next to nothing then, and how long a core that idles takes to wake
decides; as that differs from start to start of one program, a round has several of each."""

import statistics

from figures.noop import CONNECTIONS, THREADS
from lib.figure import Figure, at_most
from lib.load import beside, load_command, paced_p99
from lib.peers import EPOLL_POOL, FERRY_PEER, GO, GUNICORN, HYPER, PISCINA, TORNADO

STARTS = 5
REQUESTS = 1000
SLEEP = "/sleep?ms=100"

CONTENDERS = [FERRY_PEER, HYPER, GO, PISCINA, TORNADO, GUNICORN, EPOLL_POOL]

FIGURES = [
    Figure("saturated_p99", f"paced /livez while the pool of {THREADS} is full of sleeps: p99", "ms",
           "less", (at_most(1.0, HYPER),)),
]


def measure_start(context, peer):
    with (context.serve(peer, THREADS) as server,
          beside(load_command(server.port, SLEEP, CONNECTIONS, 10000, busy=True))):
        return paced_p99(server, REQUESTS)


def measure_one(context, peer):
    return {"saturated_p99": statistics.median(measure_start(context, peer) for _ in range(STARTS))}


def measure(context):
    return context.each(CONTENDERS, measure_one)
