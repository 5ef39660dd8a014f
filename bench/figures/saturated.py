"""Is the loop there while the pool is full of sleeps? A client asks /livez at a pace, while 64 others
keep the pool full. The servers do next to nothing then, and how long a core that idles takes to wake
decides; as that differs from start to start of one program and from minute to minute, a round has
several starts of each, in turns."""

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
        return {"saturated_p99": paced_p99(server, REQUESTS)}


def measure(context):
    starts = [context.each(CONTENDERS, measure_start)["saturated_p99"] for _ in range(STARTS)]
    return {"saturated_p99": {name: statistics.median(start[name] for start in starts if name in start)
                              for name in set().union(*starts)}}
