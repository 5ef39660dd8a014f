"""The test that ferry grew from: 200 clients, each five times a sleep of two seconds. The Tornado
program of then reported 79.99 a second, its blocking version 0.4; the ideal is 100."""

from figures.sleeps import CLIENTS
from lib.figure import Figure, at_least
from lib.load import load
from lib.peers import FERRY_PEER, GO, TORNADO

WAVES = 5
SECONDS = 2

CONTENDERS = [FERRY_PEER, GO, TORNADO]

FIGURES = [
    Figure("waves_rate", f"{CLIENTS} clients x {SECONDS} s sleeps, {CLIENTS} threads, {WAVES} whole"
           " waves", "answers/s", "more", (at_least(99.5),)),
]


def measure_one(context, peer):
    with context.serve(peer, CLIENTS) as server:
        answers = load(server.port, f"/sleep?seconds={SECONDS}", CLIENTS, WAVES, busy=True)
    return {"waves_rate": answers.rate}


def measure(context):
    return context.each(CONTENDERS, measure_one)
