"""Is the loop there while the pool is flooded? A client asks /livez at a pace, while 64 others ask for
no-ops as fast as they are answered."""

from figures.noop import CONNECTIONS, THREADS
from lib.figure import Figure, at_most
from lib.load import beside, paced_p99, wrk_command
from lib.peers import EPOLL_POOL, FERRY_PEER, GO, GUNICORN, HYPER, PISCINA, TORNADO

REQUESTS = 2500

CONTENDERS = [FERRY_PEER, HYPER, GO, PISCINA, TORNADO, GUNICORN, EPOLL_POOL]

FIGURES = [
    Figure("flood_p99", f"paced /livez under a flood of no-ops from {CONNECTIONS} connections: p99",
           "ms", "less", (at_most(1.0, HYPER),)),
]


def measure_one(context, peer):
    with (context.serve(peer, THREADS) as server,
          beside(wrk_command(server.port, "/noop", CONNECTIONS, 60))):
        return {"flood_p99": paced_p99(server, REQUESTS)}


def measure(context):
    return context.each(CONTENDERS, measure_one)
