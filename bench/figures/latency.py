"""Is the loop there while the pool is busy? A client asks /livez at a pace, alone on its connection,
while 64 others fill the pool: with sleeps, or with no-ops as fast as they are answered. It goes
before the flood on the core that they share, where the system lets it, so that what is measured is
the server."""

import shutil
import subprocess

from figures.noop import CONNECTIONS, THREADS
from lib.figure import Figure, at_most
from lib.load import beside, load, load_command, wrk_command
from lib.peers import EPOLL_POOL, FERRY_PEER, GO, GUNICORN, HYPER, PISCINA, TORNADO

PACE_US = 1000
REQUESTS = 2500
SECONDS = 4  # at most; what was answered by then counts
SLEEP = "/sleep?ms=100"

CONTENDERS = [FERRY_PEER, HYPER, GO, PISCINA, TORNADO, GUNICORN, EPOLL_POOL]

FIGURES = [
    Figure("saturated_p99", f"paced /livez while the pool of {THREADS} is full of sleeps: p99", "ms",
           "less", (at_most(1.0, HYPER),)),
    Figure("flood_p99", f"paced /livez under a flood of no-ops from {CONNECTIONS} connections: p99",
           "ms", "less", (at_most(1.0, HYPER),)),
]


def first_in_line():
    """What starts a program with a priority before others; nothing where that is not permitted."""
    command = ["chrt", "--fifo", "1"]
    permitted = shutil.which("chrt") and not subprocess.run(
        [*command, "true"], stderr=subprocess.DEVNULL, check=False).returncode
    return command if permitted else []


def paced_p99(server):
    return load(server.port, "/livez", 1, REQUESTS, PACE_US, SECONDS, first=first_in_line()).p99_ms


def measure_one(context, peer):
    with context.serve(peer, THREADS) as server:
        with beside(load_command(server.port, SLEEP, CONNECTIONS, 10000, busy=True)):
            saturated = paced_p99(server)
        with beside(wrk_command(server.port, "/noop", CONNECTIONS, 60)):
            flood = paced_p99(server)
    return {"saturated_p99": saturated, "flood_p99": flood}


def measure(context):
    return context.each(CONTENDERS, measure_one)
