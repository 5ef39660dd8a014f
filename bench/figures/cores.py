"""What holds on one pinned core must not cost elsewhere: no-ops with every core free for server and
load, and calls that compute for some 200 us, on every core and on one."""

from figures.noop import CONNECTIONS, SECONDS, THREADS, WARM_SECONDS
from lib.figure import Figure
from lib.load import beside, paced_p99, wrk, wrk_command
from lib.peers import EPOLL_POOL, FERRY_NICE, FERRY_PEER, GO, HYPER

PACED_REQUESTS = 2500

CONTENDERS = [FERRY_PEER, FERRY_NICE, HYPER, GO, EPOLL_POOL]

FIGURES = [
    Figure("unpinned_rate", f"offloaded no-ops, unpinned, {CONNECTIONS} connections, pool of"
           f" {THREADS}", "requests/s", "more"),
    Figure("spin_unpinned_rate", f"calls of some 200 us of CPU, unpinned, pool of {THREADS}",
           "requests/s", "more"),
    Figure("spin_rate", f"calls of some 200 us of CPU, pool of {THREADS}", "requests/s", "more"),
    Figure("spin_p99", f"paced /livez while the pool of {THREADS} computes: p99", "ms", "less"),
]


def rate(server, path, **core):
    wrk(server.port, path, CONNECTIONS, WARM_SECONDS, **core)
    return wrk(server.port, path, CONNECTIONS, SECONDS, **core)[0]


def measure_one(context, peer):
    with context.serve(peer, THREADS, core=None) as server:
        unpinned = rate(server, "/noop", core=None)
        spin_unpinned = rate(server, "/spin", core=None)
    with context.serve(peer, THREADS) as server:
        spin_pinned = rate(server, "/spin")
        with beside(wrk_command(server.port, "/spin", CONNECTIONS, 60)):
            p99_ms = paced_p99(server, PACED_REQUESTS)
    return {"unpinned_rate": unpinned, "spin_unpinned_rate": spin_unpinned,
            "spin_rate": spin_pinned, "spin_p99": p99_ms}


def measure(context):
    return context.each(CONTENDERS, measure_one)
