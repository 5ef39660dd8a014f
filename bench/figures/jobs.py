"""Durable jobs: acknowledged when they are on disk, and with ferry, run to their end.

A client is a connection with one job of 256 bytes on its way. The peers only keep what they are
given, as nobody reads their queues; ferry runs it meanwhile, on the same core. `ferry, jobs for
later` is ferry as the peers are: its jobs are not due for a month.
"""

from lib.figure import Figure, at_least
from lib.peers import Peer
from lib.queues import BEANSTALKD, FERRY_JOBS, FERRY_LATER, POSTGRES, RABBITMQ, REDIS

CLIENTS = (16, 64)
WARM_SECONDS = 0.5
SECONDS = 3


class Accepted(Peer):
    """What ferry accepted in the runs whose completion is counted."""

    name = "ferry_accepted"
    title = "ferry, accepted in the same run"


ACCEPTED = Accepted()
QUEUES = [FERRY_JOBS, FERRY_LATER, REDIS, POSTGRES, RABBITMQ, BEANSTALKD]
CONTENDERS = [*QUEUES, ACCEPTED]

TARGETS = (at_least(1.0, REDIS), at_least(1.4, POSTGRES), at_least(4, RABBITMQ),
           at_least(4, BEANSTALKD))
FIGURES = [
    *(Figure(f"jobs_accepted_{clients}", f"durable jobs accepted, {clients} connections", "jobs/s",
             "more", TARGETS) for clients in CLIENTS),
    *(Figure(f"jobs_completed_{clients}", f"durable jobs completed, no-op worker, {clients}"
             " connections", "jobs/s", "more", (at_least(0.7, ACCEPTED),)) for clients in CLIENTS),
]


def measure_one(context, queue):
    values = {}
    with context.folder() as folder, queue.serve(folder) as server:
        put = server.enqueue_and_run if queue is FERRY_JOBS else server.enqueue
        put(CLIENTS[0], WARM_SECONDS)
        for clients in CLIENTS:
            rates = put(clients, SECONDS)
            values[f"jobs_accepted_{clients}"] = rates.accepted
            if rates.completed:
                values[f"jobs_completed_{clients}"] = rates.completed
    return values


def measure(context):
    results = context.each(QUEUES, measure_one)
    for clients in CLIENTS:
        completed = results.get(f"jobs_completed_{clients}")
        if completed:
            accepted = results[f"jobs_accepted_{clients}"][FERRY_JOBS.name]
            completed[ACCEPTED.name] = accepted
    return results
