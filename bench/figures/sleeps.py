"""Blocking calls that need no CPU: is the pool kept full? Whole waves are counted, from the first
request to the last answer, and not what happens to fall into a window."""

from lib.figure import Figure, at_least, at_most
from lib.load import load
from lib.peers import EPOLL_POOL, FERRY_PEER, GO, GUNICORN, HYPER, PISCINA, TORNADO

CLIENTS = 200
SHORT_MS = 100
SHORT_WAVES = 100  # ten seconds: the first wave, all of which begins at once, is a hundredth

CONTENDERS = [FERRY_PEER, HYPER, GO, TORNADO, GUNICORN, PISCINA, EPOLL_POOL]

WHERE = f"{CLIENTS} connections on {SHORT_MS} ms sleeps, {CLIENTS} threads"
FIGURES = [
    Figure("sleeps_share", f"{WHERE}: share of the ideal", "of 1", "more", (at_least(0.99),)),
    Figure("sleeps_p99", f"{WHERE}: p99", "ms", "less", (at_most(105),)),
]


def measure_one(context, peer):
    with context.serve(peer, CLIENTS) as server:
        load(server.port, f"/sleep?ms={SHORT_MS}", CLIENTS, 2)  # every thread has begun
        answers = load(server.port, f"/sleep?ms={SHORT_MS}", CLIENTS, SHORT_WAVES, busy=True)
    return {"sleeps_share": answers.rate / (CLIENTS * 1000 / SHORT_MS),
            "sleeps_p99": answers.p99_ms}


def measure(context):
    return context.each(CONTENDERS, measure_one)
